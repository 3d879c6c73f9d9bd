//! The bodies of the fuzz targets, as plain functions: what a fuzzer finds, an ordinary test replays on stable.
//!
//! Layer: above [`codec`](crate::codec). Each body takes any octets and panics when a rule is broken. The targets in
//! `fuzz/` are one line each; `tests/corpus_replay.rs` runs the same bodies over `fixtures/corpus/`. Nothing here
//! branches on `cfg(fuzzing)`.

mod tun_pi;

pub use tun_pi::tun_pi;

/// The body of a fuzz target.
pub type Target = fn(&[u8]);

/// Every target under its name, which is also the name of its folder in `fixtures/corpus/`.
pub const TARGETS: &[(&str, Target)] = &[("tun_pi", tun_pi)];
