//! Scripts as octets.

use std::net::Shutdown;
use std::time::Duration;

use super::edit::{Edit, EditValue};
use super::fault::NextFault;
use super::octets::put_counted;
use super::{Answer, Reply, Script, SocketCall, Step};
use crate::device::Mode;
use crate::fault::{Call, CallFault, FrameFault, LinkFault, Towards};

impl Script {
    /// The script as octets, which [decode](Self::decode) to it. The [module](super) shows them. Of a frame or a payload
    /// the first 16,777,215 octets are written, and of a time 584 years.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut octets = vec![u8::from(self.mode == Mode::Tap) | u8::from(self.silent_host) << 1];
        let mut value = Vec::new();
        for step in &self.steps {
            value.clear();
            octets.push(put_step(step, &mut value));
            put_counted(&value, &mut octets);
        }
        octets
    }
}

/// Writes the step's value, and gives its kind.
fn put_step(step: &Step, to: &mut Vec<u8>) -> u8 {
    match step {
        Step::Frame(octets) => {
            to.extend_from_slice(octets);
            1
        }
        Step::Answer(answer) => {
            put_answer(answer, to);
            2
        }
        Step::Advance(by) => {
            to.extend_from_slice(&nanoseconds(*by).to_be_bytes());
            3
        }
        Step::Fault(fault) => put_fault(&fault.0, to),
        Step::Link(fault) => {
            put_link_fault(*fault, to);
            6
        }
        Step::Socket(call) => {
            put_call(call, to);
            7
        }
        Step::Observed(octets) => {
            to.extend_from_slice(octets);
            8
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn put_answer(answer: &Answer, to: &mut Vec<u8>) {
    to.push(answer.to);
    match &answer.reply {
        Reply::Peer => to.push(0),
        Reply::Mirror => to.push(1),
        Reply::Segment { flags, sequence, acknowledgement, payload } => {
            to.push(2);
            to.extend_from_slice(&flags.0.to_be_bytes());
            to.extend_from_slice(&sequence.to_be_bytes());
            to.extend_from_slice(&acknowledgement.to_be_bytes());
            put_counted(payload, to);
        }
        Reply::Datagram { payload } => {
            to.push(3);
            put_counted(payload, to);
        }
        Reply::Error { icmp_type, code } => to.extend_from_slice(&[4, *icmp_type, *code]),
    }
    for edit in &answer.edits {
        put_edit(edit, to);
    }
}

fn put_edit(edit: &Edit, to: &mut Vec<u8>) {
    to.push(edit.layer_number());
    to.push(u8::try_from(edit.field.len()).unwrap_or(u8::MAX));
    to.extend_from_slice(edit.field.as_bytes());
    match &edit.value {
        EditValue::Number(number) => {
            let octets = number.to_be_bytes();
            let zeros = octets.iter().take_while(|octet| **octet == 0).count();
            put_counted(octets.get(zeros..).unwrap_or_default(), to);
        }
        EditValue::Octets(octets) => put_counted(octets, to),
    }
}

fn put_fault(next: &NextFault, to: &mut Vec<u8>) -> u8 {
    match next {
        NextFault::Frame(towards, fault) => {
            to.push(u8::from(*towards == Towards::Device));
            let length = |octets: usize| u64::try_from(octets).unwrap_or(u64::MAX);
            let (kind, a, b) = match *fault {
                FrameFault::Drop => (0, 0, 0),
                FrameFault::Corrupt { octet, xor, repair } => {
                    (1, length(octet), u64::from(xor) | u64::from(repair) << 8)
                }
                FrameFault::Truncate { to } => (2, length(to), 0),
                FrameFault::Duplicate { after } => (3, nanoseconds(after), 0),
                // No script has a swap; it holds the earlier frame.
                FrameFault::Hold { behind, at_most } | FrameFault::Swap { with: behind, at_most } => {
                    (4, behind, nanoseconds(at_most))
                }
                FrameFault::Delay { by } => (5, nanoseconds(by), 0),
            };
            to.push(kind);
            to.extend_from_slice(&a.to_be_bytes());
            to.extend_from_slice(&b.to_be_bytes());
            4
        }
        NextFault::Call(call, fault) => {
            to.push(u8::from(*call == Call::Receive));
            let (kind, a) = match *fault {
                CallFault::Eagain => (0, 0),
                CallFault::Eintr => (1, 0),
                CallFault::Eio => (2, 0),
                CallFault::Enobufs => (3, 0),
                CallFault::Ebadfd => (4, 0),
                CallFault::ShortRead { octets } => (5, u64::try_from(octets).unwrap_or(u64::MAX)),
                CallFault::PacketInfo(pi) => (6, u64::from(pi.flags.0) << 16 | u64::from(pi.protocol.0)),
            };
            to.push(kind);
            to.extend_from_slice(&a.to_be_bytes());
            5
        }
    }
}

fn put_link_fault(fault: LinkFault, to: &mut Vec<u8>) {
    let (kind, a) = match fault {
        LinkFault::Down => (0, 0),
        LinkFault::Up => (1, 0),
        LinkFault::Mtu(octets) => (2, octets),
        LinkFault::QueueLength(frames) => (3, frames),
        LinkFault::Removed => (4, 0),
    };
    to.push(kind);
    to.extend_from_slice(&a.to_be_bytes());
}

fn put_call(call: &SocketCall, to: &mut Vec<u8>) {
    let mut put = |kind: u8, slot: u8, parts: &[&[u8]]| {
        to.extend_from_slice(&[kind, slot]);
        parts.iter().for_each(|part| to.extend_from_slice(part));
    };
    match call {
        SocketCall::UdpBind { slot, v6, port } => put(0, *slot, &[&[u8::from(*v6)], &port.to_be_bytes()]),
        SocketCall::UdpSend { slot, port, octets } => put(1, *slot, &[&port.to_be_bytes(), octets]),
        SocketCall::TcpListen { slot, v6, port } => put(2, *slot, &[&[u8::from(*v6)], &port.to_be_bytes()]),
        SocketCall::TcpConnect { slot, v6, port } => put(3, *slot, &[&[u8::from(*v6)], &port.to_be_bytes()]),
        SocketCall::Accept { slot, into } => put(4, *slot, &[&[*into]]),
        SocketCall::Write { slot, octets } => put(5, *slot, &[octets]),
        SocketCall::Read { slot, most } => put(6, *slot, &[&most.to_be_bytes()]),
        SocketCall::Shutdown { slot, how } => {
            let how = match how {
                Shutdown::Write => 0,
                Shutdown::Read => 1,
                Shutdown::Both => 2,
            };
            put(7, *slot, &[&[how]]);
        }
        SocketCall::Close { slot } => put(8, *slot, &[]),
        SocketCall::Ping { slot, v6, sequence, octets } => {
            put(9, *slot, &[&[u8::from(*v6)], &sequence.to_be_bytes(), octets]);
        }
    }
}
