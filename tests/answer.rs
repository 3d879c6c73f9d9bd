//! The answering machines' runner and the link's one reader, on a device in memory.
#![cfg(unix)]
#![expect(clippy::indexing_slicing, reason = "a test that slices wrongly fails, as it should")]

mod memory;

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use memory::{MemoryDevice, PATIENCE};
use tuntap_test::answer::{self, AnsweringMachine, IcmpEcho, Until};
use tuntap_test::codec::Framing;
use tuntap_test::device::dispatch::{Detached, Dispatcher, Replies, Responder, Verdict};
use tuntap_test::device::{Deadline, Device, FrameRef, Mode};

/// From the kernel: a raw socket's `echo request, identifier 7, sequence 1, data "hello"`, read from a TUN.
const PING: &str = "45000021a2b4400040011424c0000201c00002020800b4250007000168656c6c6f";

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn tun() -> Arc<MemoryDevice> {
    MemoryDevice::new(Mode::Tun, Framing::None)
}

/// A machine made of a closure; takes every frame that starts with `first`.
struct Machine<F> {
    first: u8,
    act: F,
}

impl<F: FnMut(FrameRef<'_>, &mut Replies) + Send> AnsweringMachine for Machine<F> {
    fn name(&self) -> &str {
        "closure"
    }

    fn matches(&self, request: FrameRef<'_>) -> bool {
        request.octets.first() == Some(&self.first)
    }

    fn reply(&mut self, request: FrameRef<'_>, replies: &mut Replies) {
        (self.act)(request, replies);
    }
}

fn mirror(first: u8) -> Machine<impl FnMut(FrameRef<'_>, &mut Replies) + Send> {
    Machine { first, act: |request: FrameRef<'_>, replies: &mut Replies| replies.frame().extend(request.octets) }
}

fn message(panic: Box<dyn std::any::Any + Send>) -> String {
    *panic.downcast::<String>().unwrap()
}

#[test]
fn what_nobody_takes_is_queued_in_order_and_what_a_machine_takes_is_not() {
    let device = tun();
    let dispatcher = Arc::new(Dispatcher::start(device.clone()).unwrap());
    let answering = answer::attach(&dispatcher, mirror(1));
    for frame in [&[2, 0][..], &[1, 0], &[3, 0]] {
        device.inject(frame);
    }
    assert_eq!(dispatcher.next(PATIENCE.into()).unwrap().octets(), [2, 0]);
    assert_eq!(dispatcher.next(PATIENCE.into()).unwrap().octets(), [3, 0]);
    assert_eq!(dispatcher.next(Deadline::Now).unwrap_err().kind(), ErrorKind::WouldBlock);
    let short = Deadline::After(Duration::from_millis(1));
    assert_eq!(dispatcher.next(short).unwrap_err().raw_os_error(), Some(libc::ETIMEDOUT));
    assert_eq!((answering.requests(), answering.replies()), (1, 1));
    let statistics = dispatcher.statistics();
    assert_eq!((statistics.received, statistics.taken, statistics.replies, statistics.dropped), (3, 1, 1, 0));
}

#[test]
fn the_first_machine_that_takes_a_frame_is_the_only_one() {
    let device = tun();
    let dispatcher = Arc::new(Dispatcher::start(device.clone()).unwrap());
    let first = answer::attach(&dispatcher, mirror(1));
    let second = answer::attach(&dispatcher, mirror(1));
    device.inject(&[1]);
    assert_eq!(first.wait_for(Until::replies(1).within(PATIENCE)), 1);
    drop(first);
    device.inject(&[1]);
    assert_eq!(second.wait_for(Until::replies(1).within(PATIENCE)), 1);
    assert_eq!(second.stop().requests, 1);
}

#[test]
fn kept_packet_information_is_hidden_from_machines_and_put_before_replies() {
    let device = MemoryDevice::new(Mode::Tun, Framing::TunPi);
    let dispatcher = Arc::new(Dispatcher::start(device.clone()).unwrap());
    let _answering = answer::attach(&dispatcher, mirror(0x45));
    device.inject(&[1, 0, 8, 0, 0x45, 9]);
    let mut reply = Vec::new();
    device.take(&mut reply);
    assert_eq!(reply, [0, 0, 8, 0, 0x45, 9]);
    for read in [&[1, 0, 8, 0, 0x46][..], &[1, 0]] {
        device.inject(read);
        assert_eq!(dispatcher.next(PATIENCE.into()).unwrap().octets(), read);
    }
}

#[test]
fn a_refused_reply_is_counted_and_the_reader_goes_on() {
    let device = tun();
    let answering = answer::on(device.clone(), mirror(1)).unwrap();
    for errno in [libc::EIO, libc::EAGAIN, libc::ENOBUFS, libc::EINVAL] {
        device.fail(None, Some(errno));
        let before = answering.tally().failed_replies;
        device.inject(&[1]);
        let end = Instant::now() + PATIENCE;
        while answering.tally().failed_replies == before {
            assert!(Instant::now() < end, "errno {errno} was not counted");
            thread::yield_now();
        }
    }
    device.fail(None, None);
    device.inject(&[1]);
    assert_eq!(answering.wait_for(Until::replies(1).within(PATIENCE)), 1);
    let tally = answering.stop();
    assert_eq!((tally.requests, tally.replies, tally.failed_replies), (5, 1, 4));
    assert_eq!(tally.to_string(), "5 requests, 1 replies, 4 replies refused by the device");
}

#[test]
fn a_device_error_ends_the_reader_and_everybody_who_waits_hears_of_it() {
    let device = tun();
    let dispatcher = Arc::new(Dispatcher::start(device.clone()).unwrap());
    let answering = answer::attach(&dispatcher, mirror(1));
    device.inject(&[2]);
    device.fail(Some(libc::EBADFD), None);
    assert!(answering.try_wait_for(Until::replies(5).within(PATIENCE)).is_err());
    assert!(dispatcher.next(Deadline::Never).is_ok());
    for _ in 0..2 {
        assert_eq!(dispatcher.next(Deadline::Never).unwrap_err().raw_os_error(), Some(libc::EBADFD));
    }
    let late = answer::attach(&dispatcher, mirror(1));
    assert!(late.try_wait_for(Until::replies(1).within(PATIENCE)).is_err());
    let error = answer::answer_for(device, mirror(1), Until::replies(5).within(PATIENCE)).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EBADFD));
}

#[test]
fn interrupting_wakes_a_waiting_next() {
    let dispatcher = Dispatcher::start(tun()).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| dispatcher.next(Deadline::Never).unwrap_err());
        dispatcher.interrupt();
        assert_eq!(waiting.join().unwrap().raw_os_error(), Some(libc::EINTR));
    });
}

#[test]
fn stopping_ends_the_reader_at_once_and_lets_go_of_the_device() {
    for _ in 0..200 {
        let device = tun();
        let dispatcher = Dispatcher::start(device.clone()).unwrap();
        dispatcher.stop();
        assert_eq!(Arc::strong_count(&device), 1);
    }
}

#[test]
fn an_interruption_by_somebody_else_does_not_end_the_reader() {
    let device = tun();
    let dispatcher = Dispatcher::start(device.clone()).unwrap();
    for _ in 0..10 {
        device.interrupt();
        device.inject(&[1]);
        assert!(dispatcher.next(PATIENCE.into()).is_ok());
    }
}

#[test]
fn draining_forgets_what_was_queued() {
    let device = tun();
    let dispatcher = Dispatcher::start(device.clone()).unwrap();
    let mut dropped = 0;
    for _ in 0..3 {
        device.inject(&[1]);
    }
    let end = Instant::now() + PATIENCE;
    while dropped < 3 {
        dropped += dispatcher.drain().unwrap();
        assert!(Instant::now() < end);
    }
    assert_eq!(dispatcher.undelivered(), 0);
}

#[test]
fn a_machine_that_panics_stops_answering_and_its_guard_tells_why() {
    let device = tun();
    let dispatcher = Arc::new(Dispatcher::start(device.clone()).unwrap());
    let angry = Machine { first: 1, act: |_: FrameRef<'_>, _: &mut Replies| panic!("cannot stand {}", "it") };
    let answering = answer::attach(&dispatcher, angry);
    device.inject(&[1, 0xab]);
    // The panic is heard of by who waits, and the frame goes on to the test.
    assert!(answering.try_wait_for(Until::replies(1).within(PATIENCE)).is_err());
    assert_eq!(dispatcher.next(PATIENCE.into()).unwrap().octets(), [1, 0xab]);
    let panic = catch_unwind(AssertUnwindSafe(|| drop(answering))).unwrap_err();
    let expected = "the answering machine `closure` panicked: cannot stand it\nrequest (2 octets): 01ab";
    assert_eq!(message(panic), expected);
    // The reader lives on.
    let next = answer::attach(&dispatcher, mirror(1));
    device.inject(&[1]);
    assert_eq!(next.wait_for(Until::replies(1).within(PATIENCE)), 1);
}

#[test]
fn a_guard_that_is_dropped_while_panicking_does_not_panic_again() {
    let device = tun();
    let dispatcher = Arc::new(Dispatcher::start(device.clone()).unwrap());
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let angry = Machine { first: 1, act: |_: FrameRef<'_>, _: &mut Replies| panic!("machine") };
        let answering = answer::attach(&dispatcher, angry);
        device.inject(&[1]);
        assert!(answering.try_wait_for(Until::replies(1).within(PATIENCE)).is_err());
        std::panic::panic_any("the test's own".to_owned());
    }))
    .unwrap_err();
    assert_eq!(message(panic), "the test's own");
}

#[test]
fn a_detached_responder_is_not_running() {
    struct Watched(Arc<AtomicBool>, Arc<AtomicU64>);
    impl Responder for Watched {
        fn name(&self) -> &str {
            "watched"
        }

        fn respond(&mut self, _: FrameRef<'_>, _: &mut Replies) -> Verdict {
            self.1.fetch_add(1, Ordering::SeqCst);
            assert!(!self.0.load(Ordering::SeqCst), "used after it was detached");
            thread::yield_now();
            assert!(!self.0.load(Ordering::SeqCst), "detached while it was running");
            Verdict::Taken
        }
    }
    let device = tun();
    let dispatcher = Dispatcher::start(device.clone()).unwrap();
    let flooding = AtomicBool::new(true);
    let calls = Arc::<AtomicU64>::default();
    /// Ends the flood also when an assertion fails.
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(false, Ordering::SeqCst);
        }
    }
    thread::scope(|scope| {
        let _stop = Stop(&flooding);
        scope.spawn(|| {
            while flooding.load(Ordering::SeqCst) {
                device.inject(&[1]);
                thread::yield_now();
            }
        });
        for _ in 0..300 {
            let detached = Arc::<AtomicBool>::default();
            let before = calls.load(Ordering::SeqCst);
            let id = dispatcher.attach(Box::new(Watched(Arc::clone(&detached), Arc::clone(&calls))));
            let end = Instant::now() + PATIENCE;
            while calls.load(Ordering::SeqCst) == before {
                assert!(Instant::now() < end, "the reader does not run the responder");
                thread::yield_now();
            }
            let kept = dispatcher.detach(id);
            detached.store(true, Ordering::SeqCst);
            let after = calls.load(Ordering::SeqCst);
            assert!(matches!(kept, Some(Detached::Working(_))), "{kept:?}");
            assert!(dispatcher.detach(id).is_none());
            thread::yield_now();
            assert_eq!(calls.load(Ordering::SeqCst), after);
            // Only to keep the queue short: `drain` would wait for the end of a flood that does not end.
            for _ in 0..dispatcher.undelivered() {
                dispatcher.next(Deadline::Now).unwrap();
            }
        }
    });
}

#[test]
fn a_machine_cannot_detach_from_inside_itself() {
    let device = tun();
    let dispatcher = Arc::new(Dispatcher::start(device.clone()).unwrap());
    let (give, taken) = mpsc::channel::<answer::Answering>();
    let suicidal = Machine { first: 1, act: move |_: FrameRef<'_>, _: &mut Replies| drop(taken.recv().unwrap()) };
    let second = answer::attach(&dispatcher, mirror(2));
    let first = answer::attach(&dispatcher, suicidal);
    give.send(second).unwrap();
    device.inject(&[1]);
    assert!(first.try_wait_for(Until::replies(1).within(PATIENCE)).is_err());
    let told = message(catch_unwind(AssertUnwindSafe(|| drop(first))).unwrap_err());
    assert!(told.contains("a responder cannot detach on its own dispatcher"), "{told}");
}

#[test]
fn a_count_counts_replies_and_not_packets_and_a_machine_misses_nothing() {
    let device = tun();
    for _ in 0..20 {
        device.inject(&[9]);
    }
    for _ in 0..3 {
        device.inject(&octets(PING));
    }
    let tally = answer::answer_for(device, IcmpEcho::any_address(), Until::replies(3).within(PATIENCE)).unwrap();
    assert_eq!((tally.requests, tally.replies), (3, 3));
}

#[test]
fn a_time_ends_a_wait_without_a_reply() {
    let answering = answer::on(tun(), mirror(1)).unwrap();
    assert_eq!(answering.wait_for(Duration::from_millis(2)), 0);
    assert_eq!(answering.wait_for(Until::replies(1).within(Duration::from_millis(2))), 0);
}
