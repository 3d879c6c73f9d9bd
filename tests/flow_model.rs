//! A TCP flow against models that count every number on its own, in 64 bits, with etherparse as the reader and the builder.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use etherparse::{PacketBuilder, SlicedPacket, TcpSlice, TransportSlice};
use proptest::prelude::*;
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::exchange::TcpFlow;
use tuntap_test::packet::{IntoPacket, Packet, Tcp};

const PEER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Any number, half of them just below the wrap.
fn initial() -> impl Strategy<Value = u32> {
    prop_oneof![any::<u32>(), u32::MAX - 100..=u32::MAX]
}

/// The number so far behind the initial one, as a header holds it.
fn number(initial: u32, offset: u64) -> u32 {
    u32::try_from((u64::from(initial) + offset) % (1 << 32)).unwrap()
}

fn read<T>(packet: &Packet, what: impl FnOnce(&TcpSlice<'_>) -> T) -> T {
    let octets = packet.build().unwrap();
    match SlicedPacket::from_ip(&octets).unwrap().transport {
        Some(TransportSlice::Tcp(tcp)) => what(&tcp),
        other => panic!("{other:?}"),
    }
}

/// What a host sends: the segment that takes the numbers from `start` to before `end`, of a connection with `octets` of data.
fn from_host(numbers: Numbers, start: u64, end: u64, ack: u32) -> Vec<u8> {
    let last = u64::try_from(numbers.octets).unwrap() + 1;
    let mut tcp = etherparse::TcpHeader::new(81, 40_000, number(numbers.initial, start), 512);
    (tcp.ack, tcp.acknowledgment_number) = (true, ack);
    (tcp.syn, tcp.fin) = (start == 0 && end > 0, start <= last && end > last);
    let data: Vec<u8> = (start.max(1)..end.min(last)).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let mut octets = Vec::new();
    PacketBuilder::ipv4(HOST.octets(), PEER.octets(), 64).tcp_header(tcp).write(&mut octets, &data).unwrap();
    octets
}

#[derive(Clone, Copy, Debug)]
struct Numbers {
    initial: u32,
    octets: usize,
}

#[derive(Clone, Debug)]
enum Verb {
    Syn,
    Ack,
    Data(Vec<u8>),
    Fin,
    Rst,
    Retransmit,
    Window,
    /// Data that begins so far behind what is next.
    Ahead(u8, Vec<u8>),
}

fn verb() -> impl Strategy<Value = Verb> {
    let octets = || prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        2 => Just(Verb::Syn),
        2 => Just(Verb::Ack),
        8 => octets().prop_map(Verb::Data),
        1 => Just(Verb::Fin),
        1 => Just(Verb::Rst),
        2 => Just(Verb::Retransmit),
        1 => Just(Verb::Window),
        4 => (0_u8..30, octets()).prop_map(|(gap, octets)| Verb::Ahead(gap, octets)),
    ]
}

/// What each number of a stream is: an octet of data (`true`), a SYN or a FIN.
#[derive(Default)]
struct Model {
    all: BTreeMap<u64, bool>,
    fin: Option<u64>,
}

impl Model {
    fn take(&mut self, start: u64, syn: bool, data: &[u8], fin: bool) {
        let taken = std::iter::repeat_n(false, usize::from(syn)).chain(data.iter().map(|_| true));
        for (at, is_data) in (start..).zip(taken.chain(std::iter::repeat_n(false, usize::from(fin)))) {
            self.all.entry(at).or_insert(is_data);
        }
        if fin && self.fin.is_none() {
            self.fin = Some(start);
        }
    }

    /// The first that did not come; behind a FIN there is none.
    fn next(&self) -> u64 {
        let gap = (0..).find(|at| !self.all.contains_key(at)).unwrap();
        self.fin.filter(|fin| *fin < gap).map_or(gap, |fin| fin + 1)
    }

    fn octets(&self) -> u64 {
        self.all.range(..self.next()).filter(|(_, is_data)| **is_data).map(|_| 1).sum()
    }
}

proptest! {
    #[test]
    fn the_sent_stream_has_every_number_once(initial in initial(), verbs in prop::collection::vec(verb(), 1..40)) {
        let mut tcp = TcpFlow::new(PEER, 40_000, HOST, 81).initial_sequence(initial);
        tcp.learn(FrameRef::new(Mode::Tun, &from_host(Numbers { initial: 7, octets: 0 }, 0, 1, 0)));
        let mut model = Model::default();
        let mut last: Option<Vec<u8>> = None;
        for verb in verbs {
            let next = model.next();
            let nothing: &[u8] = &[];
            let (packet, start, syn, data, fin) = match &verb {
                Verb::Syn => (tcp.syn(), next, true, nothing, false),
                Verb::Ack => (tcp.ack(), next, false, nothing, false),
                Verb::Data(octets) => (tcp.data(octets), next, false, &octets[..], false),
                Verb::Fin => (tcp.fin(), next, false, nothing, true),
                Verb::Rst => (tcp.rst(), next, false, nothing, false),
                Verb::Window => (tcp.segment(Tcp::new().window(0)), next, false, nothing, false),
                Verb::Ahead(gap, octets) => {
                    let start = next + u64::from(*gap);
                    (tcp.segment(Tcp::new().seq(number(initial, start)) / octets), start, false, &octets[..], false)
                }
                Verb::Retransmit => {
                    prop_assert_eq!(tcp.retransmit().build().ok(), last.clone());
                    prop_assert_eq!(tcp.next_sequence(), number(initial, next));
                    continue;
                }
            };
            read(&packet, |tcp| {
                prop_assert_eq!(tcp.sequence_number(), number(initial, start));
                prop_assert_eq!((tcp.payload(), tcp.syn(), tcp.fin()), (data, syn, fin));
                prop_assert_eq!(tcp.acknowledgment_number(), if tcp.ack() { 8 } else { 0 });
                prop_assert_eq!(tcp.rst(), matches!(verb, Verb::Rst));
                Ok(())
            })?;
            if syn || fin || !data.is_empty() {
                last = Some(packet.build().unwrap());
            }
            model.take(start, syn, data, fin);
            prop_assert_eq!(tcp.next_sequence(), number(initial, model.next()));
            prop_assert_eq!(tcp.sent(), model.octets());
        }
    }

    #[test]
    fn the_received_stream_is_known_up_to_its_first_gap(
        initial in initial(),
        octets in 0_usize..60,
        ours in initial(),
        (at, first) in (0_usize..10, 1_u64..20),
        mut segments in prop::collection::vec((0_u64..62, 0_u64..20), 1..60),
    ) {
        segments.insert(at.min(segments.len()), (0, first));
        let mut tcp = TcpFlow::new(PEER, 40_000, HOST, 81).initial_sequence(ours);
        let numbers = Numbers { initial, octets };
        let end = u64::try_from(octets).unwrap() + 2;
        let mut seen = BTreeSet::new();
        for (start, length) in segments {
            let (start, stop) = (start.min(end), (start + length).min(end));
            let frame = from_host(numbers, start, stop, ours);
            prop_assert!(tcp.learn(FrameRef::new(Mode::Tun, &frame)));
            // Before the SYN nothing is known of the numbers.
            if start == 0 && stop > 0 || !seen.is_empty() {
                seen.extend(start..stop);
            }
            if seen.is_empty() {
                prop_assert_eq!(tcp.host_initial_sequence(), None);
                continue;
            }
            let next = (0..).find(|at| !seen.contains(at)).unwrap();
            prop_assert_eq!(tcp.host_initial_sequence(), Some(initial));
            prop_assert_eq!(tcp.host_next_sequence(), Ok(number(initial, next)));
            prop_assert_eq!(tcp.received(), next.min(end - 1) - 1);
            prop_assert_eq!(read(&tcp.ack(), |tcp| tcp.acknowledgment_number()), number(initial, next));
        }
    }

    #[test]
    fn a_reply_has_exact_numbers(
        theirs in initial(),
        ours in initial(),
        received in 0_usize..100,
        sent in prop::collection::vec(any::<u8>(), 0..100),
        off in 1..=u32::MAX,
    ) {
        let mut tcp = TcpFlow::new(PEER, 40_000, HOST, 81).initial_sequence(ours);
        let numbers = Numbers { initial: theirs, octets: 200 };
        let behind = u64::try_from(received).unwrap() + 1;
        let _ = (tcp.syn(), tcp.learn(FrameRef::new(Mode::Tun, &from_host(numbers, 0, behind, 0))), tcp.data(&sent));
        let ack = number(ours, 1 + u64::try_from(sent.len()).unwrap());
        let relative = u32::try_from(received).unwrap() + 1;
        let answer = |seq: u32, ack: u32| from_host(Numbers { initial: seq, octets: 9 }, 1, 1, ack);
        let matches = |reply: Packet, octets: &[u8]| reply.matches(FrameRef::new(Mode::Tun, octets));
        // `answer` counts from one before its first octet.
        let seq = number(theirs, behind).wrapping_sub(1);
        for reply in [tcp.reply().into_packet(), tcp.reply().seq_rel(relative).ack(ack).into_packet()] {
            prop_assert!(matches(reply.clone(), &answer(seq, ack)));
            prop_assert!(!matches(reply.clone(), &answer(seq.wrapping_add(off), ack)));
            prop_assert!(!matches(reply, &answer(seq, ack.wrapping_add(off))));
        }
    }

    #[test]
    fn any_octets_are_a_lesson_or_none(
        octets in prop::collection::vec(any::<u8>(), 0..80),
        (at, octet) in (0_usize..60, any::<u8>()),
        initial in initial(),
    ) {
        let tcp = TcpFlow::new(PEER, 40_000, HOST, 81);
        let mut syn = from_host(Numbers { initial, octets: 9 }, 0, 10, 0);
        if let Some(place) = syn.get_mut(at) {
            *place = octet;
        }
        for octets in [&octets, &syn] {
            for mode in [Mode::Tun, Mode::Tap] {
                let frame = FrameRef::new(mode, octets);
                let known = tcp.host_initial_sequence();
                prop_assert!(tcp.learn(frame) || tcp.host_initial_sequence() == known);
                prop_assert!(TcpFlow::opened_by(frame).is_err() || tcp.peer().is_ipv4());
                let _ = (tcp.host_window(), tcp.host_mss(), tcp.host_next_sequence(), tcp.reply().into_packet());
            }
        }
    }
}
