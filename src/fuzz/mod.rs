//! Fuzzing of code that owns or meets a link: one vocabulary for unit tests, properties and coverage-guided fuzzers.
//!
//! Layer: above [`context`](crate::context). Nothing here branches on `cfg(fuzzing)`.
//!
//! * [`Script`]: what happens on a link, step by step, as a value and as octets.
//! * [`Player`]: plays a script on a link, gives the code under test its turns, and judges what it does.
//! * [`run()`], [`fuzz_exchange!`](crate::fuzz_exchange): a body, for any engine and for libFuzzer.
//! * [`Reproduction`]: what a fuzzer found, in words, as a capture and as a test.
//! * [`Differential`]: two that should do the same.
//! * [`mutate`]: a mutator for frames that puts lengths and checksums right, [`fuzz_mutator!`](crate::fuzz_mutator).
//! * [`corpus`]: captures as seeds, one for each class of what they cover.
//! * [`targets`]: the bodies of this crate's own fuzz targets.
//!
#![doc = include_str!("guide.md")]

pub mod corpus;
mod differential;
pub mod mutate;
pub mod player;
mod reproduction;
mod run;
pub mod script;
pub mod targets;

pub use differential::{Differential, Divergence, Played};
pub use player::{Event, Happened, Player, Refusal, Transcript, Turn};
pub use reproduction::{Finding, Reproduction};
pub use run::{Body, run, run_script};
pub use script::{Answer, CaptureToScript, Edit, Fault, Reply, Script, SocketCall, Step};
