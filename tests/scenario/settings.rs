//! Settings of the test's own host.

use std::fmt::Display;
use std::fs;

use tuntap_test::prelude::*;

/// Sets what sysctl(8) calls by that name, in the network namespace that the test has for itself.
///
/// # Panics
/// Where that cannot be: the test would be about something else.
#[track_caller]
pub(crate) fn set(stack: &Stack, name: &str, value: impl Display + Sync) {
    let shared = std::env::var_os("TUNTAP_TEST_NAMESPACE").is_some_and(|value| value == "shared");
    assert!(!shared, "this test sets {name}: run it without TUNTAP_TEST_NAMESPACE=shared, or it is set for everybody");
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    let written = stack.run(|| fs::write(&path, value.to_string())).unwrap();
    if let Err(error) = written {
        panic!(
            "{name} cannot be set to {value}, and this test is about what the host does then: {path}: {error}. \
             Where /proc/sys is read-only, as in a container, mount it writable (docker run --privileged) or run the \
             test outside"
        );
    }
}
