//! Fuzzing of code that owns or meets a link: one vocabulary for unit tests, properties and coverage-guided fuzzers.
//!
//! Layer: above [`exchange`](crate::exchange). Nothing here branches on `cfg(fuzzing)`.
//!
//! * [`targets`]: the bodies of this crate's own fuzz targets.

pub mod targets;
