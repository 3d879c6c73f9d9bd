//! A defective packet has its defect and no other, and whoever can see it refuses it.

use std::collections::BTreeSet;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use tuntap_test::device::Mode;
use tuntap_test::packet::{Defaults, Dissection};
use tuntap_test::prelude::*;
use tuntap_test::strategy::defect::{DefectName, Defective, Refusal, defective, with_defect, with_defect_on};

use crate::readers::{Verdict, etherparse, smoltcp};
use crate::reassembly::{NotWhole, reassemble};
use crate::shrinking::minimal;

/// Some packets of each defect.
fn each(check: impl Fn(DefectName, &[Defective])) {
    let mut runner = TestRunner::deterministic();
    for &defect in DefectName::ALL {
        let packets = with_defect(defect);
        let packets: Vec<_> = (0..60).map(|_| packets.new_tree(&mut runner).unwrap().current()).collect();
        check(defect, &packets);
    }
}

/// All that our reader has to say against a frame.
fn complaints(mode: Mode, octets: &[u8]) -> Vec<String> {
    let dissection = Dissection::new(FrameRef::new(mode, octets));
    let mut all: Vec<_> = dissection.error().iter().map(ToString::to_string).collect();
    dissection.verify(|defect| all.push(defect.to_string()));
    all
}

#[test]
fn our_reader_sees_exactly_one_defect_or_none() {
    each(|defect, packets| {
        for packet in packets {
            assert_eq!(packet.defect, defect);
            for octets in &packet.sound {
                assert_eq!(complaints(packet.mode, octets), [""; 0], "{defect}");
            }
            let seen = usize::from(defect.refusal() == Refusal::Reader);
            for octets in &packet.frames {
                let complaints = complaints(packet.mode, octets);
                let frame = FrameRef::new(packet.mode, octets);
                assert_eq!(complaints.len(), seen, "{defect}: {complaints:?}\n{}", frame.explain());
            }
            if defect.refusal() != Refusal::Reassembly {
                assert_eq!((packet.frames.len(), packet.sound.len()), (1, 1), "{defect}");
            }
            assert_ne!(packet.frames, packet.sound, "{defect}");
        }
    });
}

/// What our reader does not see is there, once, and not in the packet without the defect.
#[test]
fn the_others_have_their_defect() {
    fn option(list: &[u8], octets_before_length: u8) -> bool {
        // Does the first option end within the list?
        list.get(1).is_some_and(|length| usize::from(length + octets_before_length) > list.len())
            || octets_before_length == 0 && list.get(1).is_some_and(|length| *length < 2)
    }
    each(|defect, packets| {
        for packet in packets {
            let has = |octets: &Vec<u8>| {
                let frame = FrameRef::new(packet.mode, octets);
                let behind = |from: usize| &octets[if packet.mode == Mode::Tap { from + 14 } else { from }..];
                match defect {
                    DefectName::Ipv4OptionLength => option(frame.ipv4().unwrap().options(), 0),
                    DefectName::TcpOptionLength => option(frame.tcp().unwrap().options(), 0),
                    DefectName::HopByHopOptionLength | DefectName::DestinationOptionLength => {
                        let list = &behind(42)[..6];
                        usize::from(list[1]) + 2 > list.len()
                    }
                    DefectName::NdpHopLimit => frame.ipv6().unwrap().hop_limit() != 255,
                    DefectName::Ipv6HopLimitZero => frame.ipv6().unwrap().hop_limit() == 0,
                    DefectName::Ipv4TtlZero => frame.ipv4().unwrap().ttl() == 0,
                    DefectName::Ipv4SourceMulticast => frame.ipv4().unwrap().source_addr().is_multicast(),
                    DefectName::Ipv4SourceBroadcast => frame.ipv4().unwrap().source_addr().is_broadcast(),
                    DefectName::Ipv6SourceMulticast => frame.ipv6().unwrap().source_addr().is_multicast(),
                    other => panic!("{other}"),
                }
            };
            if !matches!(defect.refusal(), Refusal::Reader | Refusal::Reassembly) {
                assert!(has(&packet.frames[0]) && !has(&packet.sound[0]), "{defect}");
            }
        }
    });
}

#[test]
fn a_train_with_a_defect_is_no_datagram() {
    each(|defect, packets| {
        let wanted = match defect {
            DefectName::Ipv4FragmentOverlap | DefectName::Ipv6FragmentOverlap => NotWhole::Overlap,
            DefectName::Ipv4FragmentBeyond | DefectName::Ipv6FragmentBeyond => NotWhole::Beyond,
            DefectName::Ipv4FragmentOdd | DefectName::Ipv6FragmentOdd => NotWhole::Odd,
            DefectName::Ipv4FragmentMissing | DefectName::Ipv6FragmentMissing => NotWhole::Gap,
            _ => return assert_ne!(defect.refusal(), Refusal::Reassembly),
        };
        for packet in packets {
            let header = if packet.mode == Mode::Tap { 14 } else { 0 };
            let packets = |frames: &[Vec<u8>]| frames.iter().map(|frame| frame[header..].to_vec()).collect::<Vec<_>>();
            assert_eq!(reassemble(&packets(&packet.frames)), Err(wanted), "{defect}");
            assert!(reassemble(&packets(&packet.sound)).is_ok(), "{defect}");
        }
    });
}

/// Each packet of a defect is refused, but of the defects that are listed; of those at least one is taken.
fn refused_but(read: fn(Mode, &[u8]) -> Verdict, taken: &[DefectName]) {
    let expected: BTreeSet<_> = taken.iter().copied().collect();
    let found = std::cell::RefCell::new(BTreeSet::new());
    each(|defect, packets| {
        // Who reads single packets cannot see what is wrong with a train.
        if defect.refusal() == Refusal::Reassembly {
            return;
        }
        for packet in packets {
            for octets in &packet.sound {
                let verdict = read(packet.mode, octets);
                let frame = FrameRef::new(packet.mode, octets);
                assert_eq!(verdict, Ok(()), "without {defect}\n{}", frame.explain());
            }
            if read(packet.mode, &packet.frames[0]).is_ok() {
                found.borrow_mut().insert(defect);
            }
        }
    });
    assert_eq!(found.into_inner(), expected);
}

/// etherparse reads lengths and computes checksums; what a field means is its user's business.
#[test]
fn etherparse_refuses_them() {
    refused_but(
        etherparse,
        &[
            // 0 is a jumbogram's, whose length it leaves open.
            DefectName::Ipv6PayloadLengthShort,
            DefectName::IgmpRecordsMissing,
            DefectName::MldRecordsMissing,
            DefectName::Ipv4OptionLength,
            DefectName::HopByHopOptionLength,
            DefectName::DestinationOptionLength,
            DefectName::NdpOptionLength,
            DefectName::NdpHopLimit,
            DefectName::Ipv4SourceMulticast,
            DefectName::Ipv4SourceBroadcast,
            DefectName::Ipv6SourceMulticast,
            DefectName::Ipv4TtlZero,
            DefectName::Ipv6HopLimitZero,
        ],
    );
}

/// smoltcp's wire too; its interface looks at addresses.
#[test]
fn smoltcp_refuses_them() {
    refused_but(
        smoltcp,
        &[
            // It takes 0 for "no checksum" over IPv6 too.
            DefectName::UdpChecksumMissing,
            DefectName::IgmpRecordsMissing,
            DefectName::MldRecordsMissing,
            // It reads no options of IPv4.
            DefectName::Ipv4OptionLength,
            DefectName::NdpHopLimit,
            DefectName::Ipv4SourceMulticast,
            DefectName::Ipv4SourceBroadcast,
            DefectName::Ipv6SourceMulticast,
            DefectName::Ipv4TtlZero,
            DefectName::Ipv6HopLimitZero,
        ],
    );
}

/// Who asks last, so that it is known when all answers are there.
const LAST: [u8; 4] = [192, 0, 2, 77];

/// What the host answers to those frames, in a line each; that it refuses something is no answer.
fn answers(tun: &Tun, frames: &[Vec<u8>]) -> Vec<String> {
    frames.iter().for_each(|frame| tun.send_raw(frame));
    tun.send(Ipv4::new().src(LAST).dst(tun.host_v4()) / Icmpv4::echo_request(0xfefe, 1));
    let last = Ipv4::new().dst(LAST) / Icmpv4::echo_reply(0xfefe, 1);
    let mut all = Vec::new();
    loop {
        let frame = tun.receive();
        if last.matches(frame.as_ref()) {
            return all;
        }
        let problem = frame.icmpv4().is_ok_and(|icmp| icmp.type_u8() == 12)
            || frame.icmpv6().is_ok_and(|icmp| icmp.type_u8() == 4);
        if !problem {
            all.push(frame.summary().to_string());
        }
    }
}

/// A whole host answers what is sound, and nothing of what is not; but for the defects that are listed, which it takes.
fn host_refuses(tun: &Tun) {
    let mut runner = TestRunner::deterministic();
    let (mut taken, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for &defect in DefectName::ALL {
        let Some(packets) = with_defect_on(defect, tun.defaults()) else { continue };
        let packets: Vec<_> = (0..12).map(|_| packets.new_tree(&mut runner).unwrap().current()).collect();
        if !packets.iter().any(|packet| !answers(tun, &packet.sound).is_empty()) {
            silent.insert(defect);
        }
        if packets.iter().any(|packet| !answers(tun, &packet.frames).is_empty()) {
            taken.insert(defect);
        }
    }
    let lenient = |defect: &&DefectName| matches!(defect.refusal(), Refusal::Strict | Refusal::Router);
    assert_eq!(taken, DefectName::ALL.iter().filter(lenient).copied().collect());
    // Groups that nobody joined, routes, and neighbours that the kernel does not look for on a TUN: nothing tells.
    let untold = [
        DefectName::IgmpChecksum,
        DefectName::IgmpRecordsMissing,
        DefectName::IgmpTruncated,
        DefectName::MldRecordsMissing,
        DefectName::NdpHopLimit,
        DefectName::NdpOptionLength,
        DefectName::RoutingTruncated,
    ];
    silent.retain(|defect| !untold.contains(defect));
    assert_eq!(silent, BTreeSet::new());
}

#[tuntap_test(mock, kernel)]
fn a_host_refuses_them(tun: Tun) {
    host_refuses(&tun);
}

#[test]
fn shrinking_ends_in_a_small_packet_of_the_first_defect() {
    for run in 0..4 {
        let packet = minimal(run, &defective(), |_| true);
        assert_eq!(packet.defect, DefectName::ALL[0]);
        let sound = FrameRef::new(packet.mode, &packet.sound[0]);
        assert_eq!(sound.summary().to_string(), "192.0.2.2:50000 > 192.0.2.1:80 UDP 0 octets");
    }
    for &defect in DefectName::ALL {
        let packet = minimal(9, &with_defect(defect), |_| true);
        let long = matches!(defect, DefectName::Ipv4FragmentBeyond | DefectName::Ipv6FragmentBeyond);
        assert!(long || packet.sound.iter().all(|octets| octets.len() <= 100), "{defect}: {packet:?}");
    }
}

/// On a link of one family and one mode there are packets of those alone.
#[test]
fn packets_for_a_link_are_of_its_family_and_mode() {
    let mut tap = Defaults::documentation();
    tap.mode = Some(Mode::Tap);
    tap.v6 = None;
    let mut tun = Defaults::documentation();
    tun.mode = Some(Mode::Tun);
    tun.v4 = None;
    let mut runner = TestRunner::deterministic();
    for (link, least) in [(tap, 25), (tun, 20)] {
        let all: Vec<_> = DefectName::ALL.iter().filter_map(|defect| with_defect_on(*defect, &link)).collect();
        assert!(all.len() >= least, "{}", all.len());
        for packets in all {
            let packet = packets.new_tree(&mut runner).unwrap().current();
            assert_eq!(Some(packet.mode), link.mode, "{}", packet.defect);
            for octets in &packet.sound {
                let frame = FrameRef::new(packet.mode, octets);
                let between = match (link.v4, frame.ipv4(), frame.ipv6(), frame.arp()) {
                    (Some(_), _, _, Ok(_)) => continue,
                    (Some((peer, host)), Ok(ip), ..) => {
                        let to = ip.destination_addr();
                        ip.source_addr() == peer && (to == host || to.is_multicast())
                    }
                    (None, _, Ok(ip), _) => {
                        let to = ip.destination_addr();
                        Some(ip.source_addr()) == link.v6.map(|(peer, _)| peer)
                            && (Some(to) == link.v6.map(|(_, host)| host) || to.is_multicast())
                    }
                    _ => false,
                };
                assert!(between, "{}: {}", packet.defect, frame.summary());
            }
        }
    }
}
