//! The template of what the host must send back in a flow.

use std::fmt;
use std::ops::Div;

use super::layers::ip;
use super::learned::Teacher;
use crate::packet::{Field, IntoField, IntoPacket, Packet, Payload, Tcp, TcpFlags};

/// What the host must send back: a template whose addresses and ports are the flow's, reversed.
///
/// The numbers are those that the flow knew when [`TcpFlow::reply`](super::TcpFlow::reply) was called. A number that was
/// not known then is left unset and matches anything; what an exchange takes for the template teaches the flow. For
/// several replies that are expected before any of them is taken, say where each stands:
/// [`seq_rel`](Self::seq_rel).
///
/// | pattern | flags (set; clear) | sequence number | acknowledgement number |
/// | --- | --- | --- | --- |
/// | `reply()` | ACK; SYN, RST, FIN | the host's next | all that we sent |
/// | `.data(octets)` | as it was, and exactly that payload | as it was | as it was |
/// | `.fin()` | FIN, ACK; SYN, RST | the host's next | all that we sent |
/// | `.syn_ack()` | SYN, ACK; RST, FIN | the host's initial | all that we sent |
/// | `.syn()` | SYN; ACK, RST, FIN | the host's initial | not looked at |
/// | `.rst()` | RST; SYN, FIN | the host's next, but see [`rst`](Self::rst) | see [`rst`](Self::rst) |
/// | `.any()` | not looked at | not looked at | not looked at |
/// | `.ack(n)`, `.ack_rel(n)` | also ACK | as it was | `n` |
/// | `.seq(n)`, `.seq_rel(n)` | as they were | `n` | as it was |
///
/// Flags that a row does not name do not matter: PSH, URG, ECE, CWR. A payload that is not named matches any. Whatever
/// else must hold is added as to any template: `reply().with(Tcp::new().window(0))`, `reply() /
/// Payload::starting_with("HTTP/1.1 200")`.
#[derive(Clone)]
#[must_use]
pub struct Reply {
    pub(super) teacher: Teacher,
    /// Our initial number, and the one behind all that we sent.
    pub(super) ours: (u32, u32),
    /// The host's, where they are known.
    pub(super) hosts: Option<(u32, u32)>,
    pub(super) last_ack: LastAck,
    pub(super) wanted: Wanted,
}

/// What the last segment that we sent acknowledged.
#[derive(Clone, Copy, Default)]
pub(super) enum LastAck {
    /// There was none, or nobody knows its number.
    #[default]
    Unknown,
    /// It had no ACK.
    Absent,
    Number(u32),
}

/// What a template wants beside addresses and ports.
#[derive(Clone, Default)]
pub(super) struct Wanted {
    kind: Kind,
    fin: bool,
    payload: Option<Vec<u8>>,
    /// Instead of the usual number; `Some(None)` where any will do.
    seq: Option<Option<Field<u32>>>,
    /// Instead of the usual number.
    ack: Option<Field<u32>>,
}

#[derive(Clone, Copy, Default)]
enum Kind {
    #[default]
    Acknowledgement,
    Syn,
    SynAck,
    Rst,
    Any,
}

impl Reply {
    /// A SYN without ACK: the host opens the connection.
    pub fn syn(mut self) -> Self {
        self.wanted.kind = Kind::Syn;
        self
    }

    /// A SYN with ACK: the host takes the connection that we opened.
    pub fn syn_ack(mut self) -> Self {
        self.wanted.kind = Kind::SynAck;
        self
    }

    /// A RST. Where our last segment had no ACK, it must acknowledge all that we sent; otherwise neither its ACK nor its
    /// acknowledgement number matters, unless [`ack`](Self::ack) gives one. Where our last segment acknowledged another
    /// number than the host's next, the RST may have that as its sequence number, too (RFC 9293 section 3.10.7.1).
    pub fn rst(mut self) -> Self {
        self.wanted.kind = Kind::Rst;
        self
    }

    /// Also FIN. Data before it may come in the same segment.
    pub const fn fin(mut self) -> Self {
        self.wanted.fin = true;
        self
    }

    /// Exactly those octets as the payload, none for `data(b"")`.
    pub fn data(mut self, octets: impl AsRef<[u8]>) -> Self {
        self.wanted.payload = Some(octets.as_ref().to_vec());
        self
    }

    /// Any segment of the host's in this flow: forgets what was wanted before.
    pub fn any(mut self) -> Self {
        self.wanted = Wanted { kind: Kind::Any, ..Wanted::default() };
        self
    }

    /// ACK with that acknowledgement number, as it stands in the header.
    pub fn ack(mut self, acknowledgement: impl IntoField<u32>) -> Self {
        self.wanted.ack = Some(acknowledgement.into_field());
        self
    }

    /// ACK with the acknowledgement number that is so far behind our initial one: 1 acknowledges our SYN.
    pub fn ack_rel(self, offset: u32) -> Self {
        let (initial, _) = self.ours;
        self.ack(initial.wrapping_add(offset))
    }

    /// That sequence number, as it stands in the header.
    pub fn seq(mut self, number: impl IntoField<u32>) -> Self {
        self.wanted.seq = Some(Some(number.into_field()));
        self
    }

    /// The sequence number that is so far behind the host's initial one: 1 is its first octet. Any number as long as the
    /// host's initial one is not known.
    pub fn seq_rel(mut self, offset: u32) -> Self {
        self.wanted.seq = Some(self.hosts.map(|(initial, _)| initial.wrapping_add(offset).into_field()));
        self
    }

    fn tcp(&self) -> Tcp {
        let Self { teacher, ours: (_, sent), hosts, last_ack, wanted } = self;
        let (initial, next) = hosts.unzip();
        let exactly = |number: Option<u32>| number.map(IntoField::into_field);
        let reset = match (*last_ack, next) {
            (LastAck::Number(ack), Some(next)) if ack != next => Some([next, ack].into_field()),
            (LastAck::Number(ack), None) => exactly(Some(ack)),
            _ => exactly(next),
        };
        let sent = Some(*sent);
        let ending = TcpFlags::SYN | TcpFlags::RST | TcpFlags::FIN;
        let (mut set, mut named, seq, ack) = match wanted.kind {
            Kind::Acknowledgement => (TcpFlags::ACK, ending, exactly(next), sent),
            Kind::Syn => (TcpFlags::SYN, ending | TcpFlags::ACK, exactly(initial), None),
            Kind::SynAck => (TcpFlags::SYN | TcpFlags::ACK, ending, exactly(initial), sent),
            Kind::Rst if matches!(last_ack, LastAck::Absent) => (TcpFlags::RST | TcpFlags::ACK, ending, reset, sent),
            Kind::Rst => (TcpFlags::RST, ending, reset, None),
            Kind::Any => (TcpFlags::default(), TcpFlags::default(), None, None),
        };
        if wanted.fin {
            set = set | TcpFlags::FIN;
        }
        if wanted.ack.is_some() {
            set = set | TcpFlags::ACK;
        }
        named = named | set;
        let mut tcp = Tcp::new().sport(teacher.host.port()).dport(teacher.peer.port());
        if named != TcpFlags::default() {
            tcp = tcp.flags(Field::masked(set, named));
        }
        if let Some(number) = wanted.seq.clone().unwrap_or(seq) {
            tcp = tcp.seq(number);
        }
        if let Some(number) = wanted.ack.clone().or_else(|| exactly(ack)) {
            tcp = tcp.acknowledgement(number);
        }
        tcp
    }
}

impl IntoPacket for Reply {
    fn into_packet(self) -> Packet {
        let segment = ip(self.teacher.host.ip(), self.teacher.peer.ip()).into_packet() / self.tcp();
        let packet = match self.wanted.payload {
            Some(octets) => segment / Payload::new().octets(octets),
            None => segment,
        };
        packet.on_match(move |frame| {
            self.teacher.learn(frame);
        })
    }
}

impl From<Reply> for Packet {
    fn from(reply: Reply) -> Self {
        reply.into_packet()
    }
}

impl<Upper: IntoPacket> Div<Upper> for Reply {
    type Output = Packet;

    /// Stacks what the segment carries: a payload, or the pattern of one.
    fn div(self, upper: Upper) -> Packet {
        self.into_packet() / upper
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.clone().into_packet(), f)
    }
}

#[cfg(test)]
mod tests {
    use crate::device::{FrameRef, Mode};
    use crate::exchange::TcpFlow;
    use crate::packet::{IntoPacket, Ipv4, Packet, Payload, Tcp};

    /// What an exchange does with a frame that it takes for a template.
    fn take(template: &Packet, octets: &[u8]) {
        let frame = FrameRef::new(Mode::Tun, octets);
        assert!(template.matches(frame), "{template} {}", frame.summary());
        template.on_match.iter().for_each(|learn| learn(frame));
    }

    fn from_host(tcp: Tcp, octets: &[u8]) -> Vec<u8> {
        let ip = Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 2, 2]);
        (ip / tcp.sport(80).dport(40_000) / octets).build().unwrap()
    }

    #[test]
    fn what_is_taken_for_a_reply_teaches_the_flow_that_made_it() {
        let mut tcp = TcpFlow::new([192, 0, 2, 2], 40_000, [192, 0, 2, 1], 80);
        let _ = tcp.syn();
        let fork = tcp.fork();
        let syn_ack = from_host(Tcp::new().seq(7).syn().ack(1001), b"");
        assert!(tcp.reply().syn_ack().into_packet().matches(FrameRef::new(Mode::Tun, &syn_ack)));
        assert_eq!(tcp.host_initial_sequence(), None, "matching alone teaches nothing");
        take(&tcp.reply().syn_ack().into_packet(), &syn_ack);
        assert_eq!((tcp.host_initial_sequence(), fork.host_initial_sequence()), (Some(7), None));

        // However the template was changed since.
        let templates: [fn(&TcpFlow) -> Packet; 3] = [
            |tcp| tcp.reply().with(Tcp::new().window(0)),
            |tcp| tcp.reply() / Payload::starting_with("a"),
            |tcp| tcp.reply().any().unverified(),
        ];
        for (template, seq) in templates.into_iter().zip([8, 9, 10]) {
            take(&template(&tcp), &from_host(Tcp::new().seq(seq).ack(1001), b"a"));
            assert_eq!(tcp.host_next_sequence(), Ok(seq + 1));
        }
    }
}
