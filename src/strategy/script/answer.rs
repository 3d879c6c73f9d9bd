//! Answers, and what is set in them.

use proptest::prelude::*;
use proptest::{collection, sample};

use crate::fuzz::script::LAYERS;
use crate::fuzz::{Answer, Edit, Reply, Step};
use crate::packet::{LayerKind, TcpFlags, protocol};

/// Any answer: what a peer would say mostly, segments and datagrams, ICMP errors; now and then with fields set to
/// something else.
pub fn answer() -> BoxedStrategy<Answer> {
    let to = prop_oneof![6 => Just(0), 2 => 0_u8..=3, 1 => any::<u8>()];
    let edits = prop_oneof![3 => Just(Vec::new()), 1 => collection::vec(edit(), 1..=3)];
    (reply(), to, edits)
        .prop_map(|(reply, to, edits)| {
            let mut answer = Answer::new(reply).to(to);
            answer.edits = edits;
            answer
        })
        .boxed()
}

fn reply() -> BoxedStrategy<Reply> {
    prop_oneof![
        4 => Just(Reply::Peer),
        1 => Just(Reply::Mirror),
        4 => (flags(), off(), off(), octets())
            .prop_map(|(flags, sequence, acknowledgement, payload)| Reply::Segment { flags, sequence, acknowledgement, payload }),
        2 => octets().prop_map(|payload| Reply::Datagram { payload }),
        1 => type_and_code().prop_map(|(icmp_type, code)| Reply::Error { icmp_type, code }),
    ]
    .boxed()
}

/// Flags as peers set them, and any.
fn flags() -> BoxedStrategy<TcpFlags> {
    const ACK: TcpFlags = TcpFlags::ACK;
    let usual =
        vec![ACK, ACK | TcpFlags::PSH, ACK | TcpFlags::FIN, ACK | TcpFlags::SYN, ACK | TcpFlags::RST, TcpFlags::RST];
    prop_oneof![4 => sample::select(usual), 1 => any::<u8>().prop_map(TcpFlags)].boxed()
}

/// How far off what continues the connection: not, a little, anything.
fn off() -> BoxedStrategy<i32> {
    prop_oneof![6 => Just(0), 2 => -2_i32..=2, 1 => any::<i32>()].boxed()
}

fn octets() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![1 => Just(Vec::new()), 4 => collection::vec(any::<u8>(), 0..64)].boxed()
}

/// Errors of ICMP and ICMPv6: unreachable, too large, out of time, a parameter; and any.
fn type_and_code() -> BoxedStrategy<(u8, u8)> {
    let known = vec![(3, 3), (3, 4), (11, 0), (12, 0), (1, 4), (2, 0), (3, 0), (4, 1)];
    prop_oneof![6 => sample::select(known), 1 => any::<(u8, u8)>()].boxed()
}

/// A field of a reply that is set to something else: any field that holds a number or octets, of those layers that
/// replies have more often than of others.
pub fn edit() -> BoxedStrategy<Edit> {
    let usual =
        [LayerKind::Tcp, LayerKind::Udp, LayerKind::Ipv4, LayerKind::Ipv6, LayerKind::Icmpv4, LayerKind::Payload];
    let of = |kinds: &[LayerKind]| sample::select(kinds.iter().flat_map(|kind| settable(*kind)).collect::<Vec<_>>());
    let value = prop_oneof![
        2 => Just(Vec::new()),
        1 => Just(vec![1]),
        1 => Just(vec![0xff; 16]),
        4 => collection::vec(any::<u8>(), 1..=16),
    ];
    (prop_oneof![4 => of(&usual), 1 => of(&LAYERS)], value)
        .prop_filter_map("no such field", |((layer, name), value)| Edit::named(layer, name.as_bytes(), &value))
        .boxed()
}

/// The number of the layer in the encoding with the name of each field that can be set.
fn settable(kind: LayerKind) -> Vec<(u8, &'static str)> {
    let number = LAYERS.iter().position(|layer| *layer == kind).and_then(|at| u8::try_from(at).ok());
    let names = protocol(kind).fields.iter().map(|info| info.name);
    let named = names.filter_map(|name| Some((number?, name)));
    named.filter(|(layer, name)| Edit::named(*layer, name.as_bytes(), &[]).is_some()).collect()
}

pub(super) fn peer() -> BoxedStrategy<Step> {
    Just(Step::Answer(Answer::peer())).boxed()
}

/// A segment without data.
pub(super) fn segment(flags: TcpFlags) -> BoxedStrategy<Step> {
    (off(), off())
        .prop_map(move |(sequence, acknowledgement)| {
            Step::Answer(Answer::segment(flags, []).off_by(sequence, acknowledgement))
        })
        .boxed()
}

/// A segment with data that continues the connection.
pub(super) fn of_segment(flags: TcpFlags) -> BoxedStrategy<Step> {
    octets().prop_map(move |payload| Step::Answer(Answer::segment(flags, payload))).boxed()
}

pub(super) fn datagram() -> BoxedStrategy<Step> {
    octets().prop_map(|payload| Step::Answer(Answer::datagram(payload))).boxed()
}

/// That nobody listens there.
pub(super) fn icmp_error(v6: bool) -> BoxedStrategy<Step> {
    let (icmp_type, code) = if v6 { (1, 4) } else { (3, 3) };
    Just(Step::Answer(Answer::error(icmp_type, code))).boxed()
}
