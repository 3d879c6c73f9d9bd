//! What a flow tells: its ends, the numbers of both sides, the host's options, what was sent and received.

use std::net::SocketAddr;

use super::stream::Stream;
use super::{FlowError, TcpFlow};

impl TcpFlow {
    /// The peer's address and port.
    #[must_use]
    pub const fn peer(&self) -> SocketAddr {
        self.teacher.peer
    }

    /// The host's address and port.
    #[must_use]
    pub const fn host(&self) -> SocketAddr {
        self.teacher.host
    }

    /// The number behind all that we sent: what the host must acknowledge.
    #[must_use]
    pub const fn next_sequence(&self) -> u32 {
        self.sent.next()
    }

    /// The number that is so far behind our initial one: 0 is our SYN, 1 our first octet.
    #[must_use]
    pub const fn peer_sequence(&self, offset: u32) -> u32 {
        self.sent.initial().wrapping_add(offset)
    }

    /// The number that is so far behind the host's initial one: 0 is its SYN, 1 its first octet.
    ///
    /// # Errors
    /// As long as the host's initial number is not known.
    pub fn host_sequence(&self, offset: u32) -> Result<u32, FlowError> {
        let initial = self.host_initial_sequence().ok_or(FlowError::HostUnknown)?;
        Ok(initial.wrapping_add(offset))
    }

    /// The number behind all that the host sent without a gap: what the next [`ack`](Self::ack) acknowledges.
    ///
    /// # Errors
    /// As long as the host's initial number is not known.
    pub fn host_next_sequence(&self) -> Result<u32, FlowError> {
        self.teacher.learned().stream.as_ref().map(Stream::next).ok_or(FlowError::HostUnknown)
    }

    /// The number of the host's SYN, once that was learnt.
    #[must_use]
    pub fn host_initial_sequence(&self) -> Option<u32> {
        self.teacher.learned().stream.as_ref().map(Stream::initial)
    }

    /// The MSS option of the host's SYN, in octets of data; `None` before the SYN, and where it had none.
    #[must_use]
    pub fn host_mss(&self) -> Option<u16> {
        self.teacher.learned().mss
    }

    /// The host's window in octets, scaled where both sides agreed on that; `None` before the host's SYN. Ours must have
    /// been offered with [`window_scale`](Self::window_scale) where the host opened the connection.
    #[must_use]
    pub fn host_window(&self) -> Option<u32> {
        self.teacher.learned().window(self.window_scale.is_some())
    }

    /// The data that we sent, in octets: each once, and none that stands behind a gap.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent.octets()
    }

    /// The data that the host sent, as far as it was learnt, in octets: each once, and none that stands behind a gap.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.teacher.learned().stream.as_ref().map_or(0, Stream::octets)
    }
}
