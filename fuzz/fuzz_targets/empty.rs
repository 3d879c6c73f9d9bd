//! Does nothing: its executions a second are what the fuzzer itself costs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = data;
});
