//! Writes a plan.

use std::fmt::Write as _;
use std::time::Duration;

use super::word;
use crate::fault::event::Event;
use crate::fault::exact::{Call, CallFault, ExactFault, FrameFault, LinkFault, Towards, When};

/// What stands at the head of a file.
const HEAD: &str =
    "# What the faults of a test did. To do it again: TUNTAP_TEST_FAULTS=<this file> cargo test <the test>\n";

/// What was done, with a comment for each fault.
pub(in crate::fault) fn write(seed: u64, events: &[Event], unrecorded: u64) -> String {
    HEAD.to_owned() + &write_section(seed, events, unrecorded)
}

/// The same without the head.
pub(in crate::fault) fn write_section(seed: u64, events: &[Event], unrecorded: u64) -> String {
    let rows = events.iter().map(|event| {
        let colon = if event.summary.is_empty() { "" } else { " " };
        (event.what, format!(" # {}{colon}({})", event.summary, event.cause))
    });
    let mut text = String::new();
    if unrecorded > 0 {
        let _ = writeln!(text, "# {unrecorded} more were only counted: this is not all of it.");
    }
    document(&mut text, seed, rows.collect());
    text
}

/// One file for the links of a test: each with its number, what it is, and its section. The only link of a test needs no
/// name.
pub(crate) fn plan_file(links: &[(usize, String, String)], only: bool) -> String {
    let mut text = HEAD.to_owned();
    for (number, link, section) in links {
        if !only {
            let link = link.replace(|character: char| character.is_control(), "?");
            let _ = writeln!(text, "\n[link.{number}] # {link}");
        }
        text.push_str(section);
    }
    text
}

/// The plan alone.
pub(in crate::fault) fn write_plan(seed: u64, faults: &[ExactFault]) -> String {
    let mut text = String::new();
    document(&mut text, seed, faults.iter().map(|fault| (*fault, String::new())).collect());
    text
}

fn document(text: &mut String, seed: u64, rows: Vec<(ExactFault, String)>) {
    // A number of TOML has 63 bits.
    let _ = match i64::try_from(seed) {
        Ok(seed) => writeln!(text, "seed = {seed}"),
        Err(_) => writeln!(text, "seed = \"{seed}\""),
    };
    let (mut to_host, mut to_device, mut device) = (Vec::new(), Vec::new(), Vec::new());
    for (fault, comment) in rows {
        match fault {
            ExactFault::Frame { towards: Towards::Host, frame, fault } => to_host.push((frame, fault, comment)),
            ExactFault::Frame { towards: Towards::Device, frame, fault } => to_device.push((frame, fault, comment)),
            ExactFault::Call { .. } | ExactFault::Link { .. } => device.push((fault, comment)),
        }
    }
    for (name, mut frames) in [("to_host", to_host), ("to_device", to_device)] {
        frames.sort_by_key(|(frame, ..)| *frame);
        let rows = frames.into_iter().map(|(frame, fault, comment)| (frame_row(frame, fault), comment));
        array(text, name, rows.collect());
    }
    array(text, "device", device.into_iter().map(|(fault, comment)| (device_row(fault), comment)).collect());
}

fn array(text: &mut String, name: &str, rows: Vec<(String, String)>) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{name} = [");
    for (row, comment) in rows {
        // What octets said may hold anything; a comment may not.
        let comment = comment.replace(|character: char| character.is_control(), "?");
        let _ = writeln!(text, "    {{ {row} }},{comment}");
    }
    text.push_str("]\n");
}

fn frame_row(frame: u64, fault: FrameFault) -> String {
    let with = |name: &str, rest: String| format!("frame = {frame}, fault = \"{name}\"{rest}");
    match fault {
        FrameFault::Drop => with(word::DROP, String::new()),
        FrameFault::Corrupt { octet, xor, repair } => {
            let repair = if repair { ", repair = true" } else { "" };
            with(word::CORRUPT, format!(", octet = {octet}, xor = {xor:#04x}{repair}"))
        }
        FrameFault::Truncate { to } => with(word::TRUNCATE, format!(", to = {to}")),
        FrameFault::Duplicate { after: Duration::ZERO } => with(word::DUPLICATE, String::new()),
        FrameFault::Duplicate { after } => with(word::DUPLICATE, format!(", after = {}", time(after))),
        FrameFault::Hold { behind, at_most } => {
            with(word::HOLD, format!(", behind = {behind}, at_most = {}", time(at_most)))
        }
        FrameFault::Swap { with: other, at_most } => {
            with(word::SWAP, format!(", with = {other}, at_most = {}", time(at_most)))
        }
        FrameFault::Delay { by } => with(word::DELAY, format!(", by = {}", time(by))),
    }
}

fn device_row(fault: ExactFault) -> String {
    match fault {
        ExactFault::Call { call, number, fault } => {
            let (name, rest) = match fault {
                CallFault::Eagain => (word::EAGAIN, String::new()),
                CallFault::Eintr => (word::EINTR, String::new()),
                CallFault::Eio => (word::EIO, String::new()),
                CallFault::Enobufs => (word::ENOBUFS, String::new()),
                CallFault::Ebadfd => (word::EBADFD, String::new()),
                CallFault::ShortRead { octets } => (word::SHORT_READ, format!(", octets = {octets}")),
                CallFault::PacketInfo(pi) => {
                    (word::PACKET_INFO, format!(", flags = {:#06x}, protocol = {:#06x}", pi.flags.0, pi.protocol.0))
                }
            };
            format!("{call} = {number}, fault = \"{name}\"{rest}")
        }
        ExactFault::Link { when, fault } => {
            let when = match when {
                When::At(at) => format!("at = {}", time(at)),
                When::Before(Call::Transmit, number) => format!("before_transmit = {number}"),
                When::Before(Call::Receive, number) => format!("before_receive = {number}"),
            };
            let (name, rest) = match fault {
                LinkFault::Down => (word::DOWN, String::new()),
                LinkFault::Up => (word::UP, String::new()),
                LinkFault::Mtu(mtu) => (word::MTU, format!(", octets = {mtu}")),
                LinkFault::QueueLength(frames) => (word::QUEUE, format!(", frames = {frames}")),
                LinkFault::Removed => (word::REMOVED, String::new()),
            };
            format!("{when}, fault = \"{name}\"{rest}")
        }
        ExactFault::Frame { frame, fault, .. } => frame_row(frame, fault),
    }
}

/// A time in the largest unit in which it is a whole number.
fn time(time: Duration) -> String {
    let nanoseconds = time.as_nanos();
    let units = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)];
    let unit = units.into_iter().find(|(_, length)| nanoseconds.is_multiple_of(*length));
    let (unit, length) = unit.unwrap_or(("ns", 1));
    format!("\"{}{unit}\"", nanoseconds / length)
}
