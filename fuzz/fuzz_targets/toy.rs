//! A toy with a planted fault; see `examples/fuzzed/toy.rs`.
#![no_main]

#[path = "../../examples/fuzzed/toy.rs"]
mod toy;

tuntap_test::fuzz_exchange!(tuntap_test::Tun, toy::toy);
