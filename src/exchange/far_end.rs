//! What an exchange asks of the link it runs on, and cannot know itself.

use std::io;
use std::time::Duration;

use crate::device::FrameRef;

/// How it was established that nothing else came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Established {
    /// The other end answers before the write returns, and everything it wrote has been read.
    AtOnce,
    /// An echo of the harness's own, sent after everything else, was answered: what the kernel says at once had come
    /// before.
    Fence {
        /// How long the answer took.
        answered_in: Duration,
    },
    /// The link was watched for so long: somebody may still be about to speak.
    QuietWindow {
        /// How long.
        watched: Duration,
        /// Why a fence was not enough.
        because: Reason,
    },
}

/// Why a fence is not enough, or not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Sockets exist at the other end, whose program may speak when it likes.
    Sockets,
    /// The device's other side is held by a program.
    Program,
    /// The link has no address to send an echo to.
    NoAddress,
    /// The echo was not answered.
    NoAnswer,
}

impl std::fmt::Display for Established {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtOnce => f.write_str("the host answers before a write returns, and all it wrote was read"),
            Self::Fence { answered_in } => write!(f, "fence answered in {:.3} ms", answered_in.as_secs_f64() * 1e3),
            Self::QuietWindow { watched, because } => {
                let because = match because {
                    Reason::Sockets => "sockets exist at the host",
                    Reason::Program => "a program holds the other end",
                    Reason::NoAddress => "the link has no address for a fence",
                    Reason::NoAnswer => "the fence was not answered",
                };
                write!(f, "quiet window of {:.0} ms ({because})", watched.as_secs_f64() * 1e3)
            }
        }
    }
}

/// What can be done to establish that nothing else comes.
pub(crate) enum Means {
    /// Reading what is there is enough.
    AtOnce,
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only the kernel backend has fences"))]
    /// This frame, whose answer [`FarEnd::answers_fence`] recognises; a quiet window too where there is a reason.
    Fence { nonce: u64, request: Vec<u8>, and_quiet: Option<Reason> },
    /// Watching only.
    Quiet(Reason),
}

/// What faults did on a link.
#[derive(Clone)]
pub(crate) struct Faulted {
    /// Which link of the test, counted from 1.
    pub(crate) link: usize,
    /// A few lines.
    pub(crate) report: String,
    /// Its part of `fault-plan.toml`.
    pub(crate) plan: String,
}

/// The other end of the link that an exchange runs on.
pub(crate) trait FarEnd: Send + Sync {
    /// Whether an IP packet of so many octets is longer than the MTU.
    fn exceeds_mtu(&self, octets: usize) -> bool;

    /// Frames that were dropped before the reader had them, because nobody read them in time.
    fn dropped(&self) -> io::Result<u64>;

    /// Whose queue that was.
    fn queue(&self) -> &'static str {
        "the device"
    }

    /// What can establish that nothing else comes.
    fn means(&self) -> Means;

    /// Whether a frame is the harness's own: part of a fence. Nobody is shown it.
    fn is_own(&self, frame: FrameRef<'_>) -> bool;

    /// Whether it is the answer to that fence.
    fn answers_fence(&self, nonce: u64, frame: FrameRef<'_>) -> bool;

    /// What faults did on the link so far: for the report, and as the plan that does it again.
    fn faults(&self) -> Option<Faulted> {
        None
    }

    /// Whether the test itself put these octets in at the other end.
    fn has_sent(&self, octets: &[u8]) -> bool;
}
