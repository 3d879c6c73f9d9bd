//! The table: what the mock does otherwise than Linux, and why. What both say stands on the page.

use std::fmt;

/// Who makes it different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// smoltcp, which does the arithmetic of TCP's windows and sequence numbers.
    Smoltcp,
    /// This crate's mock, on purpose or for want of work.
    Ours,
    /// The socket pair that stands for a descriptor.
    SocketPair,
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Smoltcp => "smoltcp's",
            Self::Ours => "ours",
            Self::SocketPair => "the socket pair's",
        })
    }
}

/// One entry.
pub(crate) struct Difference {
    pub(crate) sentence: &'static str,
    pub(crate) whose: Whose,
    pub(crate) reason: &'static str,
}

pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        sentence: "a full queue of 32 after one frame is read: the host sends 40 more",
        whose: Whose::Ours,
        reason: "the kernel's ring frees its slots in batches of 16 once it was full; here one read makes room for one frame",
    },
    Difference {
        sentence: "an echo request with room for two recorded addresses: the options of the reply",
        whose: Whose::Ours,
        reason: "IPv4 options are read over, and none is sent",
    },
    Difference { sentence: "a time stamp request", whose: Whose::Ours, reason: "the mock has no time of day" },
    Difference {
        sentence: "an IPv4 time stamp option with a pointer into its own header",
        whose: Whose::Ours,
        reason: "IPv4 options are read over, so none is found wrong",
    },
    Difference {
        sentence: "20 datagrams to a closed port, where the limits of Linux's defaults are switched on again",
        whose: Whose::Ours,
        reason: "the mock has no limits, and the harness switches those of a kernel link off",
    },
    Difference {
        sentence: "20 datagrams over IPv6 to a closed port, where the limits of Linux's defaults are switched on again",
        whose: Whose::Ours,
        reason: "the mock has no limits, and the harness switches those of a kernel link off",
    },
    Difference {
        sentence: "an echo request of 1,400 octets of data after \"fragmentation needed\" told the host MTU 1,000 for an echo reply: octets of IPv4 in each piece",
        whose: Whose::Ours,
        reason: "no path MTU is learnt",
    },
    Difference {
        sentence: "an ICMPv6 echo request of 1,400 octets of data after \"packet too big\" told the host MTU 1,280: octets of IPv6 in each piece",
        whose: Whose::Ours,
        reason: "no path MTU is learnt",
    },
    Difference {
        sentence: "the window scale of a SYN-ACK",
        whose: Whose::Ours,
        reason: "there is no window scale: smoltcp's buffer is kept at 65,535 octets at most",
    },
    Difference {
        sentence: "a SYN that offers ECN (ECE and CWR) to a listener",
        whose: Whose::Smoltcp,
        reason: "it has no ECN",
    },
    Difference {
        sentence: "data after the host has sent some: when it is acknowledged",
        whose: Whose::Smoltcp,
        reason: "every segment with data is acknowledged at once; Linux does so at first, and later waits whether there is an answer to go with it",
    },
    Difference {
        sentence: "every second of 20 segments of 10 octets, then the others: how much is acknowledged in the end, and read",
        whose: Whose::Smoltcp,
        reason: "it remembers four gaps at most, and drops what would make a fifth",
    },
    Difference {
        sentence: "data with an urgent pointer: what is acknowledged, and read",
        whose: Whose::Smoltcp,
        reason: "it knows no urgent data",
    },
    Difference {
        sentence: "the host writes 1 octet three times without a pause: segments",
        whose: Whose::Ours,
        reason: "what a socket writes leaves when all wait, so that three writes in one instant are one segment",
    },
    Difference {
        sentence: "the host writes 3,000 octets to a peer with a window of 1,000",
        whose: Whose::Smoltcp,
        reason: "it fills the window; Linux never sends more than half of the greatest window that there was in one segment",
    },
    Difference {
        sentence: "the host writes 5 octets and closes, with a window of 3",
        whose: Whose::Smoltcp,
        reason: "it fills any window; Linux waits for a greater one",
    },
    Difference {
        sentence: "\"fragmentation needed\" (MTU 1,000) about a segment of 1,460 octets: what the host sends at once",
        whose: Whose::Ours,
        reason: "no path MTU is learnt",
    },
    Difference {
        sentence: "descriptor: a write whose first nibble is 5",
        whose: Whose::SocketPair,
        reason: "a socket takes any message; the device end behind it drops the frame",
    },
    Difference {
        sentence: "descriptor: a write of no octets",
        whose: Whose::SocketPair,
        reason: "a socket takes any message; the device end behind it drops the frame",
    },
    Difference {
        sentence: "descriptor of a TAP: a write of 13 octets",
        whose: Whose::SocketPair,
        reason: "a socket takes any message; the device end behind it drops the frame",
    },
    Difference {
        sentence: "descriptor: a write while the link is down",
        whose: Whose::SocketPair,
        reason: "a socket takes any message; the device end behind it drops the frame",
    },
    Difference {
        sentence: "descriptor with packet information: the header in a read into 50 octets of the 104",
        whose: Whose::SocketPair,
        reason: "what reads the device end has room enough; the socket cuts the message without a sign",
    },
    Difference {
        sentence: "descriptor with packet information: a read into 3 octets",
        whose: Whose::SocketPair,
        reason: "what reads the device end has room enough; the socket cuts the message without a sign",
    },
    Difference {
        sentence: "descriptor with packet information: a write of 3 octets",
        whose: Whose::SocketPair,
        reason: "a socket takes any message; the device end behind it drops the frame",
    },
    Difference {
        sentence: "descriptor: what poll says while the link is down",
        whose: Whose::SocketPair,
        reason: "a socket knows of no link and has room for a message",
    },
    Difference {
        sentence: "descriptor of a device that was removed: poll, write, read",
        whose: Whose::SocketPair,
        reason: "the other end of the pair is closed: a hang-up, EPIPE, the end of the file",
    },
    Difference {
        sentence: "descriptor: 40 frames while nobody reads, queue length 8: how many can be read then",
        whose: Whose::SocketPair,
        reason: "the socket's buffer holds megabytes besides the queue",
    },
    Difference {
        sentence: "descriptor: what kind of file it is",
        whose: Whose::SocketPair,
        reason: "so ioctls such as TUNGETIFF are refused",
    },
];
