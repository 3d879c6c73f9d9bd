//! The host end of a link as raw frames.

use std::fmt;
use std::ops::Deref;

use crate::exchange::Exchange;

/// The host end as raw frames: what the code under test writes at the device end arrives here, and what is sent here
/// it reads. The host's own stack sees the same frames.
///
/// It is an [`Exchange`] with the verbs of the device end, in the other direction: a packet that names no addresses goes
/// from the host to the peer. Monitors are off while the test itself holds the device end; they are on once it was
/// handed over.
pub struct HostEnd {
    exchange: Exchange,
}

impl HostEnd {
    pub(super) const fn new(exchange: Exchange) -> Self {
        Self { exchange }
    }
}

impl Deref for HostEnd {
    type Target = Exchange;

    fn deref(&self) -> &Exchange {
        &self.exchange
    }
}

impl fmt::Debug for HostEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostEnd").field("mode", &self.mode()).finish_non_exhaustive()
    }
}
