//! A defective packet has its defect and no other, and whoever can see it refuses it.

use std::collections::BTreeSet;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::packet::Dissection;
use tuntap_test::strategy::defect::{DefectName, Defective, Refusal, defective, with_defect};

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
            if matches!(defect.refusal(), Refusal::Host | Refusal::Router) {
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
            assert_eq!(reassemble(&packet.frames), Err(wanted), "{defect}");
            assert!(reassemble(&packet.sound).is_ok(), "{defect}");
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
