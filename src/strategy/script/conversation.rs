//! Conversations: steps that make sense behind each other.

use proptest::collection;
use proptest::prelude::*;
use proptest::sample::Index;

use super::answer::{datagram, icmp_error, of_segment, peer, segment};
use super::steps::{one_of, picks};
use super::{advance, built, fault, step};
use crate::device::Mode;
use crate::fuzz::{SocketCall, Step};
use crate::packet::{Arp, Icmpv4, Icmpv6, IntoPacket, Ipv4, Ipv6, Packet, Payload, Tcp, TcpFlags, Udp};
use crate::strategy::fault::link_fault;
use crate::strategy::packet::payload;

/// What a conversation is about.
#[derive(Clone, Copy, Debug)]
enum About {
    Anything,
    Connection,
    Datagrams,
    Ping,
    Neighbours,
    Listener,
    Caller,
    Trouble,
}

/// A conversation before its steps are drawn: who talks to whom, and what follows the first step.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    about: About,
    v6: bool,
    /// From the host to the peer.
    from_host: bool,
    /// Which of several that are alike: it tells ports and slots apart.
    number: u8,
    picks: Vec<Index>,
}

/// The strategies of the steps, made once.
#[derive(Debug)]
pub(super) struct Conversations {
    mode: Mode,
    drawn: BoxedStrategy<Vec<Drawn>>,
    any: BoxedStrategy<Step>,
    sent: BoxedStrategy<Step>,
    fault: BoxedStrategy<Step>,
    link: BoxedStrategy<Step>,
    payload: BoxedStrategy<Payload>,
    advance: BoxedStrategy<Step>,
}

impl Conversations {
    pub(super) fn new(mode: Mode) -> Self {
        let about = one_of(vec![
            (4, Just(About::Anything).boxed()),
            (3, Just(About::Connection).boxed()),
            (2, Just(About::Datagrams).boxed()),
            (1, Just(About::Ping).boxed()),
            (1, Just(About::Neighbours).boxed()),
            (1, Just(About::Listener).boxed()),
            (1, Just(About::Caller).boxed()),
            (1, Just(About::Trouble).boxed()),
        ]);
        let drawn = (about, prop::bool::weighted(0.3), prop::bool::weighted(0.3), 0_u8..3, picks())
            .prop_map(|(about, v6, from_host, number, picks)| Drawn { about, v6, from_host, number, picks });
        Self {
            mode,
            drawn: collection::vec(drawn, 0..=5).boxed(),
            any: step(mode),
            sent: super::frame_octets(mode).prop_map(Step::Frame).boxed(),
            fault: fault().prop_map(Step::Fault).boxed(),
            link: link_fault().prop_map(Step::Link).boxed(),
            payload: payload(),
            advance: advance(),
        }
    }

    pub(super) const fn mode(&self) -> Mode {
        self.mode
    }

    pub(super) fn drawn(&self) -> &BoxedStrategy<Vec<Drawn>> {
        &self.drawn
    }

    /// The steps: those that begin the conversation, and then whatever of the others was drawn.
    pub(super) fn steps(&self, drawn: &Drawn) -> Vec<BoxedStrategy<Step>> {
        let (mut steps, follow) = match drawn.about {
            About::Anything => (Vec::new(), vec![self.any.clone()]),
            About::Connection => self.connection(drawn),
            About::Datagrams => self.datagrams(drawn),
            About::Ping => self.ping(drawn),
            About::Neighbours => self.neighbours(drawn),
            About::Listener => self.listener(drawn),
            About::Caller => self.caller(drawn),
            About::Trouble => self.trouble(),
        };
        steps.extend(drawn.picks.iter().filter_map(|pick| follow.get(pick.index(follow.len())).cloned()));
        steps
    }

    /// A SYN, and what continues the connection that its answer makes.
    fn connection(&self, drawn: &Drawn) -> (Vec<BoxedStrategy<Step>>, Vec<BoxedStrategy<Step>>) {
        let syn = Tcp::new().sport(drawn.port(40_000)).dport(80).seq(100).syn().mss(1460);
        (vec![self.frame(drawn, syn)], self.segments())
    }

    /// What continues a connection, in the ways that a peer might.
    fn segments(&self) -> Vec<BoxedStrategy<Step>> {
        let (fin, rst) = (TcpFlags::FIN | TcpFlags::ACK, TcpFlags::RST | TcpFlags::ACK);
        vec![
            peer(),
            segment(TcpFlags::ACK),
            of_segment(TcpFlags::PSH | TcpFlags::ACK),
            peer(),
            self.advance.clone(),
            of_segment(fin),
            segment(rst),
        ]
    }

    fn datagrams(&self, drawn: &Drawn) -> (Vec<BoxedStrategy<Step>>, Vec<BoxedStrategy<Step>>) {
        let head = drawn.ip() / Udp::new().sport(drawn.port(40_000)).dport(53);
        let sent = self.frame_with_payload(head);
        (vec![sent.clone()], vec![sent, datagram(), icmp_error(drawn.v6), self.advance.clone(), peer()])
    }

    fn ping(&self, drawn: &Drawn) -> (Vec<BoxedStrategy<Step>>, Vec<BoxedStrategy<Step>>) {
        let seq = u16::from(drawn.number) + 1;
        let head = match drawn.v6 {
            false => drawn.ip() / Icmpv4::echo_request(7, seq),
            true => drawn.ip() / Icmpv6::echo_request(7, seq),
        };
        let (slot, v6) = (drawn.number, drawn.v6);
        let by_host = payload_octets()
            .prop_map(move |octets| Step::Socket(SocketCall::Ping { slot, v6, sequence: seq, octets }))
            .boxed();
        (vec![self.frame_with_payload(head)], vec![peer(), by_host, self.advance.clone(), icmp_error(drawn.v6)])
    }

    /// Who has which address: ARP on a TAP, else neighbour discovery.
    fn neighbours(&self, drawn: &Drawn) -> (Vec<BoxedStrategy<Step>>, Vec<BoxedStrategy<Step>>) {
        let asked = if drawn.from_host { 2 } else { 1 };
        let question = match self.mode {
            Mode::Tap if !drawn.v6 => Arp::who_has([192, 0, 2, asked]).into_packet(),
            _ => Ipv6::new() / Icmpv6::neighbor_solicitation([0x2001, 0xdb8, 0, 0, 0, 0, 0, asked.into()]),
        };
        (vec![just(self.mode, &question)], vec![peer(), self.advance.clone(), self.any.clone()])
    }

    /// A listener of the host's, to which somebody connects.
    fn listener(&self, drawn: &Drawn) -> (Vec<BoxedStrategy<Step>>, Vec<BoxedStrategy<Step>>) {
        let (slot, into, v6) = (drawn.number, drawn.number + 3, drawn.v6);
        let listen = call(SocketCall::TcpListen { slot, v6, port: 80 });
        let syn = Tcp::new().sport(drawn.port(40_000)).dport(80).seq(100).syn().mss(1460);
        let toward_host = Drawn { from_host: false, ..drawn.clone() };
        let begin = vec![listen, self.frame(&toward_host, syn), peer(), call(SocketCall::Accept { slot, into })];
        (begin, [self.segments(), use_of(into)].concat())
    }

    /// A connection that the host makes.
    fn caller(&self, drawn: &Drawn) -> (Vec<BoxedStrategy<Step>>, Vec<BoxedStrategy<Step>>) {
        let (slot, v6) = (drawn.number, drawn.v6);
        let connect = call(SocketCall::TcpConnect { slot, v6, port: 80 });
        (vec![connect, peer()], [self.segments(), use_of(slot)].concat())
    }

    /// Faults and changes of the link with frames between them.
    fn trouble(&self) -> (Vec<BoxedStrategy<Step>>, Vec<BoxedStrategy<Step>>) {
        let again = [&self.sent, &self.fault, &self.link, &self.advance].map(Clone::clone);
        (vec![self.fault.clone(), self.sent.clone()], [&again[..], &[peer()]].concat())
    }

    fn frame(&self, drawn: &Drawn, message: impl IntoPacket) -> BoxedStrategy<Step> {
        just(self.mode, &(drawn.ip() / message))
    }

    fn frame_with_payload(&self, head: Packet) -> BoxedStrategy<Step> {
        let mode = self.mode;
        self.payload.clone().prop_map(move |payload| Step::Frame(built(mode, &(head.clone() / payload)))).boxed()
    }
}

impl Drawn {
    fn port(&self, first: u16) -> u16 {
        first + u16::from(self.number)
    }

    fn ip(&self) -> Packet {
        match (self.v6, self.from_host) {
            (false, false) => Ipv4::new().into_packet(),
            (false, true) => Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 2, 2]).into_packet(),
            (true, false) => Ipv6::new().into_packet(),
            (true, true) => {
                let address = |last| [0x2001, 0xdb8, 0, 0, 0, 0, 0, last];
                Ipv6::new().src(address(1)).dst(address(2)).into_packet()
            }
        }
    }
}

fn just(mode: Mode, packet: &Packet) -> BoxedStrategy<Step> {
    Just(Step::Frame(built(mode, packet))).boxed()
}

fn call(call: SocketCall) -> BoxedStrategy<Step> {
    Just(Step::Socket(call)).boxed()
}

/// What is done with a connection.
fn use_of(slot: u8) -> Vec<BoxedStrategy<Step>> {
    vec![
        payload_octets().prop_map(move |octets| Step::Socket(SocketCall::Write { slot, octets })).boxed(),
        (1_u16..=2000).prop_map(move |most| Step::Socket(SocketCall::Read { slot, most })).boxed(),
        super::socket::how().prop_map(move |how| Step::Socket(SocketCall::Shutdown { slot, how })).boxed(),
        call(SocketCall::Close { slot }),
    ]
}

fn payload_octets() -> BoxedStrategy<Vec<u8>> {
    collection::vec(any::<u8>(), 0..64).boxed()
}
