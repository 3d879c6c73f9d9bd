//! Frames as packets; see `tuntap_test::fuzz::targets::frame_by_shares`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tuntap_test::fuzz::targets::frame_by_shares(data));
