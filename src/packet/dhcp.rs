//! DHCP for IPv4 (RFC 2131), in the messages of BOOTP (RFC 951).
//!
//! ```text
//!   0    1       2      3      4     8      10      12
//!  +----+-------+------+------+-----+------+-------+--------+--------+--------+--------+
//!  | op | htype | hlen | hops | xid | secs | flags | ciaddr | yiaddr | siaddr | giaddr |
//!  +----+-------+------+------+-----+------+-------+--------+--------+--------+--------+
//!   28       44      108    236          240
//!  +--------+-------+------+------------+---------+----+----+
//!  | chaddr | sname | file | 63825363   | options | ff | 00 |
//!  +--------+-------+------+------------+---------+----+----+
//! ```
//!
//! To or from the ports 67 and 68 a message is taken apart where it has the magic cookie; BOOTP without one stays a
//! payload. Options are read up to the end or to what is cut.

use std::fmt;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::sync::Arc;

use super::build::Completing;
use super::dhcp_options::{self as options, Addresses, DhcpOption, FILE, SERVER_NAME, START};
use super::dissect::{Dissected, Dissection, LengthError, Next};
use super::ethernet::Mac;
use super::field::{Constraint, FieldValue, IntoField, Octets};
use super::layer::{Behaviour, Layer, LayerKind, Show, bits, layer, octets, option, parts};
use super::verify::Defect;
use super::view::View;
use crate::device::FrameRef;

const BEHAVIOUR: Behaviour = Behaviour { fixed: |_| START, align: 1, dissect, complete, verify, summary };

/// What options begin with (RFC 2131 section 3).
const MAGIC: u32 = 0x6382_5363;

/// The fewest octets that a relay agent must pass on (RFC 1542 section 2.1).
const SHORTEST: usize = 300;

layer! {
    /// A DHCP message for IPv4 (RFC 2131 section 2). Alone it is sent over UDP and IPv4, by a client from port 68 to 67 and
    /// by a server the other way; a client without an address sends from 0.0.0.0, and it or the broadcast flag sends to
    /// 255.255.255.255.
    ///
    /// Options are written in the order of the calls, then the end, then zeros up to 300 octets (RFC 1542 section
    /// 2.1). A template that names an option by [`option`](Self::option) matches whatever others there are.
    ///
    /// ```
    /// use tuntap_test::device::{FrameRef, Mode};
    /// use tuntap_test::packet::{Dhcp, IntoPacket, Ipv4, Udp};
    ///
    /// let mac = [2, 0, 0, 0, 0, 2];
    /// let discover = Dhcp::discover().xid(0x3903_f326).chaddr(mac).parameter_list([1, 3, 6]);
    /// let octets = discover.clone().into_packet().build()?;
    /// assert_eq!(
    ///     FrameRef::new(Mode::Tun, &octets).summary().to_string(),
    ///     "0.0.0.0:68 > 255.255.255.255:67 DHCP discover xid 0x3903f326 from 02:00:00:00:00:02"
    /// );
    ///
    /// let offer = Dhcp::offer().in_reply_to(&discover).yiaddr([192, 0, 2, 7]).lease_time(3600).router([192, 0, 2, 1]);
    /// let octets = offer.into_packet().build()?;
    /// let wanted = Udp::new().dport(68) / Dhcp::offer().lease_time(60..).option(51, [0, 0, 0x0e, 0x10]);
    /// assert!(wanted.matches(FrameRef::new(Mode::Tun, &octets)));
    /// # let _ = Ipv4::new();
    /// # Ok::<(), tuntap_test::packet::BuildError>(())
    /// ```
    ///
    /// What another crate encoded, such as a message of dhcproto, can be sent as it is: octets behind a UDP layer.
    Dhcp, DHCP = Dhcp "DHCP", BEHAVIOUR;
    /// 1, to a server, unless set; 2, to a client.
    op: u8 = bits(0, 8).default(1).show(Show::Named(&[(1, "request"), (2, "reply")]));
    /// Hardware address space: 1, Ethernet, unless set.
    htype: u8 = bits(8, 8).default(1);
    /// Octets of the hardware address: 6 unless set.
    hlen: u8 = bits(16, 8).default(6);
    /// Relay agents on the way.
    hops: u8 = bits(24, 8);
    /// Transaction: the client's choice, and the server's answer has it.
    xid: u32 = bits(32, 32).show(Show::Hex(8));
    /// Seconds since the client began.
    secs: u16 = bits(64, 16);
    /// Flags: 0x8000 is broadcast, see [`broadcast`](Self::broadcast); the others are 0.
    flags: u16 = bits(80, 16).show(Show::Hex(4));
    /// The client's address, where it has one and answers for it.
    ciaddr: Ipv4Addr = bits(96, 32).show(Show::Ipv4);
    /// "Your" address: what the client gets.
    yiaddr: Ipv4Addr = bits(128, 32).show(Show::Ipv4);
    /// The next server's address.
    siaddr: Ipv4Addr = bits(160, 32).show(Show::Ipv4);
    /// The relay agent's address.
    giaddr: Ipv4Addr = bits(192, 32).show(Show::Ipv4);
    /// The client's hardware address, where it has 6 octets.
    chaddr: [u8; 6] = bits(224, 48).show(Show::Mac).when(|message| message.get(2) == Some(&6));
    /// The server's name, 64 octets at most, unless options stand there.
    sname: Octets = octets(|message| text(message, SERVER_NAME), |text, message| write_text(text, SERVER_NAME, message)).when(|message| options::overload(message) & 2 == 0);
    /// The boot file's name, 128 octets at most, unless options stand there.
    file: Octets = octets(|message| text(message, FILE), |text, message| write_text(text, FILE, message)).when(|message| options::overload(message) & 1 == 0);
    /// What tells options from BOOTP's vendor area: 0x63825363 unless set. Without it the message is a payload.
    magic: u32 = bits(1888, 32).default(MAGIC as u128).show(Show::Hex(8));
    /// Option 53: the message's type (RFC 2132 section 9.6).
    message_type: u8 = option(options::number::<53, 1>, options::append_number::<53, 1>).show(Show::Named(TYPES));
    /// Option 50: the address that the client asks for (RFC 2132 section 9.1).
    requested_address: Ipv4Addr =
        option(options::number::<50, 4>, options::append_number::<50, 4>).show(Show::Ipv4);
    /// Option 54: the server, by its address (RFC 2132 section 9.7).
    server_identifier: Ipv4Addr =
        option(options::number::<54, 4>, options::append_number::<54, 4>).show(Show::Ipv4);
    /// Option 51: seconds for which the address is the client's (RFC 2132 section 9.2).
    lease_time: u32 = option(options::number::<51, 4>, options::append_number::<51, 4>);
    /// Option 58: seconds until the client renews, T1 (RFC 2132 section 9.11).
    renewal_time: u32 = option(options::number::<58, 4>, options::append_number::<58, 4>);
    /// Option 59: seconds until the client rebinds, T2 (RFC 2132 section 9.12).
    rebinding_time: u32 = option(options::number::<59, 4>, options::append_number::<59, 4>);
    /// Option 1: the subnet mask (RFC 2132 section 3.3). It has to stand before the routers.
    subnet_mask: Ipv4Addr = option(options::number::<1, 4>, options::append_number::<1, 4>).show(Show::Ipv4);
    /// Option 28: the broadcast address (RFC 2132 section 5.3).
    broadcast_address: Ipv4Addr =
        option(options::number::<28, 4>, options::append_number::<28, 4>).show(Show::Ipv4);
    /// Option 3: the routers, all of them in their order (RFC 2132 section 3.5).
    router: Addresses = octets(options::addresses::<3>, options::append_value::<3>).show(Show::Addresses);
    /// Option 6: the DNS servers, all of them in their order (RFC 2132 section 3.8).
    dns_server: Addresses = octets(options::addresses::<6>, options::append_value::<6>).show(Show::Addresses);
    /// Option 26: the interface's MTU in octets (RFC 2132 section 5.1).
    mtu: u16 = option(options::number::<26, 2>, options::append_number::<26, 2>);
    /// Option 12: the client's name (RFC 2132 section 3.14).
    host_name: Octets = octets(options::value::<12>, options::append_value::<12>);
    /// Option 15: the domain for the client's names (RFC 2132 section 3.17).
    domain_name: Octets = octets(options::value::<15>, options::append_value::<15>);
    /// Option 55: the codes of the options that the client asks for, an octet each (RFC 2132 section 9.8).
    parameter_list: Octets = octets(options::value::<55>, options::append_value::<55>);
    /// Option 56: why a server refuses, or a client declines (RFC 2132 section 9.9).
    message: Octets = octets(options::value::<56>, options::append_value::<56>);
    /// Option 57: the octets of the largest message that the sender takes (RFC 2132 section 9.10).
    max_message_size: u16 = option(options::number::<57, 2>, options::append_number::<57, 2>);
    /// Option 60: what kind of client it is (RFC 2132 section 9.13).
    vendor_class: Octets = octets(options::value::<60>, options::append_value::<60>);
    /// Option 61: who the client is: a type and what follows from it (RFC 2132 section 9.14). Type 1 is Ethernet.
    client_identifier: Octets = octets(options::value::<61>, options::append_value::<61>);
    /// All options that a template names by number. To add one see [`option`](Self::option).
    numbered: DhcpOption = parts(options_and_padding, append, |parts, f| options::show(&DHCP, parts, f));
    /// Everything behind the magic cookie as it stands. Set in what is built, neither end nor padding is written.
    options: Octets = octets(options_and_padding, append);
}

const TYPES: &[(u128, &str)] = &[
    (1, "discover"),
    (2, "offer"),
    (3, "request"),
    (4, "decline"),
    (5, "ack"),
    (6, "nak"),
    (7, "release"),
    (8, "inform"),
];

/// The fields that a server's message has from the client's (RFC 2131 section 4.3.1, table 3).
const COPIED: [&str; 6] = ["htype", "hlen", "xid", "flags", "giaddr", "chaddr"];

macro_rules! messages {
    ($($name:ident = $op:literal $message_type:literal $doc:literal;)*) => {$(
        #[doc = $doc]
        pub fn $name() -> Self {
            Self::new().op($op).message_type($message_type)
        }
    )*};
}

impl Dhcp {
    messages! {
        discover = 1 1 "A client looks for servers.";
        offer = 2 2 "A server offers an address.";
        request = 1 3 "A client asks for what was offered, or for its address again.";
        decline = 1 4 "A client says that somebody else has the address.";
        ack = 2 5 "A server gives the address.";
        nak = 2 6 "A server refuses.";
        release = 1 7 "A client gives its address back.";
        inform = 1 8 "A client with an address asks for the other parameters.";
    }

    /// With the transaction, flags, relay agent and hardware address of a client's message.
    pub fn in_reply_to(self, request: &Self) -> Self {
        COPIED.into_iter().fold(self, |reply, field| match request.0.get(field) {
            Some(constraint) => Self(reply.0.with(field, constraint.clone())),
            None => reply,
        })
    }

    /// The same of the message in a frame; `None` where there is none from a client.
    #[must_use]
    pub fn in_reply_to_frame(self, request: FrameRef<'_>) -> Option<Self> {
        let request = Dissection::new(request).find(LayerKind::Dhcp).filter(|request| request.number("op") == 1)?;
        Some(
            COPIED
                .into_iter()
                .fold(self, |reply, field| Self(reply.0.with(field, Constraint::Exact(request.number(field))))),
        )
    }

    /// Sets the flag by which the client asks for answers to everybody (RFC 2131 section 4.1).
    pub fn broadcast(self) -> Self {
        self.flags(BROADCAST)
    }

    /// Adds an option by its number, 1 to 254: its value, a pattern for it, or [`absent`](super::Field::absent). A value of
    /// more than 255 octets is written, and matches, as several options (RFC 3396).
    pub fn option(mut self, code: u8, value: impl IntoField<Octets>) -> Self {
        self.0.add("numbered", Arc::new(DhcpOption::new(code, value)));
        self
    }
}

const BROADCAST: u16 = 0x8000;

/// The IP layer below a message that has none: a client without an address cannot be its sender, and nobody can send to
/// that client by its address.
pub(crate) fn addressed(first: &Layer, ip: Layer) -> Layer {
    if first.kind() != LayerKind::Dhcp {
        return ip;
    }
    let from_client = first.get("op").is_none() || first.is("op", 1);
    let has_address = first.get("ciaddr").is_some() && !first.is("ciaddr", 0);
    let exactly = |address: Ipv4Addr| Constraint::Exact(address.to_bits().into());
    let everybody = exactly(Ipv4Addr::BROADCAST);
    match (from_client, has_address) {
        (true, false) => ip.with("src", exactly(Ipv4Addr::UNSPECIFIED)).with("dst", everybody),
        _ if first.is("flags", BROADCAST.into()) => ip.with("dst", everybody),
        _ => ip,
    }
}

/// A text in a field of fixed length, up to the zeros; `None` where there is none.
fn text(message: &[u8], place: Range<usize>) -> Option<Range<usize>> {
    let octets = message.get(place.clone())?;
    let length = octets.iter().rposition(|octet| *octet != 0)? + 1;
    Some(place.start..place.start + length)
}

fn write_text(octets: &[u8], place: Range<usize>, message: &mut [u8]) {
    for (to, from) in message.get_mut(place).unwrap_or_default().iter_mut().zip(octets) {
        *to = *from;
    }
}

fn options_and_padding(message: &[u8]) -> Option<Range<usize>> {
    (message.len() > START).then_some(START..message.len())
}

fn append(octets: &[u8], message: &mut Vec<u8>) {
    message.extend_from_slice(octets);
}

/// Whether it is long enough and has the magic cookie.
pub(crate) fn is_plausible(octets: &[u8]) -> bool {
    octets.get(START - 4..START) == Some(&MAGIC.to_be_bytes())
}

fn dissect(octets: &[u8]) -> Result<Dissected, LengthError> {
    match octets.get(START - 4..START) {
        None => Err(LengthError::Truncated { needed: START }),
        Some(_) if is_plausible(octets) => Ok(Dissected { header: octets.len(), length: None, next: Next::Payload }),
        Some(_) => Err(LengthError::Malformed("there is no magic cookie")),
    }
}

fn complete(header: &mut Vec<u8>, cx: &Completing<'_>) {
    if cx.is_set("options") {
        return;
    }
    header.push(255);
    if header.len() < SHORTEST {
        header.resize(SHORTEST, 0);
    }
}

fn verify(_: &View<'_>, _: &mut dyn FnMut(Defect)) {}

fn summary(view: &View<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let is_reply = view.number("op") == 2;
    match (view.number("message_type"), is_reply) {
        (0, false) => f.write_str("BOOTP request")?,
        (0, true) => f.write_str("BOOTP reply")?,
        (kind, _) => match TYPES.iter().find(|(number, _)| *number == kind) {
            Some((_, name)) => write!(f, "DHCP {name}")?,
            None => write!(f, "DHCP type {kind}")?,
        },
    }
    write!(f, " xid 0x{:08x}", view.number("xid"))?;
    let address = |field| Some(view.number(field)).filter(|bits| *bits != 0).map(u32::from_bits);
    let asked = if is_reply { address("yiaddr") } else { address("requested_address").or(address("ciaddr")) };
    if let Some(asked) = asked {
        write!(f, " {}", Ipv4Addr::from_bits(asked))?;
    }
    if view.number("hlen") == 6 {
        write!(f, " {} {}", if is_reply { "to" } else { "from" }, Mac(view.number("chaddr")))?;
    }
    Ok(())
}
