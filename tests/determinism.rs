//! The same seed gives the same exchange, octet by octet and instant by instant, in every run: each round's capture is the
//! same file. This program starts itself, because what keeps captures is a variable of the environment.

#![cfg(unix)]

use std::io::{Read, Write};
use std::net::Shutdown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::{env, fs};

use tuntap_test::context::{Backend, TestContext};
use tuntap_test::device::{Deadline, DeviceConfig};
use tuntap_test::prelude::*;

/// The variable that makes this program a child: how many rounds it runs.
const ROUNDS: &str = "TUNTAP_TEST_DETERMINISM_ROUNDS";

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Questions and answers over a link that does everything to frames that it can.
fn one_thread(context: &mut TestContext) {
    let tun: Tun = context.argument(DeviceConfig::new()).unwrap();
    tun.faults().seed(7).to_host(|faults| {
        faults.loss(0.1).duplicate(0.1).reorder(0.2, 4).delay(ms(1)..=ms(30)).corrupt(0.1).truncate(0.05)
    });
    for number in 0..40 {
        tun.send(Icmpv4::echo_request(7, number) / [0x55; 100]);
        tun.clock().advance(ms(3));
    }
    tun.clock().advance(ms(100));
    let mut replies = 0;
    while tun.try_receive(Deadline::Now).is_ok() {
        replies += 1;
    }
    assert!((20..60).contains(&replies), "{replies}");
}

/// Each end is a thread's; both go by the same clock.
fn two_threads(context: &mut TestContext) {
    let tun: Tun = context.argument(DeviceConfig::new()).unwrap();
    let host = tun.host();
    let plan = |faults: tuntap_test::fault::FrameFaults| faults.loss(0.2).delay(ms(1)..=ms(20));
    tun.faults().seed(9).to_host(plan).to_device(plan);
    tun.clock().scope(|scope| {
        scope.spawn("host", || {
            let socket = host.udp_bind((tun.host_v4(), 53)).unwrap();
            socket.set_timeout(ms(500));
            let mut buffer = [0; 100];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                host.clock().advance(ms(2));
                socket.send_to(buffer.get(..length).unwrap_or_default(), from).unwrap();
            }
        });
        for number in 0..20_u16 {
            tun.send(Udp::new().sport(9).dport(53) / number.to_be_bytes());
            let _ = tun.try_expect(Udp::new().sport(53).within(ms(25)));
        }
    });
}

/// The test plays both ends, on two threads.
fn both_ends(context: &mut TestContext) {
    let tun: Tun = context.argument(DeviceConfig::new()).unwrap();
    tun.stack().mock_host().unwrap().set_silent(true);
    let host = tun.host_end();
    tun.faults().seed(5).to_host(|faults| faults.delay(ms(1)..=ms(9))).to_device(|faults| faults.reorder(0.3, 2));
    tun.clock().scope(|scope| {
        scope.spawn("host", || {
            for number in 1..=20 {
                host.expect_eventually(Udp::new().dport(number));
                host.send(Udp::new().dport(number) / b"one");
                host.send(Udp::new().dport(number) / b"two");
            }
        });
        for number in 1..=20 {
            tun.send(Udp::new().dport(number));
            tun.expect_in_any_order([Udp::new().dport(number) / b"one", Udp::new().dport(number) / b"two"]);
        }
    });
}

/// A mebibyte from host to host over two links, of which one loses three of ten frames each way.
fn lossy_transfer(context: &mut TestContext) {
    const LENGTH: usize = 1 << 20;
    let a: Tun = context.argument(DeviceConfig::new().address("192.0.2.1/24")).unwrap();
    let b: Tun = context.argument(DeviceConfig::new().address("192.0.2.2/24").host("b")).unwrap();
    a.faults().seed(3).to_host(|faults| faults.loss(0.3)).to_device(|faults| faults.loss(0.3));
    let clock = a.clock().clone();
    let (at_a, at_b) = (a.host(), b.host());
    let listener = at_b.tcp_listen((b.host_v4(), 80)).unwrap();
    let octets: Vec<u8> = (0..LENGTH).map(|at| u8::try_from(at % 251).unwrap_or(0)).collect();
    let forward = |from: &Tun, to: &Tun| {
        let mut buffer = [0; 2000];
        while let Ok(length) = from.device().receive(&mut buffer, Deadline::Never) {
            to.device().transmit(buffer.get(..length).unwrap_or_default()).unwrap();
        }
    };
    clock.scope(|scope| {
        let forwards = [scope.spawn("a to b", || forward(&a, &b)), scope.spawn("b to a", || forward(&b, &a))];
        let server = scope.spawn("server", || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_timeout(Deadline::Never);
            let mut received = Vec::new();
            stream.read_to_end(&mut received).unwrap();
            received
        });
        let mut stream = at_a.tcp_connect_timeout((b.host_v4(), 80), Deadline::Never).unwrap();
        stream.set_timeout(Deadline::Never);
        stream.write_all(&octets).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert!(server.join().unwrap() == octets, "the octets that arrived are others");
        a.device().interrupt();
        b.device().interrupt();
        for forward in forwards {
            forward.join().unwrap();
        }
    });
}

type Body = fn(&mut TestContext);
const BODIES: [(&str, Body); 4] = [
    ("one_thread", one_thread),
    ("two_threads", two_threads),
    ("both_ends", both_ends),
    ("lossy_transfer", lossy_transfer),
];

fn body(name: &str) -> Body {
    BODIES.iter().find(|(other, _)| *other == name).unwrap().1
}

/// All that a round has left, one file behind the other: a long exchange has several.
fn captured(folder: &Path) -> Vec<u8> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().flat_map(|file| fs::read(file).unwrap()).collect()
}

/// In a child: runs a body that many times and compares what each round leaves. In the parent nothing.
fn rounds(name: &'static str) {
    let Some(rounds) = env::var(ROUNDS).ok().and_then(|rounds| rounds.parse::<u32>().ok()) else { return };
    let folder = PathBuf::from(env::var_os("TUNTAP_TEST_DIR").unwrap());
    let mut first: Option<Arc<[u8]>> = None;
    for round in 0..rounds {
        let mut context = TestContext::new(Backend::Mock, name).unwrap();
        body(name)(&mut context);
        drop(context);
        let octets: Arc<[u8]> = captured(&folder.join(name)).into();
        let expected = first.get_or_insert_with(|| Arc::clone(&octets));
        if *expected != octets {
            fs::write(folder.join("another.pcapng"), &octets).unwrap();
            fs::write(folder.join("first.pcapng"), expected).unwrap();
            panic!("round {round} is another: see first.pcapng and another.pcapng in {}", folder.display());
        }
    }
}

/// Runs a body in two children, and compares what they leave with one another, too.
fn is_the_same(name: &str, count: u32) {
    let captures = ["one", "two"].map(|child| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("determinism.{name}.{child}"));
        let _ = fs::remove_dir_all(&folder);
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", &format!("child::{name}"), "--nocapture"])
            .env(ROUNDS, count.to_string())
            .env("TUNTAP_TEST_CAPTURE", "always")
            .env("TUNTAP_TEST_DIR", &folder)
            .env_remove("TUNTAP_TEST_SEED")
            .env_remove("TUNTAP_TEST_FAULTS")
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && out.contains("1 passed"), "{out}\n{err}");
        let octets = captured(&folder.join(name));
        fs::remove_dir_all(&folder).unwrap();
        octets
    });
    let [one, two] = &captures;
    assert!(one.len() > 3000, "{} octets are no exchange", one.len());
    assert!(one == two, "two processes have two exchanges");
}

#[test]
fn of_one_thread_a_every_time() {
    is_the_same("one_thread", 100);
}

#[test]
fn of_two_threads_a_every_time() {
    is_the_same("two_threads", 100);
}

#[test]
fn of_both_ends_a_every_time() {
    is_the_same("both_ends", 100);
}

#[test]
fn of_a_lossy_transfer() {
    is_the_same("lossy_transfer", 3);
}

/// What the children run.
mod child {
    use super::rounds;

    #[test]
    fn one_thread() {
        rounds("one_thread");
    }

    #[test]
    fn two_threads() {
        rounds("two_threads");
    }

    #[test]
    fn both_ends() {
        rounds("both_ends");
    }

    #[test]
    fn lossy_transfer() {
        rounds("lossy_transfer");
    }
}
