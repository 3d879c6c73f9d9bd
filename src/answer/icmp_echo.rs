//! The ICMP echo answering machine: what answers a ping.
//!
//! Layer: `answer`. Sources: RFC 792 (echo), RFC 1122 sections 3.2.1.3 and 3.2.2.6, RFC 4443 section 4, RFC 8200.
//!
//! What the reply is, octet by octet (`=` is copied, `⇄` swapped):
//!
//! ```text
//!  Ethernet (TAP)   destination ⇄ source · VLAN tags = · EtherType =
//!  IPv4             4/5 · TOS = · total length · identification = · DF = · TTL 64 · 1 · checksum · source ⇄ destination
//!  IPv6             6 · traffic class = · flow label 0 · payload length · 58 · hop limit 64 · source ⇄ destination
//!  ICMP             type 0 or 129 · code = · checksum · identifier = · sequence = · data =
//! ```

mod ip;
mod link;

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use super::AnsweringMachine;
use crate::device::FrameRef;
use crate::device::dispatch::{Replies, Verdict};
use ip::EchoRequest;
use link::LinkHeader;

/// What [`IcmpEcho`] replied to, given to [`IcmpEcho::on_reply`].
///
/// Displays as Scapy prints it, who asked first: `Replying 192.0.2.1 to 192.0.2.2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EchoReply {
    /// Who asked: the request's source and the reply's destination.
    pub requester: IpAddr,
    /// Who was asked: the request's destination and the reply's source.
    pub requested: IpAddr,
    /// The identifier of the exchange, as a number (network order on the wire).
    pub identifier: u16,
    /// The sequence number, as a number (network order on the wire).
    pub sequence: u16,
    /// The length of the data that is echoed, in octets, without the 8 of the ICMP header.
    pub data_len: usize,
}

impl fmt::Display for EchoReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Replying {} to {}", self.requester, self.requested)
    }
}

type Hook = Box<dyn FnMut(&EchoReply) + Send>;

/// Answers ICMPv4 and ICMPv6 echo requests, on TUN and TAP.
///
/// Identifier, sequence number, data, code, and on TAP the VLAN tags (802.1Q, 802.1ad) come back as they were;
/// addresses are swapped, checksums are right. It answers what a careful host would and nothing else. Left alone are:
/// replies and all other ICMP; a wrong IPv4 header, ICMPv4 or ICMPv6 checksum; fragments; a length field beyond the end
/// of the frame; a source that cannot be replied to (unspecified, multicast or broadcast, in IP or Ethernet); an IPv6
/// extension header other than hop-by-hop options, destination options, a spent routing header and an atomic fragment
/// header; an IPv6 option that says to discard the packet when it is not known (RFC 8200 section 4.2).
///
/// Octets behind the IP packet, such as Ethernet padding, are not echoed. Nor are IPv6 extension headers and IPv4
/// options: record route and timestamp, which RFC 1122 section 3.2.2.6 says should come back updated, are left out, and
/// a source-routed request, whose route would have to come back reversed, is not answered.
///
/// TTL and hop limit are 64, as if the peer were one hop away.
///
/// # Where this differs from Scapy
/// `ICMPEcho_am` keeps the request's TTL and options, verifies no checksum, answers the first fragment as if it were a
/// whole request, echoes padding, knows no IPv6, and answers requests to multicast and broadcast addresses with that
/// address as the source. No host may use such a source (RFC 1122 section 3.2.1.3, RFC 4443 section 4.2), so these
/// requests go unanswered here, also with [`for_addresses`](Self::for_addresses). A subnet's broadcast address cannot
/// be told from another without the prefix; name the addresses where that matters.
///
/// ```
/// use tuntap_test::answer::{AnsweringMachine, IcmpEcho};
/// use tuntap_test::device::dispatch::Replies;
/// use tuntap_test::device::{FrameRef, Mode};
///
/// // 192.0.2.1 asks 192.0.2.2: identifier 7, sequence 1, no data.
/// let request = [
///     0x45, 0, 0, 28, 0, 0, 0x40, 0, 64, 1, 0xb6, 0xdd, 192, 0, 2, 1, 192, 0, 2, 2, //
///     8, 0, 0xf7, 0xf7, 0, 7, 0, 1,
/// ];
/// let mut replies = Replies::new();
/// let mut machine = IcmpEcho::any_address().on_reply(|reply| {
///     assert_eq!(reply.to_string(), "Replying 192.0.2.1 to 192.0.2.2");
/// });
/// machine.answer(FrameRef::new(Mode::Tun, &request), &mut replies);
/// let reply = replies.iter().next().unwrap();
/// assert_eq!(reply[20..], [0, 0, 0xff, 0xf7, 0, 7, 0, 1]);
/// ```
#[must_use = "a machine answers nothing until it is attached to a link"]
pub struct IcmpEcho {
    /// `None`: any.
    addresses: Option<BTreeSet<IpAddr>>,
    on_reply: Option<Hook>,
}

impl IcmpEcho {
    /// The Ethernet source of a reply to a request that was sent to an Ethernet group or broadcast address, which
    /// cannot be a source. Locally administered, with the documentation octets 5e-00-53 of RFC 7042 section 2.1.2.
    pub const ETHERNET_ADDRESS: [u8; 6] = [0x02, 0x00, 0x5e, 0x00, 0x53, 0x01];

    /// The TTL and hop limit of a reply.
    pub const TTL: u8 = 64;

    /// Answers for every unicast address.
    pub const fn any_address() -> Self {
        Self { addresses: None, on_reply: None }
    }

    /// Answers for these addresses only.
    pub fn for_addresses(addresses: impl IntoIterator<Item = impl Into<IpAddr>>) -> Self {
        Self { addresses: Some(addresses.into_iter().map(Into::into).collect()), on_reply: None }
    }

    /// Calls `hook` for each reply, before it is transmitted, on the reader's thread. Replaces an earlier hook.
    pub fn on_reply(mut self, hook: impl FnMut(&EchoReply) + Send + 'static) -> Self {
        self.on_reply = Some(Box::new(hook));
        self
    }

    fn parse<'a>(&self, request: FrameRef<'a>) -> Option<(LinkHeader<'a>, EchoRequest<'a>)> {
        let (link, packet) = LinkHeader::split(request)?;
        let echo = EchoRequest::parse(packet)?;
        // On Ethernet the EtherType and the version say the same thing or nobody does.
        let agreed = link.ether_type().is_none_or(|ether_type| ether_type == echo.ether_type());
        let mine = self.addresses.as_ref().is_none_or(|addresses| addresses.contains(&echo.requested()));
        (agreed && mine && echo.is_intact()).then_some((link, echo))
    }
}

impl AnsweringMachine for IcmpEcho {
    fn name(&self) -> &str {
        "icmp echo"
    }

    fn matches(&self, request: FrameRef<'_>) -> bool {
        self.parse(request).is_some()
    }

    fn reply(&mut self, request: FrameRef<'_>, replies: &mut Replies) {
        self.answer(request, replies);
    }

    fn answer(&mut self, request: FrameRef<'_>, replies: &mut Replies) -> Verdict {
        let Some((link, echo)) = self.parse(request) else {
            return Verdict::Passed;
        };
        if let Some(hook) = &mut self.on_reply {
            hook(&echo.describe());
        }
        let frame = replies.frame();
        link.write_reply(frame);
        echo.write_reply(frame);
        Verdict::Taken
    }
}

impl fmt::Debug for IcmpEcho {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IcmpEcho").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}
