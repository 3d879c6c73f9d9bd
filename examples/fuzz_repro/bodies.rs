//! The bodies, by the names of their targets.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tuntap_test::context::FromTestContext;
use tuntap_test::fuzz::targets::TARGETS;
use tuntap_test::fuzz::{Body, Reproduction, Script};

#[path = "../fuzzed/answering.rs"]
mod answering;
#[cfg(all(feature = "host", feature = "smoltcp"))]
#[path = "../fuzzed/smoltcp_stack.rs"]
mod smoltcp_stack;
#[path = "../fuzzed/toy.rs"]
mod toy;

/// What there is to tell.
pub(super) struct Told {
    pub(super) text: String,
    pub(super) failed: bool,
    pub(super) source: String,
    /// The script that was run last, encoded.
    pub(super) script: Vec<u8>,
}

pub(super) fn tell(target: &str, octets: &[u8], minimise: bool) -> Result<Told, String> {
    match target {
        "toy" => Ok(exchange(toy::toy, "toy::toy", octets, minimise)),
        "answering_exchange" => Ok(exchange(answering::answering, "answering::answering", octets, minimise)),
        #[cfg(all(feature = "host", feature = "smoltcp"))]
        "smoltcp_stack" => Ok(exchange(smoltcp_stack::smoltcp_stack, "smoltcp_stack::smoltcp_stack", octets, minimise)),
        name => match TARGETS.iter().find(|(target, _)| *target == name) {
            Some((target, body)) => Ok(octets_only(target, *body, octets)),
            None => {
                let known: Vec<_> = TARGETS.iter().map(|(target, _)| *target).collect();
                Err(format!(
                    "no target is called `{name}`: toy, answering_exchange, smoltcp_stack (features host and smoltcp), {}",
                    known.join(", ")
                ))
            }
        },
    }
}

/// A body that takes a link and a script.
fn exchange<T: FromTestContext>(body: Body<T>, called: &str, octets: &[u8], minimise: bool) -> Told {
    let reproduction = Reproduction::of(body).called(called);
    let mut script = Script::decode(octets);
    let mut text = String::new();
    if minimise && reproduction.fails(&script).is_some() {
        let steps = script.steps().len();
        script = reproduction.minimise(&script);
        text = format!("minimised from {steps} to {} steps\n", script.steps().len());
    }
    let finding = reproduction.reproduce(&script);
    text.push_str(&finding.to_string());
    Told { text, failed: finding.message().is_some(), source: finding.source().to_owned(), script: script.encode() }
}

/// A body that takes octets.
fn octets_only(target: &str, body: fn(&[u8]), octets: &[u8]) -> Told {
    let panic = catch_unwind(AssertUnwindSafe(|| body(octets))).err();
    let message = panic.as_ref().map(|panic| match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(text), _) => text.as_str(),
        (None, Some(text)) => *text,
        (None, None) => "a panic without a message",
    });
    let told = message.map_or_else(|| "the body does not panic".to_owned(), |told| format!("the body panics: {told}"));
    let source = format!(
        "#[test]\nfn found_by_fuzzing() {{\n    tuntap_test::fuzz::targets::{target}(b\"{}\");\n}}\n",
        octets.escape_ascii()
    );
    let text = format!("{told}\n\nthe input, {} octets; the test:\n\n{source}", octets.len());
    Told { text, failed: message.is_some(), source, script: octets.to_vec() }
}
