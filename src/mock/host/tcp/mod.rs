//! TCP inside the host: which connection a segment is for, listeners, and what happens when nobody is there.

mod calls;
mod congestion;
mod connection;
pub(super) mod engine;
mod listener;
mod segment;
mod time_wait;
mod timer;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

pub(super) use calls::Progress;
use smoltcp::socket::tcp::State;

use super::checksum;
use super::icmp_error::Trouble;
use super::packet::{Fragmenting, Outgoing, Received, protocol};
use super::random::Random;
use super::route::Way;
use super::stack::Stack;
use crate::errno::Errno;
use connection::{Connection, Doubt, Owner};
use engine::Engine;
use listener::Listener;
use segment::{ACK, FIN, RST, SYN, Segment};
use time_wait::{Answer, TimeWait};

/// SYN-ACKs that are sent again (`tcp_synack_retries`), and SYNs (`tcp_syn_linear_timeouts` and `tcp_syn_retries`).
const SYN_ACKS: u32 = 5;
const SYNS: u32 = 10;
/// How long a peer may be silent: `tcp_retries2` 15 in time, and `tcp_orphan_retries` for those that nobody has any more.
const PATIENCE: Duration = Duration::from_millis(924_600);
const ORPHANS_PATIENCE: Duration = Duration::from_millis(102_200);
/// `tcp_fin_timeout`.
const FIN_WAIT: Duration = Duration::from_secs(60);

/// Local and remote address.
type Tuple = (SocketAddr, SocketAddr);

pub(super) struct TcpTable {
    connections: BTreeMap<u64, Connection>,
    tuples: BTreeMap<Tuple, u64>,
    listeners: BTreeMap<u64, Listener>,
    time_waits: BTreeMap<Tuple, TimeWait>,
    /// Connections that have something to do at once.
    ready: BTreeSet<u64>,
    /// Where the clock of the time stamps began.
    clock_zero: u32,
}

impl TcpTable {
    pub(super) fn new(random: &mut Random) -> Self {
        Self {
            connections: BTreeMap::new(),
            tuples: BTreeMap::new(),
            listeners: BTreeMap::new(),
            time_waits: BTreeMap::new(),
            ready: BTreeSet::new(),
            clock_zero: random.next_u32(),
        }
    }

    fn insert(&mut self, number: u64, mut connection: Connection) {
        connection.timestamp_zero = self.clock_zero;
        self.tuples.insert((connection.local, connection.remote), number);
        self.connections.insert(number, connection);
    }

    fn remove(&mut self, number: u64) -> Option<Connection> {
        let connection = self.connections.remove(&number)?;
        self.forget_tuple(number, (connection.local, connection.remote));
        self.ready.remove(&number);
        Some(connection)
    }

    /// Segments between these addresses are not for that connection any more.
    fn forget_tuple(&mut self, number: u64, tuple: Tuple) {
        if self.tuples.get(&tuple) == Some(&number) {
            self.tuples.remove(&tuple);
        }
    }
}

impl Stack {
    /// The smoltcp that speaks over that way.
    fn engine(&mut self, way: Way) -> Option<&mut Engine> {
        match way {
            Way::Loopback => Some(&mut self.loopback),
            Way::Link(link) => self.links.get_mut(link).map(|link| &mut link.engine),
        }
    }

    /// A segment to the host.
    pub(super) fn receive_tcp(&mut self, received: &Received<'_>) {
        let Some(segment) = Segment::read(received.payload).filter(|_| received.is_for_us_alone()) else { return };
        let (source, destination) = (received.source, received.destination);
        if checksum::transport(source, destination, protocol::TCP, received.payload) != 0 {
            return;
        }
        let local = SocketAddr::new(destination, segment.destination_port);
        let remote = SocketAddr::new(source, segment.source_port);
        let now = self.now;
        if let Some(over) = self.tcp.time_waits.get_mut(&(local, remote)) {
            match over.receive(&segment, now) {
                Answer::Acknowledge(answer) => {
                    return self.send_segment(&answer, (local, remote), 0);
                }
                Answer::Nothing => return,
                Answer::Forget => {
                    self.tcp.time_waits.remove(&(local, remote));
                    return;
                }
                Answer::Reopen => {
                    self.tcp.time_waits.remove(&(local, remote));
                }
            }
        }
        if let Some(&number) = self.tcp.tuples.get(&(local, remote)) {
            return self.receive_for(number, &segment, received.traffic_class);
        }
        match (self.listener_of(local), segment.flags & (SYN | ACK | RST | FIN)) {
            (Some(listener), SYN) => self.receive_syn(listener, (local, remote), &segment, received.link),
            // Without a SYN there is nothing to listen to; what acknowledges something is told that it is wrong.
            (Some(_), flags) if flags & (ACK | RST) != ACK => {}
            _ => self.reset(&segment, (local, remote), received.traffic_class),
        }
    }

    /// Answers a segment that belongs to nobody.
    fn reset(&mut self, segment: &Segment<'_>, tuple: Tuple, traffic_class: u8) {
        if let Some(reset) = segment.reset() {
            // With the class of what it answers, but for the ECN bits.
            self.send_segment(&reset, tuple, traffic_class & !3);
        }
    }

    /// Sends a segment that no connection numbers.
    fn send_segment(&mut self, segment: &Segment<'_>, (local, remote): Tuple, traffic_class: u8) {
        let octets = segment.write(local.ip(), remote.ip());
        self.send_octets(&octets, local.ip(), remote.ip(), Fragmenting::Unnumbered, traffic_class);
    }

    fn send_octets(
        &mut self,
        payload: &[u8],
        source: IpAddr,
        destination: IpAddr,
        fragmenting: Fragmenting,
        traffic_class: u8,
    ) {
        let hop_limit = self.hop_limit;
        let protocol = protocol::TCP;
        // A segment that finds no way is lost, and sent again in time.
        let _ = self.send(&Outgoing { source, destination, protocol, traffic_class, hop_limit, fragmenting, payload });
    }

    /// A segment for a connection.
    fn receive_for(&mut self, number: u64, segment: &Segment<'_>, traffic_class: u8) {
        let Some(connection) = self.tcp.connections.get(&number) else { return };
        let (tuple, before, owner) = ((connection.local, connection.remote), connection.state(), connection.owner);
        match (owner, before) {
            // Gone for its reader: it is there for the error that waits only.
            (_, State::Closed) => return self.reset(segment, tuple, traffic_class),
            (Owner::Embryonic(listener), _) if !segment.has(RST) => {
                if segment.has(SYN) {
                    // The SYN-ACK was lost.
                    return self.repeat_syn_ack(number);
                }
                if self.tcp.listeners.get(&listener).is_none_or(Listener::is_full) {
                    return;
                }
            }
            (Owner::Orphan, State::FinWait1 | State::FinWait2) if connection.is_new_data(segment) => {
                // Nobody will ever read it.
                self.tcp.remove(number);
                return self.reset(segment, tuple, traffic_class);
            }
            (_, State::SynSent | State::SynReceived | State::Listen) => {}
            _ => {
                let now = self.now;
                match self.tcp.connections.get_mut(&number).map(|it| it.doubt(segment, now)) {
                    None | Some(Doubt::None) => {}
                    Some(Doubt::Drop) => return,
                    Some(Doubt::Ask(answer)) => {
                        return self.send_octets(&answer, tuple.0.ip(), tuple.1.ip(), Fragmenting::Avoided, 0);
                    }
                }
            }
        }
        // Behind the peer's FIN there is nothing to come: data there is nobody's.
        let is_ended = matches!(before, State::CloseWait | State::Closing | State::LastAck);
        let is_behind = self.tcp.connections.get(&number).is_some_and(|it| it.is_new_data(segment));
        let mut taken = *segment;
        let mut missing = None;
        if is_ended && is_behind {
            taken = Segment { payload: &[], flags: segment.flags & !FIN, ..taken };
        } else if matches!(before, State::Established | State::FinWait1 | State::FinWait2) {
            let now = self.now;
            missing = self.tcp.connections.get_mut(&number).and_then(|it| it.keep_fin(&mut taken, now));
        }
        self.run_tcp(number, Some(&taken));
        if let Some(answer) = missing {
            self.send_octets(&answer, tuple.0.ip(), tuple.1.ip(), Fragmenting::Avoided, 0);
        }
        if let Some(fin) = self.tcp.connections.get_mut(&number).and_then(Connection::kept_fin) {
            self.run_tcp(number, Some(&fin));
        }
        let Some(connection) = self.tcp.connections.get_mut(&number) else { return };
        let is_reset = segment.has(RST) && matches!(connection.state(), State::Closed | State::Listen);
        if is_reset {
            let errno = match before {
                State::SynSent | State::SynReceived => Errno::ConnectionRefused,
                State::CloseWait => Errno::BrokenPipe,
                _ => Errno::ConnectionReset,
            };
            connection.end(Some(errno));
        }
        self.settle(number);
    }

    fn repeat_syn_ack(&mut self, number: u64) {
        let Some(connection) = self.tcp.connections.get(&number) else { return };
        let (source, destination) = (connection.local.ip(), connection.remote.ip());
        if let Some(syn) = connection.syn.clone() {
            self.send_octets(&syn, source, destination, Fragmenting::Unnumbered, 0);
        }
    }

    /// Lets a connection do what it has to do, and sends what it says.
    fn run_tcp(&mut self, number: u64, segment: Option<&Segment<'_>>) {
        let now = self.now;
        let Some(connection) = self.tcp.connections.get_mut(&number) else { return };
        let engine = match connection.way {
            Way::Loopback => Some(&mut self.loopback),
            Way::Link(link) => self.links.get_mut(link).map(|link| &mut link.engine),
        };
        let Some(engine) = engine else { return };
        let (source, destination) = (connection.local.ip(), connection.remote.ip());
        let leaving = connection.run(engine, segment, now);
        self.changed |= !leaving.is_empty();
        for (octets, fragmenting) in leaving {
            self.send_octets(&octets, source, destination, fragmenting, 0);
        }
    }

    /// Draws the consequences of the state that a connection has come to.
    fn settle(&mut self, number: u64) {
        let now = self.now;
        let Some(connection) = self.tcp.connections.get_mut(&number) else { return };
        let state = connection.state();
        match connection.owner {
            Owner::Embryonic(listener) => {
                if connection.is_over() || state == State::Listen {
                    self.tcp.remove(number);
                    self.embryo_is_gone(listener);
                } else if !matches!(state, State::SynReceived) {
                    connection.owner = Owner::Queued(listener);
                    self.embryo_is_born(listener, number);
                }
            }
            Owner::Queued(_) | Owner::Stream if connection.is_over() => {
                let tuple = (connection.local, connection.remote);
                self.tcp.forget_tuple(number, tuple);
            }
            Owner::Queued(_) | Owner::Stream => {}
            Owner::Orphan if connection.is_over() => {
                self.tcp.remove(number);
            }
            Owner::Orphan if state == State::TimeWait => self.begin_time_wait(number),
            Owner::Orphan if state == State::FinWait2 => {
                connection.forgotten.get_or_insert(now + FIN_WAIT);
            }
            Owner::Orphan => {}
        }
    }

    fn begin_time_wait(&mut self, number: u64) {
        let until = self.now + time_wait::LENGTH;
        let Some(connection) = self.tcp.remove(number) else { return };
        let (next_sent, next_expected, window) = (connection.next_sent, connection.next_expected, connection.window);
        let over = TimeWait { until, next_sent, next_expected, window };
        self.tcp.time_waits.insert((connection.local, connection.remote), over);
    }

    /// Does what is due.
    pub(super) fn poll_tcp(&mut self) {
        let now = self.now;
        self.tcp.time_waits.retain(|_, over| over.until > now);
        let due = |connection: &Connection| {
            let at = [connection.timer.due(), connection.forgotten].into_iter().flatten().min();
            at.is_some_and(|at| at <= now)
        };
        let due = self.tcp.connections.iter().filter(|(_, connection)| due(connection)).map(|(number, _)| *number);
        let mut numbers: BTreeSet<u64> = due.collect();
        numbers.append(&mut self.tcp.ready);
        for number in numbers {
            self.fire(number);
            self.run_tcp(number, None);
            self.settle(number);
        }
    }

    /// A timer of a connection's is due, if one is.
    fn fire(&mut self, number: u64) {
        let now = self.now;
        let Some(connection) = self.tcp.connections.get_mut(&number) else { return };
        if connection.forgotten.is_some_and(|at| at <= now) {
            return connection.end(None);
        }
        if connection.timer.due().is_none_or(|due| due > now) {
            return;
        }
        self.changed = true;
        let patience = if connection.owner == Owner::Orphan { ORPHANS_PATIENCE } else { PATIENCE };
        let enough = match connection.state() {
            State::SynSent => connection.timer.fired() >= SYNS,
            State::SynReceived => connection.timer.fired() >= SYN_ACKS,
            _ => connection.timer.silence(now) >= patience,
        };
        if enough {
            connection.end(Some(Errno::TimedOut));
        } else {
            let engine = match connection.way {
                Way::Loopback => Some(&mut self.loopback),
                Way::Link(link) => self.links.get_mut(link).map(|link| &mut link.engine),
            };
            if let Some(engine) = engine {
                connection.time_out(engine, now);
            }
        }
    }

    /// When a connection has something to do next.
    pub(super) fn next_tcp(&self) -> Option<Duration> {
        let timers =
            self.tcp.connections.values().flat_map(|connection| [connection.timer.due(), connection.forgotten]);
        let over = self.tcp.time_waits.values().map(|over| Some(over.until));
        let ready = (!self.tcp.ready.is_empty()).then_some(self.now);
        timers.chain(over).chain([ready]).flatten().min()
    }

    /// An ICMP error about a segment of the host's: it ends a connection that is being opened, and no other.
    pub(super) fn tcp_error(&mut self, local: SocketAddr, remote: SocketAddr, sequence: u32, trouble: Trouble) {
        let Some(&number) = self.tcp.tuples.get(&(local, remote)) else { return };
        let Some(connection) = self.tcp.connections.get_mut(&number) else { return };
        let about_syn = connection.first_sequence == Some(sequence) && connection.state() == State::SynSent;
        if about_syn && trouble.errno != Errno::MessageSize {
            connection.end(Some(trouble.errno));
            self.settle(number);
        }
    }

    /// A neighbour did not answer: nobody can be reached there.
    pub(super) fn tcp_unreachable(&mut self, address: IpAddr) {
        let opening = |other: &Connection| other.remote.ip() == address && other.state() == State::SynSent;
        let numbers = self.tcp.connections.iter().filter(|(_, other)| opening(other)).map(|(number, _)| *number);
        for number in numbers.collect::<Vec<u64>>() {
            if let Some(connection) = self.tcp.connections.get_mut(&number) {
                connection.end(Some(Errno::HostUnreachable));
            }
            self.settle(number);
        }
    }

    /// The link has another MTU: connections go on with it, except those of IPv6 where it is too small for that.
    pub(super) fn tcp_mtu_changed(&mut self, link: usize) {
        let Some(state) = self.links.get(link) else { return };
        let lost = |other: &Connection| other.way == Way::Link(link) && !state.carries(other.local.ip());
        let numbers = self.tcp.connections.iter().filter(|(_, other)| lost(other)).map(|(number, _)| *number);
        for number in numbers.collect::<Vec<u64>>() {
            if let Some(connection) = self.tcp.connections.get_mut(&number) {
                connection.end(Some(Errno::TimedOut));
            }
            self.settle(number);
        }
    }
}
