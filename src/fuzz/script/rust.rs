//! A script as the Rust expression that makes it again.

use std::fmt::Write as _;
use std::net::Shutdown;
use std::time::Duration;

use super::edit::Edit;
use super::fault::NextFault;
use super::{Answer, Fault, Reply, Script, SocketCall, Step};
use crate::device::{FrameRef, LARGEST_FRAME, Mode};
use crate::fault::{CallFault, FrameFault, LinkFault};
use crate::packet::rust::{flags, octets};

impl Script {
    /// The Rust expression that makes the script, a line a step, with `use tuntap_test::fuzz::*;`,
    /// `use tuntap_test::fault::*;`, `use tuntap_test::packet::*;` and `use std::time::Duration;` around it.
    ///
    /// ```
    /// use tuntap_test::fuzz::Script;
    /// use tuntap_test::packet::*;
    ///
    /// let script = Script::new().send(Ipv4::new() / Udp::new().dport(53) / b"hi").down();
    /// assert_eq!(
    ///     script.as_rust(),
    ///     "Script::new()\n    \
    ///          .send(Ipv4::new().src([192, 0, 2, 2]).dst([192, 0, 2, 1]) / Udp::new().dport(53) / b\"hi\")\n    \
    ///          .down()"
    /// );
    /// ```
    #[must_use]
    pub fn as_rust(&self) -> String {
        let mut text = match self.mode {
            Mode::Tun => "Script::new()".to_owned(),
            Mode::Tap => "Script::on(tuntap_test::device::Mode::Tap)".to_owned(),
        };
        if self.silent_host {
            text.push_str("\n    .silent_host()");
        }
        for step in &self.steps {
            // Writing to a string does not fail.
            let _ = write!(text, "\n    .{}", call(self.mode, step));
        }
        text
    }
}

fn call(mode: Mode, step: &Step) -> String {
    match step {
        Step::Frame(found) => send(mode, found),
        Step::Answer(answer) => match expression(answer) {
            Some(expression) => format!("answer({expression})"),
            // What no setter says, such as a name that is none, the encoding does.
            None => format!("step({})", encoded(mode, step)),
        },
        Step::Advance(by) => format!("advance({})", duration(*by)),
        Step::Fault(fault) => format!("fault({})", planned(fault)),
        Step::Link(LinkFault::Down) => "down()".to_owned(),
        Step::Link(LinkFault::Up) => "up()".to_owned(),
        Step::Link(LinkFault::Mtu(octets)) => format!("mtu({octets})"),
        Step::Link(fault) => format!("step(Step::Link(LinkFault::{fault:?}))"),
        Step::Socket(call) => format!("socket({})", socket(call)),
        Step::Observed(found) => format!("observed({})", octets(found)),
    }
}

/// A packet where the frame is one, and builds the same octets; else the octets.
fn send(mode: Mode, found: &[u8]) -> String {
    let frame = FrameRef::new(mode, found);
    match mode {
        _ if found.is_empty() || found.len() > LARGEST_FRAME => format!("send_raw({})", octets(found)),
        Mode::Tun if !matches!(found.first().map(|octet| octet >> 4), Some(4 | 6)) => {
            format!("send_raw({})", octets(found))
        }
        _ => format!("send({})", frame.as_rust()),
    }
}

pub(super) fn duration(time: Duration) -> String {
    let nanoseconds = time.as_nanos();
    let exact = [(1_000_000_000, "from_secs"), (1_000_000, "from_millis"), (1_000, "from_micros"), (1, "from_nanos")];
    let unit = exact.into_iter().find(|(unit, _)| nanoseconds.is_multiple_of(*unit));
    match unit.map(|(unit, name)| (nanoseconds / unit, name)) {
        Some((number, name)) if number <= u64::MAX.into() => format!("Duration::{name}({number})"),
        _ => format!("Duration::new({}, {})", time.as_secs(), time.subsec_nanos()),
    }
}

/// The step as its octets, taken out of the script that they are.
fn encoded(mode: Mode, step: &Step) -> String {
    let script = octets(&Script::on(mode).step(step.clone()).encode());
    format!("Script::decode({script}).steps()[0].clone()")
}

fn expression(answer: &Answer) -> Option<String> {
    let mut text = match &answer.reply {
        Reply::Peer => "Answer::peer()".to_owned(),
        Reply::Mirror => "Answer::mirror()".to_owned(),
        Reply::Segment { flags: set, payload, .. } => {
            format!("Answer::segment({}, {})", flags(set.0.into()), octets(payload))
        }
        Reply::Datagram { payload } => format!("Answer::datagram({})", octets(payload)),
        Reply::Error { icmp_type, code } => format!("Answer::error({icmp_type}, {code})"),
    };
    // Writing to a string does not fail.
    if answer.to != 0 {
        let _ = write!(text, ".to({})", answer.to);
    }
    if let Reply::Segment { sequence, acknowledgement, .. } = &answer.reply
        && (*sequence, *acknowledgement) != (0, 0)
    {
        let _ = write!(text, ".off_by({sequence}, {acknowledgement})");
    }
    for edit in &answer.edits {
        let _ = write!(text, ".with({})", layer(edit)?);
    }
    Some(text)
}

/// The layer that sets that field and no other; `None` where no setter sets it to that.
fn layer(edit: &Edit) -> Option<String> {
    edit.to_layer().expression(false, &|_, _| None).map(|expression| expression.to_string())
}

fn planned(fault: &Fault) -> String {
    match &fault.0 {
        NextFault::Frame(towards, fault) => {
            let fault = match fault {
                FrameFault::Drop => "Drop".to_owned(),
                FrameFault::Corrupt { octet, xor, repair } => {
                    format!("Corrupt {{ octet: {octet}, xor: {xor:#04x}, repair: {repair} }}")
                }
                FrameFault::Truncate { to } => format!("Truncate {{ to: {to} }}"),
                FrameFault::Duplicate { after } => format!("Duplicate {{ after: {} }}", duration(*after)),
                FrameFault::Hold { behind, at_most } | FrameFault::Swap { with: behind, at_most } => {
                    format!("Hold {{ behind: {behind}, at_most: {} }}", duration(*at_most))
                }
                FrameFault::Delay { by } => format!("Delay {{ by: {} }}", duration(*by)),
            };
            format!("Fault::frame(Towards::{towards:?}, FrameFault::{fault})")
        }
        NextFault::Call(call, fault) => {
            let fault = match fault {
                CallFault::PacketInfo(pi) => format!(
                    "PacketInfo(tuntap_test::codec::TunPi {{ flags: tuntap_test::codec::TunPiFlags({:#06x}), \
                     protocol: tuntap_test::codec::EtherType({:#06x}) }})",
                    pi.flags.0, pi.protocol.0
                ),
                fault => format!("{fault:?}"),
            };
            format!("Fault::call(Call::{call:?}, CallFault::{fault})")
        }
    }
}

fn socket(call: &SocketCall) -> String {
    let to_vec = |found: &[u8]| format!("{}.to_vec()", octets(found));
    let text = match call {
        SocketCall::UdpSend { slot, port, octets } => {
            format!("UdpSend {{ slot: {slot}, port: {port}, octets: {} }}", to_vec(octets))
        }
        SocketCall::Write { slot, octets } => format!("Write {{ slot: {slot}, octets: {} }}", to_vec(octets)),
        SocketCall::Ping { slot, v6, sequence, octets } => {
            format!("Ping {{ slot: {slot}, v6: {v6}, sequence: {sequence}, octets: {} }}", to_vec(octets))
        }
        SocketCall::Shutdown { slot, how } => {
            let how = match how {
                Shutdown::Write => "Write",
                Shutdown::Read => "Read",
                Shutdown::Both => "Both",
            };
            format!("Shutdown {{ slot: {slot}, how: std::net::Shutdown::{how} }}")
        }
        call => format!("{call:?}"),
    };
    format!("SocketCall::{text}")
}
