//! `struct tun_pi` and the framings; see `tuntap_test::fuzz::targets::tun_pi`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tuntap_test::fuzz::targets::tun_pi(data));
