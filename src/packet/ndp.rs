//! Neighbour discovery (RFC 4861): the messages of ICMPv6 with which hosts find routers, prefixes and each other.
//!
//! ```text
//!   0      1      2          4                                   8        16                 24
//!  +------+------+----------+-----------------------------------+--------------------------+- - -
//!  | 133  |  0   | checksum | rest (reserved)                   | options                      router solicitation
//!  | 134  |  0   | checksum | hop limit, M O H prf P, lifetime  | reachable 4, retrans 4 | options   advertisement
//!  | 135  |  0   | checksum | rest (reserved)                   | target 16                | options  solicitation
//!  | 136  |  0   | checksum | R S O, reserved 29                | target 16                | options  advertisement
//!  | 137  |  0   | checksum | rest (reserved)                   | target 16, destination 16| options  redirect
//!  +------+------+----------+-----------------------------------+--------------------------+- - -
//! ```

use std::fmt;
use std::net::Ipv6Addr;

use etherparse::icmpv6::{
    NeighborAdvertisementPayload, NeighborSolicitationPayload, PrefixInformation, RedirectPayload,
    RouterAdvertisementPayload, RouterSolicitationPayload, TYPE_NEIGHBOR_ADVERTISEMENT, TYPE_NEIGHBOR_SOLICITATION,
    TYPE_REDIRECT_MESSAGE, TYPE_ROUTER_ADVERTISEMENT, TYPE_ROUTER_SOLICITATION,
};

use super::Icmpv6;
use super::ethernet::Mac;
use super::field::{Field, FieldValue, IntoField, Octets};
use super::layer::Layer;
use super::ndp_options::{self as options, OPTIONS, PREFIX};
use super::view::View;

/// Octets of the fixed part of a message of that type; `None` where it is no message of neighbour discovery.
pub(crate) const fn fixed(icmp_type: u8) -> Option<usize> {
    Some(match icmp_type {
        TYPE_ROUTER_SOLICITATION => 8 + RouterSolicitationPayload::LEN,
        TYPE_ROUTER_ADVERTISEMENT => 8 + RouterAdvertisementPayload::LEN,
        TYPE_NEIGHBOR_SOLICITATION => 8 + NeighborSolicitationPayload::LEN,
        TYPE_NEIGHBOR_ADVERTISEMENT => 8 + NeighborAdvertisementPayload::LEN,
        TYPE_REDIRECT_MESSAGE => 8 + RedirectPayload::LEN,
        _ => return None,
    })
}

pub(crate) fn options_start(header: &[u8]) -> Option<usize> {
    fixed(*header.first()?)
}

pub(crate) const fn is_router_advertisement(header: &[u8]) -> bool {
    matches!(header, [TYPE_ROUTER_ADVERTISEMENT, ..])
}

pub(crate) const fn is_neighbor_advertisement(header: &[u8]) -> bool {
    matches!(header, [TYPE_NEIGHBOR_ADVERTISEMENT, ..])
}

pub(crate) const fn is_redirect(header: &[u8]) -> bool {
    matches!(header, [TYPE_REDIRECT_MESSAGE, ..])
}

pub(crate) const fn has_target(header: &[u8]) -> bool {
    matches!(header, [TYPE_NEIGHBOR_SOLICITATION | TYPE_NEIGHBOR_ADVERTISEMENT | TYPE_REDIRECT_MESSAGE, ..])
}

/// The second four octets are all reserved.
pub(crate) const fn has_rest(header: &[u8]) -> bool {
    matches!(header, [TYPE_ROUTER_SOLICITATION | TYPE_NEIGHBOR_SOLICITATION | TYPE_REDIRECT_MESSAGE, ..])
}

/// Where a message goes that names no destination: to all routers or all nodes, or a neighbour's solicited-node group
/// (RFC 4861 sections 4.1 to 4.3, RFC 4291 section 2.7.1). The others go to somebody.
pub(crate) fn destination(icmp_type: u8, message: &Layer) -> Option<Ipv6Addr> {
    match icmp_type {
        TYPE_ROUTER_SOLICITATION => Some(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2)),
        TYPE_ROUTER_ADVERTISEMENT => Some(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)),
        TYPE_NEIGHBOR_SOLICITATION => {
            let target = Ipv6Addr::from_bits(message.number("target")?);
            let [.., a, b, c] = target.octets();
            let low = u16::from_be_bytes([b, c]);
            Some(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), low))
        }
        _ => None,
    }
}

impl Icmpv6 {
    /// A router solicitation: type 133 (RFC 4861 section 4.1). Sent to all routers, ff02::2, unless a destination is
    /// given.
    pub fn router_solicitation() -> Self {
        Self::of(TYPE_ROUTER_SOLICITATION, 0)
    }

    /// A router advertisement: type 134 (RFC 4861 section 4.2). Sent to all nodes, ff02::1, unless a destination is
    /// given. Hosts take it from link-local addresses only.
    ///
    /// ```
    /// use tuntap_test::packet::{Icmpv6, Ipv6};
    ///
    /// let packet = Ipv6::new().src([0xfe80, 0, 0, 0, 0, 0, 0, 2])
    ///     / Icmpv6::router_advertisement()
    ///         .router_lifetime(1800)
    ///         .source_link_layer_address([2, 0, 0, 0, 0, 2])
    ///         .prefix_information([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 64, 86_400, 14_400)
    ///         .link_mtu(1280);
    /// assert_eq!(packet.build()?.len(), 40 + 16 + 8 + 32 + 8);
    /// # Ok::<(), tuntap_test::packet::BuildError>(())
    /// ```
    pub fn router_advertisement() -> Self {
        Self::of(TYPE_ROUTER_ADVERTISEMENT, 0)
    }

    /// A neighbor solicitation: type 135 (RFC 4861 section 4.3). Sent to the target's solicited-node group unless a
    /// destination is given, on Ethernet to the hardware address of that group.
    ///
    /// ```
    /// use tuntap_test::packet::{Icmpv6, IntoPacket};
    ///
    /// let octets = Icmpv6::neighbor_solicitation([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]).into_packet().build()?;
    /// assert_eq!(octets[7], 255, "the hop limit");
    /// assert_eq!(octets[24..40], [0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 1]);
    /// # Ok::<(), tuntap_test::packet::BuildError>(())
    /// ```
    pub fn neighbor_solicitation(target: impl IntoField<Ipv6Addr>) -> Self {
        Self::of(TYPE_NEIGHBOR_SOLICITATION, 0).target(target)
    }

    /// A neighbor advertisement: type 136 (RFC 4861 section 4.4). None of its flags is set.
    pub fn neighbor_advertisement(target: impl IntoField<Ipv6Addr>) -> Self {
        Self::of(TYPE_NEIGHBOR_ADVERTISEMENT, 0).target(target)
    }

    /// A redirect: type 137 (RFC 4861 section 4.5). `target` is the better first hop to `destination`; the destination
    /// itself when that is on the link.
    pub fn redirect(target: impl IntoField<Ipv6Addr>, destination: impl IntoField<Ipv6Addr>) -> Self {
        Self::of(TYPE_REDIRECT_MESSAGE, 0).target(target).destination(destination)
    }

    /// One more option 3, prefix information, with the flags "on-link" and "autonomous" (RFC 4861 section 4.6.2);
    /// prefix length in bits, lifetimes in seconds. In a template it has to be exactly so, in the same place among its
    /// kind; for patterns see [`prefix`](Self::prefix) and the fields behind it, and [`option`](Self::option).
    pub fn prefix_information(
        self,
        prefix: impl Into<Ipv6Addr>,
        prefix_length: u8,
        valid_lifetime: u32,
        preferred_lifetime: u32,
    ) -> Self {
        let information = PrefixInformation {
            prefix_length,
            on_link: true,
            autonomous_address_configuration: true,
            valid_lifetime,
            preferred_lifetime,
            prefix: prefix.into().octets(),
        };
        let [_, _, value @ ..] = information.to_bytes();
        self.option(PREFIX, value)
    }

    /// Option 25: these recursive DNS servers, for so many seconds (RFC 8106 section 5.1). Either may be a pattern:
    /// [`rdnss_lifetime`](Self::rdnss_lifetime), [`rdnss_servers`](Self::rdnss_servers).
    pub fn rdnss<const N: usize>(self, lifetime: impl IntoField<u32>, servers: [Ipv6Addr; N]) -> Self {
        self.rdnss_servers(servers.map(|server| server.octets()).concat()).rdnss_lifetime(lifetime)
    }

    /// An option of neighbour discovery by its type (IANA "IPv6 Neighbor Discovery Option Formats") and the octets
    /// behind type and length, filled up with zeros to a multiple of 8. Options are written in the order of the calls;
    /// of one type the second stands for the second in the message.
    pub fn option(self, kind: u8, value: impl IntoField<Octets>) -> Self {
        Self(self.0.with_option(&OPTIONS, kind, value.into_field().constraint))
    }

    /// The message has no options; a template without options matches any.
    pub fn without_options(self) -> Self {
        self.ndp_options(Field::absent())
    }
}

/// What one line says of a message of neighbour discovery, behind its name.
pub(crate) fn summary(icmp_type: u8, view: &View<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let address = |field| Ipv6Addr::from_bits(view.number(field));
    match icmp_type {
        TYPE_ROUTER_ADVERTISEMENT => {
            write!(f, " lifetime {}", view.number("router_lifetime"))?;
            options::summary(view.header, f)
        }
        TYPE_NEIGHBOR_SOLICITATION => write!(f, " who-has {}", address("target")),
        TYPE_NEIGHBOR_ADVERTISEMENT => {
            write!(f, " {}", address("target"))?;
            let target = view.number("target_link_layer_address");
            if target != 0 {
                write!(f, " is-at {}", Mac(target))?;
            }
            let mut between = " (";
            for (field, name) in [("router", "router"), ("solicited", "solicited"), ("override_flag", "override")] {
                if bool::from_bits(view.number(field)) {
                    write!(f, "{between}{name}")?;
                    between = ", ";
                }
            }
            if between == ", " { f.write_str(")") } else { Ok(()) }
        }
        TYPE_REDIRECT_MESSAGE => write!(f, " {} via {}", address("destination"), address("target")),
        _ => Ok(()),
    }
}
