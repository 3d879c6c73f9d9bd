//! How a test runs and ends: into its namespace, through its runner, out with a report when it failed.

use std::cell::RefCell;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::process::{ExitCode, Termination};
use std::sync::Arc;

use super::{Backend, FromTestContext, TestContext};
use crate::device::DeviceConfig;
use crate::exchange::{Faulted, Record, report};
use crate::fault::plan_file;

/// Runs the body of a test that returns something. What the attribute's expansion calls.
///
/// # Panics
/// When the surroundings cannot be made, with the obstacle; and when the body does, with its payload.
#[track_caller]
pub fn run<R: Termination>(backend: Backend, path: &'static str, body: fn(&mut TestContext) -> R) -> ExitCode {
    to_the_end(surroundings(backend, path), body)
}

/// As [`run`], for a strict test: nothing may be left over on its links.
///
/// # Panics
/// As [`run`].
#[track_caller]
pub fn run_strict<R: Termination>(backend: Backend, path: &'static str, body: fn(&mut TestContext) -> R) -> ExitCode {
    let mut context = surroundings(backend, path);
    context.set_strict();
    to_the_end(context, body)
}

/// Runs the body of a test that returns nothing. What the attribute's expansion calls.
///
/// # Panics
/// When the surroundings cannot be made, with the obstacle; and when the body does, with its payload.
#[track_caller]
pub fn run_unit(backend: Backend, path: &'static str, body: fn(&mut TestContext)) {
    // Nothing is a success.
    let _ = run(backend, path, body);
}

/// As [`run_unit`], for a strict test: nothing may be left over on its links.
///
/// # Panics
/// As [`run_unit`].
#[track_caller]
pub fn run_unit_strict(backend: Backend, path: &'static str, body: fn(&mut TestContext)) {
    let _ = run_strict(backend, path, body);
}

/// As [`run_unit`], for a test whose panic is what it wants: that leaves no report and no capture.
///
/// # Panics
/// As [`run_unit`].
#[track_caller]
pub fn run_unit_should_panic(backend: Backend, path: &'static str, body: fn(&mut TestContext)) {
    wanting_a_panic(surroundings(backend, path), body);
}

/// As [`run_unit_should_panic`], for a strict test.
///
/// # Panics
/// As [`run_unit`].
#[track_caller]
pub fn run_unit_strict_should_panic(backend: Backend, path: &'static str, body: fn(&mut TestContext)) {
    let mut context = surroundings(backend, path);
    context.set_strict();
    wanting_a_panic(context, body);
}

fn wanting_a_panic(mut context: TestContext, body: fn(&mut TestContext)) {
    let ended = panic::catch_unwind(AssertUnwindSafe(|| {
        body(&mut context);
        after_the_body(&mut context);
    }));
    match ended {
        // libtest fails the test for it.
        Ok(()) => report(&context),
        Err(payload) => {
            context.recorder().discard();
            panic::resume_unwind(payload)
        }
    }
}

/// The body, what a strict test demands after it, and the report when one of them fails.
fn to_the_end<R: Termination>(mut context: TestContext, body: fn(&mut TestContext) -> R) -> ExitCode {
    let code = reporting(&mut context, body).report();
    if code == ExitCode::SUCCESS {
        reporting(&mut context, after_the_body);
    } else {
        report(&context);
    }
    code
}

/// What is asked of a test whose body succeeded, while its surroundings still stand. It fails the test by a panic.
fn after_the_body(context: &mut TestContext) {
    for record in context.records().all() {
        if let Some(failure) = record.take_verdict() {
            panic!("after the test's body: {failure}");
        }
        assert!(
            !record.escaped_judgement(),
            "a strict test must let go of its links before it ends, so that what they hold can be judged: {}",
            record.link()
        );
    }
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

/// Prints what a failed test sent and received, and keeps it. libtest shows it below the test's panic.
fn report(context: &TestContext) {
    context.witnesses().testify();
    let mut text = format!("tuntap-test: {} failed", context.path());
    for record in context.records().all().iter().filter(|record| !record.was_reported()) {
        text.push('\n');
        text.push_str(report::timeline_only(record).trim_end());
    }
    eprintln!("{text}");
    keep(context, true);
}

/// What went over the links, as a report has it, and the files in which it is kept: of a failed run, or none.
pub(crate) fn evidence(context: &TestContext, failed: bool) -> (String, Vec<PathBuf>) {
    context.witnesses().testify();
    let records = context.records().all();
    let mut text: String =
        records.iter().map(|record| report::timeline_only(record).trim_end().to_owned() + "\n").collect();
    if !failed {
        return (text, Vec::new());
    }
    let files = match context.recorder().keep(&records, true, fault_plan(context, &records).as_deref()) {
        Ok(files) => files,
        Err(error) => {
            text.push_str(&format!("  files: the capture could not be kept: {error}\n"));
            Vec::new()
        }
    };
    (text, files)
}

/// Keeps what a test sent and received in files, and says where.
pub(super) fn keep(context: &TestContext, failed: bool) {
    context.witnesses().testify();
    let records = context.records().all();
    match context.recorder().keep(&records, failed, fault_plan(context, &records).as_deref()) {
        Ok(paths) if paths.is_empty() => {}
        Ok(paths) => {
            let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            eprintln!("  files: {}", paths.join("  "));
        }
        Err(error) => eprintln!("  files: the capture could not be kept: {error}"),
    }
}

/// What faults did on the links of the test, as the one file that does it again. `None` where none were planned.
fn fault_plan(context: &TestContext, records: &[Arc<Record>]) -> Option<String> {
    let links = records.iter().filter_map(|record| Some((record.faults()?, record.link())));
    let links: Vec<_> = links.map(|(Faulted { link, plan, .. }, name)| (link, name.to_owned(), plan)).collect();
    (!links.is_empty()).then(|| plan_file(&links, context.links == 1))
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
    // A runtime's tasks wait on its clock, which may be paused.
    #[cfg(not(feature = "tokio"))]
    context.clock().make_real();
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
    let made = STASH.with_borrow_mut(|stash| {
        stash.as_mut().map(|context| {
            #[cfg(feature = "tokio")]
            context.clock().follow_tokio();
            T::try_from_test_context(context, config)
        })
    });
    match made {
        Some(Ok(made)) => made,
        Some(Err(error)) => panic!("{error}"),
        None => panic!(
            "the runner started the test on another thread than its own, which is in another network namespace; \
             use a runner that polls the test on the calling thread, as #[tokio::test] does"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static SEEN: Cell<Option<bool>> = const { Cell::new(None) };
    }

    fn note(context: &mut TestContext) {
        SEEN.set(Some(context.is_strict()));
    }

    fn note_and_fail(context: &mut TestContext) -> Result<(), &'static str> {
        note(context);
        Err("as asked")
    }

    #[test]
    fn only_a_strict_test_is_strict() {
        run_unit(Backend::Mock, "outcome", note);
        assert_eq!(SEEN.take(), Some(false));
        run_unit_strict(Backend::Mock, "outcome", note);
        assert_eq!(SEEN.take(), Some(true));
        assert_ne!(run(Backend::Mock, "outcome", note_and_fail), ExitCode::SUCCESS);
        assert_eq!(SEEN.take(), Some(false));
        assert_ne!(run_strict(Backend::Mock, "outcome", note_and_fail), ExitCode::SUCCESS);
        assert_eq!(SEEN.take(), Some(true));
    }

    #[test]
    fn a_strict_test_is_still_strict_after_its_runner() {
        let mut context = surroundings(Backend::Mock, "outcome");
        context.set_strict();
        in_runner(&mut context, || ());
        assert!(context.is_strict());
    }
}
