//! A TCP segment as a flow tells it: which verb sends it, or which reply it is.
//!
//! Layer: `to_test`. Nothing is guessed: the flow that the test will have runs along, with the captured numbers. A verb
//! is taken when it builds the captured segment, a reply when it matches it.

use std::net::{IpAddr, SocketAddr};

use super::constants::Constants;
use super::template::MOST_NAMED;
use crate::device::{FrameRef, Mode};
use crate::exchange::TcpFlow;
use crate::exchange::flow::Reply;
use crate::packet::{Dissection, IntoPacket, LayerKind, Packet, Tcp, TcpFlags};

/// What counts of a segment: not its window, nor its options but those of a SYN that a flow has.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) flags: u8,
    pub(super) seq: u32,
    /// Where the ACK flag says that it counts.
    pub(super) ack: Option<u32>,
    pub(super) urgent: u16,
    pub(super) payload: Vec<u8>,
    pub(super) mss: Option<u16>,
    pub(super) window_scale: Option<u8>,
}

/// What a segment tells besides.
pub(super) struct Details {
    pub(super) window: u16,
    /// It has options that a flow has no words for.
    pub(super) others: bool,
}

pub(super) const FIN: u8 = 1;
pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
pub(super) const ACK: u8 = 0x10;

impl Segment {
    /// The segment of a frame that is IP and TCP and nothing else: no fragment, no options of IP.
    pub(super) fn read(frame: FrameRef<'_>) -> Option<(Self, Details)> {
        let dissection = Dissection::new(frame);
        let mut kinds = dissection.kinds().skip_while(|kind| *kind == LayerKind::Ethernet);
        let ip = kinds.next().filter(|kind| matches!(kind, LayerKind::Ipv4 | LayerKind::Ipv6))?;
        if kinds.next() != Some(LayerKind::Tcp) {
            return None;
        }
        let (from, to): (IpAddr, IpAddr) = if ip == LayerKind::Ipv4 {
            let ip = frame.ipv4().ok()?;
            if ip.more_fragments() || !ip.options().is_empty() {
                return None;
            }
            (ip.source_addr().into(), ip.destination_addr().into())
        } else {
            let ip = frame.ipv6().ok()?;
            (ip.source_addr().into(), ip.destination_addr().into())
        };
        let tcp = frame.tcp().ok()?;
        let flags = dissection.header(LayerKind::Tcp)?.get(13).copied()?;
        let mut details = Details { window: tcp.window_size(), others: false };
        let (mut mss, mut window_scale) = (None, None);
        for option in tcp.options_iterator() {
            match option {
                Ok(etherparse::TcpOptionElement::MaximumSegmentSize(octets)) => mss = Some(octets),
                Ok(etherparse::TcpOptionElement::WindowScale(shift)) => window_scale = Some(shift),
                Ok(etherparse::TcpOptionElement::Noop) => {}
                Ok(_) | Err(_) => details.others = true,
            }
        }
        let segment = Self {
            from: SocketAddr::new(from, tcp.source_port()),
            to: SocketAddr::new(to, tcp.destination_port()),
            flags,
            seq: tcp.sequence_number(),
            ack: tcp.ack().then(|| tcp.acknowledgment_number()),
            urgent: tcp.urgent_pointer(),
            payload: tcp.payload().to_vec(),
            mss: mss.filter(|_| tcp.syn()),
            window_scale: window_scale.filter(|_| tcp.syn()),
        };
        Some((segment, details))
    }

    pub(super) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// It opens a connection.
    pub(super) const fn opens(&self) -> bool {
        self.has(SYN) && !self.has(ACK) && !self.has(RST)
    }

    fn is(&self, packet: &Packet) -> bool {
        let Ok(octets) = packet.build() else { return false };
        Self::read(FrameRef::new(Mode::Tun, &octets)).is_some_and(|(built, _)| built == *self)
    }

    fn flag_names(&self) -> String {
        if self.flags.count_ones() > MOST_NAMED {
            return format!("TcpFlags({:#04x})", self.flags);
        }
        const NAMES: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
        let set = NAMES.iter().enumerate().filter(|(bit, _)| self.flags >> bit & 1 == 1);
        let names: Vec<String> = set.map(|(_, name)| format!("TcpFlags::{name}")).collect();
        if names.is_empty() { "TcpFlags(0)".to_owned() } else { names.join(" | ") }
    }
}

/// How a flow sends a segment.
pub(super) enum Sent {
    /// `tcp.` and this.
    Verb(String),
    /// `tcp.segment(…)` with these calls and this payload.
    Segment { calls: Vec<String>, payload: Option<String>, why: Option<&'static str> },
}

/// A verb: whether it takes the payload, what it is called.
type Verb = (&'static str, fn(&mut TcpFlow, &[u8]) -> Packet);

const VERBS: [Verb; 7] = [
    ("syn", |tcp, _| tcp.syn()),
    ("syn_ack", |tcp, _| tcp.syn_ack()),
    ("ack", |tcp, _| tcp.ack()),
    ("data", |tcp, octets| tcp.data(octets)),
    ("fin", |tcp, _| tcp.fin()),
    ("rst", |tcp, _| tcp.rst()),
    ("retransmit", |tcp, _| tcp.retransmit()),
];

/// How the flow sends that segment, which it counts; `tcp` is its variable.
pub(super) fn sent(flow: &mut TcpFlow, tcp: &str, segment: &Segment, constants: &Constants) -> Sent {
    let payload = (!segment.payload.is_empty()).then(|| constants.octets(&segment.payload, "PAYLOAD"));
    for (name, verb) in VERBS {
        if name == "data" && payload.is_none() || !segment.is(&verb(&mut flow.fork(), &segment.payload)) {
            continue;
        }
        let _ = verb(flow, &segment.payload);
        let argument = payload.filter(|_| name == "data").unwrap_or_default();
        return Sent::Verb(format!(".{name}({argument})"));
    }
    let next = flow.next_sequence();
    let (mut calls, mut why) = (Vec::new(), None);
    let mut header = Tcp::new().flags(TcpFlags(segment.flags));
    if segment.seq != next {
        let offset = segment.seq.wrapping_sub(flow.peer_sequence(0));
        calls.push(format!(".seq({tcp}.peer_sequence({offset}))"));
        header = header.seq(segment.seq);
        let is_old = segment.seq.wrapping_sub(next).cast_signed() < 0;
        why = Some(if is_old { "Not the next number: sent before." } else { "Not the next number: ahead of it." });
    }
    if let Some(ack) = segment.ack.filter(|ack| flow.host_next_sequence() != Ok(*ack)) {
        match flow.host_sequence(0) {
            Ok(initial) => {
                let offset = ack.wrapping_sub(initial);
                calls.push(format!(".acknowledgement({tcp}.host_sequence({offset}).unwrap())"));
            }
            Err(_) => calls.push(format!(".acknowledgement({ack})")),
        }
        header = header.acknowledgement(ack);
    }
    calls.push(format!(".flags({})", segment.flag_names()));
    if segment.urgent != 0 {
        calls.push(format!(".urgent({})", segment.urgent));
        header = header.urgent(segment.urgent);
    }
    if let Some(mss) = segment.mss {
        calls.push(format!(".mss({mss})"));
        header = header.mss(mss);
    }
    if let Some(shift) = segment.window_scale {
        calls.push(format!(".window_scale({shift})"));
        header = header.window_scale(shift);
    }
    let packet = header.into_packet();
    let _ = flow.segment(if payload.is_some() { packet / &segment.payload } else { packet });
    Sent::Segment { calls, payload, why }
}

/// A kind of reply: what it is called, and what makes it.
type Kind = (&'static str, fn(Reply) -> Reply);

/// Which reply of the flow a frame is: what follows `tcp.reply()`, and what is to be said of it. The flow learns from it.
/// `None` where it is none.
pub(super) fn reply(
    flow: &TcpFlow,
    segment: &Segment,
    frame: FrameRef<'_>,
    constants: &Constants,
) -> Option<(Vec<String>, Option<&'static str>)> {
    let (mut calls, mut wanted) = (Vec::new(), flow.reply());
    let kind: Option<Kind> = match segment {
        _ if segment.has(RST) => Some((".rst()", Reply::rst)),
        _ if segment.opens() => Some((".syn()", Reply::syn)),
        _ if segment.has(SYN) => Some((".syn_ack()", Reply::syn_ack)),
        _ if segment.has(FIN) => Some((".fin()", Reply::fin)),
        _ => None,
    };
    if let Some((name, kind)) = kind {
        calls.push(name.to_owned());
        wanted = kind(wanted);
    }
    if !segment.payload.is_empty() || kind.is_none() {
        let octets = constants.octets(&segment.payload, "PAYLOAD");
        calls.push(format!(".data({octets})"));
        wanted = wanted.data(&segment.payload);
    }
    let seq = flow.host_sequence(0).ok().map(|initial| segment.seq.wrapping_sub(initial));
    let ack = segment.ack.map(|ack| ack.wrapping_sub(flow.peer_sequence(0)));
    for (with_seq, with_ack) in [(false, false), (false, true), (true, false), (true, true)] {
        let (mut calls, mut wanted) = (calls.clone(), wanted.clone());
        for (takes, number, name) in [(with_seq, seq, "seq_rel"), (with_ack, ack, "ack_rel")] {
            let Some(offset) = number.filter(|_| takes) else { continue };
            calls.push(format!(".{name}({offset})"));
            wanted = if name == "seq_rel" { wanted.seq_rel(offset) } else { wanted.ack_rel(offset) };
        }
        if !wanted.into_packet().matches(frame) {
            continue;
        }
        let is_old = flow.host_next_sequence().is_ok_and(|next| segment.seq.wrapping_sub(next).cast_signed() < 0);
        let why = match (with_seq, is_old) {
            (false, _) => None,
            (true, true) => Some("It comes again."),
            (true, false) => Some("Not the next number: something is missing before it."),
        };
        flow.learn(frame);
        return Some((calls, why));
    }
    None
}
