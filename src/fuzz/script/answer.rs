//! What answers a frame of the code under test: a reply template bound to that frame.

use std::panic::Location;

use super::edit::Edit;
use crate::packet::{IntoPacket, Packet, TcpFlags};

/// A reply to a frame that the code under test has sent: its addresses, ports, identifiers and sequence numbers come from
/// that frame, so that a script gets past a handshake whose numbers it cannot know.
///
/// Encoded as
///
/// ```text
///  | to 1 | reply 1 | what the reply is made of | edits |
///  reply 0 peer      |                                                           as a well-behaved peer would
///        1 mirror    |                                                           addresses and ports exchanged
///        2 segment   | flags 1 | sequence 4 | acknowledgement 4 | length 3 | payload |     TCP; numbers are signed
///        3 datagram  | length 3 | payload |                                      the same flow back
///        4 error     | type 1 | code 1 |                                         ICMP or ICMPv6, quoting the frame
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Answer {
    pub(crate) to: u8,
    pub(crate) reply: Reply,
    pub(crate) edits: Vec<Edit>,
}

/// What kind of reply an [`Answer`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// What a well-behaved peer says: SYN-ACK to a SYN, an acknowledgement to data and to FIN, an echo reply, an ARP
    /// reply, a neighbour advertisement, the datagram back. To what asks for nothing: nothing.
    Peer,
    /// The frame with addresses and ports exchanged, whatever it is.
    Mirror,
    /// A TCP segment of the connection. Its numbers are those which continue it, plus what is given.
    Segment {
        /// The flags.
        flags: TcpFlags,
        /// Added to the sequence number that comes next.
        sequence: i32,
        /// Added to the acknowledgement of all that was seen.
        acknowledgement: i32,
        /// What it carries.
        payload: Vec<u8>,
    },
    /// A datagram or segment of the same flow with that payload.
    Datagram {
        /// What it carries.
        payload: Vec<u8>,
    },
    /// An ICMP error, of the frame's IP version, which quotes the frame.
    Error {
        /// The ICMP type.
        icmp_type: u8,
        /// The code.
        code: u8,
    },
}

impl Answer {
    /// An answer of that kind to the last frame.
    pub const fn new(reply: Reply) -> Self {
        Self { to: 0, reply, edits: Vec::new() }
    }

    /// What a well-behaved peer says.
    pub const fn peer() -> Self {
        Self::new(Reply::Peer)
    }

    /// The frame with addresses and ports exchanged.
    pub const fn mirror() -> Self {
        Self::new(Reply::Mirror)
    }

    /// A TCP segment that continues the connection.
    pub fn segment(flags: TcpFlags, payload: impl Into<Vec<u8>>) -> Self {
        Self::new(Reply::Segment { flags, sequence: 0, acknowledgement: 0, payload: payload.into() })
    }

    /// A datagram of the same flow back.
    pub fn datagram(payload: impl Into<Vec<u8>>) -> Self {
        Self::new(Reply::Datagram { payload: payload.into() })
    }

    /// An ICMP error that quotes the frame.
    pub const fn error(icmp_type: u8, code: u8) -> Self {
        Self::new(Reply::Error { icmp_type, code })
    }

    /// Answers an earlier frame: 0 is the last one that the code under test has sent, 1 the one before it.
    pub const fn to(mut self, earlier: u8) -> Self {
        self.to = earlier;
        self
    }

    /// Moves the numbers of a [segment](Reply::Segment) off what continues the connection. Others have none.
    pub const fn off_by(mut self, sequence: i32, acknowledgement: i32) -> Self {
        if let Reply::Segment { sequence: s, acknowledgement: a, .. } = &mut self.reply {
            (*s, *a) = (sequence, acknowledgement);
        }
        self
    }

    /// The same with what these layers set, each in the first layer of its kind; a layer that the reply has not is left
    /// out. Lengths and checksums are computed behind it unless they are set.
    ///
    /// # Panics
    /// When a field is set to something that is no single value, or an option is set that no field names.
    #[track_caller]
    pub fn with(mut self, layers: impl IntoPacket) -> Self {
        let packet: Packet = layers.into_packet();
        for layer in packet.layers() {
            match Edit::all_of(layer) {
                Some(edits) => self.edits.extend(edits),
                None => panic!(
                    "{}: an answer takes fields with one value each, and no options that no field names: `{layer:?}`",
                    Location::caller()
                ),
            }
        }
        self
    }

    /// Which frame it answers: 0 is the last.
    #[must_use]
    pub const fn earlier(&self) -> u8 {
        self.to
    }

    /// What kind of reply it is.
    #[must_use]
    pub const fn reply(&self) -> &Reply {
        &self.reply
    }

    pub(in crate::fuzz) const fn reply_mut(&mut self) -> &mut Reply {
        &mut self.reply
    }

    pub(in crate::fuzz) fn forget_edit(&mut self, index: usize) {
        self.edits.remove(index);
    }

    /// What is set in it.
    #[must_use]
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }
}
