//! Frames per second over the mock's cable, against smoltcp's `phy::Loopback` and a channel of `std::sync::mpsc`.
//!
//! ```text
//! cargo bench --bench cable --features smoltcp            # about 10 s
//! ```
//!
//! A frame is written and read into a buffer of the reader's. Each of the ways copies it twice: into the queue, which
//! allocates, and out of it. Loads:
//!
//! * **one by one**: a frame is written and read, then the next, on one thread;
//! * **bursts**: 100 frames are written, then all are read, on one thread;
//! * **two threads**: one writes 20,000 frames, another one reads them. `Loopback` belongs to one thread.
//!
//! The cable does more: it checks each frame as a kernel device would, counts it, keeps the order of what happens at one
//! instant of its clock, wakes who waits, and delivers to packet sockets and the host's stack. Its two clocks are rivals
//! of their own: tests have the virtual one.

mod rounds;
mod turns;

use std::hint::black_box;
use std::io;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use smoltcp::phy::{Device as _, Loopback, Medium, RxToken, TxToken};
use tuntap_test::device::{Clock, Deadline, Device, patience};
use tuntap_test::mock::{Cable, CableConfig};

use turns::{Rival, take_turns};

const ROUNDS: usize = 21;
const FRAMES: usize = 20_000;
const BURST: usize = 100;

fn frame(octets: usize) -> Vec<u8> {
    let mut frame = vec![0x5a; octets];
    if let Some(first) = frame.first_mut() {
        *first = 0x45;
    }
    frame
}

/// Frames per second: `write` and `read` in bursts of that many.
fn rate(
    burst: usize,
    mut write: impl FnMut() -> io::Result<()>,
    mut read: impl FnMut() -> io::Result<()>,
) -> io::Result<f64> {
    let start = Instant::now();
    for _ in 0..FRAMES / burst {
        for _ in 0..burst {
            write()?;
        }
        for _ in 0..burst {
            read()?;
        }
    }
    Ok(FRAMES as f64 / start.elapsed().as_secs_f64())
}

/// Which clock a cable goes by.
#[derive(Clone, Copy)]
enum Time {
    Virtual,
    Real,
}

fn cable(time: Time) -> io::Result<Cable> {
    let config = CableConfig::tun().queue_length(u32::MAX);
    Cable::new(match time {
        Time::Virtual => config.clock(Clock::new_virtual()),
        Time::Real => config,
    })
}

fn to_host(time: Time, frame: &[u8], burst: usize) -> io::Result<f64> {
    let cable = cable(time)?;
    let (device, host) = (cable.device_end(), cable.host_end());
    let mut buffer = [0; 2048];
    let write = || device.transmit(frame).map(drop);
    rate(burst, write, || host.receive(black_box(&mut buffer), Deadline::Now).map(drop))
}

fn to_device(time: Time, frame: &[u8], burst: usize) -> io::Result<f64> {
    let cable = cable(time)?;
    let (device, host) = (cable.device_end(), cable.host_end());
    let mut buffer = [0; 2048];
    let write = || host.transmit(frame).map(drop);
    rate(burst, write, || device.receive(black_box(&mut buffer), Deadline::Now).map(drop))
}

fn loopback(frame: &[u8], burst: usize) -> io::Result<f64> {
    // Both closures use it, in turns.
    let loopback = std::cell::RefCell::new(Loopback::new(Medium::Ip));
    let now = smoltcp::time::Instant::ZERO;
    let mut buffer = [0; 2048];
    let write = || {
        let mut loopback = loopback.borrow_mut();
        let token = loopback.transmit(now).ok_or(io::ErrorKind::WouldBlock)?;
        token.consume(frame.len(), |to| to.copy_from_slice(frame));
        Ok(())
    };
    let read = || {
        let mut loopback = loopback.borrow_mut();
        let (token, _) = loopback.receive(now).ok_or(io::ErrorKind::WouldBlock)?;
        token.consume(|from| copy(from, black_box(&mut buffer)));
        Ok(())
    };
    rate(burst, write, read)
}

fn channel(frame: &[u8], burst: usize) -> io::Result<f64> {
    let (writer, reader) = mpsc::channel::<Vec<u8>>();
    let mut buffer = [0; 2048];
    let write = || writer.send(frame.to_vec()).map_err(io::Error::other);
    let read = || {
        copy(&reader.try_recv().map_err(io::Error::other)?, black_box(&mut buffer));
        Ok(())
    };
    rate(burst, write, read)
}

fn copy(from: &[u8], to: &mut [u8]) {
    if let Some(to) = to.get_mut(..from.len()) {
        to.copy_from_slice(from);
    }
}

/// Frames per second from one thread to another.
fn across(write: impl Fn() -> io::Result<()> + Send, mut read: impl FnMut() -> io::Result<()>) -> io::Result<f64> {
    thread::scope(|scope| {
        let start = Instant::now();
        // It ends with its closure, and the other end of a channel with that.
        let writer = scope.spawn(move || (0..FRAMES).try_for_each(|_| write()));
        for _ in 0..FRAMES {
            read()?;
        }
        let elapsed = start.elapsed();
        writer.join().unwrap_or_else(|_| Err(io::Error::other("the writer panicked")))?;
        Ok(FRAMES as f64 / elapsed.as_secs_f64())
    })
}

fn cable_across(time: Time, frame: &[u8]) -> io::Result<f64> {
    let cable = cable(time)?;
    let (device, host) = (cable.device_end(), cable.host_end());
    let mut buffer = [0; 2048];
    let wait = Deadline::After(patience());
    across(|| host.transmit(frame).map(drop), || device.receive(black_box(&mut buffer), wait).map(drop))
}

fn channel_across(frame: &[u8]) -> io::Result<f64> {
    let (writer, reader) = mpsc::channel::<Vec<u8>>();
    let mut buffer = [0; 2048];
    across(
        move || writer.send(frame.to_vec()).map_err(io::Error::other),
        || {
            copy(&reader.recv_timeout(patience()).map_err(io::Error::other)?, black_box(&mut buffer));
            Ok(())
        },
    )
}

fn measure() -> io::Result<()> {
    for octets in [60, 1500] {
        let frame = &frame(octets);
        for (load, burst) in [("one by one", 1), ("bursts", BURST)] {
            let rivals = vec![
                Rival::new("cable, virtual, to the host", move || to_host(Time::Virtual, frame, burst)),
                Rival::new("cable, virtual, to the device", move || to_device(Time::Virtual, frame, burst)),
                Rival::new("cable, real, to the device", move || to_device(Time::Real, frame, burst)),
                Rival::new("smoltcp's Loopback", move || loopback(frame, burst)),
                Rival::new("std::sync::mpsc", move || channel(frame, burst)),
            ];
            take_turns(&format!("{load}, {octets} octets"), "frames/s", ROUNDS, rivals)?;
        }
        let rivals = vec![
            Rival::new("cable, virtual", move || cable_across(Time::Virtual, frame)),
            Rival::new("cable, real", move || cable_across(Time::Real, frame)),
            Rival::new("std::sync::mpsc", move || channel_across(frame)),
        ];
        take_turns(&format!("two threads, {octets} octets"), "frames/s", ROUNDS, rivals)?;
    }
    Ok(())
}

fn main() -> ExitCode {
    rounds::end(measure())
}
