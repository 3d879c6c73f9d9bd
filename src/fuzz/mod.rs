//! Fuzzing of code that owns or meets a link: one vocabulary for unit tests, properties and coverage-guided fuzzers.
//!
//! Layer: above [`context`](crate::context). Nothing here branches on `cfg(fuzzing)`.
//!
//! * [`Script`]: what happens on a link, step by step, as a value and as octets.
//! * [`corpus`]: captures as seeds, one for each class of what they cover.
//! * [`targets`]: the bodies of this crate's own fuzz targets.

pub mod corpus;
pub mod script;
pub mod targets;

pub use script::{Answer, CaptureToScript, Edit, Fault, Reply, Script, SocketCall, Step};
