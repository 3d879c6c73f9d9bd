//! Strategies for the segments of one TCP connection (RFC 9293): handshake, data both ways, acknowledgements, segments
//! that are sent again, and an end by FIN or RST. Every sequence and acknowledgement number is the one that it has to be.
//!
//! Layer: `strategy`.
//!
//! ```text
//!   client                            server
//!     | SYN seq 100 ------------------->|
//!     |<------------ SYN, ACK 101 seq 300 |
//!     | ACK 301 ----------------------->|
//!     | PSH, ACK "a" seq 101 ---------->|   data, from either side
//!     |<------------------------ ACK 102 |
//!     | FIN, ACK seq 102 -------------->|   or RST
//!     |<------------------- ACK 103, FIN |
//!     | ACK 302 ----------------------->|
//! ```
//!
//! All shrink to the fewest segments over IPv4, from 192.0.2.2:50000 to 192.0.2.1:80, with initial sequence numbers 100 and
//! 300 and data of one octet, `a`.
//!
//! ```
//! use proptest::prelude::*;
//! use tuntap_test::strategy::tcp_stream::{self, Side};
//!
//! proptest!(|(stream in tcp_stream::conversation())| {
//!     prop_assert_eq!(stream.segments[0].from, Side::Client);
//!     let built = stream.segments.iter().map(|segment| segment.packet.build());
//!     prop_assert!(built.into_iter().all(|octets| octets.is_ok()));
//! });
//! ```

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::collection;
use proptest::prelude::*;

use super::simpler::{choose, plainer, shrinking, smaller};
use super::{address, plain, port};
use crate::packet::{Ipv4, Ipv6, Packet, Tcp, TcpFlags};

/// Who sends a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a connection has two ends")]
pub enum Side {
    /// Who opened the connection.
    Client,
    /// Who listened.
    Server,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// A segment and who sends it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Segment {
    /// Who sends it.
    pub from: Side,
    /// The packet: IP, TCP and the data, with addresses, ports and all numbers set.
    pub packet: Packet,
    /// Whether the same data was sent before.
    pub again: bool,
}

/// The segments of a connection, in the order in which they are sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Conversation {
    /// The segments.
    pub segments: Vec<Segment>,
    /// What the client sends, as one piece.
    pub from_client: Vec<u8>,
    /// What the server sends, as one piece.
    pub from_server: Vec<u8>,
}

/// What happens in an open connection.
#[derive(Clone, Debug)]
enum Event {
    /// Data from a side; acknowledged at once, or with what the other side sends next.
    Data { from: Side, octets: Vec<u8>, acknowledged: bool },
    /// The last data of that side is sent once more, and acknowledged once more.
    Again { from: Side },
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Fin(Side),
    Rst(Side),
}

/// Source and destination of the client's packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Addresses {
    V4(Ipv4Addr, Ipv4Addr),
    V6(Ipv6Addr, Ipv6Addr),
}

impl Addresses {
    /// The documentation addresses, of IPv4 first.
    const PLAIN: [Self; 2] = [
        Self::V4(Ipv4Addr::new(192, 0, 2, 2), Ipv4Addr::new(192, 0, 2, 1)),
        Self::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    ];

    fn simpler(self) -> Vec<Self> {
        let families = match self {
            Self::V4(..) => 1,
            Self::V6(..) => 2,
        };
        Self::PLAIN.into_iter().take(families).take_while(|plain| *plain != self).collect()
    }
}

#[derive(Clone, Debug)]
struct Plan {
    addresses: Addresses,
    client: u16,
    server: u16,
    /// Initial sequence numbers.
    initial: [u32; 2],
    events: Vec<Event>,
    end: End,
}

/// What a side sent and has.
#[derive(Clone, Debug, Default)]
struct Half {
    /// What it sends next.
    next: u32,
    /// What it has not acknowledged of the other side's.
    owes: bool,
    /// Its last data, with its sequence number.
    last: Option<(u32, Vec<u8>)>,
    all: Vec<u8>,
}

/// The connection while its segments are written.
struct Run<'a> {
    plan: &'a Plan,
    client: Half,
    server: Half,
    segments: Vec<Segment>,
}

impl Run<'_> {
    const fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// A segment at that sequence number, which acknowledges all that its sender has.
    fn push(&mut self, from: Side, seq: u32, flags: TcpFlags, octets: &[u8], again: bool) {
        let acknowledgement = self.half(from.other()).next;
        let plan = self.plan;
        let tcp = match from {
            Side::Client => Tcp::new().sport(plan.client).dport(plan.server),
            Side::Server => Tcp::new().sport(plan.server).dport(plan.client),
        };
        let tcp = tcp.seq(seq).flags(flags).window(65_535);
        let tcp = if flags.contains(TcpFlags::SYN) { tcp.mss(1460) } else { tcp };
        let tcp = if flags.contains(TcpFlags::ACK) { tcp.acknowledgement(acknowledgement) } else { tcp };
        let packet = match (plan.addresses, from) {
            (Addresses::V4(client, server), Side::Client) => Ipv4::new().src(client).dst(server) / tcp,
            (Addresses::V4(client, server), Side::Server) => Ipv4::new().src(server).dst(client) / tcp,
            (Addresses::V6(client, server), Side::Client) => Ipv6::new().src(client).dst(server) / tcp,
            (Addresses::V6(client, server), Side::Server) => Ipv6::new().src(server).dst(client) / tcp,
        };
        let packet = if octets.is_empty() { packet } else { packet / octets };
        self.segments.push(Segment { from, packet, again });
        self.half(from).owes = false;
    }

    /// The next segment of a side: flags and data that take sequence numbers.
    fn send(&mut self, from: Side, flags: TcpFlags, octets: &[u8]) {
        let seq = self.half(from).next;
        self.push(from, seq, flags, octets, false);
        let counted = u32::from(flags.contains(TcpFlags::SYN)) + u32::from(flags.contains(TcpFlags::FIN));
        let octets = u32::try_from(octets.len()).unwrap_or(0);
        self.half(from).next = seq.wrapping_add(octets).wrapping_add(counted);
        self.half(from.other()).owes = octets + counted > 0;
    }

    fn acknowledge(&mut self, from: Side) {
        if self.half(from).owes {
            self.send(from, TcpFlags::ACK, &[]);
        }
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Data { from, octets, acknowledged } => {
                let seq = self.half(*from).next;
                self.send(*from, TcpFlags::PSH | TcpFlags::ACK, octets);
                let half = self.half(*from);
                half.last = Some((seq, octets.clone()));
                half.all.extend_from_slice(octets);
                if *acknowledged {
                    self.acknowledge(from.other());
                }
            }
            Event::Again { from } => {
                if let Some((seq, octets)) = self.half(*from).last.clone() {
                    self.push(*from, seq, TcpFlags::PSH | TcpFlags::ACK, &octets, true);
                    self.half(from.other()).owes = true;
                    self.acknowledge(from.other());
                }
            }
        }
    }
}

impl Plan {
    fn conversation(&self) -> Conversation {
        let [client, server] = self.initial.map(|next| Half { next, ..Half::default() });
        let mut run = Run { plan: self, client, server, segments: Vec::new() };
        run.send(Side::Client, TcpFlags::SYN, &[]);
        run.send(Side::Server, TcpFlags::SYN | TcpFlags::ACK, &[]);
        run.acknowledge(Side::Client);
        for event in &self.events {
            run.event(event);
        }
        match self.end {
            End::Fin(first) => {
                run.acknowledge(first);
                run.send(first, TcpFlags::FIN | TcpFlags::ACK, &[]);
                run.send(first.other(), TcpFlags::FIN | TcpFlags::ACK, &[]);
                run.acknowledge(first);
            }
            End::Rst(from) => run.send(from, TcpFlags::RST | TcpFlags::ACK, &[]),
        }
        Conversation { segments: run.segments, from_client: run.client.all, from_server: run.server.all }
    }

    fn simpler(&self) -> Vec<Self> {
        let mut all = Vec::new();
        all.extend(self.addresses.simpler().into_iter().map(|addresses| Self { addresses, ..self.clone() }));
        all.extend(port::simpler_source(self.client).into_iter().map(|client| Self { client, ..self.clone() }));
        all.extend(port::simpler_service(self.server).into_iter().map(|server| Self { server, ..self.clone() }));
        if self.initial != Self::INITIAL {
            let [client, server] = self.initial;
            let [plain_client, plain_server] = Self::INITIAL;
            all.extend(
                [Self::INITIAL, [plain_client, server], [client, plain_server]]
                    .into_iter()
                    .filter(|initial| *initial != self.initial)
                    .map(|initial| Self { initial, ..self.clone() }),
            );
        }
        let ends = [End::Fin(Side::Client), End::Fin(Side::Server), End::Rst(Side::Client), End::Rst(Side::Server)];
        all.extend(ends.into_iter().take_while(|end| *end != self.end).map(|end| Self { end, ..self.clone() }));
        // Fewer events: the first few, then without each.
        let fewer = smaller(self.events.len() as u128, 0).into_iter().filter_map(|events| usize::try_from(events).ok());
        all.extend(fewer.filter_map(|events| Some(self.with_events(self.events.get(..events)?.to_vec()))));
        for (at, event) in self.events.iter().enumerate() {
            let instead = |event: Option<Event>| {
                let mut events = self.events.clone();
                events.splice(at..=at, event);
                self.with_events(events)
            };
            all.push(instead(None));
            if let Event::Data { from, octets, acknowledged } = event {
                if !acknowledged {
                    all.push(instead(Some(Event::Data { from: *from, octets: octets.clone(), acknowledged: true })));
                }
                if *from == Side::Server {
                    let from = Side::Client;
                    all.push(instead(Some(Event::Data { from, octets: octets.clone(), acknowledged: *acknowledged })));
                }
                let data = |octets| Event::Data { from: *from, octets, acknowledged: *acknowledged };
                all.extend(plainer(octets, 1).into_iter().map(|octets| instead(Some(data(octets)))));
            }
        }
        all
    }

    fn with_events(&self, events: Vec<Event>) -> Self {
        Self { events, ..self.clone() }
    }

    /// Initial sequence numbers that are easy to count on from.
    const INITIAL: [u32; 2] = [100, 300];
}

fn sides() -> impl Strategy<Value = Side> + Clone {
    prop::sample::select(vec![Side::Client, Side::Server])
}

fn plans(again: u32) -> BoxedStrategy<Plan> {
    let [plain_v4, plain_v6] = Addresses::PLAIN;
    let v4 = (address::source_v4(), address::source_v4())
        .prop_map(move |(client, server)| if client == server { plain_v4 } else { Addresses::V4(client, server) });
    let v6 = (address::source_v6(), address::source_v6())
        .prop_map(move |(client, server)| if client == server { plain_v6 } else { Addresses::V6(client, server) });
    // Some of them near the end of the numbers, so that they begin again within the connection.
    let initial = || choose![2 => any::<u32>(), 1 => (u32::MAX - 100)..=u32::MAX];
    let octets = choose![4 => plain::octets(1..=40), 1 => plain::octets(1..=1400)];
    let data = (sides(), octets, prop::bool::weighted(0.7))
        .prop_map(|(from, octets, acknowledged)| Event::Data { from, octets, acknowledged })
        .boxed();
    let event =
        if again == 0 { data } else { choose![4 => data, again => sides().prop_map(|from| Event::Again { from })] };
    let end = choose![3 => sides().prop_map(End::Fin), 1 => sides().prop_map(End::Rst)];
    let plans = (
        choose![1 => v4, 1 => v6],
        port::source(),
        port::service(),
        initial(),
        initial(),
        collection::vec(event, 0..=12),
        end,
    )
        .prop_map(|(addresses, client, server, one, other, events, end)| Plan {
            addresses,
            client,
            server,
            initial: [one, other],
            events,
            end,
        });
    shrinking(plans, Plan::simpler)
}

/// A whole connection: handshake, up to 12 pieces of data from both sides of 1 to 1400 octets, one in five of them sent
/// again, an end by FIN or, in one of four cases, by RST. Over IPv4 or IPv6, with any initial sequence numbers.
///
/// Shrinks to a handshake and FINs, the client's first.
pub fn conversation() -> BoxedStrategy<Conversation> {
    plans(1).prop_map(|plan| plan.conversation()).boxed()
}

/// The same in which nothing is sent again. Shrinks to the same.
pub fn conversation_without_loss() -> BoxedStrategy<Conversation> {
    plans(0).prop_map(|plan| plan.conversation()).boxed()
}
