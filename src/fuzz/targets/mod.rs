//! The bodies of the fuzz targets, as plain functions: what a fuzzer finds, an ordinary test replays on stable.
//!
//! Layer: above [`codec`](crate::codec), [`packet`](crate::packet), [`capture`](crate::capture), [`answer`](crate::answer) and
//! the tests made from captures. Each body takes any octets and panics when a rule is broken. The targets in `fuzz/` are one
//! line each; `tests/corpus_replay.rs` runs the same bodies over `fixtures/corpus/`. Nothing here branches on `cfg(fuzzing)`.
//!
//! What a body tests it reaches through a trait of its own, `Code`, whose methods are the library's. The tests at each
//! file's bottom put broken code in its place, and hold that a committed seed breaks the rule that forbids it.

mod answering;
mod capture;
mod checksum;
mod differential;
mod exchange;
mod frame;
#[cfg(target_os = "linux")]
mod kernel_write;
mod matcher;
mod packet_info;
mod rules;
mod to_test;
mod tun_pi;

pub use answering::answering;
pub use capture::capture;
pub use checksum::checksum;
pub use differential::differential;
pub use exchange::exchange;
pub use frame::{frame, frame_by_shares};
#[cfg(target_os = "linux")]
pub use kernel_write::kernel_write;
pub use matcher::matcher;
pub use packet_info::packet_info;
pub use to_test::to_test;
pub use tun_pi::tun_pi;

use rules::Rules;

use crate::device::{FrameRef, LARGEST_FRAME, Mode};

/// The body of a fuzz target.
pub type Target = fn(&[u8]);

/// Every target under its name, which is also the name of its folder in `fixtures/corpus/`; without `kernel_write`, which
/// needs a kernel.
pub const TARGETS: &[(&str, Target)] = &[
    ("answering", answering),
    ("capture", capture),
    ("checksum", checksum),
    ("differential", differential),
    ("exchange", exchange),
    ("frame", frame),
    ("matcher", matcher),
    ("packet_info", packet_info),
    ("to_test", to_test),
    ("tun_pi", tun_pi),
];

/// The first octet says whether the others are a frame of a TUN (even) or of a TAP (odd). `None` where there is no
/// such frame.
#[inline]
fn split_mode(data: &[u8]) -> Option<FrameRef<'_>> {
    let (first, octets) = data.split_first()?;
    (octets.len() <= LARGEST_FRAME).then_some(FrameRef::new(mode_of(*first), octets))
}

#[inline]
const fn mode_of(octet: u8) -> Mode {
    if octet.is_multiple_of(2) { Mode::Tun } else { Mode::Tap }
}
