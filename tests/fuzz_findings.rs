//! What fuzzers found, minimised, as tests. The files are in `fixtures/findings/<target>/`.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use tuntap_test::fuzz::{self, Answer, Script};
use tuntap_test::packet::*;

#[path = "../examples/fuzzed/answering.rs"]
mod answering;
#[path = "../examples/fuzzed/toy.rs"]
mod toy;

#[cfg(all(target_os = "linux", feature = "host", feature = "smoltcp"))]
#[path = "../examples/fuzzed/smoltcp_stack.rs"]
mod smoltcp_stack;

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

/// RFC 792 has code 0 for echoes; whoever sends another one gets it back, as from Linux. The body's check took that for
/// something else than a reply.
#[test]
fn an_echo_with_a_code_is_an_echo() {
    let request = |version: Packet, echo: Packet| Script::new().silent_host().send_as_host(version / echo);
    let v4 = request(Ipv4::new().into(), (Icmpv4::echo_request(7, 1).code(4) / b"ping").into_packet());
    fuzz::run_script(v4, answering::answering);
    let v6 = request(Ipv6::new().into(), (Icmpv6::echo_request(7, 1).code(4) / b"ping").into_packet());
    fuzz::run_script(v6, answering::answering);
}

/// smoltcp 0.14 sends an ICMPv6 error about a packet to a group, which RFC 4443 section 2.4 (e.3) forbids but for two
/// kinds, of which this is none.
#[cfg(all(target_os = "linux", feature = "host", feature = "smoltcp"))]
#[test]
fn smoltcp_answers_a_group_with_errors() {
    use smoltcp_stack::{smoltcp_stack, smoltcp_stack_or_strict};

    let group = [0xff02, 0, 0, 0, 0, 0, 0, 1];
    let script = || Script::new().silent_host().send_as_host(Ipv6::new().dst(group).next_header(20));
    let told = catch_unwind(|| fuzz::run_script(script(), smoltcp_stack_or_strict::<true>)).unwrap_err();
    let told = told.downcast_ref::<String>().map_or("", String::as_str);
    assert!(told.contains("an ICMP error is about a packet to a group (RFC 4443 section 2.4)"), "{told}");
    assert!(told.contains("ICMPv6 parameter problem code 1"), "{told}");
    fuzz::run_script(script(), smoltcp_stack);
}
