//! Echo replies per second of [`IcmpEcho`] on a kernel TUN, against a bare read, swap, write loop on the same device.
//!
//! ```text
//! cargo bench --bench echo            # root, or user namespaces; about 10 s
//! ```
//!
//! A packet socket at the host end puts echo requests on the link. Two loads, the two rivals in turns:
//!
//! * **backlog**: the requests wait in the device's queue before anybody answers; only the answering is timed;
//! * **live**: at most 64 requests are on their way, replies are received and counted at the host end, all is timed.
//!
//! The bare loop is the least that a program could do: it trusts that each frame is an IPv4 echo request without
//! options, and mends the checksum by the difference of the type. `IcmpEcho` verifies checksums and computes them anew,
//! and shares the device with expectations and other machines. `ours / bare` is a quotient of rates: 1 is as fast.

mod kernel_only;
mod rounds;

use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use tuntap_test::Tun;
use tuntap_test::answer::{AnsweringMachine, IcmpEcho, Until};
use tuntap_test::context::{Backend, TestContext};
use tuntap_test::device::dispatch::{Replies, Verdict};
use tuntap_test::device::{Deadline, Device, DeviceConfig, FrameRef, patience};
use tuntap_test::kernel::PacketSocket;

use kernel_only::on_the_kernel;
use rounds::median;

const ROUNDS: usize = 15;
/// Fits the queue of a link, 10,000 frames.
const BACKLOG: u16 = 8_000;
const LIVE: u16 = 20_000;
const WINDOW: u16 = 64;
/// What `ping` sends by default.
const DATA: usize = 56;

#[derive(Clone, Copy)]
enum Load {
    Backlog,
    Live,
}

fn sum(octets: &[u8]) -> u16 {
    let total: u32 =
        octets.chunks(2).map(|pair| pair.iter().fold(0, |word, &octet| word << 8 | u32::from(octet))).sum();
    let folded = (total & 0xffff) + (total >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(u16::MAX)
}

fn request(tun: &Tun, sequence: u16) -> Vec<u8> {
    let mut message = [&[8, 0, 0, 0, 0, 7][..], &sequence.to_be_bytes(), &[0x5a; DATA]].concat();
    let checksum = sum(&message).to_be_bytes();
    message.splice(2..4, checksum);
    let length = u16::try_from(20 + message.len()).unwrap_or_default().to_be_bytes();
    let mut header = [&[0x45, 0][..], &length, &[0, 1, 0, 0, 64, 1, 0, 0]].concat();
    header.extend_from_slice(&tun.host_v4().octets());
    header.extend_from_slice(&tun.peer_v4().octets());
    let checksum = sum(&header).to_be_bytes();
    header.splice(10..12, checksum);
    header.extend_from_slice(&message);
    header
}

/// The rival: that many replies, then it ends.
fn bare_loop(mut node: &File, replies: u16) -> io::Result<()> {
    let mut buffer = [0; 2048];
    let mut left = replies;
    while left > 0 {
        let length = node.read(&mut buffer)?;
        let Some(frame) = buffer.get_mut(..length) else { continue };
        let [.., _, _, _, _, a, b] = *frame.get(..22).unwrap_or_default() else { continue };
        if (a, b) != (8, 0) {
            continue;
        }
        // Source and destination change places; the header's checksum stays.
        if let Some((sources, destinations)) = frame.get_mut(12..20).map(|addresses| addresses.split_at_mut(4)) {
            sources.swap_with_slice(destinations);
        }
        if let Some([kind, _, high, low]) = frame.get_mut(20..24) {
            *kind = 0;
            let (mended, carry) = u16::from_be_bytes([*high, *low]).overflowing_add(0x0800);
            [*high, *low] = (mended + u16::from(carry)).to_be_bytes();
        }
        let _ = node.write(frame)?;
        left -= 1;
    }
    Ok(())
}

/// Keeps the window full until all replies are there.
fn feed(host: &PacketSocket, requests: &[Vec<u8>]) -> io::Result<()> {
    let mut buffer = [0; 2048];
    for window in requests.chunks(WINDOW.into()) {
        for request in window {
            host.transmit(request)?;
        }
        for _ in window {
            // Ours and the rival's are both held to be replies.
            let length = host.receive(&mut buffer, Deadline::After(patience()))?;
            if buffer.get(..length).and_then(|frame| frame.get(20)) != Some(&0) {
                return Err(io::Error::other("the host end received something that is no echo reply"));
            }
        }
    }
    Ok(())
}

/// Replies per second.
fn rate(load: Load, ours: bool) -> io::Result<f64> {
    let mut context = TestContext::new(Backend::Kernel, "echo")?;
    let tun: Tun = context.argument(DeviceConfig::new())?;
    let count = match load {
        Load::Backlog => BACKLOG,
        Load::Live => LIVE,
    };
    let requests: Vec<_> = (0..count).map(|sequence| request(&tun, sequence)).collect();
    // Not `host_end`, whose exchange keeps an account of its own.
    let device = tun.kernel().ok_or_else(|| io::Error::other("a kernel link"))?;
    let host = tun.stack().run(|| device.packet_socket())?.map_err(io::Error::other)?;
    let fill = || requests.iter().try_for_each(|request| host.transmit(request).map(drop));
    let elapsed = match (load, ours) {
        (Load::Backlog, true) => {
            let (open, gate) = mpsc::channel();
            let _gate = tun.answer(Gate(Some(gate)));
            let (last, all_replied) = mpsc::channel();
            let mut left = count;
            // Not `wait_for`: while somebody waits, each reply wakes them.
            let answering = tun.answer(IcmpEcho::any_address().on_reply(move |_| {
                left -= 1;
                if left == 0 {
                    let _ = last.send(());
                }
            }));
            fill()?;
            let start = Instant::now();
            drop(open);
            all_replied.recv_timeout(patience()).map_err(io::Error::other)?;
            let elapsed = start.elapsed();
            check(answering.wait_for(Until::replies(count.into()).within(patience())), count)?;
            elapsed
        }
        (Load::Live, true) => {
            let answering = tun.answer(IcmpEcho::any_address());
            let start = Instant::now();
            feed(&host, &requests)?;
            let elapsed = start.elapsed();
            // The last reply is counted a moment after it arrived.
            check(answering.wait_for(Until::replies(count.into()).within(patience())), count)?;
            elapsed
        }
        (Load::Backlog, false) => {
            let node = File::from(tun.try_into_fd(true)?);
            fill()?;
            let start = Instant::now();
            // On a thread of its own, as ours.
            thread::scope(|scope| scope.spawn(|| bare_loop(&node, count)).join())
                .unwrap_or_else(|_| Err(io::Error::other("the bare loop panicked")))?;
            start.elapsed()
        }
        (Load::Live, false) => {
            let node = File::from(tun.try_into_fd(true)?);
            let start = Instant::now();
            thread::scope(|scope| {
                let answering = scope.spawn(|| bare_loop(&node, count));
                feed(&host, &requests)?;
                answering.join().unwrap_or_else(|_| Err(io::Error::other("the bare loop panicked")))
            })?;
            start.elapsed()
        }
    };
    Ok(f64::from(count) / elapsed.as_secs_f64())
}

/// Holds the reader at the first frame until the channel is closed, and takes no frame. A machine that is attached to a
/// full queue would miss the frames which the reader took before.
struct Gate(Option<mpsc::Receiver<()>>);

impl AnsweringMachine for Gate {
    fn name(&self) -> &str {
        "gate"
    }

    fn matches(&self, _: FrameRef<'_>) -> bool {
        false
    }

    fn reply(&mut self, _: FrameRef<'_>, _: &mut Replies) {}

    fn answer(&mut self, _: FrameRef<'_>, _: &mut Replies) -> Verdict {
        if let Some(gate) = self.0.take() {
            let _ = gate.recv();
        }
        Verdict::Passed
    }
}

fn check(replies: u64, requests: u16) -> io::Result<()> {
    if replies == u64::from(requests) {
        return Ok(());
    }
    Err(io::Error::other(format!("{replies} replies to {requests} requests")))
}

fn measure() -> io::Result<()> {
    for (what, load) in [("backlog", Load::Backlog), ("live", Load::Live)] {
        let (mut ours, mut bare, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let first = round % 2 == 0;
            let (a, b) = (rate(load, first)?, rate(load, !first)?);
            let (our, bares) = if first { (a, b) } else { (b, a) };
            ours.push(our);
            bare.push(bares);
            ratios.push(our / bares);
        }
        println!(
            "{what:<8} ours {:>8.0} replies/s, bare {:>8.0} replies/s, ours / bare {:.2}   (median of {ROUNDS})",
            median(ours),
            median(bare),
            median(ratios)
        );
    }
    Ok(())
}

fn main() -> ExitCode {
    on_the_kernel(|_| measure())
}
