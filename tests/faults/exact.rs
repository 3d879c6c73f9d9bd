//! Exact faults hit the frames that they name, and no others.

use super::*;

#[test]
fn the_nth_match_is_hit_and_nothing_else() {
    let mut frames = datagrams(6);
    frames[1].octets = (Ipv4::new() / Tcp::new().syn()).build().unwrap();
    let order = |plan: fn(FrameFaults) -> FrameFaults| numbers(&run(FaultPlan::new().to_host(plan), &frames).0);
    assert_eq!(order(|frames| frames.drop_nth(1, Udp::new().dport(53))), [2, 3, 4, 5, 6]);
    assert_eq!(order(|frames| frames.drop_nth(3, Udp::new().dport(53))), [1, 2, 3, 5, 6]);
    assert_eq!(order(|frames| frames.drop_nth(1, Tcp::new())), [1, 3, 4, 5, 6]);
    assert_eq!(order(|frames| frames.drop_nth(2, Tcp::new())), [1, 2, 3, 4, 5, 6]);
    assert_eq!(order(|frames| frames.duplicate_nth(2, Udp::new())), [1, 2, 3, 3, 4, 5, 6]);
    let held = |frames: FrameFaults| frames.nth(1, Tcp::new(), FrameFault::Hold { behind: 2, at_most: ms(9) });
    assert_eq!(order(held), [1, 3, 4, 2, 5, 6]);
    // Of two rules for the same frame both count.
    assert_eq!(order(|frames| frames.drop_nth(1, Udp::new()).drop_nth(2, Udp::new())), [2, 4, 5, 6]);
}

#[test]
fn swapped_frames_change_places() {
    assert_eq!(order(7, |frames| frames.swap(4, 5)), [1, 2, 3, 5, 4, 6, 7]);
    assert_eq!(order(7, |frames| frames.swap(5, 4)), [1, 2, 3, 5, 4, 6, 7]);
    assert_eq!(order(9, |frames| frames.swap(4, 7)), [1, 2, 3, 7, 5, 6, 4, 8, 9]);
    assert_eq!(order(6, |frames| frames.swap(1, 2).swap(5, 6)), [2, 1, 3, 4, 6, 5]);
    // The second never comes.
    let (arrived, _) = run(FaultPlan::new().to_host(|frames| frames.swap(4, 7)), &datagrams(5));
    assert_eq!(numbers(&arrived), [1, 2, 3, 4, 5]);
    assert_eq!((arrived[3].at, arrived[4].at), (ms(14), ms(15)));
    // The second is dropped: the others go on when it would have come.
    assert_eq!(order(8, |frames| frames.swap(4, 6).frame(6, FrameFault::Drop)), [1, 2, 3, 5, 4, 7, 8]);
    // The first is dropped: there is nothing to swap.
    assert_eq!(order(8, |frames| frames.swap(4, 6).frame(4, FrameFault::Drop)), [1, 2, 3, 5, 6, 7, 8]);
}

#[test]
fn one_octet_is_corrupted() {
    let sent = datagrams(3);
    let (arrived, injector) = run(FaultPlan::new().to_host(|frames| frames.corrupt_octet(2, 30)), &sent);
    let mut wanted = sent[1].octets.clone();
    wanted[30] ^= 0xff;
    assert_eq!(arrived[1].octets, wanted);
    assert_eq!((&arrived[0].octets, &arrived[2].octets), (&sent[0].octets, &sent[2].octets));
    assert!(!is_sound(&arrived[1].octets));
    let line = "corrupted octet 30 by 0xff #2 to host: 192.0.2.2:9 > 192.0.2.1:53 UDP 8 octets (planned)";
    assert_eq!(injector.happened()[0].to_string(), line);
    let plan = FaultPlan::new().to_host(|frames| frames.corrupt_octet_and_repair(2, 30).corrupt_octet(3, 99));
    let (arrived, injector) = run(plan, &sent);
    assert_eq!(arrived[1].octets[28..], wanted[28..]);
    assert!(is_sound(&arrived[1].octets));
    assert_eq!(injector.happened().len(), 1, "frame 3 has no octet 99");
}

/// Repair comes before what shall be noticed, whichever was planned first.
#[test]
fn a_repair_covers_up_nothing_but_its_own() {
    let plan = FaultPlan::new().to_host(|frames| frames.corrupt_octet(1, 28).corrupt_octet_and_repair(1, 29));
    let (arrived, _) = run(plan, &datagrams(1));
    assert!(!is_sound(&arrived[0].octets));
    let mut octets = arrived[0].octets.clone();
    octets[28] ^= 0xff;
    assert!(is_sound(&octets));
}

#[test]
fn directions_and_both_count_for_themselves() {
    let mut frames = datagrams(3);
    for frame in &mut frames {
        frame.octets[0] = 0x45;
    }
    let mut both = frames.clone();
    both.extend(frames.into_iter().map(|frame| Sent { towards: Towards::Device, at: frame.at + ms(10), ..frame }));
    let (arrived, injector) = run(FaultPlan::new().drop_nth(2, Udp::new().dport(53)), &both);
    assert_eq!(numbers(&arrived), [1, 3, 1, 3]);
    let lines: Vec<_> = injector.happened().iter().map(ToString::to_string).collect();
    assert!(
        lines[0].starts_with("dropped #2 to host: ") && lines[1].starts_with("dropped #2 to device: "),
        "{lines:?}"
    );
    let plan = FaultPlan::new().to_device(|frames| frames.loss(1.0));
    assert_eq!(numbers(&run(plan, &both).0), [1, 2, 3]);
    // The same rate loses other frames in each direction.
    let lost = |towards| {
        let sent: Vec<_> = datagrams(100).into_iter().map(|frame| Sent { towards, ..frame }).collect();
        numbers(&run(FaultPlan::new().loss(0.5), &sent).0)
    };
    assert_ne!(lost(Towards::Host), lost(Towards::Device));
}

/// An injector that nobody asked in between gives the same, in the same order, with the times at which it was due.
#[test]
fn frames_that_were_due_come_before_a_new_one() {
    let plan = || FaultPlan::new().to_host(|frames| frames.frame(1, FrameFault::Delay { by: ms(5) }));
    let mut injector = Injector::new(plan());
    let mut arrived = Vec::new();
    for sent in [to_host(vec![0x45], ms(1)), to_host(vec![0x46], ms(50))] {
        let frame = FrameRef::new(Mode::Tun, &sent.octets);
        injector.frame(Towards::Host, frame, sent.at, |frame| arrived.push((frame.number, frame.at)));
    }
    assert_eq!(arrived, [(1, ms(6)), (2, ms(50))]);
    // Time does not go back.
    injector
        .frame(Towards::Host, FrameRef::new(Mode::Tun, &[0x45]), ms(3), |frame| arrived.push((frame.number, frame.at)));
    assert_eq!(arrived[2], (3, ms(50)));
}

#[test]
fn a_plan_can_change_while_it_runs() {
    let udp = (Ipv4::new() / Udp::new().dport(53)).build().unwrap();
    let frame = FrameRef::new(Mode::Tun, &udp);
    let mut injector = Injector::new(FaultPlan::new().drop_nth(3, Udp::new()));
    let mut arrived = Vec::new();
    let mut send = |injector: &mut Injector, times: usize| {
        for _ in 0..times {
            injector.frame(Towards::Host, frame, ms(0), |frame| arrived.push(frame.number));
        }
    };
    send(&mut injector, 2);
    // The first rule goes on counting, the second begins.
    let plan = injector.plan().clone();
    injector.replan(plan.drop_nth(2, Udp::new()));
    send(&mut injector, 3);
    assert_eq!(arrived, [1, 2, 5]);
}

#[test]
fn mistakes_in_a_plan_are_told_where_they_are_made() {
    let mistakes: [(fn(), &str); 8] = [
        (|| drop(FaultPlan::new().loss(1.5)), "loss(1.5): a probability is from 0 to 1"),
        (|| drop(FaultPlan::new().corrupt(f64::NAN)), "corrupt(NaN): a probability is from 0 to 1"),
        (|| drop(FaultPlan::new().reorder(0.5, 0)), "reorder(0.5, 0): at least one frame must be let past"),
        (|| drop(FaultPlan::new().drop_nth(0, Udp::new())), "drop_nth(0, …): frames are counted from 1"),
        (|| drop(FaultPlan::new().swap(4, 4)), "swap(4, 4): a frame cannot be swapped with itself"),
        (|| drop(FaultPlan::new().rate(0)), "rate(0): use black_hole(Packet::any().unverified())"),
        (
            || drop(FaultPlan::new().device(|d| d.on(Call::Receive, Calls::every(0), CallFault::Eio))),
            "Calls::every(0): each call is Calls::every(1)",
        ),
        (
            || drop(FaultPlan::new().device(|d| d.on(Call::Transmit, 1, CallFault::ShortRead { octets: 1 }))),
            "transmit cannot give `1 octets at most`: that is what Call::Receive gives",
        ),
    ];
    for (mistake, message) in mistakes {
        let panic = std::panic::catch_unwind(mistake).unwrap_err();
        let text = panic.downcast_ref::<&str>().copied();
        assert_eq!(text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)), Some(message));
    }
}

/// A cable keeps its injector behind a lock that several threads use.
#[test]
fn plans_and_injectors_go_to_other_threads() {
    fn goes<T: Send + Sync>() {}
    goes::<FaultPlan>();
    goes::<Injector>();
}
