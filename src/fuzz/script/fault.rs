//! Faults of a script: for what comes next, since a script does not count frames.

use std::fmt;

use crate::fault::{Call, CallFault, FrameFault, Towards};

/// A fault for the next frame of a direction, or the next call at the device end.
///
/// Encoded as
///
/// ```text
///  kind 4  | towards 1 | fault 1 | a 8 | b 8 |     towards 0 host, 1 device; times in nanoseconds
///    fault 0 drop
///          1 corrupt     a octet; b: bits 0–7 what is turned over, bit 8 checksums are repaired
///          2 truncate    a octets left
///          3 duplicate   a how long after
///          4 hold        a behind so many frames, b how long at most
///          5 delay       a by
///  kind 5  | call 1 | fault 1 | a 8 |              call 0 transmit, 1 receive
///    fault 0 EAGAIN  1 EINTR  2 EIO  3 ENOBUFS  4 EBADFD
///          5 short read           a octets     (of a transmit: EINTR)
///          6 packet information   a: bits 16–31 flags, bits 0–15 protocol     (of a transmit: EIO)
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(pub(crate) NextFault);

/// What comes next, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NextFault {
    Frame(Towards, FrameFault),
    Call(Call, CallFault),
}

impl Fault {
    pub(in crate::fuzz) const fn of(next: NextFault) -> Self {
        Self(next)
    }

    /// What is planned.
    pub(in crate::fuzz) const fn next(&self) -> &NextFault {
        &self.0
    }

    /// A fault of the next frame in that direction.
    ///
    /// # Panics
    /// For [`FrameFault::Swap`], which names a frame by its number: hold one frame behind another instead.
    #[must_use]
    #[track_caller]
    pub fn frame(towards: Towards, fault: FrameFault) -> Self {
        assert!(!matches!(fault, FrameFault::Swap { .. }), "a script counts no frames: take FrameFault::Hold");
        Self(NextFault::Frame(towards, fault))
    }

    /// A fault of the next such call at the device end.
    ///
    /// # Panics
    /// When a transmit shall give what only a receive can.
    #[must_use]
    #[track_caller]
    pub fn call(call: Call, fault: CallFault) -> Self {
        assert!(
            call == Call::Receive || fault.error().is_some(),
            "{call} cannot give `{fault}`: that is what Call::Receive gives"
        );
        Self(NextFault::Call(call, fault))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            NextFault::Frame(towards, fault) => write!(f, "the next frame {towards} is {fault}"),
            NextFault::Call(call, fault) => write!(f, "the next {call} gives {fault}"),
        }
    }
}
