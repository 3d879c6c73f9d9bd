//! An answering machine under scripts; see `examples/fuzzed/answering.rs`.
#![no_main]

#[path = "../../examples/fuzzed/answering.rs"]
mod answering;

tuntap_test::fuzz_exchange!(tuntap_test::Tun, answering::answering);
