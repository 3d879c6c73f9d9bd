//! The fragments of a train are the datagram: for a model, and for the mock's host.

use std::collections::BTreeSet;
use std::fmt::Debug;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::packet::Dissection;
use tuntap_test::prelude::*;
use tuntap_test::strategy::fragments::{self, FragmentTrain};

use crate::reassembly::reassemble;
use crate::shrinking::minimal;

fn some<S: Strategy>(strategy: &S, number: usize) -> Vec<S::Value>
where
    S::Value: Debug,
{
    let mut runner = TestRunner::deterministic();
    (0..number).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

fn offsets(train: &FragmentTrain) -> Vec<usize> {
    let offset = |packet: &Vec<u8>| match packet[0] >> 4 {
        4 => usize::from(u16::from_be_bytes([packet[6], packet[7]]) & 0x1fff),
        _ => usize::from(u16::from_be_bytes([packet[42], packet[43]]) >> 3),
    };
    train.fragments.iter().map(offset).collect()
}

fn is_datagram(train: &FragmentTrain) {
    let header = if train.datagram[0] >> 4 == 4 { 20 } else { 40 };
    assert_eq!(reassemble(&train.fragments), Ok(train.datagram[header..].to_vec()), "{train:?}");
    for packet in train.fragments.iter().chain([&train.datagram]) {
        let frame = FrameRef::new(Mode::Tun, packet);
        assert!(Dissection::new(frame).is_sound(), "{}", frame.explain());
    }
    // At least two, at most nine, none of them whole.
    let different: BTreeSet<_> = train.fragments.iter().collect();
    assert!((2..=9).contains(&different.len()), "{}", different.len());
}

#[test]
fn a_train_is_its_datagram() {
    let trains = some(&fragments::train(), 300);
    trains.iter().for_each(is_datagram);
    for family in [4, 6] {
        assert!(trains.iter().filter(|train| train.datagram[0] >> 4 == family).count() > 100);
    }
}

#[test]
fn fragments_come_in_the_order_that_is_asked_for() {
    for train in some(&fragments::in_order(), 200) {
        is_datagram(&train);
        assert!(offsets(&train).is_sorted_by(|one, next| one < next));
    }
    for train in some(&fragments::shuffled(), 200) {
        is_datagram(&train);
        let offsets = offsets(&train);
        assert!(!offsets.is_sorted());
        assert_eq!(offsets.iter().collect::<BTreeSet<_>>().len(), offsets.len());
    }
    for train in some(&fragments::with_duplicates(), 200) {
        is_datagram(&train);
        let offsets = offsets(&train);
        assert!(offsets.iter().collect::<BTreeSet<_>>().len() < offsets.len());
    }
}

#[test]
fn shrinking_ends_in_two_fragments_of_a_short_datagram() {
    let datagram = (Ipv4::new() / Udp::new().sport(50_000).dport(80) / b"a").build().unwrap();
    for run in 0..8 {
        let train = minimal(run, &fragments::train(), |_| true);
        assert_eq!((&train.datagram, offsets(&train)), (&datagram, vec![0, 1]));
        assert_eq!(train.fragments[1], (Ipv4::new().id(1).protocol(17).fragment_offset(1) / b"a").build().unwrap());
        assert_eq!(offsets(&minimal(run, &fragments::shuffled(), |_| true)), [1, 0]);
        assert!(matches!(*offsets(&minimal(run, &fragments::with_duplicates(), |_| true)), [0, 0, 1] | [0, 1, 1]));
        // What matters is kept: three fragments, a long datagram, IPv6.
        let three = |train: &FragmentTrain| offsets(train).iter().collect::<BTreeSet<_>>().len() >= 3;
        assert_eq!(offsets(&minimal(run, &fragments::train(), three)), [0, 1, 2]);
        let long = minimal(run, &fragments::train(), |train| train.datagram.len() >= 100);
        assert_eq!((long.datagram.len(), long.fragments.len()), (100, 2));
        let v6 = minimal(run, &fragments::train(), |train| train.datagram[0] >> 4 == 6);
        assert_eq!(v6.fragments.len(), 2);
        let part = Fragment::new().id(1).next_header(17).fragment_offset(1);
        assert_eq!(v6.fragments[1], (Ipv6::new() / part / b"a").build().unwrap());
    }
}

#[test]
fn what_cannot_be_cut_is_a_train_of_itself() {
    let ping = Ipv4::new() / Icmpv4::echo_request(1, 1);
    let train = minimal(1, &fragments::of(ping.clone()), |_| true);
    assert_eq!(train.fragments, [ping.build().unwrap()]);
}

/// The mock's host answers an echo request whose fragments it puts together, with the same data.
fn pinged(tun: &Tun, request: Packet, v6: bool) {
    for train in some(&fragments::of(request), 40) {
        for fragment in &train.fragments {
            tun.send(fragment.as_slice());
        }
        let reply = tun.receive();
        assert!(if v6 { reply.icmpv6().is_ok() } else { reply.icmpv4().is_ok() }, "{}", reply.summary());
        assert_eq!(reply.payload(), &train.datagram[train.datagram.len() - 600..]);
    }
}

#[tuntap_test(mock)]
fn the_mock_s_host_puts_them_together(tun: Tun) {
    let data: Vec<u8> = (0..=255).cycle().take(600).collect();
    let v4 = Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4()) / Icmpv4::echo_request(7, 1) / data.as_slice();
    pinged(&tun, v4, false);
    let v6 = Ipv6::new().src(tun.peer_v6()).dst(tun.host_v6()) / Icmpv6::echo_request(7, 1) / data.as_slice();
    pinged(&tun, v6, true);
}
