//! The clock, with sources that do what a test says.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;

use super::*;

const END: &str = "tun0";

fn what() -> What<'static> {
    What::new(END, "receive")
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Mail that arrives at its time.
#[derive(Default)]
struct Post {
    under_way: Mutex<BTreeMap<Instant, u32>>,
    there: Mutex<Vec<(Instant, u32)>>,
}

use std::sync::{Mutex, MutexGuard, PoisonError};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Post {
    fn on(clock: &Clock) -> Arc<Self> {
        let post = Arc::new(Self::default());
        let source: Weak<dyn Source> = Arc::downgrade(&(Arc::clone(&post) as Arc<dyn Source>));
        clock.add_source(source);
        post
    }

    fn take(&self) -> Option<(Instant, u32)> {
        lock(&self.there).pop()
    }
}

impl Source for Post {
    fn run(&self, now: Instant) -> bool {
        let mut under_way = lock(&self.under_way);
        let mut did = false;
        while let Some(first) = under_way.first_entry().filter(|first| *first.key() <= now) {
            let (at, mail) = first.remove_entry();
            lock(&self.there).push((at, mail));
            did = true;
        }
        did
    }

    fn next(&self) -> Option<Instant> {
        lock(&self.under_way).keys().next().copied()
    }
}

fn wait<T>(clock: &Clock, deadline: Deadline, attempt: impl FnMut() -> Option<T>) -> Result<T, WaitError> {
    clock.scheduler().unwrap().wait(deadline, what(), attempt)
}

#[test]
fn time_jumps_to_what_comes_next() {
    let clock = Clock::new_virtual();
    let (begin, real) = (clock.now(), Instant::now());
    let post = Post::on(&clock);
    lock(&post.under_way).insert(begin + ms(300_000), 1);
    lock(&post.under_way).insert(begin + ms(100_000), 2);
    assert_eq!(wait(&clock, Deadline::Never, || post.take()), Ok((begin + ms(100_000), 2)));
    assert_eq!(clock.now(), begin + ms(100_000));
    assert_eq!(wait(&clock, Deadline::After(ms(50)), || post.take()), Err(WaitError::TimedOut));
    assert_eq!(clock.now(), begin + ms(100_050));
    assert_eq!(wait(&clock, Deadline::Never, || post.take()), Ok((begin + ms(300_000), 1)));
    assert!(real.elapsed() < Duration::from_secs(60));
}

#[test]
fn what_comes_at_the_deadline_is_there() {
    let clock = Clock::new_virtual();
    let post = Post::on(&clock);
    let at = clock.now() + ms(7);
    lock(&post.under_way).insert(at, 1);
    assert_eq!(wait(&clock, Deadline::After(ms(7)), || post.take()), Ok((at, 1)));
}

#[test]
fn a_look_without_waiting_sees_what_is_due_and_moves_nothing() {
    let clock = Clock::new_virtual();
    let (post, begin) = (Post::on(&clock), clock.now());
    lock(&post.under_way).insert(begin, 1);
    lock(&post.under_way).insert(begin + ms(1), 2);
    assert_eq!(wait(&clock, Deadline::Now, || post.take()), Ok((begin, 1)));
    assert_eq!(wait(&clock, Deadline::Now, || post.take()), Err(WaitError::WouldBlock));
    assert_eq!(clock.now(), begin);
}

#[test]
fn time_stands_still_while_another_thread_runs() {
    let clock = Clock::new_virtual();
    let (tell, told) = mpsc::channel();
    let (go, gate) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let other = clock.clone();
        scope.spawn(move || {
            other.scheduler().unwrap().touch(END);
            tell.send(()).unwrap();
            gate.recv().unwrap();
            let at = other.now();
            other.advance(ms(10));
            tell.send(()).unwrap();
            assert_eq!(other.now() - at, ms(10));
        });
        told.recv().unwrap();
        let begin = clock.now();
        let waiting = clock.clone();
        let first = scope.spawn(move || {
            waiting.advance(ms(4));
            waiting.now()
        });
        // Whatever the threads do meanwhile, the other one has not waited yet.
        thread::yield_now();
        assert_eq!(clock.now(), begin);
        go.send(()).unwrap();
        assert_eq!(first.join().unwrap(), begin + ms(4));
    });
}

/// Two threads that wait for each other by turns have the same times whoever is faster.
#[test]
fn two_threads_take_turns_in_virtual_time() {
    let clock = Clock::new_virtual();
    let (begin, steps) = (clock.now(), AtomicU32::new(0));
    let together = std::sync::Barrier::new(2);
    let run = |phase: u64| {
        clock.scheduler().unwrap().touch(END);
        together.wait();
        clock.advance(ms(phase));
        for _ in 0..200 {
            steps.fetch_add(1, Ordering::Relaxed);
            clock.advance(ms(2));
        }
        clock.now()
    };
    let ends = thread::scope(|scope| [scope.spawn(|| run(0)), scope.spawn(|| run(1))].map(|thread| thread.join()));
    assert_eq!(ends.map(Result::unwrap), [begin + ms(400), begin + ms(401)]);
    assert_eq!(steps.into_inner(), 400);
}

#[test]
fn a_thread_that_ends_is_not_waited_for() {
    let clock = Clock::new_virtual();
    let other = clock.clone();
    thread::spawn(move || other.scheduler().unwrap().touch(END)).join().unwrap();
    clock.advance(ms(1));
}

#[test]
fn who_does_something_else_is_named() {
    let clock = Clock::new_virtual();
    clock.scheduler().unwrap().touch("tun7");
    let other = clock.clone();
    let waiting = thread::spawn(move || wait(&other, Deadline::After(ms(1)), || None::<()>));
    let Err(WaitError::Stuck(why)) = waiting.join().unwrap() else { panic!("it has to be told") };
    assert!(why.contains("which used tun7 last"), "{why}");
    let other = clock.clone();
    let waiting = thread::spawn(move || other.advance(ms(1)));
    clock.outside(|| waiting.join()).unwrap();
}

#[test]
fn everybody_waiting_for_ever_is_told_at_once() {
    let clock = Clock::new_virtual();
    let real = Instant::now();
    let both = thread::scope(|scope| {
        let wait = || wait(&clock, Deadline::Never, || None::<()>);
        [scope.spawn(wait), scope.spawn(wait)].map(|thread| thread.join().unwrap())
    });
    for ended in both {
        let Err(WaitError::Deadlock(why)) = ended else { panic!("it has to be told") };
        assert!(why.contains("waits at tun0 to receive"), "{why}");
    }
    assert!(real.elapsed() < PATIENCE_OF_THE_TEST, "{:?}", real.elapsed());
}

const PATIENCE_OF_THE_TEST: Duration = Duration::from_secs(1);

/// A source that always has something to do.
struct Circle;

impl Source for Circle {
    fn run(&self, _: Instant) -> bool {
        true
    }

    fn next(&self) -> Option<Instant> {
        None
    }
}

#[test]
fn frames_that_go_round_for_ever_end_the_wait() {
    let clock = Clock::new_virtual();
    let circle: Arc<dyn Source> = Arc::new(Circle);
    clock.add_source(Arc::downgrade(&circle));
    let Err(WaitError::Deadlock(why)) = wait(&clock, Deadline::Never, || None::<()>) else { panic!("it has to end") };
    assert!(why.contains("without any time passing"), "{why}");
}

#[test]
fn real_time_passes_by_itself_and_what_is_due_is_done() {
    let clock = Clock::new_virtual();
    let post = Post::on(&clock);
    clock.make_real();
    let begin = clock.now();
    lock(&post.under_way).insert(begin + ms(20), 1);
    let waited = Instant::now();
    assert_eq!(wait(&clock, Deadline::Never, || post.take()), Ok((begin + ms(20), 1)));
    assert!(waited.elapsed() >= ms(19));
    assert_eq!(wait(&clock, Deadline::After(ms(5)), || post.take()), Err(WaitError::TimedOut));
}

/// What a thread sent before it went to sleep is delivered all the same, at the same instant.
#[test]
#[cfg(target_os = "linux")]
fn what_is_due_comes_while_another_thread_is_asleep() {
    let clock = Clock::new_virtual();
    let (post, begin) = (Post::on(&clock), clock.now());
    clock.scheduler().unwrap().touch(END);
    let other = (clock.clone(), Arc::clone(&post));
    let waiting = thread::spawn(move || wait(&other.0, Deadline::After(ms(1000)), || other.1.take()));
    lock(&post.under_way).insert(begin, 1);
    clock.scheduler().unwrap().work();
    assert_eq!(waiting.join().unwrap(), Ok((begin, 1)));
    assert_eq!(clock.now(), begin);
}

/// Longer than a thread is waited for that nobody has announced.
const LONG_BEFORE_ITS_FIRST_USE: Duration = Duration::from_millis(700);

#[test]
fn an_announced_thread_is_waited_for_before_it_has_used_an_end() {
    let clock = Clock::new_virtual();
    let began = clock.now();
    let other = {
        let clock = clock.clone();
        move || {
            thread::sleep(LONG_BEFORE_ITS_FIRST_USE);
            clock.advance(ms(5));
            clock.now()
        }
    };
    let spawned = clock.spawn("late", other.clone());
    clock.advance(ms(60_000));
    assert_eq!(spawned.join().unwrap() - began, ms(5));
    let began = clock.now();
    let at = clock.scope(|scope| {
        let late = scope.spawn("late", other);
        clock.advance(ms(60_000));
        late.join().unwrap()
    });
    assert_eq!(at - began, ms(5));
    assert_eq!(clock.now() - began, ms(60_000));
}

/// Who is announced and never comes does not hold the time for ever, and who will not come does not hold it at all.
#[test]
fn an_announcement_is_taken_back_or_told() {
    let clock = Clock::new_virtual();
    drop(clock.announce("nobody"));
    clock.advance(ms(1));
    let announced = clock.announce("late");
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| clock.advance(ms(1)))).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(
        text.contains("for 2s of real time thread `late`, which was announced and has not begun, did not"),
        "{text}"
    );
    drop(announced);
    clock.advance(ms(1));
}

/// A panic in the scope, or in a thread of it, is the caller's; the time goes on for those that are left.
#[test]
fn a_scope_gives_panics_on() {
    let clock = Clock::new_virtual();
    let began = clock.now();
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        clock.scope(|scope| {
            scope.spawn("goes on", || clock.advance(ms(10)));
            std::panic::panic_any("the body's");
        });
    }));
    assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"the body's"));
    assert_eq!(clock.now() - began, ms(10));
    let payload = clock.scope(|scope| scope.spawn("fails", || std::panic::panic_any(7)).join()).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&7));
}
