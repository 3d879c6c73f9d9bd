//! What a message has any number of: resource records, options by number.
//!
//! Layer: `packet`. A template says which parts must be there; the message may have more, in any order.

use std::borrow::Cow;
use std::fmt;

/// One part that a message must have.
pub(crate) trait Part: fmt::Display + Send + Sync {
    /// Whether the field that holds such parts has it.
    fn is_in(&self, parts: Parts<'_>) -> bool;

    /// The octets that building appends; `None` where the part is no single value.
    fn octets(&self) -> Option<Cow<'_, [u8]>>;
}

/// The parts in a message: the octets where they stand, and those around them, into which names point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    /// The layer's whole header.
    pub(crate) message: &'a [u8],
    /// Where they begin in it.
    pub(crate) start: usize,
    /// Where they end.
    pub(crate) end: usize,
}
