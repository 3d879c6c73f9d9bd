//! Tests per second of a suite of 50, on the mock and on the kernel, against set-ups written by hand.
//!
//! ```text
//! cargo bench --bench suite           # about 20 s; the kernel's part as root, or with user namespaces
//! ```
//!
//! A test makes its surroundings with one TUN link, sends an echo request, takes the reply, and leaves. Ours is what
//! `#[tuntap_test]` expands to: `run_unit` with the backend and the body; the first body uses the verbs, the second one
//! plain octets at the device. By hand:
//!
//! * on the mock: two channels of `std::sync::mpsc`, and a function that turns the request around;
//! * on the kernel: unshare, open, TUNSETIFF, one netlink message with six requests, one write and one read. With and
//!   without TUNSETPERSIST, by which the close need not wait for the kernel.
//!
//! The verbs record on disk, so their figure is the disk's as well: `TUNTAP_TEST_DIR=/dev/shm/suite` shows how much of it.
//!
//! Each test has a thread of its own, as libtest gives it one: one after the other, or on as many threads as there are
//! processors.

mod bare;
mod rounds;
mod turns;

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use tuntap_test::Tun;
use tuntap_test::context::{Backend, TestContext, run_unit};
use tuntap_test::device::{Deadline, DeviceConfig, patience};
use tuntap_test::packet::{Defaults, Icmpv4, IntoPacket};

use turns::{Rival, take_turns};

const ROUNDS: usize = 15;
const TESTS: usize = 50;

/// Tests per second of the suite: that many threads at once, and each test on a new one.
fn suite(at_once: usize, test: impl Fn() + Sync) -> io::Result<f64> {
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let start = Instant::now();
    thread::scope(|runners| {
        for _ in 0..at_once {
            runners.spawn(|| {
                while next.fetch_add(1, Ordering::Relaxed) < TESTS {
                    let passed = thread::scope(|scope| scope.spawn(&test).join().is_ok());
                    failed.fetch_add(usize::from(!passed), Ordering::Relaxed);
                }
            });
        }
    });
    let rate = TESTS as f64 / start.elapsed().as_secs_f64();
    match failed.into_inner() {
        0 => Ok(rate),
        failed => Err(io::Error::other(format!("{failed} tests failed"))),
    }
}

fn link(context: &mut TestContext) -> Tun {
    context.argument(DeviceConfig::new()).unwrap_or_else(|error| panic!("{error}"))
}

/// The body of a test.
fn with_verbs(context: &mut TestContext) {
    let tun = link(context);
    tun.send(Icmpv4::echo_request(7, 1) / b"hello");
    tun.expect(Icmpv4::echo_reply(7, 1) / b"hello");
}

/// The same without the verbs.
fn with_octets(context: &mut TestContext) {
    let tun = link(context);
    let (device, mut reply) = (tun.device(), [0; 2048]);
    let received = device.transmit(&request()).and_then(|_| device.receive(&mut reply, Deadline::After(patience())));
    assert_eq!(received.ok(), Some(20 + 8 + 5));
}

/// The octets of the request.
fn request() -> Vec<u8> {
    let request = Icmpv4::echo_request(7, 1) / b"hello";
    request.into_packet().build_with(&Defaults::documentation()).unwrap_or_default()
}

fn channels(request: &[u8]) {
    let (to_host, at_host) = mpsc::channel::<Vec<u8>>();
    let (to_device, at_device) = mpsc::channel::<Vec<u8>>();
    let host = || {
        let mut frame = at_host.recv().ok()?;
        frame.get_mut(12..20)?.rotate_left(4);
        *frame.get_mut(20)? = 0;
        to_device.send(frame).ok()
    };
    let reply = to_host.send(request.to_vec()).ok().and_then(|()| host()).and_then(|()| at_device.recv().ok());
    assert_eq!(reply.map(|reply| reply.len()), Some(request.len()));
}

fn by_hand(request: &[u8], messages: &[u8], persist: bool) {
    let test = || -> io::Result<usize> {
        let mut node = bare::link(messages)?;
        if persist {
            bare::persist(&node)?;
        }
        node.write_all(request)?;
        node.read(&mut [0; 2048])
    };
    assert_eq!(test().unwrap_or_else(|error| panic!("{error}")), request.len());
}

fn measure() -> io::Result<()> {
    let (request, messages) = (&*request(), &*bare::messages());
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let ours =
        |backend, at_once, body: fn(&mut TestContext)| move || suite(at_once, || run_unit(backend, "suite", body));
    for at_once in [1, processors] {
        let mock = vec![
            Rival::new("#[tuntap_test(mock)], verbs", ours(Backend::Mock, at_once, with_verbs)),
            Rival::new("#[tuntap_test(mock)], octets", ours(Backend::Mock, at_once, with_octets)),
            Rival::new("two channels", move || suite(at_once, || channels(request))),
        ];
        take_turns(&format!("50 tests on the mock, {at_once} at once"), "tests/s", ROUNDS, mock)?;
    }
    if let Err(obstacle) = tuntap_test::kernel::prepare() {
        return Err(io::Error::other(obstacle.to_string()));
    }
    for at_once in [1, processors] {
        let kernel = vec![
            Rival::new("#[tuntap_test(kernel)], verbs", ours(Backend::Kernel, at_once, with_verbs)),
            Rival::new("#[tuntap_test(kernel)], octets", ours(Backend::Kernel, at_once, with_octets)),
            Rival::new("bare system calls", move || suite(at_once, || by_hand(request, messages, true))),
            Rival::new("bare, plain close", move || suite(at_once, || by_hand(request, messages, false))),
        ];
        take_turns(&format!("50 tests on the kernel, {at_once} at once"), "tests/s", ROUNDS, kernel)?;
    }
    Ok(())
}

fn main() -> ExitCode {
    rounds::end(measure())
}
