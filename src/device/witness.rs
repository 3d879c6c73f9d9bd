//! Who sees what passes on a link that somebody else has: what both backends give to the exchange for a hand-over.

use std::io;
use std::time::Instant;

/// A frame that passed.
pub(crate) struct Seen<'a> {
    /// Without packet information.
    pub(crate) octets: &'a [u8],
    /// The host sent it, so that the device end reads it; otherwise the device end wrote it.
    pub(crate) from_host: bool,
    pub(crate) at: Instant,
}

/// Sees the frames of a link both ways, and keeps them until somebody asks.
pub(crate) trait Witness: Send {
    /// Gives what has passed since it was last asked, in order, and how many frames it has lost so far.
    fn take(&mut self, see: &mut dyn FnMut(Seen<'_>)) -> io::Result<u64>;

    /// Its socket's inode, where it has one: the harness's own is told apart by it.
    #[cfg(target_os = "linux")]
    fn inode(&self) -> Option<u64> {
        None
    }
}
