//! A mebibyte of TCP between two hosts in memory, over a link that loses frames: minutes of back-off in a moment, and the same
//! exchange for the same seed. Needs no privileges.
//!
//! ```text
//! cargo run --example lossy_transfer            # 30 % lost each way, seed 3
//! cargo run --example lossy_transfer 0.1 7      # 10 %, seed 7
//! ```

use std::error::Error;
use std::io::Write;
use std::net::Shutdown;
use std::process::ExitCode;
use std::time::Instant;

use tuntap_test::context::{Backend, TestContext};
use tuntap_test::device::{Deadline, DeviceConfig};
use tuntap_test::prelude::*;

const LENGTH: usize = 1 << 20;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let loss = arguments.next().map_or(Ok(0.3), |text| text.parse());
    let seed = arguments.next().map_or(Ok(3), |text| text.parse());
    let (Ok(loss @ 0.0..0.9), Ok(seed), None) = (loss, seed, arguments.next()) else {
        eprintln!(
            "usage: lossy_transfer [LOSS SEED]\n  LOSS  the share of frames that is lost, from 0 to 0.9; TCP gives up above about 0.4\n  SEED  a number"
        );
        return ExitCode::from(2);
    };
    match transfer(loss, seed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lossy_transfer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn transfer(loss: f64, seed: u64) -> Result<(), Box<dyn Error>> {
    let mut context = TestContext::new(Backend::Mock, "lossy_transfer")?;
    let left: Tun = context.argument(DeviceConfig::new().address("192.0.2.1/24"))?;
    let right: Tun = context.argument(DeviceConfig::new().address("192.0.2.2/24").host("right"))?;
    left.faults().seed(seed).to_host(|frames| frames.loss(loss)).to_device(|frames| frames.loss(loss));
    println!("{LENGTH} octets from {} to {}, {} % lost each way", left.host_v4(), right.host_v4(), loss * 100.0);

    let (real, clock) = (Instant::now(), left.clock());
    let began = clock.now();
    let listener = right.host().tcp_listen((right.host_v4(), 80))?;
    clock.scope(|scope| {
        // The network between the two devices.
        let forwards = [
            scope.spawn("to the right", || forward(&left, &right)),
            scope.spawn("to the left", || forward(&right, &left)),
        ];
        let server = scope.spawn("server", || -> std::io::Result<u64> {
            let (mut stream, _) = listener.accept()?;
            stream.set_timeout(Deadline::Never);
            std::io::copy(&mut stream, &mut std::io::sink())
        });
        let client = || -> std::io::Result<()> {
            let mut stream = left.host().tcp_connect_timeout((right.host_v4(), 80), Deadline::Never)?;
            stream.set_timeout(Deadline::Never);
            stream.write_all(&vec![0x55; LENGTH])?;
            stream.shutdown(Shutdown::Write)
        };
        let sent = client();
        let received = server.join().map_err(|_| "the server panicked");
        for link in [&left, &right] {
            link.device().interrupt();
        }
        for forward in forwards {
            forward.join().map_err(|_| "a forwarder panicked")?;
        }
        sent?;
        println!(
            "{} octets arrived after {:.1} s, which took {:.2} s; {} frames were carried",
            received??,
            (clock.now() - began).as_secs_f64(),
            real.elapsed().as_secs_f64(),
            right.accounting().written + right.accounting().delivered,
        );
        Ok::<_, Box<dyn Error>>(())
    })?;
    if let Some(report) = left.fault_report() {
        println!("{}", report.lines().next().unwrap_or_default());
    }
    Ok(())
}

/// Carries packets from one device to the other until somebody interrupts the first.
fn forward(from: &Tun, to: &Tun) {
    let mut buffer = [0; 2000];
    while let Ok(length) = from.device().receive(&mut buffer, Deadline::Never) {
        if let Some(packet) = buffer.get(..length) {
            // What the other side does not take is lost, as on any network.
            let _ = to.device().transmit(packet);
        }
    }
}
