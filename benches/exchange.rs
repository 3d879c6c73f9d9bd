//! What a verb costs on the mock: send an echo request, expect its reply, many times.
//!
//! ```text
//! cargo bench --bench exchange --features tokio       # no privileges; half a minute; the feature adds the futures
//! ```
//!
//! The reply comes through the link's reader, so most of the time is two threads waking each other: the numbers are for
//! comparing one version of the crate with another on the same machine.

use std::io;
use std::time::{Duration, Instant};

use tuntap_test::Tun;
use tuntap_test::context::{Backend, TestContext};
use tuntap_test::device::DeviceConfig;
use tuntap_test::packet::{Icmpv4, IntoPacket, Packet};

const EXCHANGES: u32 = 100_000;
const ROUNDS: usize = 7;

/// The templates are made before: they are the same for everybody.
struct Exchanges {
    request: Packet,
    reply: Packet,
}

fn blocking(tun: &Tun, with: &Exchanges) {
    for _ in 0..EXCHANGES {
        tun.send(with.request.clone());
        let _ = tun.expect(with.reply.clone());
    }
}

/// All requests first, so that the frames wait: what the verb itself costs.
fn blocking_waiting(tun: &Tun, with: &Exchanges) -> Duration {
    let mut elapsed = Duration::ZERO;
    for _ in 0..EXCHANGES / 1000 {
        for _ in 0..1000 {
            tun.send(with.request.clone());
        }
        while !tun.accounting().received.is_multiple_of(1000) {
            std::thread::yield_now();
        }
        let begin = Instant::now();
        for _ in 0..1000 {
            let _ = tun.expect(with.reply.clone());
        }
        elapsed += begin.elapsed();
    }
    elapsed
}

/// As `blocking`, on a runtime of one thread.
#[cfg(feature = "tokio")]
fn awaiting(tun: &Tun, with: &Exchanges) {
    let tun = tun.as_async();
    on_tokio(async {
        for _ in 0..EXCHANGES {
            tun.send(with.request.clone());
            tun.expect(with.reply.clone()).await;
        }
    });
}

/// As `blocking_waiting`.
#[cfg(feature = "tokio")]
fn awaiting_waiting(tun: &Tun, with: &Exchanges) -> Duration {
    let mut elapsed = Duration::ZERO;
    let tun = tun.as_async();
    on_tokio(async {
        for _ in 0..EXCHANGES / 1000 {
            for _ in 0..1000 {
                tun.send(with.request.clone());
            }
            while !tun.accounting().received.is_multiple_of(1000) {
                std::thread::yield_now();
            }
            let begin = Instant::now();
            for _ in 0..1000 {
                tun.expect(with.reply.clone()).await;
            }
            elapsed += begin.elapsed();
        }
    });
    elapsed
}

#[cfg(feature = "tokio")]
fn on_tokio(task: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(task);
}

fn report(what: &str, mut rounds: Vec<Duration>) {
    rounds.sort();
    let per = |of: Option<&Duration>| of.copied().unwrap_or_default().as_secs_f64() * 1e9 / f64::from(EXCHANGES);
    println!(
        "{what:<32} {:>8.0} ns an exchange (median of {ROUNDS}; least {:.0})",
        per(rounds.get(ROUNDS / 2)),
        per(rounds.first())
    );
}

fn main() -> io::Result<()> {
    let with = Exchanges {
        request: Icmpv4::echo_request(7, 1) / b"hello",
        reply: (Icmpv4::echo_reply(7, 1) / b"hello").into_packet(),
    };
    let mut context = TestContext::new(Backend::Mock, "exchange")?;
    let tun: Tun = context.argument(DeviceConfig::new())?;
    let timed = |run: &dyn Fn()| {
        let begin = Instant::now();
        run();
        begin.elapsed()
    };
    report("send, expect", (0..ROUNDS).map(|_| timed(&|| blocking(&tun, &with))).collect());
    report("expect what waits", (0..ROUNDS).map(|_| blocking_waiting(&tun, &with)).collect());
    #[cfg(feature = "tokio")]
    {
        report("send, expect, awaited", (0..ROUNDS).map(|_| timed(&|| awaiting(&tun, &with))).collect());
        report("expect what waits, awaited", (0..ROUNDS).map(|_| awaiting_waiting(&tun, &with)).collect());
    }
    Ok(())
}
