//! Shrinking ends in the packet that a person would write, whichever packet it begins with.

use std::fmt::Debug;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::packet::{Arp, Ethernet, Icmpv4, IntoPacket, Ipv4, Ipv6, LayerKind, Packet, Tcp, TcpFlags, Udp};
use tuntap_test::strategy::packet::sound_packet;

/// The value in which shrinking ends, of the first value in that run of which `holds` is true.
pub(crate) fn minimal<S: Strategy>(run: u8, strategy: &S, holds: impl Fn(&S::Value) -> bool) -> S::Value
where
    S::Value: Clone + Debug,
{
    let config = Config { cases: 20_000, failure_persistence: None, ..Config::default() };
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[run; 32]);
    match TestRunner::new_with_rng(config, seed).run(strategy, |value| {
        prop_assert!(!holds(&value));
        Ok(())
    }) {
        Err(TestError::Fail(_, value)) => value,
        other => panic!("nothing fails: {other:?}"),
    }
}

fn read<T>(packet: &Packet, read: impl Fn(FrameRef<'_>) -> T) -> T {
    let octets = packet.build().unwrap();
    let tap = packet.layers().first().is_some_and(|layer| layer.kind() == LayerKind::Ethernet);
    read(FrameRef::new(if tap { Mode::Tap } else { Mode::Tun }, &octets))
}

/// Not merely the same octets: the same layers with the same fields, and the same text.
fn ends_in(wanted: impl IntoPacket, holds: impl Fn(FrameRef<'_>) -> bool) {
    let wanted = wanted.into_packet();
    for run in 0..8 {
        let packet = minimal(run, &sound_packet(), |packet| read(packet, &holds));
        assert_eq!(packet.to_string(), wanted.to_string(), "run {run}");
        assert_eq!(packet.build(), wanted.build());
        assert_eq!(read(&packet, |frame| frame.as_rust()), read(&wanted, |frame| frame.as_rust()));
    }
}

fn tcp() -> Tcp {
    Tcp::new().sport(50_000).dport(80)
}

fn udp() -> Udp {
    Udp::new().sport(50_000).dport(80)
}

#[test]
fn in_a_segment_with_the_flag_that_matters() {
    let flags = |frame: FrameRef<'_>| frame.tcp().map(|tcp| TcpFlags(tcp.slice()[13])).unwrap_or_default();
    ends_in(Ipv4::new() / tcp().syn(), |frame| flags(frame).contains(TcpFlags::SYN));
    ends_in(Ipv4::new() / tcp().flags(TcpFlags::FIN | TcpFlags::URG), |frame| {
        flags(frame).contains(TcpFlags::FIN | TcpFlags::URG)
    });
}

#[test]
fn in_a_payload_as_long_as_it_has_to_be() {
    ends_in(Ipv4::new() / udp() / b"aaa", |frame| frame.udp().is_ok_and(|udp| udp.payload().len() >= 3));
    ends_in(Ipv4::new() / tcp() / b"aaaaaaaaaa", |frame| frame.tcp().is_ok_and(|tcp| tcp.payload().len() >= 10));
}

#[test]
fn in_the_number_that_matters() {
    ends_in(Ipv4::new().ttl(65), |frame| frame.ipv4().is_ok_and(|ip| ip.ttl() > 64));
    ends_in(Ipv4::new() / udp().dport(8080), |frame| frame.udp().is_ok_and(|udp| udp.destination_port() >= 1024));
    ends_in(Ipv4::new() / tcp().mss(1000), |frame| {
        use tuntap_test::etherparse::TcpOptionElement::MaximumSegmentSize;
        let large = |option| matches!(option, Ok(MaximumSegmentSize(mss)) if mss >= 1000);
        frame.tcp().is_ok_and(|tcp| tcp.options_iterator().any(large))
    });
}

#[test]
fn in_the_address_that_matters() {
    ends_in(Ipv4::new().dst([224, 0, 0, 1]), |frame| {
        frame.ipv4().is_ok_and(|ip| ip.destination_addr().is_multicast() && ip.protocol().0 == 253)
    });
    ends_in(Ipv6::new().src([0xfd00, 0, 0, 0, 0, 0, 0, 1]), |frame| {
        frame.ipv6().is_ok_and(|ip| ip.source_addr().is_unique_local())
    });
}

#[test]
fn in_a_message_of_the_protocol_that_matters() {
    ends_in(Ipv4::new() / Icmpv4::echo_request(1, 1), |frame| frame.icmpv4().is_ok());
    ends_in(Ethernet::new() / Arp::new(), |frame| frame.arp().is_ok());
    ends_in(Ipv6::new() / udp(), |frame| frame.ipv6().is_ok() && frame.udp().is_ok());
}
