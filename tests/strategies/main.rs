//! What the strategies promise: which values they give, and in what shrinking ends.
#![cfg(target_os = "linux")] // smoltcp is a dependency of the tests there only
#![expect(clippy::indexing_slicing, reason = "the test fails where the slice is too short")]

mod addresses;
mod defects;
mod fragments;
mod readers;
mod reassembly;
mod shrinking;
mod sound;
mod tcp_stream;
#[path = "../tshark/mod.rs"]
mod tshark;
