//! What a flow cannot tell.

use std::error::Error;
use std::fmt;

/// Why a flow cannot give what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlowError {
    /// The number depends on the host's initial sequence number.
    HostUnknown,
    /// The frame from which a flow was to be made carries no whole TCP segment.
    NotTcp,
    /// The segment from which a flow was to be made opens no connection.
    NotSyn,
}

impl fmt::Display for FlowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HostUnknown => {
                "the host's initial sequence number is not known yet: expect its SYN or SYN-ACK first, or learn it"
            }
            Self::NotTcp => "the frame is no TCP segment, or a fragment of one: give the host's SYN",
            Self::NotSyn => "the segment opens no connection: give the host's SYN, which has no ACK",
        })
    }
}

impl Error for FlowError {}
