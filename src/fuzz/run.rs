//! Runs a body on a link of its own: what a fuzzer calls a million times, and a test once.

use super::Script;
use crate::context::{Backend, FromTestContext, TestContext};
use crate::device::DeviceConfig;

/// A body that is fuzzed: code under test on a link, and what happens there. A function, or a closure that captures
/// nothing.
pub type Body<T> = fn(T, Script);

/// Runs a body with the script that these octets are, on a link of its own in memory: what
/// [`fuzz_exchange!`](crate::fuzz_exchange) gives to libFuzzer. Any other engine calls it in the same way.
///
/// Nothing is recorded, so that it is fast. [`Reproduction`](super::Reproduction) runs the same with all evidence.
///
/// ```
/// use tuntap_test::fuzz::{self, Script};
/// use tuntap_test::prelude::*;
///
/// fn host_takes_anything(tun: Tun, script: Script) {
///     script.play_at_device_end(&tun, |_| ());
/// }
///
/// fuzz::run(&Script::new().send(Icmpv4::echo_request(7, 1)).encode(), host_takes_anything);
/// fuzz::run(b"whatever a fuzzer makes", host_takes_anything);
/// ```
///
/// # Panics
/// When the body does, or what the code under test sent breaks a rule.
#[track_caller]
pub fn run<T: FromTestContext>(octets: &[u8], body: Body<T>) {
    run_script(Script::decode(octets), body);
}

/// As [`run`], with a script.
///
/// # Panics
/// As [`run`].
#[track_caller]
pub fn run_script<T: FromTestContext>(script: Script, body: Body<T>) {
    match TestContext::unrecorded(Backend::Mock) {
        Ok(mut context) => on_a_link(&mut context, body, script),
        Err(error) => panic!("{error}"),
    }
}

/// Runs the body on a link of those surroundings, and judges what the link's end left.
pub(super) fn on_a_link<T: FromTestContext>(context: &mut TestContext, body: Body<T>, script: Script) {
    body(T::from_test_context(context, DeviceConfig::new()), script);
    judge(context);
}

/// Fails when a link's end left something that breaks a rule.
pub(super) fn judge(context: &TestContext) {
    for record in context.records().all() {
        if let Some(failure) = record.take_verdict() {
            panic!("after the body: {failure}");
        }
    }
}

/// Makes a libFuzzer target of a body that takes a link and a [`Script`], in a file of its own:
///
/// ```text
/// #![no_main]
/// use tuntap_test::prelude::*;
///
/// tuntap_test::fuzz_exchange!(|tun: Tun, script: Script| {
///     let mut stack = my_stack::Stack::new(tun.device());
///     script.play_at_host_end(&tun, |_| stack.poll());
/// });
/// ```
///
/// Inputs are mutated as scripts ([`Scripts`](crate::fuzz::mutate::input::Scripts)). The body becomes a plain function `body` in that file; or it is one that stands elsewhere, where `cargo test` reaches it,
/// too: `fuzz_exchange!(Tun, my_stack::fuzzing::exchange);`.
///
/// The crate `libfuzzer-sys` is the caller's, as `cargo fuzz init` puts it there. Build with `--no-cfg-fuzzing`, or a dependency
/// may behave otherwise under the fuzzer than under `cargo test`: smoltcp lets every checksum pass there.
#[macro_export]
macro_rules! fuzz_exchange {
    (|$link:ident: $Link:ty, $script:ident: $Script:ty| $body:block) => {
        /// The body of the target: `tuntap_test::fuzz::run(octets, body)` runs it without a fuzzer.
        pub fn body($link: $Link, $script: $Script) $body

        $crate::fuzz_exchange!($Link, body);
    };
    ($Link:ty, $body:path) => {
        ::libfuzzer_sys::fuzz_target!(|octets: &[u8]| $crate::fuzz::run::<$Link>(octets, $body));
        $crate::fuzz_mutator!(Scripts);
    };
}
