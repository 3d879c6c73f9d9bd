//! How a test runs and ends: into its namespace, through its runner, out with a report when it failed.

use std::cell::RefCell;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::process::{ExitCode, Termination};

use super::{Backend, FromTestContext, TestContext};
use crate::device::DeviceConfig;

/// Runs the body of a test that returns something. What the attribute's expansion calls.
///
/// # Panics
/// When the surroundings cannot be made, with the obstacle; and when the body does, with its payload.
#[track_caller]
pub fn run<R: Termination>(backend: Backend, path: &'static str, body: fn(&mut TestContext) -> R) -> ExitCode {
    let mut context = surroundings(backend, path);
    let code = reporting(&mut context, body).report();
    if code != ExitCode::SUCCESS {
        report(&context);
    }
    code
}

/// Runs the body of a test that returns nothing. What the attribute's expansion calls.
///
/// # Panics
/// When the surroundings cannot be made, with the obstacle; and when the body does, with its payload.
#[track_caller]
pub fn run_unit(backend: Backend, path: &'static str, body: fn(&mut TestContext)) {
    reporting(&mut surroundings(backend, path), body);
}

#[track_caller]
fn surroundings(backend: Backend, path: &'static str) -> TestContext {
    match TestContext::new(backend, path) {
        Ok(context) => context,
        Err(error) => panic!("{error}"),
    }
}

fn reporting<R>(context: &mut TestContext, body: fn(&mut TestContext) -> R) -> R {
    match panic::catch_unwind(AssertUnwindSafe(|| body(context))) {
        Ok(value) => value,
        Err(payload) => {
            report(context);
            panic::resume_unwind(payload)
        }
    }
}

/// Prints what a failed test sent and received. libtest shows it below the test's panic.
fn report(context: &TestContext) {
    if context.logs().is_empty() {
        return;
    }
    let mut text = format!("tuntap-test: {} failed; what the test sent and received:\n", context.path());
    for log in context.logs() {
        text.push_str(&log.to_string());
    }
    eprint!("{text}");
}

thread_local! {
    /// The context of the test on this thread, while its runner has the thread.
    static STASH: RefCell<Option<TestContext>> = const { RefCell::new(None) };
}

/// Calls a runner (such as the function that `#[tokio::test]` makes) while the context waits in a thread-local for
/// [`stashed`]. What the attribute's expansion calls.
pub fn in_runner<R>(context: &mut TestContext, runner: fn() -> R) -> R {
    /// Takes the context back, also when the runner panics.
    struct TakeBack<'a>(&'a mut TestContext);
    impl Drop for TakeBack<'_> {
        fn drop(&mut self) {
            if let Some(context) = STASH.with_borrow_mut(Option::take) {
                *self.0 = context;
            }
        }
    }
    let own = mem::replace(context, TestContext::hollow());
    STASH.with_borrow_mut(|stash| *stash = Some(own));
    let _back = TakeBack(context);
    runner()
}

/// Makes an argument from the context that [`in_runner`] put aside. What the attribute's expansion calls.
///
/// # Panics
/// When the runner polls the test on another thread than its own, and as
/// [`FromTestContext::from_test_context`] does.
#[must_use]
#[track_caller]
pub fn stashed<T: FromTestContext>(config: DeviceConfig) -> T {
    let made = STASH.with_borrow_mut(|stash| stash.as_mut().map(|context| T::try_from_test_context(context, config)));
    match made {
        Some(Ok(made)) => made,
        Some(Err(error)) => panic!("{error}"),
        None => panic!(
            "the runner started the test on another thread than its own, which is in another network namespace; \
             use a runner that polls the test on the calling thread, as #[tokio::test] does"
        ),
    }
}
