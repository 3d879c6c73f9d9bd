//! Writes to a TUN or TAP of this kernel, as root; see `tuntap_test::fuzz::targets::kernel_write`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tuntap_test::fuzz::targets::kernel_write(data));
tuntap_test::fuzz_mutator!(Scripts);
