//! Rate, queue, MTU and black holes: what holds for every frame.

use super::*;

#[test]
fn a_rate_spaces_frames_by_the_time_they_take() {
    // 1000 octets at 8 Mbit/s take 1 ms each.
    let burst: Vec<_> = (0..5).map(|_| to_host(vec![0x45; 1000], ms(100))).collect();
    let plan = || FaultPlan::new().to_host(|frames| frames.rate(8_000_000));
    let at = |arrived: &[Arrived]| arrived.iter().map(|frame| frame.at).collect::<Vec<_>>();
    assert_eq!(at(&run(plan(), &burst).0), [101, 102, 103, 104, 105].map(ms));
    // A link that was idle owes nothing, and has saved nothing up.
    let apart = [100, 101, 150, 150].map(|time| to_host(vec![0x45; 1000], ms(time)));
    assert_eq!(at(&run(plan(), &apart).0), [101, 102, 151, 152].map(ms));
    // Rounded up: a third of a nanosecond is not lost three times.
    let odd = [to_host(vec![0x45; 1], ms(0))];
    let (arrived, _) = run(FaultPlan::new().to_host(|frames| frames.rate(3)), &odd);
    assert_eq!(arrived[0].at, Duration::from_nanos(2_666_666_667));
}

#[test]
fn a_queue_that_is_full_drops_the_next() {
    let burst: Vec<_> = (0..10).map(|_| to_host(vec![0x45; 1000], ms(100))).collect();
    let mut frames = burst.clone();
    frames.push(to_host(vec![0x45; 1000], ms(102)));
    let plan = FaultPlan::new().to_host(|frames| frames.rate(8_000_000).queue(3));
    let (arrived, injector) = run(plan, &frames);
    assert_eq!(numbers(&arrived), [1, 2, 3, 11]);
    assert_eq!(arrived[3].at, ms(104));
    let dropped = injector.happened().iter().filter(|event| event.cause == "queue 3").count();
    assert_eq!(dropped, 7);
}

#[test]
fn an_mtu_counts_what_the_kernel_counts() {
    let ip = |octets: usize| (Ipv4::new() / vec![0; octets - 20]).build().unwrap();
    let plan = || FaultPlan::new().to_host(|frames| frames.mtu(100));
    let (arrived, injector) = run(plan(), &[to_host(ip(100), ms(1)), to_host(ip(101), ms(2))]);
    assert_eq!(numbers(&arrived), [1]);
    assert_eq!(injector.happened()[0].cause, "mtu 100");
    let tap = |octets, tag: &[u8]| {
        let mut frame = [&[2; 12], tag].concat();
        frame.extend([0x08, 0x00]);
        frame.extend(ip(octets));
        Sent { towards: Towards::Host, mode: Mode::Tap, octets: frame, at: ms(1) }
    };
    let tag = [0x81, 0, 0, 1];
    let (arrived, _) = run(plan(), &[tap(100, &[]), tap(101, &[]), tap(100, &tag), tap(101, &tag)]);
    assert_eq!(numbers(&arrived), [1, 3]);
}

#[test]
fn a_black_hole_swallows_what_matches() {
    let mut frames = datagrams(3);
    frames.push(to_host((Ipv4::new() / Tcp::new().dport(80).syn()).build().unwrap(), ms(4)));
    let holes = |plan: fn(FrameFaults) -> FrameFaults| numbers(&run(FaultPlan::new().to_host(plan), &frames).0);
    assert_eq!(holes(|frames| frames.black_hole(Udp::new())), [4]);
    assert_eq!(holes(|frames| frames.black_hole(Tcp::new().dport(80))), [1, 2, 3]);
    assert_eq!(holes(|frames| frames.black_hole(Tcp::new().dport(81))), [1, 2, 3, 4]);
    assert_eq!(holes(|frames| frames.black_hole(Packet::any().unverified())), [0; 0]);
}
