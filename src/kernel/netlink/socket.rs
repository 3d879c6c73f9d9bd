//! The socket underneath [`Netlink`](super::Netlink): batches out, answers in.
//!
//! The kernel handles a request while `send` runs and queues its answers before `send` returns, so nothing here ever
//! waits: with `MSG_DONTWAIT`, an empty queue means that the kernel did not answer.
//!
//! ```text
//!  a datagram: one or more messages, each padded to 4 octets (linux/netlink.h), all fields in host order
//!  0        4      6       8            12        16
//!  | length | type | flags | sequence   | port    | payload … |
//! ```

use std::io;
use std::num::NonZeroI32;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NlasIterator,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, protocols::NETLINK_ROUTE};

/// More than any answer the kernel makes for a dump (32 KiB) with room to spare.
const RECEIVE_OCTETS: usize = 64 * 1024;
/// `NLMSGERR_ATTR_MSG` (linux/netlink.h).
const EXTENDED_TEXT: u16 = 1;
const HEADER_OCTETS: usize = 16;

/// What the kernel says to one message that it refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Which message of the batch, counted from 0.
    pub(super) at: usize,
    pub(super) errno: i32,
    /// The kernel's own words (extended acknowledgement), where it has any.
    pub(super) text: Option<String>,
}

/// Why a request has no proper answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The kernel refused.
    Refused(Refusal),
    /// The conversation itself failed: a system call, lost or malformed answers.
    Transport(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Transport(error)
    }
}

/// A route socket with its sequence numbers.
#[derive(Debug)]
pub(super) struct Conversation {
    socket: Socket,
    sequence: u32,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
}

impl Conversation {
    pub(super) fn open() -> io::Result<Self> {
        let socket = Socket::new(NETLINK_ROUTE)?;
        socket.set_ext_ack(true)?;
        // Only dumps that carry a filter gain from it, and Linux before 4.20 has it not: a refusal changes nothing,
        // because the answers are filtered here again.
        let _ = socket.set_netlink_get_strict_chk(true);
        Ok(Self { socket, sequence: 0, outgoing: Vec::new(), incoming: Vec::with_capacity(RECEIVE_OCTETS) })
    }

    /// Sends the messages in one `send` and reads the kernel's answer, usually in one `recv`: only the last message
    /// asks for an acknowledgement, a refused one is always answered. Returns the refusals in order.
    pub(super) fn batch(
        &mut self,
        messages: impl IntoIterator<Item = (u16, RouteNetlinkMessage)>,
    ) -> io::Result<Vec<Refusal>> {
        self.outgoing.clear();
        let first = self.sequence.wrapping_add(1);
        let mut messages = messages.into_iter().peekable();
        if messages.peek().is_none() {
            return Ok(Vec::new());
        }
        while let Some((flags, message)) = messages.next() {
            let acknowledge = if messages.peek().is_none() { NLM_F_ACK } else { 0 };
            self.push(flags | acknowledge, message);
        }
        let last = self.sequence;
        self.send()?;

        let mut refusals = Vec::new();
        loop {
            self.receive()?;
            for message in Messages(&self.incoming) {
                let message = message?;
                let at = message.sequence.wrapping_sub(first);
                if message.kind != NLMSG_ERROR || at > last.wrapping_sub(first) {
                    continue; // What an abandoned request left behind.
                }
                let at = usize::try_from(at).map_err(io::Error::other)?;
                if let Some(refusal) = message.refusal(at)? {
                    refusals.push(refusal);
                }
                if message.sequence == last {
                    return Ok(refusals);
                }
            }
        }
    }

    /// Sends one request and hands every message of the answer to `each`: a single one, or with `NLM_F_DUMP` in
    /// `flags` all parts until the kernel says "done". `false` when the kernel's lists changed meanwhile, so that the
    /// answers are not a consistent picture.
    pub(super) fn request(
        &mut self,
        flags: u16,
        request: RouteNetlinkMessage,
        mut each: impl FnMut(RouteNetlinkMessage),
    ) -> Result<bool, Failure> {
        self.outgoing.clear();
        self.push(flags | NLM_F_ACK, request);
        let sequence = self.sequence;
        self.send()?;

        let mut consistent = true;
        // A part that cannot be read must not end the reading: a dump left running refuses the next one with EBUSY.
        let mut malformed = None;
        loop {
            match self.receive() {
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::EMSGSIZE)) => {
                    malformed.get_or_insert(error);
                    continue;
                }
                Err(error) => return Err(malformed.unwrap_or(error).into()),
                Ok(()) => {}
            }
            for message in Messages(&self.incoming) {
                let message = match message {
                    Ok(message) if message.sequence == sequence => message,
                    Ok(_) => continue,
                    Err(error) => {
                        malformed.get_or_insert(error);
                        break;
                    }
                };
                consistent &= message.flags & NLM_F_DUMP_INTR == 0;
                if matches!(message.kind, NLMSG_ERROR | NLMSG_DONE) {
                    return match (malformed, message.refusal(0)?) {
                        (Some(error), _) => Err(error.into()),
                        (None, Some(refusal)) => Err(Failure::Refused(refusal)),
                        (None, None) => Ok(consistent),
                    };
                }
                match NetlinkMessage::<RouteNetlinkMessage>::deserialize(message.octets) {
                    Ok(NetlinkMessage { payload: NetlinkPayload::InnerMessage(inner), .. }) => each(inner),
                    Ok(_) => {}
                    Err(error) => {
                        malformed.get_or_insert(io::Error::new(io::ErrorKind::InvalidData, error));
                    }
                }
            }
        }
    }

    fn push(&mut self, flags: u16, message: RouteNetlinkMessage) {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = flags;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
        message.finalize();
        let start = self.outgoing.len();
        self.outgoing.resize(start + message.buffer_len().next_multiple_of(4), 0);
        if let Some(room) = self.outgoing.get_mut(start..) {
            message.serialize(room);
        }
    }

    fn send(&self) -> io::Result<()> {
        let sent = retry_interrupted(|| self.socket.send(&self.outgoing, 0))?;
        if sent == self.outgoing.len() {
            return Ok(());
        }
        Err(malformed(format!("the kernel took {sent} of {} octets", self.outgoing.len())))
    }

    fn receive(&mut self) -> io::Result<()> {
        let Self { socket, incoming, .. } = self;
        let octets = retry_interrupted(|| {
            incoming.clear();
            incoming.reserve(RECEIVE_OCTETS);
            socket.recv(incoming, libc::MSG_DONTWAIT | libc::MSG_TRUNC)
        })?;
        if octets > incoming.len() {
            return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
        }
        Ok(())
    }
}

fn retry_interrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn malformed(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// One message of a datagram.
#[derive(Clone, Copy, Debug)]
struct Message<'a> {
    kind: u16,
    flags: u16,
    sequence: u32,
    /// With its header.
    octets: &'a [u8],
}

impl Message<'_> {
    /// What `NLMSG_ERROR` or `NLMSG_DONE` says; `None` is success.
    fn refusal(&self, at: usize) -> io::Result<Option<Refusal>> {
        let payload = self.octets.get(HEADER_OCTETS..).unwrap_or_default();
        let Some((code, rest)) = payload.split_first_chunk::<4>() else {
            return Err(malformed(format!("an answer's error code needs 4 octets, {} are there", payload.len())));
        };
        let Some(code) = NonZeroI32::new(i32::from_ne_bytes(*code)) else { return Ok(None) };
        let errno = code.get().checked_neg().unwrap_or(libc::EPROTO);
        Ok(Some(Refusal { at, errno, text: self.extended_text(rest) }))
    }

    /// The text behind the copy of the refused request; a dump's end has no such copy.
    fn extended_text(&self, rest: &[u8]) -> Option<String> {
        if self.flags & NLM_F_ACK_TLVS == 0 {
            return None;
        }
        let attributes = if self.kind == NLMSG_DONE {
            rest
        } else {
            let (length, _) = rest.split_first_chunk::<4>()?;
            let copied = match self.flags & NLM_F_CAPPED {
                0 => usize::try_from(u32::from_ne_bytes(*length)).ok()?.checked_next_multiple_of(4)?,
                _ => HEADER_OCTETS,
            };
            rest.get(copied..)?
        };
        NlasIterator::new(attributes).map_while(Result::ok).find(|attribute| attribute.kind() == EXTENDED_TEXT).map(
            |attribute| {
                let text = attribute.value();
                String::from_utf8_lossy(text.strip_suffix(b"\0").unwrap_or(text)).into_owned()
            },
        )
    }
}

/// The messages of a datagram, in order; ends after the first malformed one.
struct Messages<'a>(&'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = io::Result<Message<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let left = std::mem::take(&mut self.0);
        if left.is_empty() {
            return None;
        }
        let Some(&[a, b, c, d, k0, k1, f0, f1, s0, s1, s2, s3, ..]) = left.first_chunk::<HEADER_OCTETS>() else {
            return Some(Err(malformed(format!("a message header needs 16 octets, {} are there", left.len()))));
        };
        let length = u32::from_ne_bytes([a, b, c, d]);
        let octets = usize::try_from(length).ok().filter(|&length| length >= HEADER_OCTETS);
        let Some(octets) = octets.and_then(|length| left.get(..length)) else {
            return Some(Err(malformed(format!("a message says {length} octets, {} are there", left.len()))));
        };
        self.0 = left.get(octets.len().next_multiple_of(4)..).unwrap_or_default();
        Some(Ok(Message {
            kind: u16::from_ne_bytes([k0, k1]),
            flags: u16::from_ne_bytes([f0, f1]),
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            octets,
        }))
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    /// A message with its header, padded.
    fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
        let mut octets = u32::try_from(HEADER_OCTETS + payload.len()).unwrap().to_ne_bytes().to_vec();
        octets.extend(kind.to_ne_bytes());
        octets.extend(flags.to_ne_bytes());
        octets.extend(7u32.to_ne_bytes());
        octets.extend(0u32.to_ne_bytes());
        octets.extend(payload);
        octets.resize(octets.len().next_multiple_of(4), 0);
        octets
    }

    /// `NLMSG_ERROR` with a capped copy of the request and a text.
    fn refusal_with_text() -> Vec<u8> {
        let mut payload = (-libc::EINVAL).to_ne_bytes().to_vec();
        payload.extend(message(16, 0, &[]));
        payload.extend([8_u16, 1].map(u16::to_ne_bytes).concat());
        payload.extend(b"low\0");
        message(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, &payload)
    }

    #[test]
    fn a_refusal_carries_the_kernels_own_words() {
        let octets = refusal_with_text();
        let message = Messages(&octets).next().unwrap().unwrap();
        assert_eq!(message.sequence, 7);
        let expected = Refusal { at: 3, errno: libc::EINVAL, text: Some("low".into()) };
        assert_eq!(message.refusal(3).unwrap(), Some(expected));
    }

    #[test]
    fn padding_separates_messages_and_may_be_missing_after_the_last() {
        let mut octets = message(NLMSG_ERROR, 0, &[0; 5]);
        octets.extend(message(NLMSG_DONE, 0, &[0; 4]));
        octets.extend(message(NLMSG_ERROR, 0, &[0; 5]));
        octets.truncate(octets.len() - 3);
        let kinds: Vec<u16> = Messages(&octets).map(|message| message.unwrap().kind).collect();
        assert_eq!(kinds, [NLMSG_ERROR, NLMSG_DONE, NLMSG_ERROR]);
    }

    #[test]
    fn a_truncated_datagram_is_an_error_and_never_a_panic() {
        let octets = refusal_with_text();
        for length in 1..octets.len() {
            let results: Vec<_> = Messages(&octets[..length]).collect();
            assert!(matches!(results.as_slice(), [Err(_)]), "{length} octets gave {results:?}");
        }
    }

    #[test]
    fn an_answer_without_room_for_its_code_is_an_error() {
        let octets = message(NLMSG_DONE, 0, &[0; 3]);
        assert!(Messages(&octets).next().unwrap().unwrap().refusal(0).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_octets_are_read_without_panic(octets in proptest::collection::vec(proptest::num::u8::ANY, 0..256)) {
            for message in Messages(&octets).flatten() {
                let _ = message.refusal(0);
                let _ = NetlinkMessage::<RouteNetlinkMessage>::deserialize(message.octets);
            }
        }

        /// The length field of an inner copy or attribute may say anything.
        #[test]
        fn a_damaged_refusal_is_read_without_panic(at in 16usize..44, octet: u8) {
            let mut octets = refusal_with_text();
            if let Some(damaged) = octets.get_mut(at) {
                *damaged = octet;
            }
            for message in Messages(&octets).flatten() {
                let _ = message.refusal(0);
            }
        }
    }
}
