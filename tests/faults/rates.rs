//! What is random, its share, and that no fault changes what another does.

use super::*;

#[test]
fn without_faults_every_frame_arrives_as_it_is() {
    let sent = datagrams(FRAMES);
    let (arrived, injector) = run(FaultPlan::new(), &sent);
    assert_eq!(numbers(&arrived), (1..=FRAMES).collect::<Vec<_>>());
    assert!(arrived.iter().zip(&sent).all(|(arrived, sent)| arrived.octets == sent.octets && arrived.at == sent.at));
    assert!(injector.happened().is_empty() && injector.held() == 0 && injector.plan().is_empty());
}

#[test]
fn loss_drops_that_share_and_leaves_the_rest_alone() {
    let (arrived, injector) = with(|frames| frames.loss(0.3));
    assert_eq!(arrived.len(), 717);
    assert_eq!(injector.happened().len(), 283);
    assert!(arrived.is_sorted_by_key(|frame| frame.number));
    assert!(arrived.iter().all(|frame| frame.at == ms(frame.number) && is_sound(&frame.octets)));
    assert_eq!(with(|frames| frames.loss(1.0)).0, []);
    assert_eq!(with(|frames| frames.loss(0.0)).0.len(), 1000);
}

#[test]
fn duplicates_stand_right_behind_their_frames() {
    let (arrived, injector) = with(|frames| frames.duplicate(0.3));
    assert_eq!(arrived.len(), 1000 + injector.happened().len());
    assert_eq!(injector.happened().len(), 282);
    assert!(arrived.is_sorted_by_key(|frame| (frame.number, frame.copy)));
    for two in arrived.windows(2).filter(|two| two[1].copy == 1) {
        assert_eq!((two[0].number, &two[0].octets, two[0].at), (two[1].number, &two[1].octets, two[1].at));
    }
}

#[test]
fn duplicates_after_a_time_come_after_that_time() {
    let (arrived, injector) = with(|frames| frames.duplicate_after(0.3, ms(5)..=ms(20)));
    assert_eq!(arrived.len(), 1000 + injector.happened().len());
    let mut after: Vec<_> =
        arrived.iter().filter(|frame| frame.copy == 1).map(|frame| frame.at - ms(frame.number)).collect();
    after.sort();
    assert!(after[0] >= ms(5) && after[0] < ms(6), "{after:?}");
    assert!(after[after.len() - 1] <= ms(20) && after[after.len() - 1] > ms(19), "{after:?}");
}

#[test]
fn reordering_lets_at_most_so_many_frames_past() {
    for depth in [1, 2, 5] {
        let (arrived, injector) = with(|frames| frames.reorder(0.3, depth));
        assert_eq!(arrived.len(), 1000);
        let order = numbers(&arrived);
        let mut overtaken = BTreeSet::new();
        for (place, number) in order.iter().enumerate() {
            let passed = order[..place].iter().filter(|earlier| *earlier > number).count();
            assert!(u64::try_from(passed).unwrap() <= depth, "#{number} was passed by {passed}");
            if passed > 0 {
                overtaken.insert(passed);
            }
        }
        let all: Vec<usize> = (1..=usize::try_from(depth).unwrap()).collect();
        assert_eq!(overtaken.into_iter().collect::<Vec<_>>(), all, "each distance occurs");
        assert_eq!(injector.happened().len(), 317);
    }
}

#[test]
fn a_held_frame_does_not_wait_for_ever() {
    let plan = FaultPlan::new().to_host(|frames| frames.reorder(1.0, 3).hold_at_most(ms(4)));
    let (arrived, _) = run(plan, &datagrams(1));
    assert_eq!((arrived[0].number, arrived[0].at), (1, ms(5)));
}

#[test]
fn delays_are_within_their_range_and_let_frames_overtake() {
    let (arrived, injector) = with(|frames| frames.delay(ms(10)..=ms(50)));
    assert_eq!(arrived.len(), 1000);
    assert!(arrived.is_sorted_by_key(|frame| frame.at));
    let delays: Vec<_> = arrived.iter().map(|frame| frame.at - ms(frame.number)).collect();
    let (least, most) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
    assert!(*least >= ms(10) && *least < ms(11) && *most <= ms(50) && *most > ms(49), "{least:?} {most:?}");
    assert!(!arrived.is_sorted_by_key(|frame| frame.number));
    assert_eq!(injector.happened().len(), 1000);
    let (arrived, _) = with(|frames| frames.delay(ms(20)));
    assert!(arrived.iter().all(|frame| frame.at == ms(frame.number + 20)));
}

#[test]
fn delays_in_order_let_no_frame_overtake() {
    let (arrived, _) = with(|frames| frames.delay_in_order(ms(10)..=ms(50)));
    assert_eq!(numbers(&arrived), (1..=FRAMES).collect::<Vec<_>>());
    assert!(arrived.is_sorted_by_key(|frame| frame.at));
    assert!(arrived.iter().all(|frame| (ms(10)..=ms(50)).contains(&(frame.at - ms(frame.number)))));
}

#[test]
fn corruption_turns_over_one_bit() {
    let sent = datagrams(FRAMES);
    let (arrived, injector) = with(|frames| frames.corrupt(0.3));
    let changed: Vec<_> = arrived.iter().filter(|frame| frame.octets != octets_of(&sent, frame)).collect();
    assert_eq!(changed.len(), injector.happened().len());
    assert!(changed.iter().all(|frame| differing_bits(&frame.octets, &octets_of(&sent, frame)) == 1));
    // Every bit of an IPv4 packet with UDP is covered by a checksum, unless it is no such packet any more.
    assert!(changed.iter().all(|frame| !is_sound(&frame.octets) || frame.octets[0] != 0x45));
    assert!(changed.iter().filter(|frame| !is_sound(&frame.octets)).count() > 250, "most are noticed");
    let places: BTreeSet<_> = changed
        .iter()
        .flat_map(|frame| (0..36).filter(|at| frame.octets[*at] != octets_of(&sent, frame)[*at]).collect::<Vec<_>>())
        .collect();
    assert_eq!(places.len(), 36, "anywhere in the frame");
}

#[test]
fn repaired_corruption_is_found_by_no_checksum() {
    let packets = [
        Ipv4::new() / Udp::new() / b"some octets",
        Ipv4::new() / Tcp::new() / b"some octets",
        Ipv4::new() / Icmpv4::echo_request(7, 1) / b"some octets",
        Ipv6::new() / Udp::new() / b"some octets",
        Ipv6::new() / Tcp::new() / b"some octets",
    ];
    for packet in packets {
        let octets = packet.build().unwrap();
        let sent: Vec<_> = (1..=100).map(|n| to_host(octets.clone(), ms(n))).collect();
        let plan = FaultPlan::new().to_host(|frames| frames.corrupt_and_repair(1.0));
        let (arrived, injector) = run(plan, &sent);
        assert_eq!(injector.happened().len(), 100);
        for frame in arrived {
            assert!(is_sound(&frame.octets));
            let end = octets.len() - b"some octets".len();
            assert_eq!(differing_bits(&frame.octets[end..], &octets[end..]), 1);
            assert_etherparse_agrees(&frame.octets);
        }
    }
    // Nothing is carried, or the checksum stands elsewhere: left alone.
    let fragment = Ipv4::new().more_fragments(true) / Udp::new() / b"some octets";
    for packet in [Ipv4::new() / Tcp::new().syn(), fragment] {
        let plan = FaultPlan::new().to_host(|frames| frames.corrupt_and_repair(1.0));
        assert!(run(plan, &[to_host(packet.build().unwrap(), ms(1))]).1.happened().is_empty());
    }
}

/// The checksums are what etherparse computes.
fn assert_etherparse_agrees(octets: &[u8]) {
    use tuntap_test::etherparse::{NetHeaders, PacketHeaders, TransportHeader};
    let headers = PacketHeaders::from_ip_slice(octets).unwrap();
    let payload = headers.payload.slice();
    let net = headers.net.unwrap();
    match (net, headers.transport.unwrap()) {
        (NetHeaders::Ipv4(ip, _), TransportHeader::Udp(udp)) => {
            assert_eq!(udp.calc_checksum_ipv4(&ip, payload).unwrap(), udp.checksum);
            assert_eq!(ip.calc_header_checksum(), ip.header_checksum);
        }
        (NetHeaders::Ipv6(ip, _), TransportHeader::Udp(udp)) => {
            assert_eq!(udp.calc_checksum_ipv6(&ip, payload).unwrap(), udp.checksum);
        }
        (NetHeaders::Ipv4(ip, _), TransportHeader::Tcp(tcp)) => {
            assert_eq!(tcp.calc_checksum_ipv4(&ip, payload).unwrap(), tcp.checksum);
        }
        (NetHeaders::Ipv6(ip, _), TransportHeader::Tcp(tcp)) => {
            assert_eq!(tcp.calc_checksum_ipv6(&ip, payload).unwrap(), tcp.checksum);
        }
        (_, TransportHeader::Icmpv4(icmp)) => {
            assert_eq!(icmp.icmp_type.calc_checksum(payload), icmp.checksum);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn truncation_cuts_between_the_first_octet_and_the_last() {
    let sent = datagrams(FRAMES);
    let (arrived, injector) = with(|frames| frames.truncate(0.5));
    let cut: Vec<_> = arrived.iter().filter(|frame| frame.octets.len() < 36).collect();
    assert_eq!(cut.len(), injector.happened().len());
    assert_eq!(cut.len(), 495);
    let lengths: BTreeSet<_> = cut.iter().map(|frame| frame.octets.len()).collect();
    assert_eq!(lengths, (1..36).collect());
    assert!(arrived.iter().all(|frame| octets_of(&sent, frame).starts_with(&frame.octets)));
    let octet = to_host(vec![0x45], ms(1));
    assert_eq!(run(FaultPlan::new().truncate(1.0), &[octet]).0[0].octets, [0x45]);
}

#[test]
fn what_is_random_hits_only_what_matches() {
    let mut frames = datagrams(100);
    for at in [20, 50, 80] {
        frames[at].octets = (Ipv4::new() / Tcp::new().syn()).build().unwrap();
    }
    let plan =
        FaultPlan::new().to_host(|frames| frames.loss(1.0).delay(ms(5)).only(Tcp::new()).drop_nth(2, Udp::new()));
    let dropped: Vec<_> = run(plan, &frames).1.happened().iter().map(|event| event.what).collect();
    let drop = |frame| ExactFault::Frame { towards: Towards::Host, frame, fault: FrameFault::Drop };
    assert_eq!(dropped, [2, 21, 51, 81].map(drop));
}

/// The faults of one kind that were done.
fn done(injector: &Injector, kind: fn(&FrameFault) -> bool) -> Vec<ExactFault> {
    let is = |what: &ExactFault| matches!(what, ExactFault::Frame { fault, .. } if kind(fault));
    injector.happened().iter().map(|event| event.what).filter(is).collect()
}

#[test]
fn no_fault_changes_what_another_does() {
    type Kind = (fn(FrameFaults) -> FrameFaults, fn(&FrameFault) -> bool);
    let kinds: [Kind; 6] = [
        (|frames| frames.duplicate(0.3), |fault| matches!(fault, FrameFault::Duplicate { .. })),
        (|frames| frames.reorder(0.3, 4), |fault| matches!(fault, FrameFault::Hold { .. })),
        (|frames| frames.delay(ms(1)..=ms(9)), |fault| matches!(fault, FrameFault::Delay { .. })),
        (|frames| frames.corrupt(0.3), |fault| matches!(fault, FrameFault::Corrupt { repair: false, .. })),
        (|frames| frames.corrupt_and_repair(0.3), |fault| matches!(fault, FrameFault::Corrupt { repair: true, .. })),
        (|frames| frames.truncate(0.3), |fault| matches!(fault, FrameFault::Truncate { .. })),
    ];
    let all = with(|frames| kinds.iter().fold(frames, |frames, (plan, _)| plan(frames))).1;
    for (plan, kind) in kinds {
        let alone = with(plan).1;
        assert!(alone.happened().len() > 250);
        assert_eq!(done(&alone, kind), done(&all, kind));
    }
    // A lost frame meets nothing else; those that are not lost meet what they met.
    let lost = with(|frames| kinds.iter().fold(frames.loss(0.5), |frames, (plan, _)| plan(frames))).1;
    let drops = done(&lost, |fault| *fault == FrameFault::Drop);
    assert_eq!(drops, done(&with(|frames| frames.loss(0.5)).1, |fault| *fault == FrameFault::Drop));
    let number = |what: &ExactFault| if let ExactFault::Frame { frame, .. } = what { *frame } else { 0 };
    let dropped: BTreeSet<_> = drops.iter().map(number).collect();
    for (_, kind) in kinds {
        let rest: Vec<_> = done(&all, kind).into_iter().filter(|what| !dropped.contains(&number(what))).collect();
        assert_eq!(done(&lost, kind), rest);
    }
}

#[test]
fn another_seed_loses_other_frames() {
    let lost = |seed| {
        let plan = FaultPlan::new().seed(seed).to_host(|frames| frames.loss(0.3));
        numbers(&run(plan, &datagrams(200)).0)
    };
    assert_eq!(lost(7), lost(7));
    assert_ne!(lost(7), lost(8));
    assert_ne!(lost(0), lost(1));
}
