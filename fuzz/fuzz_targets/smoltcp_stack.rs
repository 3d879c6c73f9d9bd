//! smoltcp's own stack in a whole exchange; see `examples/fuzzed/smoltcp_stack.rs`.
#![no_main]

#[path = "../../examples/fuzzed/smoltcp_stack.rs"]
mod smoltcp_stack;

tuntap_test::fuzz_exchange!(tuntap_test::Tun, smoltcp_stack::smoltcp_stack);
