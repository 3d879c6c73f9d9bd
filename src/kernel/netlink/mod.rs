//! Interfaces, addresses, routes and neighbours over rtnetlink (rtnetlink(7)): what `ip` does, without the program.
//!
//! Layer: `kernel`. The socket is synchronous and stays in the network namespace of the thread that opened it, so it
//! can be used from any thread. Changes go out in one write and their acknowledgements are read back:
//!
//! ```text
//!  apply([A, B, C]) ──► one sendmsg: nlmsghdr A · nlmsghdr B · nlmsghdr C   (NLM_F_ACK each)
//!                   ◄── ack A · ack B · ack C                               errno, and the kernel's own words
//! ```

mod state;
mod step;

use std::io;

use netlink_packet_core::{
    DefaultNla, ErrorMessage, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
    Nla, NlasIterator,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::AddressMessage;
use netlink_packet_route::link::{LinkAttribute, LinkMessage};
use netlink_packet_route::neighbour::NeighbourMessage;
use netlink_packet_route::route::RouteMessage;
use netlink_sys::{Socket, protocols::NETLINK_ROUTE};

pub use state::{LinkAddress, LinkState, LinkStatistics, Neighbour, Route};
pub use step::{AddressGeneration, Step};

use super::KernelError;

/// How often an inconsistent dump is asked for anew before that is an error: something changes all the time.
const MOST_DUMPS: usize = 16;

/// An rtnetlink socket.
pub struct Netlink {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

type Message = NetlinkMessage<RouteNetlinkMessage>;

impl Netlink {
    /// Opens one in the calling thread's network namespace, where it stays.
    ///
    /// # Errors
    /// EMFILE and the like.
    pub fn open() -> Result<Self, KernelError> {
        let failed = |error| KernelError::new("open a netlink socket", error);
        let socket = Socket::new(NETLINK_ROUTE).map_err(failed)?;
        // The kernel's own words with each error. Kernels before 4.12 have none.
        let _ = socket.set_ext_ack(true);
        Ok(Self { socket, sequence: 0, buffer: Vec::new() })
    }

    /// Applies changes in order, in one system call.
    ///
    /// # Errors
    /// The first step that the kernel refused, with its errno and its cause. The steps before it are applied, and so
    /// are those after it that do not depend on it: the kernel takes each on its own.
    ///
    /// ```no_run
    /// use tuntap_test::kernel::Namespace;
    /// use tuntap_test::kernel::netlink::{Netlink, Step};
    ///
    /// let _inside = Namespace::enter()?;
    /// let mut netlink = Netlink::open()?;
    /// let lo = netlink.link_by_name("lo")?;
    /// netlink.apply(&[Step::Mtu { index: lo.index, octets: 1280 }])?;
    /// # Ok::<(), tuntap_test::kernel::SetupError>(())
    /// ```
    pub fn apply(&mut self, steps: &[Step]) -> Result<(), KernelError> {
        let Some(first_step) = steps.first() else { return Ok(()) };
        let first = self.sequence.wrapping_add(1);
        self.buffer.clear();
        for step in steps {
            let (payload, flags) = step.message();
            self.append(payload, NLM_F_REQUEST | NLM_F_ACK | flags);
        }
        self.send().map_err(|error| first_step.error(error, None))?;
        let mut refused = None;
        let mut acknowledged = 0;
        while acknowledged < steps.len() {
            let replies = self.read().map_err(|error| first_step.error(error, None))?;
            for reply in messages(&replies).map_err(|error| first_step.error(error, None))? {
                let NetlinkPayload::Error(ref error) = reply.payload else { continue };
                let number = reply.header.sequence_number.wrapping_sub(first);
                let Some(step) = usize::try_from(number).ok().and_then(|number| steps.get(number)) else { continue };
                acknowledged += 1;
                if error.code.is_some() && refused.is_none() {
                    refused = Some(step.error(error.to_io(), own_words(error)));
                }
            }
        }
        refused.map_or(Ok(()), Err)
    }

    /// The interface of that index.
    ///
    /// # Errors
    /// ENODEV when there is none.
    pub fn link(&mut self, index: u32) -> Result<LinkState, KernelError> {
        let mut request = LinkMessage::default();
        request.header.index = index;
        self.one_link(request, format!("look interface {index} up"))
    }

    /// The interface of that name.
    ///
    /// # Errors
    /// ENODEV when there is none.
    pub fn link_by_name(&mut self, name: &str) -> Result<LinkState, KernelError> {
        let mut request = LinkMessage::default();
        request.attributes.push(LinkAttribute::IfName(name.to_owned()));
        self.one_link(request, format!("look the interface `{name}` up"))
    }

    /// All interfaces of the namespace, by index.
    ///
    /// # Errors
    /// ENOBUFS when the answer does not fit, EINTR when the interfaces change all the time.
    pub fn links(&mut self) -> Result<Vec<LinkState>, KernelError> {
        let answers = self.dump(RouteNetlinkMessage::GetLink(LinkMessage::default()), "list the interfaces")?;
        Ok(answers.into_iter().filter_map(LinkState::from_message).collect())
    }

    /// The addresses of an interface.
    ///
    /// # Errors
    /// As [`links`](Self::links).
    pub fn addresses(&mut self, index: u32) -> Result<Vec<LinkAddress>, KernelError> {
        let answers = self.dump(RouteNetlinkMessage::GetAddress(AddressMessage::default()), "list the addresses")?;
        Ok(answers.into_iter().filter_map(LinkAddress::from_message).filter(|address| address.index == index).collect())
    }

    /// The routes of the main table, IPv4 and IPv6.
    ///
    /// # Errors
    /// As [`links`](Self::links).
    pub fn routes(&mut self) -> Result<Vec<Route>, KernelError> {
        let answers = self.dump(RouteNetlinkMessage::GetRoute(RouteMessage::default()), "list the routes")?;
        Ok(answers.into_iter().filter_map(Route::from_message).collect())
    }

    /// The neighbours of an interface.
    ///
    /// # Errors
    /// As [`links`](Self::links).
    pub fn neighbours(&mut self, index: u32) -> Result<Vec<Neighbour>, KernelError> {
        let request = RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default());
        let answers = self.dump(request, "list the neighbours")?;
        Ok(answers.into_iter().filter_map(Neighbour::from_message).filter(|found| found.index == index).collect())
    }

    fn one_link(&mut self, request: LinkMessage, step: String) -> Result<LinkState, KernelError> {
        self.buffer.clear();
        let sequence = self.append(RouteNetlinkMessage::GetLink(request), NLM_F_REQUEST);
        let answer = self.send().and_then(|()| self.answer(sequence));
        let failed = |error| KernelError::new(step.clone(), error);
        LinkState::from_message(answer.map_err(failed)?)
            .ok_or_else(|| failed(io::Error::other("the kernel answered with something else")))
    }

    /// The one answer to a request.
    fn answer(&mut self, sequence: u32) -> io::Result<RouteNetlinkMessage> {
        loop {
            let replies = self.read()?;
            for reply in messages(&replies)? {
                if reply.header.sequence_number != sequence {
                    continue;
                }
                match reply.payload {
                    NetlinkPayload::InnerMessage(message) => return Ok(message),
                    NetlinkPayload::Error(error) => return Err(error.to_io()),
                    _ => {}
                }
            }
        }
    }

    fn dump(
        &mut self,
        request: RouteNetlinkMessage,
        step: &'static str,
    ) -> Result<Vec<RouteNetlinkMessage>, KernelError> {
        for _ in 0..MOST_DUMPS {
            self.buffer.clear();
            let sequence = self.append(request.clone(), NLM_F_REQUEST | NLM_F_DUMP);
            let dumped = self.send().and_then(|()| self.answers(sequence));
            if let Some(answers) = dumped.map_err(|error| KernelError::new(step, error))? {
                return Ok(answers);
            }
        }
        Err(KernelError::new(step, io::Error::from_raw_os_error(libc::EINTR)).with_cure("They change all the time"))
    }

    /// The answers of a dump; `None` when something changed meanwhile.
    fn answers(&mut self, sequence: u32) -> io::Result<Option<Vec<RouteNetlinkMessage>>> {
        let mut answers = Vec::new();
        let mut consistent = true;
        loop {
            let replies = self.read()?;
            for reply in messages(&replies)? {
                if reply.header.sequence_number != sequence {
                    continue;
                }
                consistent &= reply.header.flags & NLM_F_DUMP_INTR == 0;
                match reply.payload {
                    NetlinkPayload::InnerMessage(message) => answers.push(message),
                    NetlinkPayload::Error(error) => return Err(error.to_io()),
                    NetlinkPayload::Done(_) => return Ok(consistent.then_some(answers)),
                    _ => {}
                }
            }
        }
    }

    /// Appends a message to the buffer; gives its sequence number.
    fn append(&mut self, payload: RouteNetlinkMessage, flags: u16) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        let mut message = Message::from(payload);
        message.header.flags = flags;
        message.header.sequence_number = self.sequence;
        message.finalize();
        let start = self.buffer.len();
        // Each message of a batch begins at a multiple of four octets (NLMSG_ALIGN).
        self.buffer.resize(start + message.buffer_len().next_multiple_of(4), 0);
        if let Some(place) = self.buffer.get_mut(start..) {
            message.serialize(place);
        }
        self.sequence
    }

    fn send(&self) -> io::Result<()> {
        loop {
            match self.socket.send(&self.buffer, 0) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map(drop),
            }
        }
    }

    /// One datagram, whole.
    fn read(&self) -> io::Result<Vec<u8>> {
        // The kernel builds dumps in parts of at most 32 KiB; longer datagrams say so by MSG_TRUNC.
        let mut octets = Vec::with_capacity(1 << 15);
        loop {
            match self.socket.recv(&mut octets, libc::MSG_TRUNC) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(length) if length > octets.len() => return Err(io::Error::from_raw_os_error(libc::EMSGSIZE)),
                result => return result.map(|_| octets),
            }
        }
    }
}

impl std::fmt::Debug for Netlink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Netlink").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

/// Splits a datagram into its messages.
fn messages(datagram: &[u8]) -> io::Result<Vec<Message>> {
    let mut messages = Vec::new();
    let mut rest = datagram;
    while !rest.is_empty() {
        let message = Message::deserialize(rest).map_err(io::Error::other)?;
        let length = usize::try_from(message.header.length).map_err(io::Error::other)?.next_multiple_of(4);
        messages.push(message);
        rest = rest.get(length.max(16)..).unwrap_or_default();
    }
    Ok(messages)
}

/// What the kernel itself says about a refusal: NLMSGERR_ATTR_MSG of the extended acknowledgement, behind the header
/// of the refused message (or behind all of it).
fn own_words(error: &ErrorMessage) -> Option<String> {
    /// `NLMSGERR_ATTR_MSG` of `linux/netlink.h`.
    const MESSAGE: u16 = 1;
    const HEADER: usize = 16;
    let octets = error.header.as_slice();
    let length = octets.get(..4).and_then(|length| length.try_into().ok()).map(u32::from_ne_bytes)?;
    let whole = usize::try_from(length).ok()?.next_multiple_of(4);
    [whole, HEADER].into_iter().filter_map(|start| octets.get(start..)).find_map(|attributes| {
        NlasIterator::new(attributes).map_while(Result::ok).find(|attribute| attribute.kind() == MESSAGE).and_then(
            |attribute| {
                let text = DefaultNla::new(MESSAGE, attribute.value().to_vec());
                let mut octets = vec![0; text.value_len()];
                text.emit_value(&mut octets);
                let text = String::from_utf8(octets).ok()?;
                Some(text.trim_end_matches('\0').to_owned()).filter(|text| !text.is_empty())
            },
        )
    })
}
