//! One TCP connection: a socket of smoltcp's, and what Linux does around it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::wire::{IpEndpoint, IpListenEndpoint};

use super::super::packet::{Fragmenting, protocol};
use super::super::route::Way;
use super::congestion::Congestion;
use super::engine::Engine;
use super::segment::{ACK, FIN, Options, PSH, RST, SYN, Segment, is_after};
use super::timer::{Phase, RetransmissionTimer};
use crate::errno::Errno;

/// What a program can write before anything is acknowledged: measured.
const SEND_BUFFER: usize = 78_840;
/// A window has whole segments, and fits its field: there is no window scale.
const MOST_WINDOW: usize = 65_535;
const TIMESTAMPS: usize = 12;
/// `tcp_invalid_ratelimit`.
const CHALLENGES: Duration = Duration::from_millis(500);

/// Whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Owner {
    /// A listener's, until the handshake is done.
    Embryonic(u64),
    /// A listener's, until it is accepted.
    Queued(u64),
    Stream,
    /// Nobody's: it was closed, and says good-bye.
    Orphan,
}

/// What becomes of a segment before smoltcp sees it.
pub(super) enum Doubt {
    None,
    Drop,
    /// It is dropped, and this segment goes back.
    Ask(Vec<u8>),
}

pub(super) struct Connection {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) way: Way,
    pub(super) owner: Owner,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    pub(super) timer: RetransmissionTimer,
    pub(super) error: Option<Errno>,
    /// Over for another reason than TCP's: smoltcp is not asked any more.
    pub(super) dead: bool,
    pub(super) reading_is_over: bool,
    /// What the clock of the time stamps says at the beginning of time.
    pub(super) timestamp_zero: u32,
    /// The SYN or SYN-ACK as it left.
    pub(super) syn: Option<Vec<u8>>,
    /// The sequence number of the SYN.
    pub(super) first_sequence: Option<u32>,
    pub(super) next_sent: u32,
    pub(super) next_expected: u32,
    pub(super) window: u16,
    /// As the segment that came last had it, not scaled.
    peers_window: u16,
    /// The time stamp of that segment.
    peers_timestamp: Option<u32>,
    /// Where a FIN stands that came ahead of what is missing.
    fin_at: Option<u32>,
    /// When the peer was last asked whether a segment is its own.
    challenged: Option<Duration>,
    congestion: Congestion,
    /// `TCP_NODELAY`.
    pub(super) no_delay: bool,
    /// The end of the last segment that was shorter than it could be.
    short: Option<u32>,
    /// When it is forgotten if nothing happens.
    pub(super) forgotten: Option<Duration>,
}

impl Connection {
    fn new(local: SocketAddr, remote: SocketAddr, way: Way, owner: Owner, engine: &Engine, timestamps: bool) -> Self {
        let size = engine.segment_size(local.is_ipv4());
        let unit = if timestamps { size.saturating_sub(TIMESTAMPS) } else { size }.max(1);
        let buffer = |octets: usize| SocketBuffer::new(vec![0; octets]);
        let mut socket = Socket::new(buffer(MOST_WINDOW / unit * unit), buffer(SEND_BUFFER));
        socket.set_ack_delay(None);
        // The value is put in when the segment leaves.
        socket.set_tsval_generator(Some(|| 1));
        let mut sockets = SocketSet::new(Vec::with_capacity(1));
        let handle = sockets.add(socket);
        Self {
            local,
            remote,
            way,
            owner,
            sockets,
            handle,
            timer: RetransmissionTimer::new(),
            error: None,
            dead: false,
            reading_is_over: false,
            timestamp_zero: 0,
            syn: None,
            first_sequence: None,
            next_sent: 0,
            next_expected: 0,
            window: 0,
            peers_window: 0,
            peers_timestamp: None,
            fin_at: None,
            challenged: None,
            congestion: Congestion::new(size),
            no_delay: false,
            short: None,
            forgotten: None,
        }
    }

    /// One that a SYN opens. `None` where smoltcp would not have it.
    pub(super) fn listening(
        local: SocketAddr,
        remote: SocketAddr,
        way: Way,
        listener: u64,
        engine: &Engine,
        timestamps: bool,
    ) -> Option<Self> {
        let mut connection = Self::new(local, remote, way, Owner::Embryonic(listener), engine, timestamps);
        let endpoint = IpListenEndpoint { addr: Some(local.ip().into()), port: local.port() };
        connection.socket_mut().listen(endpoint).ok()?;
        Some(connection)
    }

    /// One that the host opens.
    pub(super) fn connecting(local: SocketAddr, remote: SocketAddr, way: Way, engine: &mut Engine) -> Option<Self> {
        let mut connection = Self::new(local, remote, way, Owner::Stream, engine, false);
        let (from, to) = (IpEndpoint::from(local), IpEndpoint::from(remote));
        connection.socket_mut().connect(engine.interface.context(), to, from).ok()?;
        Some(connection)
    }

    pub(super) fn socket(&self) -> &Socket<'static> {
        self.sockets.get(self.handle)
    }

    pub(super) fn socket_mut(&mut self) -> &mut Socket<'static> {
        self.sockets.get_mut(self.handle)
    }

    /// The state; one that was ended is closed.
    pub(super) fn state(&self) -> State {
        if self.dead { State::Closed } else { self.socket().state() }
    }

    /// Ends it without a word to the peer.
    pub(super) fn end(&mut self, errno: Option<Errno>) {
        self.dead = true;
        self.error = errno;
        self.forgotten = None;
        self.timer.stop();
    }

    /// What is to be sent again, if anything.
    pub(super) fn phase(&self) -> Phase {
        match self.state() {
            State::SynSent => Phase::Syn,
            State::SynReceived => Phase::SynAck,
            State::Closed | State::Listen | State::FinWait2 | State::TimeWait => Phase::Quiet,
            State::Established | State::CloseWait if self.socket().send_queue() == 0 => Phase::Quiet,
            _ => Phase::Data,
        }
    }

    /// Whether there is nothing left to say.
    pub(super) fn is_over(&self) -> bool {
        self.dead || (self.state() == State::Closed && self.socket().remote_endpoint().is_none())
    }

    /// Whether a segment brings data that was not there yet.
    pub(super) fn is_new_data(&self, segment: &Segment<'_>) -> bool {
        !segment.payload.is_empty() && is_after(segment.end(), self.next_expected)
    }

    /// Nagle's algorithm as Minshall has it and Linux (`tcp_minshall_check`): a short segment waits while another one is on its
    /// way, but not for whole ones.
    fn holds_short_segments(&self) -> bool {
        let acknowledged = self.congestion.acknowledged();
        let flies = |end: u32| acknowledged.is_none_or(|number| is_after(end, number));
        !self.no_delay && self.short.is_some_and(flies)
    }

    /// What RFC 5961 says of a segment of a connection that stands: a SYN, and a reset with another number than the next,
    /// may be somebody else's. The peer is asked once in half a second, as `tcp_invalid_ratelimit` says.
    pub(super) fn doubt(&mut self, segment: &Segment<'_>, now: Duration) -> Doubt {
        let ahead = segment.sequence.wrapping_sub(self.next_expected);
        match (segment.has(RST), segment.has(SYN)) {
            (true, _) if ahead == 0 => return Doubt::None,
            (true, _) if ahead >= u32::from(self.window) => return Doubt::Drop,
            (true, _) | (false, true) => {}
            (false, false) => return Doubt::None,
        }
        if self.challenged.is_some_and(|before| now.saturating_sub(before) < CHALLENGES) {
            return Doubt::Drop;
        }
        self.challenged = Some(now);
        Doubt::Ask(self.acknowledgement(now))
    }

    /// smoltcp forgets a FIN that is ahead of what is missing: it is taken off here, and put on the segment that ends where it
    /// stood. Gives the acknowledgement that says what is missing where smoltcp does not, of a FIN without data.
    pub(super) fn keep_fin(&mut self, segment: &mut Segment<'_>, now: Duration) -> Option<Vec<u8>> {
        let ahead = segment.sequence.wrapping_sub(self.next_expected);
        let length = u32::try_from(segment.payload.len()).unwrap_or(u32::MAX);
        let end = segment.sequence.wrapping_add(length);
        if segment.has(FIN) && ahead != 0 && ahead < u32::from(self.window) {
            segment.flags &= !FIN;
            self.fin_at = Some(end);
            return segment.payload.is_empty().then(|| self.acknowledgement(now));
        }
        if self.fin_at == Some(end) && !is_after(segment.sequence, self.next_expected) {
            segment.flags |= FIN;
        }
        None
    }

    /// The FIN that was taken off, when it is next.
    pub(super) fn kept_fin(&mut self) -> Option<Segment<'static>> {
        self.fin_at.take_if(|at| !is_after(*at, self.next_expected)).filter(|at| *at == self.next_expected).map(
            |sequence| Segment {
                source_port: self.remote.port(),
                destination_port: self.local.port(),
                sequence,
                acknowledgement: self.congestion.acknowledged().unwrap_or(self.next_sent),
                flags: FIN | ACK,
                window: self.peers_window,
                options: Options::default(),
                payload: &[],
            },
        )
    }

    /// Says what the peer is to send next.
    fn acknowledgement(&self, now: Duration) -> Vec<u8> {
        let timestamps = self.peers_timestamp.map(|echo| (self.timestamp(now), echo));
        let segment = Segment {
            source_port: self.local.port(),
            destination_port: self.remote.port(),
            sequence: self.next_sent,
            acknowledgement: self.next_expected,
            flags: ACK,
            window: self.window,
            options: Options { timestamps, ..Options::default() },
            payload: &[],
        };
        segment.write(self.local.ip(), self.remote.ip())
    }

    /// The clock of the time stamps: milliseconds.
    fn timestamp(&self, now: Duration) -> u32 {
        self.timestamp_zero.wrapping_add(u32::try_from(now.as_millis() & 0xffff_ffff).unwrap_or(0))
    }

    /// Runs smoltcp, with a segment or without. Gives the segments that leave, and how each is numbered.
    pub(super) fn run(
        &mut self,
        engine: &mut Engine,
        segment: Option<&Segment<'_>>,
        now: Duration,
    ) -> Vec<(Vec<u8>, Fragmenting)> {
        if self.dead {
            return Vec::new();
        }
        let packet = segment.map(|segment| self.arrive(segment, now));
        let held = self.holds_short_segments();
        self.socket_mut().set_nagle_enabled(held);
        let clock = self.timer.clock(now);
        let packets = engine.run(clock, packet, &mut self.sockets);
        let leaving = packets.iter().filter_map(|packet| self.leave(packet, now)).collect();
        let expiry = engine.next(clock, &self.sockets);
        self.timer.follow(expiry, self.phase(), now);
        leaving
    }

    /// The retransmission timer is due: only the first segment is sent again, not all that is on its way.
    pub(super) fn time_out(&mut self, engine: &mut Engine, now: Duration) {
        let is_first = self.timer.fired() == 0;
        self.congestion.timed_out(self.next_sent, is_first);
        // smoltcp hears of a smaller window from the peer only; in LAST-ACK it would answer that.
        let speaks = !matches!(self.state(), State::SynSent | State::SynReceived | State::LastAck | State::Closed);
        let acknowledged = self.congestion.acknowledged().filter(|_| speaks && self.peers_window != 0);
        let news = acknowledged.and_then(|number| Some((number, self.congestion.news(self.peers_window)?)));
        if let Some((acknowledgement, window)) = news {
            let update = Segment {
                source_port: self.remote.port(),
                destination_port: self.local.port(),
                sequence: self.next_expected,
                acknowledgement,
                flags: ACK,
                window,
                options: Options::default(),
                payload: &[],
            };
            let (packet, clock) = (self.wrap(&update), self.timer.clock(now));
            // Nothing new fits: nothing leaves.
            engine.run(clock, Some(packet), &mut self.sockets);
        }
        self.timer.fire(now);
    }

    /// Takes note of a segment; gives it as smoltcp takes it.
    fn arrive(&mut self, segment: &Segment<'_>, now: Duration) -> Vec<u8> {
        if segment.has(ACK) {
            self.timer.acknowledged(segment.acknowledgement, now);
        }
        if !segment.has(RST) {
            self.peers_window = segment.window;
            self.peers_timestamp = segment.options.timestamps.map(|(value, _)| value);
        }
        let window = self.congestion.receive(segment, self.next_sent);
        self.wrap(&Segment { window, ..*segment })
    }

    /// A segment as smoltcp takes it: in a packet, without what only one of us knows.
    fn wrap(&self, segment: &Segment<'_>) -> Vec<u8> {
        let octets = segment.write(self.remote.ip(), self.local.ip());
        let mut packet = match (self.remote.ip(), self.local.ip()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let length = u16::try_from(20 + octets.len()).unwrap_or(u16::MAX).to_be_bytes();
                let head = [[0x45, 0].as_slice(), &length, &[0, 0, 0, 0, 64, protocol::TCP, 0, 0]].concat();
                [head.as_slice(), &source.octets(), &destination.octets()].concat()
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let length = u16::try_from(octets.len()).unwrap_or(u16::MAX).to_be_bytes();
                let head = [[0x60, 0, 0, 0].as_slice(), &length, &[protocol::TCP, 64]].concat();
                [head.as_slice(), &source.octets(), &destination.octets()].concat()
            }
            // No connection has addresses of both families.
            _ => Vec::new(),
        };
        packet.extend_from_slice(&octets);
        packet
    }

    /// A segment of smoltcp's as Linux would have it.
    fn leave(&mut self, packet: &[u8], now: Duration) -> Option<(Vec<u8>, Fragmenting)> {
        let header = if self.local.is_ipv4() { 20 } else { 40 };
        let mut segment = Segment::read(packet.get(header..)?)?;
        // A window probe of Linux's has no data, but a sequence number that is over (tcp_xmit_probe_skb).
        if self.peers_window == 0 && segment.payload.len() == 1 && !segment.has(SYN) {
            let sequence = segment.sequence.wrapping_sub(1);
            segment = Segment { sequence, payload: &[], flags: segment.flags & !PSH, ..segment };
        }
        if let Some((value, _)) = &mut segment.options.timestamps {
            *value = self.timestamp(now);
        }
        self.timer.sent(&segment, now);
        if !segment.payload.is_empty() && segment.payload.len() < self.congestion.segment_size() {
            self.short = Some(segment.end());
        }
        if segment.has(SYN) {
            self.first_sequence = Some(segment.sequence);
        }
        if self.next_sent == 0 || is_after(segment.end(), self.next_sent) || segment.has(SYN) {
            self.next_sent = segment.end();
        }
        if segment.has(ACK) && !segment.has(RST) {
            self.next_expected = segment.acknowledgement;
            self.window = segment.window;
        }
        let octets = segment.write(self.local.ip(), self.remote.ip());
        if segment.has(SYN) {
            self.syn = Some(octets.clone());
        }
        let numbered = !segment.has(SYN) || !segment.has(ACK);
        Some((octets, if numbered { Fragmenting::Avoided } else { Fragmenting::Unnumbered }))
    }
}
