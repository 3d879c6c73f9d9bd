//! smoltcp's TCP under sequences of frames, with the mutator that keeps checksums right.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tuntap_test_fuzz::smoltcp_tcp(data));
tuntap_test::fuzz_mutator!(Frames(tuntap_test::device::Mode::Tun));
