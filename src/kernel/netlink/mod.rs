//! Interfaces, addresses, routes and neighbours over rtnetlink: no `ip` binary, no /proc/sys.
//!
//! Layer: inside `kernel`; may use `device`. Linux only.
//!
//! A change is a [`Step`]; a whole set-up is a slice of them, which [`Netlink::apply`] hands to the kernel in one
//! system call. The octets on the socket are those of linux/netlink.h and linux/rtnetlink.h, in host order;
//! netlink-packet-route builds and reads them.
//!
//! ```no_run
//! use tuntap_test::kernel::netlink::{Netlink, Step};
//!
//! let mut netlink = Netlink::open()?; // of this thread's network namespace
//! let tun0 = netlink.link_by_name("tun0")?.index;
//! netlink.apply(&[
//!     Step::LoopbackUp,
//!     Step::Mtu { index: tun0, octets: 1400 },
//!     Step::Up { index: tun0 },
//!     Step::address(tun0, "192.0.2.1/24".parse()?),
//! ])?;
//! println!("{}", netlink.link(tun0)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cure;
mod encode;
mod socket;
mod state;
mod step;

use std::net::IpAddr;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST};
use netlink_packet_route::address::AddressMessage;
use netlink_packet_route::link::{LinkAttribute, LinkMessage};
use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourMessage};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteType};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

pub use self::state::{AddressState, LinkState, LinkStatistics, NeighbourState, Reachability, RouteState};
pub use self::step::{AddressGeneration, Ipv4Setting, LinkKind, Step};

use self::cure::Doing;
use self::socket::{Conversation, Failure};
use super::KernelError;
use crate::device::Cidr;

/// How often a dump that changed under our eyes is asked for again.
const DUMP_ATTEMPTS: u32 = 16;
/// How many steps go into one system call. A refusal takes about 1 KiB of the socket's queue (208 KiB by default), so
/// even if every step is refused, no answer is lost.
const STEPS_A_CALL: usize = 64;

impl Step {
    /// Assigns an address without peer, broadcast address and duplicate address detection.
    #[must_use]
    pub const fn address(index: u32, address: Cidr) -> Self {
        Self::Address { index, address, peer: None, broadcast: None, dad: false }
    }
}

/// A route socket.
///
/// It belongs to the network namespace in which the opening thread was, and stays there whatever thread uses it.
#[derive(Debug)]
pub struct Netlink {
    conversation: Conversation,
}

impl Netlink {
    /// Opens a route socket in the calling thread's network namespace.
    ///
    /// # Errors
    /// EMFILE and its like; EPERM or EACCES where a seccomp filter forbids netlink; EAFNOSUPPORT on kernels without.
    pub fn open() -> Result<Self, KernelError> {
        let conversation = Conversation::open().map_err(|error| {
            let forbidden = matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES | libc::EAFNOSUPPORT));
            let error = KernelError::new("open a netlink route socket", error);
            match forbidden {
                true => error.with_cure("A seccomp filter or security module forbids AF_NETLINK sockets"),
                false => error,
            }
        })?;
        Ok(Self { conversation })
    }

    /// Makes the changes in order, up to 64 of them in one `send` and one `recv`.
    ///
    /// The kernel does not stop at a step it refuses: the other steps of the same call (of the same 64, counted from
    /// the first) are tried as well and may have been made. The error is that of the first refused step. Nothing is
    /// undone; a throwaway namespace is thrown away.
    ///
    /// # Errors
    /// The first step that the kernel refused, with its errno, the kernel's own words where it has any, and the cure:
    /// EPERM without CAP_NET_ADMIN in the user namespace that owns the network namespace, ENODEV for an unknown index,
    /// EINVAL for an MTU out of range, EEXIST for an address or route that is there, ENETDOWN or ENETUNREACH for a
    /// route whose interface is down or whose gateway is not on the link, EOPNOTSUPP or EAFNOSUPPORT for IPv6 on a
    /// kernel without.
    pub fn apply(&mut self, steps: &[Step]) -> Result<(), KernelError> {
        for steps in steps.chunks(STEPS_A_CALL) {
            let refusals = self.conversation.batch(steps.iter().map(encode::message));
            let [first, ..] = steps else { continue };
            let refusals = refusals.map_err(|error| match steps {
                [step] => cure::error(Doing::Step(step), error.into()),
                _ => {
                    let what = format!("{first} (and {} steps after it)", steps.len() - 1);
                    cure::error(Doing::Reading(&what), error.into())
                }
            })?;
            if let Some(refusal) = refusals.into_iter().next() {
                let step = steps.get(refusal.at).unwrap_or(first);
                return Err(cure::error(Doing::Step(step), Failure::Refused(refusal)));
            }
        }
        Ok(())
    }

    /// The interface with that index.
    ///
    /// # Errors
    /// ENODEV when there is none in the namespace.
    pub fn link(&mut self, index: u32) -> Result<LinkState, KernelError> {
        self.one_link(&format!("look up interface {index}"), encode::link(index, []))
    }

    /// The interface with that name.
    ///
    /// # Errors
    /// ENODEV when there is none in the namespace; EINVAL or ERANGE for a name longer than 15 octets.
    pub fn link_by_name(&mut self, name: &str) -> Result<LinkState, KernelError> {
        let request = encode::link(0, [LinkAttribute::IfName(name.to_owned())]);
        self.one_link(&format!("look up the interface {name}"), request)
    }

    fn one_link(&mut self, what: &str, request: LinkMessage) -> Result<LinkState, KernelError> {
        let mut found = None;
        self.conversation
            .request(NLM_F_REQUEST, RouteNetlinkMessage::GetLink(request), |answer| {
                if let RouteNetlinkMessage::NewLink(link) = answer {
                    found = Some(LinkState::read(link));
                }
            })
            .map_err(|failure| cure::error(Doing::Reading(what), failure))?;
        found.ok_or_else(|| {
            let error = std::io::Error::from_raw_os_error(libc::EAGAIN);
            cure::error(Doing::Reading(what), error.into())
        })
    }

    /// All interfaces of the namespace, by index.
    ///
    /// # Errors
    /// Only when the socket fails or the list changes faster than it can be read.
    pub fn links(&mut self) -> Result<Vec<LinkState>, KernelError> {
        let request = RouteNetlinkMessage::GetLink(LinkMessage::default());
        let mut links = self.dump("list the interfaces", &request, |answer| match answer {
            RouteNetlinkMessage::NewLink(link) => Some(LinkState::read(link)),
            _ => None,
        })?;
        links.sort_by_key(|link| link.index);
        Ok(links)
    }

    /// The IPv4 and IPv6 addresses of an interface; none when there is no such interface.
    ///
    /// # Errors
    /// ENODEV when there is none in the namespace (on Linux 4.20 and later); else as [`links`](Self::links).
    pub fn addresses(&mut self, index: u32) -> Result<Vec<AddressState>, KernelError> {
        let mut request = AddressMessage::default();
        request.header.index = index;
        let what = format!("list the addresses of interface {index}");
        self.dump(&what, &RouteNetlinkMessage::GetAddress(request), |answer| match answer {
            RouteNetlinkMessage::NewAddress(address) => {
                AddressState::read(&address).filter(|address| address.index == index)
            }
            _ => None,
        })
    }

    /// The unicast routes of the main table, IPv4 before IPv6.
    ///
    /// # Errors
    /// As [`links`](Self::links).
    pub fn routes(&mut self) -> Result<Vec<RouteState>, KernelError> {
        let mut routes = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut request = RouteMessage::default();
            request.header.address_family = family;
            // A kernel without IPv6 answers with the IPv4 routes once more; `read` checks the family.
            routes.extend(self.dump(
                "list the routes",
                &RouteNetlinkMessage::GetRoute(request),
                |answer| match answer {
                    RouteNetlinkMessage::NewRoute(route) => RouteState::read(&route, family),
                    _ => None,
                },
            )?);
        }
        Ok(routes)
    }

    /// Whether the namespace delivers packets for that address to itself, as it does for an address of its own.
    ///
    /// A new IPv6 address can be bound before that is so: the kernel adds the route from a work queue
    /// (`addrconf_dad_work`), also without duplicate address detection.
    ///
    /// # Errors
    /// Only when the socket fails.
    pub fn delivers(&mut self, address: IpAddr) -> Result<bool, KernelError> {
        let mut request = RouteMessage::default();
        (request.header.address_family, request.header.destination_prefix_length) = match address {
            IpAddr::V4(_) => (AddressFamily::Inet, 32),
            IpAddr::V6(_) => (AddressFamily::Inet6, 128),
        };
        request.attributes.push(RouteAttribute::Destination(RouteAddress::from(address)));
        let mut local = false;
        let asked = self.conversation.request(NLM_F_REQUEST, RouteNetlinkMessage::GetRoute(request), |answer| {
            local |= matches!(answer, RouteNetlinkMessage::NewRoute(route) if route.header.kind == RouteType::Local);
        });
        match asked {
            Ok(_) => Ok(local),
            Err(failure) => {
                let what = format!("look up the route to {address}");
                let error = cure::error(Doing::Reading(&what), failure);
                // No route at all is an answer, too.
                if matches!(error.errno(), Some(libc::ENETUNREACH | libc::EHOSTUNREACH)) {
                    Ok(false)
                } else {
                    Err(error)
                }
            }
        }
    }

    /// The neighbours of an interface, without those that `ip neighbour` hides.
    ///
    /// # Errors
    /// As [`links`](Self::links).
    pub fn neighbours(&mut self, index: u32) -> Result<Vec<NeighbourState>, KernelError> {
        let mut request = NeighbourMessage::default();
        request.attributes = vec![NeighbourAttribute::IfIndex(index)];
        let what = format!("list the neighbours of interface {index}");
        self.dump(&what, &RouteNetlinkMessage::GetNeighbour(request), |answer| match answer {
            RouteNetlinkMessage::NewNeighbour(neighbour) => {
                NeighbourState::read(&neighbour).filter(|neighbour| neighbour.index == index)
            }
            _ => None,
        })
    }

    /// Asks for a list, again when it changed while it was read (`NLM_F_DUMP_INTR`).
    fn dump<T>(
        &mut self,
        what: &str,
        request: &RouteNetlinkMessage,
        mut read: impl FnMut(RouteNetlinkMessage) -> Option<T>,
    ) -> Result<Vec<T>, KernelError> {
        for _ in 0..DUMP_ATTEMPTS {
            let mut list = Vec::new();
            let consistent = self
                .conversation
                .request(NLM_F_REQUEST | NLM_F_DUMP, request.clone(), |answer| list.extend(read(answer)))
                .map_err(|failure| cure::error(Doing::Reading(what), failure))?;
            if consistent {
                return Ok(list);
            }
        }
        let error = std::io::Error::from_raw_os_error(libc::EINTR);
        Err(KernelError::new(what.to_owned(), error).with_cure("The list changed every time it was read"))
    }
}
