//! Frames per second that a link's reader takes from a kernel TUN, against a bare read loop on the same device.
//!
//! ```text
//! cargo bench --bench reader          # root, or user namespaces; about 10 s
//! ```
//!
//! 8,000 UDP datagrams of 60 octets wait in the device's queue, put there by a packet socket at the host end; only the
//! taking is timed. Three ways take turns:
//!
//! * **bare**: `read(2)` until all are there, into one buffer;
//! * **reader**: the link's reader, which stamps each frame, holds it against the monitors, keeps it in the timeline and
//!   in the recording on disk, and queues it for the test;
//! * **sniff**: the same, and the test takes the frames at the same time: `tun.sniff(Udp::new().dport(9), 8_000)`, which
//!   dissects each frame, verifies its checksums and matches it.
//!
//! The ratios are quotients of rates, each the median of the rounds' own: 1 is as fast as the bare loop, which keeps
//! nothing.

mod kernel_only;
mod rounds;

use std::fs::File;
use std::io::{self, Read};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use tuntap_test::Tun;
use tuntap_test::answer::AnsweringMachine;
use tuntap_test::context::{Backend, TestContext};
use tuntap_test::device::dispatch::{Replies, Verdict};
use tuntap_test::device::{Device, DeviceConfig, FrameRef, patience};
use tuntap_test::packet::{IntoPacket, Ipv4, Udp};

use kernel_only::on_the_kernel;
use rounds::median;

const ROUNDS: usize = 15;
/// Fits the queue of a link, 10,000 frames.
const FRAMES: usize = 8_000;
/// IPv4 (20), UDP (8), data (32).
const OCTETS: usize = 60;

#[derive(Clone, Copy)]
enum Way {
    Bare,
    Reader,
    Sniff,
}

/// Holds the reader at the first frame until `gate` is closed, passes every frame, and tells `last` of the last.
struct Count {
    gate: Option<mpsc::Receiver<()>>,
    left: usize,
    last: mpsc::Sender<()>,
}

impl AnsweringMachine for Count {
    fn name(&self) -> &str {
        "count"
    }

    fn matches(&self, _: FrameRef<'_>) -> bool {
        false
    }

    fn reply(&mut self, _: FrameRef<'_>, _: &mut Replies) {}

    fn answer(&mut self, _: FrameRef<'_>, _: &mut Replies) -> Verdict {
        if let Some(gate) = self.gate.take() {
            let _ = gate.recv();
        }
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            let _ = self.last.send(());
        }
        Verdict::Passed
    }
}

/// The rival.
fn bare_loop(mut node: &File) -> io::Result<()> {
    let mut buffer = [0; 2048];
    for _ in 0..FRAMES {
        if node.read(&mut buffer)? != OCTETS {
            return Err(io::Error::other("a frame of another length"));
        }
    }
    Ok(())
}

/// Frames per second.
fn rate(way: Way) -> io::Result<f64> {
    let mut context = TestContext::new(Backend::Kernel, "reader")?;
    let tun: Tun = context.argument(DeviceConfig::new())?;
    let datagram = Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()) / Udp::new().sport(40_000).dport(9) / [0x5a; 32];
    let datagram = datagram.build().map_err(io::Error::other)?;
    let device = tun.kernel().ok_or_else(|| io::Error::other("a kernel link"))?;
    let host = tun.stack().run(|| device.packet_socket())?.map_err(io::Error::other)?;
    let fill = || (0..FRAMES).try_for_each(|_| host.transmit(&datagram).map(drop));
    let elapsed = match way {
        Way::Bare => {
            let node = File::from(tun.try_into_fd(true)?);
            fill()?;
            let start = Instant::now();
            // On a thread of its own, as ours.
            thread::scope(|scope| scope.spawn(|| bare_loop(&node)).join())
                .unwrap_or_else(|_| Err(io::Error::other("the bare loop panicked")))?;
            start.elapsed()
        }
        Way::Reader | Way::Sniff => {
            let (open, gate) = mpsc::channel();
            let (last, all_read) = mpsc::channel();
            let _counting = tun.answer(Count { gate: Some(gate), left: FRAMES, last });
            fill()?;
            let start = Instant::now();
            drop(open);
            if let Way::Sniff = way {
                let sniffed = tun.sniff(Udp::new().dport(9).into_packet(), FRAMES);
                if sniffed.len() != FRAMES {
                    return Err(io::Error::other(format!("{} of {FRAMES} frames were sniffed", sniffed.len())));
                }
            } else {
                all_read.recv_timeout(patience()).map_err(io::Error::other)?;
            }
            start.elapsed()
        }
    };
    Ok(FRAMES as f64 / elapsed.as_secs_f64())
}

fn measure() -> io::Result<()> {
    let mut rates = [const { Vec::new() }; 3];
    let mut ratios = [const { Vec::new() }; 2];
    for round in 0..ROUNDS {
        let mut ways = [Way::Bare, Way::Reader, Way::Sniff];
        ways.rotate_left(round % 3);
        let mut of = [0.0; 3];
        for way in ways {
            if let Some(of) = of.get_mut(way as usize) {
                *of = rate(way)?;
            }
        }
        let [bare, reader, sniff] = of;
        ratios.iter_mut().zip([reader / bare, sniff / bare]).for_each(|(all, ratio)| all.push(ratio));
        rates.iter_mut().zip(of).for_each(|(all, rate)| all.push(rate));
    }
    let [bare, reader, sniff] = rates.map(median);
    let [reader_ratio, sniff_ratio] = ratios.map(median);
    println!("bare     {bare:>10.0} frames/s   (median of {ROUNDS})");
    println!("reader   {reader:>10.0} frames/s, reader / bare {reader_ratio:.2}");
    println!("sniff    {sniff:>10.0} frames/s, sniff / bare {sniff_ratio:.2}");
    Ok(())
}

fn main() -> ExitCode {
    on_the_kernel(|_| measure())
}
