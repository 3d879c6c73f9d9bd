//! What fuzzers found, minimised, as tests. The files are in `fixtures/findings/<target>/`.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use tuntap_test::fuzz::{self, Answer, Script};
use tuntap_test::packet::*;

#[path = "../examples/fuzzed/toy.rs"]
mod toy;

/// Found by libFuzzer from the committed seeds, and minimised to its two steps: a session, and a message whose value takes
/// all octets that there are.
fn a_value_that_takes_all_octets() -> Script {
    Script::new()
        .silent_host()
        .send_as_host(Udp::new().sport(40_000).dport(toy::PORT) / toy::message(1, &[1]))
        .answer(Answer::datagram([0, 0]))
}

#[test]
fn the_toy_reads_a_check_that_is_not_there() {
    let told = catch_unwind(|| fuzz::run_script(a_value_that_takes_all_octets(), toy::toy)).unwrap_err();
    let told = told.downcast_ref::<String>().map(String::as_str);
    assert_eq!(told, Some("index out of bounds: the len is 2 but the index is 2"));
}

#[test]
fn the_mended_toy_does_not() {
    fuzz::run_script(a_value_that_takes_all_octets(), toy::toy_or_mended::<true>);
}

/// Without a session the message is not looked at: it takes both steps.
#[test]
fn the_finding_takes_both_steps() {
    let script = a_value_that_takes_all_octets();
    for left_out in 0..script.steps().len() {
        let steps = script.steps().iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, step)| step.clone());
        fuzz::run_script(steps.fold(Script::new().silent_host(), Script::step), toy::toy);
    }
    let refused = Script::new().silent_host().send_as_host(Udp::new().sport(40_000).dport(toy::PORT) / [0, 0]);
    fuzz::run_script(refused, toy::toy);
}

/// What a fuzzer leaves is a file: this is the one for `cargo run --example fuzz_repro`.
#[test]
fn the_file_is_that_script() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/findings/toy");
    let file = fs::read(folder.join("a-value-that-takes-all-octets.bin"));
    let script = a_value_that_takes_all_octets();
    let right = Path::new(env!("CARGO_TARGET_TMPDIR")).join("a-value-that-takes-all-octets.bin");
    fs::write(&right, script.encode()).unwrap();
    assert!(file.is_ok_and(|octets| octets == script.encode()), "{} is right", right.display());
}
