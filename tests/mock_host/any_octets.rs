//! Nothing that comes in makes the host panic, loop, or send what it may not.

use std::net::Shutdown;
use std::time::Duration;

use proptest::prelude::*;
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::mock::host::{LinkConfig, TcpStream};
use tuntap_test::prelude::*;

use crate::world::{HOST, PEER, World, addressed, tcp};

/// A host with a socket of each kind, and a connection that stands.
fn inhabited(mode: Mode, mtu: usize) -> (World, Vec<Box<dyn std::any::Any>>) {
    let mut world = World::new(mode, addressed(LinkConfig::new(mode).mtu(mtu)), 1);
    let udp = world.host.udp_bind("[::]:53".parse().unwrap()).unwrap();
    let listener = world.host.tcp_listen("[::]:80".parse().unwrap()).unwrap();
    let ping = world.host.ping(7).unwrap();
    let client = world.host.tcp_connect((PEER, 99).into()).unwrap();
    let _ = world.take();
    (world, vec![Box::new(udp), Box::new(listener), Box::new(ping), Box::new(client)])
}

fn seeds() -> Vec<Vec<u8>> {
    let mut tcp = tcp();
    let v6 = || Ipv6::new().src([0x2001, 0xdb8, 0, 0, 0, 0, 0, 2]).dst([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]);
    let v4 = || Ipv4::new().src(PEER).dst(HOST);
    let packets = [
        v4() / Icmpv4::echo_request(7, 1) / b"hello",
        v4() / Icmpv4::echo_reply(7, 1) / b"hello",
        v4() / Icmpv4::unreachable(3) / (Ipv4::new().src(HOST).dst(PEER) / Udp::new().sport(53).dport(9)),
        v4() / Udp::new().sport(9).dport(53) / b"hello",
        v4() / Udp::new().sport(9).dport(54) / b"hello",
        v4().options([0x94, 4, 0, 0]) / Udp::new().sport(9).dport(53),
        v4().more_fragments(true).protocol(17) / [7; 64],
        v4().fragment_offset(8).protocol(17) / [7; 64],
        tcp.syn(),
        v4() / Tcp::new().sport(9).dport(81).ack(7).timestamps(1, 2).sack([(1, 2)]) / b"hello",
        v6() / Icmpv6::echo_request(7, 1) / b"hello",
        v6() / Icmpv6::neighbor_solicitation([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]).source_link_layer_address([2; 6]),
        v6() / HopByHop::router_alert(0) / DestinationOptions::new().pad(4) / Udp::new().sport(9).dport(53),
        v6() / Fragment::new().more_fragments(true).id(7) / Icmpv6::echo_request(7, 1) / [7; 60],
        v6() / Tcp::new().sport(9).dport(80).syn().mss(1460),
    ];
    packets.into_iter().map(|packet| packet.build().unwrap()).collect()
}

/// Every frame fits its link, and is a packet that says how long it is.
fn check(mode: Mode, mtu: usize, frames: &[Vec<u8>]) {
    let header = if mode == Mode::Tap { 14 } else { 0 };
    for frame in frames {
        assert!(frame.len() <= mtu + header, "{} octets", frame.len());
        let packet = &frame[header..];
        let length = match packet[0] >> 4 {
            4 => usize::from(u16::from_be_bytes([packet[2], packet[3]])),
            6 => 40 + usize::from(u16::from_be_bytes([packet[4], packet[5]])),
            _ => packet.len(),
        };
        assert_eq!(packet.len(), length, "{}", FrameRef::new(mode, frame).summary());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_frame_is_no_panic(tap: bool, frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..8)) {
        let mode = if tap { Mode::Tap } else { Mode::Tun };
        let (mut world, _sockets) = inhabited(mode, 1500);
        for frame in frames {
            world.send_raw(&frame);
        }
        check(mode, 1500, &world.take());
    }

    #[test]
    fn a_changed_packet_is_no_panic(
        tap: bool,
        mtu in prop_oneof![Just(1500_usize), Just(1280), Just(68), Just(65_535)],
        changes in prop::collection::vec((0_usize..15, prop::option::of((0_usize..120, any::<u8>())), 0_usize..200), 1..12),
        seconds in 0_u64..100,
    ) {
        let mode = if tap { Mode::Tap } else { Mode::Tun };
        let (mut world, _sockets) = inhabited(mode, mtu);
        let seeds = seeds();
        for (seed, change, length) in changes {
            let mut packet = seeds[seed].clone();
            packet.truncate(if length > 150 { usize::MAX } else { length });
            if let Some((at, octet)) = change
                && let Some(place) = packet.get_mut(at)
            {
                *place = octet;
            }
            if tap {
                let kind: u16 = if seed < 10 { 0x0800 } else { 0x86dd };
                packet = [[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2].as_slice(), &kind.to_be_bytes(), &packet].concat();
            }
            world.send_raw(&packet);
        }
        check(mode, mtu, &world.take());
        world.now = Duration::from_secs(seconds);
        check(mode, mtu, &world.take());
    }
}

/// Something that happens to a connection.
#[derive(Clone, Debug)]
enum Event {
    /// A segment with numbers relative to where both sides are.
    Segment {
        flags: u8,
        sequence: i32,
        acknowledgement: i32,
        window: u16,
        length: usize,
        timestamps: bool,
    },
    Write(usize),
    Read(usize),
    Shutdown,
    Wait(u64),
}

fn offset() -> impl Strategy<Value = i32> {
    prop_oneof![
        4 => Just(0),
        3 => -3_i32..4,
        2 => -3000_i32..3000,
        1 => any::<i32>(),
        1 => prop_oneof![Just(i32::MIN), Just(i32::MAX), Just(65_535), Just(-65_536)],
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let flags = prop_oneof![6 => Just(0x10_u8), 2 => Just(0x18), 2 => Just(0x11), 1 => Just(0x12), 1 => Just(2), 1 => Just(4), 1 => 0_u8..64];
    let window = prop_oneof![3 => Just(65_535_u16), 1 => Just(0), 1 => 1_u16..3000];
    let length = prop_oneof![3 => Just(0_usize), 2 => 1_usize..4, 1 => Just(1400)];
    prop_oneof![
        8 => (flags, offset(), offset(), window, length, any::<bool>()).prop_map(
            |(flags, sequence, acknowledgement, window, length, timestamps)| Event::Segment {
                flags, sequence, acknowledgement, window, length, timestamps
            }
        ),
        2 => (1_usize..5000).prop_map(Event::Write),
        2 => (1_usize..5000).prop_map(Event::Read),
        1 => Just(Event::Shutdown),
        3 => (0_u64..70_000).prop_map(Event::Wait),
    ]
}

/// Where both sides are, as the peer sees it from what the host sends.
#[derive(Default)]
struct Numbers {
    hosts: u32,
    peers: u32,
}

impl Numbers {
    fn learn(&mut self, frames: &[Vec<u8>]) {
        for frame in frames.iter().filter(|frame| frame.len() >= 40 && frame[33] & 4 == 0) {
            let word = |at: usize| u32::from_be_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]]);
            let controls = u32::from(frame[33] & 1) + u32::from(frame[33] >> 1 & 1);
            let data = frame.len() - 20 - usize::from(frame[32] >> 4) * 4;
            self.hosts = word(24).wrapping_add(u32::try_from(data).unwrap()).wrapping_add(controls);
            if frame[33] & 16 != 0 {
                self.peers = word(28);
            }
        }
    }
}

fn live(mut world: World, stream: Option<TcpStream>, tuple: (u16, u16), mut numbers: Numbers, events: Vec<Event>) {
    let (own, others) = tuple;
    for event in events {
        match event {
            Event::Segment { flags, sequence, acknowledgement, window, length, timestamps } => {
                let segment = Tcp::new().sport(own).dport(others).flags(TcpFlags(flags)).window(window);
                let segment = segment.seq(numbers.peers.wrapping_add_signed(sequence));
                let segment = segment.acknowledgement(numbers.hosts.wrapping_add_signed(acknowledgement));
                let segment = if timestamps { segment.timestamps(9, 9) } else { segment };
                world.send(Ipv4::new().src(PEER).dst(HOST) / segment / vec![7; length]);
            }
            Event::Write(octets) => {
                let _ = stream.as_ref().map(|stream| stream.write(&vec![8; octets]));
            }
            Event::Read(octets) => {
                let _ = stream.as_ref().map(|stream| stream.read(&mut vec![0; octets]));
            }
            Event::Shutdown => {
                let _ = stream.as_ref().map(|stream| stream.shutdown(Shutdown::Write));
            }
            Event::Wait(milliseconds) => {
                world.now += Duration::from_millis(milliseconds);
            }
        }
        let frames = world.take();
        assert!(frames.len() < 3000, "{} frames at once", frames.len());
        check(Mode::Tun, 1500, &frames);
        numbers.learn(&frames);
    }
    drop(stream);
    // In the end it is gone: nobody answers, and the host gives up.
    for _ in 0..2000 {
        if world.go_on().is_none() {
            return;
        }
        world.take();
    }
    panic!("still something to do at {:?}", world.now);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn any_segments_to_a_connection_are_no_panic(events in prop::collection::vec(event(), 1..40)) {
        let mut world = World::tun();
        let listener = world.host.tcp_listen((HOST, 80).into()).unwrap();
        let mut tcp = tcp();
        crate::world::open(&mut world, &mut tcp);
        let (stream, _) = listener.accept().unwrap();
        let numbers = Numbers { hosts: tcp.host_next_sequence().unwrap(), peers: 101 };
        drop(listener);
        live(world, Some(stream), (40_000, 80), numbers, events);
    }

    #[test]
    fn any_segments_to_a_listener_are_no_panic(events in prop::collection::vec(event(), 1..30)) {
        let world = World::tun();
        let _listener = world.host.tcp_listen((HOST, 80).into()).unwrap();
        live(world, None, (40_000, 80), Numbers { hosts: 0, peers: 100 }, events);
    }

    #[test]
    fn any_segments_to_a_connection_that_is_being_opened_are_no_panic(events in prop::collection::vec(event(), 1..30)) {
        let mut world = World::tun();
        let stream = world.host.tcp_connect((PEER, 99).into()).unwrap();
        let mut numbers = Numbers::default();
        numbers.learn(&world.take());
        let port = stream.local_addr().unwrap().port();
        live(world, Some(stream), (99, port), numbers, events);
    }
}
