//! One TCP connection in which the test plays the peer: the packets that it sends, the templates of what the host must
//! send back, and the sequence numbers of both.
//!
//! Layer: `exchange`. Uses [`packet`](crate::packet) and knows no device: a flow gives packets to send and templates to
//! expect, and learns from the frames that were taken for its templates.
//!
//! ```text
//!  peer (the test)                            host
//!  syn()          S   seq 100          ──►
//!                 ◄──  S.  seq 7000 ack 101    reply().syn_ack()   teaches the host's number: 7000
//!  ack()          .   seq 101 ack 7001 ──►
//!  data(b"hello") P.  seq 101 ack 7001 ──►
//!                 ◄──  .   seq 7001 ack 106    reply()
//!                 ◄──  P.  seq 7001 ack 106    reply().data(b"hi") teaches the next: 7003
//!  fin()          F.  seq 106 ack 7003 ──►
//! ```
//!
//! Numbers are of 32 bits and wrap around (RFC 9293 section 3.4).

mod error;
mod known;
mod layers;
mod learned;
mod reply;
mod segment;
mod stream;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

pub use error::FlowError;
pub use reply::Reply;

use layers::{ip, mapped, underlay};
use learned::Teacher;
use reply::{LastAck, Wanted};
use segment::Segment;
use stream::{Span, Stream};

use crate::device::{FrameRef, Mode};
use crate::packet::{IntoPacket, Layer, LayerKind, Packet, Payload, Tcp, TcpFlags, such_that};

/// A TCP connection between the peer, which the test plays, and the host.
///
/// Its verbs give packets to send and count the sequence numbers that those take; [`reply`](Self::reply) gives templates
/// of what the host must send back. What an exchange takes for such a template teaches the flow the host's numbers, so
/// that the next [`ack`](Self::ack) acknowledges it; where a test reads frames by hand, [`learn`](Self::learn) does.
///
/// ```
/// use tuntap_test::device::{FrameRef, Mode};
/// use tuntap_test::exchange::TcpFlow;
/// use tuntap_test::packet::{IntoPacket, Ipv4, Tcp};
///
/// let mut tcp = TcpFlow::new([192, 0, 2, 2], 40_000, [192, 0, 2, 1], 80).initial_sequence(100).mss(1460);
/// let octets = tcp.syn().build()?;
/// assert_eq!(
///     FrameRef::new(Mode::Tun, &octets).summary().to_string(),
///     "192.0.2.2:40000 > 192.0.2.1:80 TCP [S] seq 100 win 65535 <mss 1460>"
/// );
///
/// // What a host would answer.
/// let answer = Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 2, 2])
///     / Tcp::new().sport(80).dport(40_000).seq(7000).syn().ack(101).window(512);
/// let octets = answer.build()?;
/// let frame = FrameRef::new(Mode::Tun, &octets);
/// assert!(tcp.reply().syn_ack().into_packet().matches(frame));
/// assert!(!tcp.reply().rst().into_packet().matches(frame));
///
/// tcp.learn(frame);
/// assert_eq!(tcp.host_initial_sequence(), Some(7000));
/// assert_eq!(
///     format!("{:?}", tcp.reply().data(b"hi")),
///     "IPv4 (src 192.0.2.1, dst 192.0.2.2) / TCP (sport 80, dport 40000, flags . set, SFR clear, seq 7001, \
///      acknowledgement 101) / payload (\"hi\")"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What each verb sends and takes
///
/// | verb | flags | sequence number | acknowledgement number | numbers taken |
/// | --- | --- | --- | --- | --- |
/// | [`syn`](Self::syn) | SYN | our next | none | 1 |
/// | [`syn_ack`](Self::syn_ack) | SYN, ACK | our next | the host's next | 1 |
/// | [`ack`](Self::ack) | ACK | our next | the host's next | 0 |
/// | [`data`](Self::data) | PSH, ACK | our next | the host's next | its octets |
/// | [`fin`](Self::fin) | FIN, ACK | our next | the host's next | 1 |
/// | [`rst`](Self::rst) | RST, and ACK if the host's number is known | our next | the host's next | 0 |
/// | [`segment`](Self::segment) | ACK unless set | our next unless set | with ACK the host's next, unless set | as the host counts |
/// | [`retransmit`](Self::retransmit) | those of the last packet that took numbers | its | its | 0 |
///
/// All carry the [`window`](Self::window); the two with SYN carry the options that the flow was given. "Next" is the
/// number behind all that came without a gap, as the receiver counts it: a segment that is sent ahead counts when what is
/// in front of it is sent, old numbers never count again, and nothing counts behind a FIN.
///
/// A verb changes no packet that was given before, and `with` changes no number of the flow:
/// `tcp.data(b"x").with(Tcp::new().window(0))` is sent as any other data. What is to be counted otherwise goes through
/// [`segment`](Self::segment); what is not to be counted at all is sent by a [`fork`](Self::fork).
///
/// As long as the host's initial sequence number is not known, a packet that would acknowledge it cannot be built, and the
/// error says why; a template leaves the number unset, so that it matches anything.
///
/// A flow is one connection: the next one, even between the same ports, is another flow. It is not `Clone`, because its
/// templates teach it and not its copies; [`fork`](Self::fork) makes an independent one.
#[must_use]
pub struct TcpFlow {
    teacher: Teacher,
    sent: Stream,
    window: u16,
    mss: Option<u16>,
    window_scale: Option<u8>,
    last_ack: LastAck,
    /// The last packet that took numbers, and what it acknowledged.
    last: Option<(Packet, LastAck)>,
}

impl TcpFlow {
    /// The initial sequence number unless [`initial_sequence`](Self::initial_sequence) gives another.
    pub const DEFAULT_INITIAL_SEQUENCE: u32 = 1000;

    /// The flow between these two, of which the test plays the peer. Over IPv4 or IPv6, as the addresses are; where only
    /// one is IPv4, it is mapped into IPv6 (RFC 4291 section 2.5.5.2), which no host answers.
    pub fn new(peer: impl Into<IpAddr>, peer_port: u16, host: impl Into<IpAddr>, host_port: u16) -> Self {
        let (peer, host) = match (peer.into(), host.into()) {
            ends @ ((IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_))) => ends,
            (peer, host) => (mapped(peer).into(), mapped(host).into()),
        };
        Self {
            teacher: Teacher::new(SocketAddr::new(peer, peer_port), SocketAddr::new(host, host_port)),
            sent: Stream::new(Self::DEFAULT_INITIAL_SEQUENCE),
            window: u16::MAX,
            mss: None,
            window_scale: None,
            last_ack: LastAck::Unknown,
            last: None,
        }
    }

    /// The flow that the host opens with this SYN: its ends are the segment's, and the host's number is known. For hosts
    /// whose port nobody knows before.
    ///
    /// # Errors
    /// When the frame is no whole TCP segment, or no SYN without ACK.
    pub fn opened_by(syn: FrameRef<'_>) -> Result<Self, FlowError> {
        let segment = Segment::read(syn).ok_or(FlowError::NotTcp)?;
        if !segment.span.syn || segment.rst || segment.ack.is_some() {
            return Err(FlowError::NotSyn);
        }
        let (peer, host) = (segment.to, segment.from);
        let flow = Self::new(peer.ip(), peer.port(), host.ip(), host.port());
        flow.learn(syn);
        Ok(flow)
    }

    /// Our initial sequence number: the SYN's. Begins our side anew, so before the first verb.
    pub fn initial_sequence(mut self, number: u32) -> Self {
        self.sent = Stream::new(number);
        self
    }

    /// The window that all packets carry, as it stands in the header: 65,535 unless set. Where both sides gave a
    /// [`window_scale`](Self::window_scale), the host shifts it by ours.
    pub const fn window(mut self, window: u16) -> Self {
        self.window = window;
        self
    }

    /// The MSS option of our SYN, in octets of data. Without one the host takes 536 on IPv4 and 1220 on IPv6 (RFC 9293
    /// section 3.7.1).
    pub const fn mss(mut self, octets: u16) -> Self {
        self.mss = Some(octets);
        self
    }

    /// The window scale option of our SYN, in bits (RFC 7323 section 2.2).
    pub const fn window_scale(mut self, shift: u8) -> Self {
        self.window_scale = Some(shift);
        self
    }

    /// An independent flow that stands where this one stands: what one of them sends and learns from now on does not
    /// count for the other. For branches, and for segments that the host will not accept:
    ///
    /// ```
    /// use tuntap_test::exchange::TcpFlow;
    ///
    /// let mut tcp = TcpFlow::new([192, 0, 2, 2], 40_000, [192, 0, 2, 1], 80);
    /// tcp.syn();
    /// let stray = tcp.fork().syn(); // another SYN, which the host will not count
    /// assert_eq!(tcp.next_sequence(), 1001);
    /// # let _ = stray;
    /// ```
    pub fn fork(&self) -> Self {
        Self { teacher: self.teacher.fork(), sent: self.sent.clone(), last: self.last.clone(), ..*self }
    }

    /// Opens the connection.
    pub fn syn(&mut self) -> Packet {
        self.emit(TcpFlags::SYN, &[])
    }

    /// Takes the connection that the host opened.
    pub fn syn_ack(&mut self) -> Packet {
        self.emit(TcpFlags::SYN | TcpFlags::ACK, &[])
    }

    /// Acknowledges all that the host sent without a gap.
    pub fn ack(&mut self) -> Packet {
        self.emit(TcpFlags::ACK, &[])
    }

    /// Sends octets in one segment, however many they are.
    pub fn data(&mut self, octets: impl AsRef<[u8]>) -> Packet {
        self.emit(TcpFlags::PSH | TcpFlags::ACK, octets.as_ref())
    }

    /// Ends our side.
    pub fn fin(&mut self) -> Packet {
        self.emit(TcpFlags::FIN | TcpFlags::ACK, &[])
    }

    /// Resets the connection. With ACK where the host's number is known, which a host that is opening the connection
    /// demands (RFC 9293 section 3.10.7.3).
    pub fn rst(&mut self) -> Packet {
        let known = self.teacher.learned().stream.is_some();
        self.emit(if known { TcpFlags::RST | TcpFlags::ACK } else { TcpFlags::RST }, &[])
    }

    /// Any other segment: what the given layers do not set is the flow's. With flags that are set there are no others;
    /// an ACK among them acknowledges what the host sent, unless a number is given. What the segment takes of our
    /// numbers is counted as the host counts it.
    ///
    /// ```
    /// use tuntap_test::exchange::TcpFlow;
    /// use tuntap_test::packet::tcp_flags::{A, F};
    /// use tuntap_test::packet::{Ipv4, Tcp};
    ///
    /// let mut tcp = TcpFlow::new([192, 0, 2, 2], 40_000, [192, 0, 2, 1], 80);
    /// let syn_with_data = tcp.segment(Tcp::new().syn() / b"early");
    /// let closed_window = tcp.segment(Tcp::new().window(0));
    /// let last_octets = tcp.segment(Ipv4::new().ecn(1) / Tcp::new().flags(F | A) / b"bye");
    /// assert_eq!(tcp.sent(), 8);
    /// assert_eq!(tcp.next_sequence(), tcp.peer_sequence(10));
    /// # let _ = (syn_with_data, closed_window, last_octets);
    /// ```
    pub fn segment(&mut self, given: impl IntoPacket) -> Packet {
        let mut packet = given.into_packet();
        let Teacher { peer, host, .. } = self.teacher;
        let tcp_at = underlay(&mut packet.layers, ip(peer.ip(), host.ip()), self.header(TcpFlags::ACK).into());
        let built = packet.build().ok();
        let mode = match packet.layers.first().map(Layer::kind) {
            Some(LayerKind::Ethernet) => Mode::Tap,
            _ => Mode::Tun,
        };
        let segment = built.and_then(|octets| Segment::read(FrameRef::new(mode, &octets)));
        let Some(segment) = segment.filter(|segment| segment.from == peer && segment.to == host) else {
            // It cannot be built, or it is broken on purpose, or it belongs to other ends: the host does not count it.
            return packet;
        };
        let open = packet.layers.get_mut(tcp_at).filter(|layer| layer.get("acknowledgement").is_none());
        let ack = match (segment.ack, open) {
            (None, _) => LastAck::Absent,
            (Some(_), Some(layer)) => {
                layer.merge(&self.acknowledging(Tcp::new()).into());
                self.acknowledged()
            }
            (Some(given), None) => LastAck::Number(given),
        };
        self.count(&packet, segment.span, segment.rst, ack);
        packet
    }

    /// The last packet that took sequence numbers, as it was. Before the first one, a packet that cannot be built.
    pub fn retransmit(&mut self) -> Packet {
        let Some((packet, ack)) = self.last.clone() else {
            let nothing = such_that("unknown (nothing was sent yet that takes one)", |_: u32| true);
            return self.stack(self.header(TcpFlags::ACK).seq(nothing), &[]);
        };
        self.last_ack = ack;
        packet
    }

    /// The template of what the host must send back, for now an ACK of all that we sent; see [`Reply`] for the others.
    pub fn reply(&self) -> Reply {
        Reply {
            ours: (self.sent.initial(), self.sent.next()),
            hosts: self.teacher.learned().stream.as_ref().map(|stream| (stream.initial(), stream.next())),
            teacher: self.teacher.clone(),
            last_ack: self.last_ack,
            wanted: Wanted::default(),
        }
    }

    /// Learns from a frame that the host sent: its initial number from a SYN, the next from data and FIN, its window and
    /// options. Tells whether the frame belongs to this flow; others, fragments and what is quoted in ICMP errors teach
    /// nothing. Checksums are the affair of whoever took the frame.
    ///
    /// Templates of [`reply`](Self::reply) do this when an exchange takes a frame for them.
    pub fn learn(&self, frame: FrameRef<'_>) -> bool {
        self.teacher.learn(frame)
    }

    /// A header of ours without acknowledgement number.
    fn header(&self, flags: TcpFlags) -> Tcp {
        let Teacher { peer, host, .. } = self.teacher;
        Tcp::new().sport(peer.port()).dport(host.port()).seq(self.sent.next()).flags(flags).window(self.window)
    }

    fn acknowledging(&self, tcp: Tcp) -> Tcp {
        match self.host_next_sequence() {
            Ok(number) => tcp.acknowledgement(number),
            Err(error) => tcp.acknowledgement(such_that(&format!("unknown ({error})"), |_: u32| true)),
        }
    }

    fn acknowledged(&self) -> LastAck {
        self.host_next_sequence().map_or(LastAck::Unknown, LastAck::Number)
    }

    fn stack(&self, tcp: Tcp, octets: &[u8]) -> Packet {
        let segment = ip(self.teacher.peer.ip(), self.teacher.host.ip()).into_packet() / tcp;
        if octets.is_empty() { segment } else { segment / Payload::new().octets(octets) }
    }

    fn emit(&mut self, flags: TcpFlags, octets: &[u8]) -> Packet {
        let mut tcp = self.header(flags);
        let has = |flag| flags.contains(flag);
        if has(TcpFlags::ACK) {
            tcp = self.acknowledging(tcp);
        }
        if has(TcpFlags::SYN) {
            tcp = self.mss.into_iter().fold(tcp, Tcp::mss);
            tcp = self.window_scale.into_iter().fold(tcp, Tcp::window_scale);
        }
        let span = Span {
            start: self.sent.next(),
            syn: has(TcpFlags::SYN),
            // More cannot be built.
            octets: u32::try_from(octets.len()).unwrap_or_default(),
            fin: has(TcpFlags::FIN),
        };
        let packet = self.stack(tcp, octets);
        let ack = if has(TcpFlags::ACK) { self.acknowledged() } else { LastAck::Absent };
        self.count(&packet, span, has(TcpFlags::RST), ack);
        packet
    }

    /// Counts what a packet of ours takes.
    fn count(&mut self, packet: &Packet, span: Span, rst: bool, ack: LastAck) {
        self.last_ack = ack;
        if span.numbers() > 0 && !rst {
            self.sent.take(span);
            self.last = Some((packet.clone(), ack));
        }
    }
}

impl fmt::Debug for TcpFlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpFlow")
            .field("peer", &self.peer())
            .field("host", &self.host())
            .field("next_sequence", &self.next_sequence())
            .field("sent", &self.sent())
            .field("host_next_sequence", &self.host_next_sequence().ok())
            .field("received", &self.received())
            .finish_non_exhaustive()
    }
}
