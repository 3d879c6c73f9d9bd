//! ICMP for IPv6 (RFC 4443): errors and echo; and the table of its other messages, neighbour discovery (`ndp.rs`) and
//! multicast listener discovery (`mld.rs`).
//!
//! ```text
//!   0      1      2          4        5                        8
//!  +------+------+----------+--------+------------------------+---- - -
//!  | type | code | checksum | id              | seq           | data                    echo
//!  |      |      |          | length | unused                 | the quoted datagram,    unreachable, time exceeded
//!  |      |      |          | mtu                             | a nested packet         packet too big
//!  |      |      |          | pointer                         |                         parameter problem
//!  |      |      |          | rest                            | data                    any other
//!  +------+------+----------+--------+------------------------+---- - -
//! ```

use std::fmt;
use std::net::Ipv6Addr;

use super::build::Completing;
use super::checksum::{checksum, transport_checksum};
use super::dissect::{Dissected, LengthError, Next};
use super::field::{FieldValue, IntoField, Octets};
use super::layer::{Behaviour, Layer, Show, bits, layer, octets, option};
use super::ndp_options::{self, MTU, PREFIX, SOURCE, TARGET};
use super::verify::{Defect, DefectKind};
use super::view::View;
use super::{IntoPacket, Packet, group_records, mld, ndp};

const BEHAVIOUR: Behaviour = Behaviour { fixed, align: 1, dissect, complete, verify, summary };

const UNREACHABLE: u8 = 1;
const PACKET_TOO_BIG: u8 = 2;
const TIME_EXCEEDED: u8 = 3;
const PARAMETER_PROBLEM: u8 = 4;
const ECHO_REQUEST: u8 = 128;
const ECHO_REPLY: u8 = 129;

layer! {
    /// An ICMP message for IPv6 (RFC 4443), of neighbour discovery (RFC 4861), or of multicast listener discovery (RFC
    /// 2710, RFC 3810). Alone it is sent over IPv6.
    ///
    /// Errors and echo have 8 octets, and what they quote or carry follows. The others are all header: their options,
    /// sources and records are fields, written in the order of the calls.
    ///
    /// ```
    /// use tuntap_test::packet::{Icmpv6, Ipv6, Udp};
    ///
    /// let echo = Icmpv6::echo_request(7, 1) / b"hello";
    /// let error = Icmpv6::port_unreachable() / Ipv6::new() / Udp::new().dport(53);
    /// let answer = Icmpv6::neighbor_advertisement([0x2001, 0xdb8, 0, 0, 0, 0, 0, 2])
    ///     .solicited(true)
    ///     .override_flag(true)
    ///     .target_link_layer_address([2, 0, 0, 0, 0, 2]);
    /// # let _ = (echo, error, answer);
    /// ```
    Icmpv6, ICMPV6 = Icmpv6 "ICMPv6", BEHAVIOUR;
    /// The type (IANA "ICMPv6 Type Numbers").
    icmp_type: u8 = bits(0, 8).show(Show::Named(TYPES));
    /// The code, whose meaning depends on the type.
    code: u8 = bits(8, 8);
    /// Checksum of the pseudo-header and the whole message.
    checksum: u16 = bits(16, 16).computed().show(Show::Hex(4));
    /// Identifier of an echo message.
    id: u16 = bits(32, 16).when(is_echo);
    /// Sequence number of the same.
    seq: u16 = bits(48, 16).when(is_echo);
    /// The MTU of "packet too big", octets.
    mtu: u32 = bits(32, 32).when(|header| matches!(header, [PACKET_TOO_BIG, ..]));
    /// The octet that a parameter problem is about.
    pointer: u32 = bits(32, 32).when(|header| matches!(header, [PARAMETER_PROBLEM, ..]));
    /// Units of 8 octets that the quoted datagram takes when extensions follow it, 0 when none do (RFC 4884 section
    /// 4.2).
    length: u8 = bits(32, 8).when(is_extensible);
    /// Three octets that "unreachable" and "time exceeded" do not use.
    unused: u32 = bits(40, 24).when(is_extensible);
    /// The second four octets of the types that do not use them, or of those that are not known here.
    rest: u32 = bits(32, 32).show(Show::Hex(8)).when(is_no_other);

    /// Router advertisement: the hop limit that hosts are to use, 0 for no advice (RFC 4861 section 4.2).
    hop_limit: u8 = bits(32, 8).when(ndp::is_router_advertisement);
    /// Router advertisement, M: addresses are given by DHCPv6.
    managed: bool = bits(40, 1).show(Show::Bool).when(ndp::is_router_advertisement);
    /// Router advertisement, O: other configuration is given by DHCPv6.
    other_config: bool = bits(41, 1).show(Show::Bool).when(ndp::is_router_advertisement);
    /// Router advertisement, H: the router is a home agent (RFC 6275 section 7.1).
    home_agent: bool = bits(42, 1).show(Show::Bool).when(ndp::is_router_advertisement);
    /// Router advertisement: preference, 2 bits: 0 medium, 1 high, 3 low (RFC 4191 section 2.2).
    router_preference: u8 =
        bits(43, 2).show(Show::Named(&[(0, "medium"), (1, "high"), (3, "low")])).when(ndp::is_router_advertisement);
    /// Router advertisement, P: it came through a proxy (RFC 4389 section 4.1.3.3).
    proxy: bool = bits(45, 1).show(Show::Bool).when(ndp::is_router_advertisement);
    /// Router advertisement: the flags that are left, 2 bits.
    reserved_flags: u8 = bits(46, 2).when(ndp::is_router_advertisement);
    /// Router advertisement: seconds for which the router is a default router, 0 for no default router.
    router_lifetime: u16 = bits(48, 16).when(ndp::is_router_advertisement);
    /// Router advertisement: milliseconds for which a neighbour counts as reachable, 0 for no advice.
    reachable_time: u32 = bits(64, 32).when(ndp::is_router_advertisement);
    /// Router advertisement: milliseconds between solicitations, 0 for no advice.
    retrans_timer: u32 = bits(96, 32).when(ndp::is_router_advertisement);
    /// Neighbor advertisement, R: the sender is a router (RFC 4861 section 4.4).
    router: bool = bits(32, 1).show(Show::Bool).when(ndp::is_neighbor_advertisement);
    /// Neighbor advertisement, S: it answers a solicitation.
    solicited: bool = bits(33, 1).show(Show::Bool).when(ndp::is_neighbor_advertisement);
    /// Neighbor advertisement, O: it replaces what is known.
    override_flag: bool = bits(34, 1).show(Show::Bool).when(ndp::is_neighbor_advertisement);
    /// Neighbor advertisement: the bits behind its flags, 29.
    reserved: u32 = bits(35, 29).when(ndp::is_neighbor_advertisement);
    /// The address that a neighbor solicitation or advertisement is about; the better first hop of a redirect.
    target: Ipv6Addr = bits(64, 128).show(Show::Ipv6).when(ndp::has_target);
    /// Redirect: the destination that is reached through the target (RFC 4861 section 4.5).
    destination: Ipv6Addr = bits(192, 128).show(Show::Ipv6).when(ndp::is_redirect);

    /// Listener query: maximum response code, milliseconds below 32768 (RFC 3810 section 5.1.3).
    max_response: u16 = bits(32, 16).when(mld::has_group);
    /// Listener query, report and done: the two octets in front of the group.
    reserved_2: u16 = bits(48, 16).when(mld::has_group);
    /// Listener query, report and done: the group; `::` in a query asks for all.
    group: Ipv6Addr = bits(64, 128).show(Show::Ipv6).when(mld::has_group);
    /// Listener query, version 2: reserved bits, 4.
    query_flags: u8 = bits(192, 4).when(mld::is_query_v2);
    /// Listener query, version 2, S: routers do not take notice (RFC 3810 section 5.1.7).
    suppress: bool = bits(196, 1).show(Show::Bool).when(mld::is_query_v2);
    /// Listener query, version 2: the querier's robustness variable, 3 bits.
    qrv: u8 = bits(197, 3).when(mld::is_query_v2);
    /// Listener query, version 2: the querier's query interval code, seconds below 128.
    qqic: u8 = bits(200, 8).when(mld::is_query_v2);
    /// Listener query, version 2: how many sources follow; computed unless set.
    number_of_sources: u16 = bits(208, 16).computed().when(mld::is_query_v2);
    /// Listener query, version 2: the sources as they stand, 16 octets each; a query of version 1 has none. See
    /// [`sources`](Self::sources).
    source_list: Octets = octets(mld::sources, mld::append_sources);
    /// Listener report, version 2: reserved bits, 16; now flags (RFC 9777 section 5.2).
    report_flags: u16 = bits(32, 16).when(mld::is_report_v2);
    /// Listener report, version 2: how many records follow; computed unless set.
    number_of_records: u16 = bits(48, 16).computed().when(mld::is_report_v2);
    /// Listener report, version 2: the first record's type ([`group_record`](super::group_record)). With
    /// [`record_group`](Self::record_group) it is built as one record without sources.
    record_type: u8 =
        option(mld::record_type, |bits, header| group_records::MLD.fill_first_type(u8::from_bits(bits), header))
            .show(Show::Named(group_records::TYPES));
    /// Listener report, version 2: the first record's group.
    record_group: Ipv6Addr =
        option(mld::record_group, |bits, header| group_records::MLD.fill_first_group(&bits.to_be_bytes(), header))
            .show(Show::Ipv6);
    /// Listener report, version 2: all records as they stand. See [`record`](Self::record) and
    /// [`with_record`](Self::with_record).
    mld_records: Octets = octets(mld::all_records, mld::append_records);

    /// Option 1: the sender's hardware address (RFC 4861 section 4.6.1), if it is one of Ethernet.
    source_link_layer_address: [u8; 6] = ndp_options::number::<SOURCE, 8, 2, 8>().show(Show::Mac);
    /// Option 2: the target's hardware address, if it is one of Ethernet.
    target_link_layer_address: [u8; 6] = ndp_options::number::<TARGET, 8, 2, 8>().show(Show::Mac);
    /// Option 3, the first: the prefix (RFC 4861 section 4.6.2). This and the next four are built as one option.
    prefix: Ipv6Addr = ndp_options::number::<PREFIX, 32, 16, 32>().show(Show::Ipv6);
    /// Option 3, the first: how many bits of the prefix count.
    prefix_length: u8 = ndp_options::number::<PREFIX, 32, 2, 3>();
    /// Option 3, the first: 0x80 on-link, 0x40 autonomous, 0x20 router address (RFC 6275 section 7.2).
    prefix_flags: u8 = ndp_options::number::<PREFIX, 32, 3, 4>().show(Show::Hex(2));
    /// Option 3, the first: seconds for which the prefix is valid.
    valid_lifetime: u32 = ndp_options::number::<PREFIX, 32, 4, 8>();
    /// Option 3, the first: seconds for which addresses made from it are preferred.
    preferred_lifetime: u32 = ndp_options::number::<PREFIX, 32, 8, 12>();
    /// Option 4: the start of the datagram that was redirected, filled up with zeros (RFC 4861 section 4.6.3).
    redirected_header: Octets =
        octets(ndp_options::redirected_header, ndp_options::append_redirected_header).show(Show::Padded(8));
    /// Option 5: the MTU of the link, octets (RFC 4861 section 4.6.4).
    link_mtu: u32 = ndp_options::number::<MTU, 8, 4, 8>();
    /// Option 25, the first: the addresses of DNS servers, 16 octets each (RFC 8106 section 5.1). See
    /// [`rdnss`](Self::rdnss).
    rdnss_servers: Octets = octets(ndp_options::rdnss_servers, ndp_options::append_rdnss_servers);
    /// Option 25, the first: seconds for which they may be used.
    rdnss_lifetime: u32 = option(ndp_options::rdnss_lifetime, ndp_options::fill_rdnss_lifetime);
    /// All options of a message of neighbour discovery, as they stand.
    ndp_options: Octets = octets(ndp_options::all, ndp_options::append_all);
}

const TYPES: &[(u128, &str)] = &[
    (1, "destination unreachable"),
    (2, "packet too big"),
    (3, "time exceeded"),
    (4, "parameter problem"),
    (128, "echo request"),
    (129, "echo reply"),
    (130, "multicast listener query"),
    (131, "multicast listener report"),
    (132, "multicast listener done"),
    (133, "router solicitation"),
    (134, "router advertisement"),
    (135, "neighbor solicitation"),
    (136, "neighbor advertisement"),
    (137, "redirect"),
    (143, "multicast listener report v2"),
];

fn is_echo(header: &[u8]) -> bool {
    matches!(header, [ECHO_REQUEST | ECHO_REPLY, ..])
}

/// Messages to which extensions can be appended (RFC 4884 section 4.6).
fn is_extensible(header: &[u8]) -> bool {
    matches!(header, [UNREACHABLE | TIME_EXCEEDED, ..])
}

/// The second four octets belong to none of the other fields.
fn is_no_other(header: &[u8]) -> bool {
    match header {
        [UNREACHABLE | PACKET_TOO_BIG | TIME_EXCEEDED | PARAMETER_PROBLEM | ECHO_REQUEST | ECHO_REPLY, ..] => false,
        [icmp_type, ..] if ndp::fixed(*icmp_type).is_some() => ndp::has_rest(header),
        _ => mld::fixed(header).is_none(),
    }
}

/// The hop limit that a message needs (RFC 4861: 255, RFC 2710 and RFC 3810: 1).
pub(crate) fn hop_limit(message: &Layer) -> Option<u8> {
    match message.number("icmp_type")? {
        133..=137 => Some(255),
        130..=132 | 143 => Some(1),
        _ => None,
    }
}

/// Where a message goes that names no destination, where that is a group.
pub(crate) fn destination(message: &Layer) -> Option<Ipv6Addr> {
    let icmp_type = u8::from_bits(message.number("icmp_type")?);
    ndp::destination(icmp_type, message).or_else(|| mld::destination(icmp_type, message))
}

impl Icmpv6 {
    pub(crate) fn of(icmp_type: u8, code: u8) -> Self {
        Self::new().icmp_type(icmp_type).code(code)
    }

    /// An echo request; both numbers may be patterns.
    pub fn echo_request(id: impl IntoField<u16>, seq: impl IntoField<u16>) -> Self {
        Self::of(ECHO_REQUEST, 0).id(id).seq(seq)
    }

    /// An echo reply; both numbers may be patterns.
    pub fn echo_reply(id: impl IntoField<u16>, seq: impl IntoField<u16>) -> Self {
        Self::of(ECHO_REPLY, 0).id(id).seq(seq)
    }

    /// Destination unreachable, with that code (RFC 4443 section 3.1).
    pub fn unreachable(code: impl IntoField<u8>) -> Self {
        Self::new().icmp_type(UNREACHABLE).code(code)
    }

    /// Port unreachable: code 4.
    pub fn port_unreachable() -> Self {
        Self::of(UNREACHABLE, 4)
    }

    /// Packet too big, with the MTU of the next hop in octets (RFC 4443 section 3.2).
    pub fn packet_too_big(mtu: impl IntoField<u32>) -> Self {
        Self::of(PACKET_TOO_BIG, 0).mtu(mtu)
    }

    /// Hop limit exceeded in transit: code 0.
    pub fn time_exceeded() -> Self {
        Self::of(TIME_EXCEEDED, 0)
    }

    /// Parameter problem with that code, and the octet it is about (RFC 4443 section 3.4).
    pub fn parameter_problem(code: impl IntoField<u8>, pointer: impl IntoField<u32>) -> Self {
        Self::new().icmp_type(PARAMETER_PROBLEM).code(code).pointer(pointer)
    }

    /// The datagram that an error is about: a packet, or octets such as the first 48 of a frame.
    pub fn quoting(self, datagram: impl IntoPacket) -> Packet {
        self / datagram
    }
}

fn fixed(header: &[u8]) -> usize {
    ndp::options_start(header).or_else(|| mld::fixed(header)).unwrap_or(8)
}

fn dissect(octets: &[u8]) -> Result<Dissected, LengthError> {
    let needed = fixed(octets);
    let (&[kind, ..], Some(rest)) = (octets, octets.get(needed..)) else {
        return Err(LengthError::Truncated { needed });
    };
    // RFC 4443 section 2.1: errors are those below 128.
    let next = if kind < 128 { Next::quoted(rest) } else { Next::Payload };
    let is_all_header = ndp::fixed(kind).is_some() || mld::is_v2(octets);
    Ok(Dissected { header: if is_all_header { octets.len() } else { needed }, length: None, next })
}

fn complete(header: &mut Vec<u8>, cx: &Completing<'_>) {
    mld::complete(header, cx);
    if !cx.is_set("checksum") {
        cx.write(header, "checksum", cx.transport_checksum(58, header));
    }
}

fn verify(view: &View<'_>, defect: &mut dyn FnMut(Defect)) {
    let sum = match view.ip {
        Some(ip) if ip.fragment => return,
        Some(ip) => transport_checksum(&ip, 58, view.message()),
        None => checksum(view.message()),
    };
    view.check_sum("checksum", sum, "RFC 4443 section 2.3", defect);
    mld::verify(view, defect);
    if let Some((at, wanted, got)) = ndp_options::malformed(view.header) {
        defect(Defect {
            layer: view.protocol.kind,
            field: "length of an option",
            kind: DefectKind::Length,
            wanted: u32::try_from(wanted).unwrap_or(u32::MAX),
            got: got.into(),
            octets: view.start + at..view.start + at + 1,
            rule: "RFC 4861 section 4.6",
        });
    }
}

fn summary(view: &View<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let &[kind, code, ..] = view.header else { return f.write_str("ICMPv6") };
    f.write_str("ICMPv6 ")?;
    match TYPES.iter().find(|(number, _)| *number == u128::from(kind)) {
        Some((_, name)) => f.write_str(name)?,
        None => write!(f, "type {kind}")?,
    }
    match kind {
        ECHO_REQUEST | ECHO_REPLY => {
            write!(f, " id {} seq {} {} octets", view.number("id"), view.number("seq"), view.content.len())
        }
        UNREACHABLE if code == 4 => f.write_str(" (port)"),
        PACKET_TOO_BIG => write!(f, " mtu {}", view.number("mtu")),
        PARAMETER_PROBLEM => write!(f, " code {code} at octet {}", view.number("pointer")),
        _ => {
            ndp::summary(kind, view, f)?;
            mld::summary(kind, view, f)?;
            if code == 0 { Ok(()) } else { write!(f, " code {code}") }
        }
    }
}
