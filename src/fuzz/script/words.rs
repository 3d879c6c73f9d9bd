//! A script in words, a line a step.

use std::fmt;
use std::net::Shutdown;

use super::edit::Edit;
use super::{Answer, Reply, Script, SocketCall, Step};
use crate::device::{FrameRef, Mode};
use crate::packet::{Packet, Tcp};

impl fmt::Display for Script {
    /// A line a step, each with its number, counted from 1.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.steps.len().max(1).ilog10() as usize + 1;
        for (index, step) in self.steps.iter().enumerate() {
            let between = if index == 0 { "" } else { "\n" };
            write!(f, "{between}{:>width$}. {}", index + 1, StepOn { mode: self.mode, step })?;
        }
        Ok(())
    }
}

/// A step with the mode that its frames are of.
pub(in crate::fuzz) struct StepOn<'a> {
    pub(in crate::fuzz) mode: Mode,
    pub(in crate::fuzz) step: &'a Step,
}

impl fmt::Display for StepOn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            Step::Frame(octets) => write!(f, "send {}", FrameRef::new(self.mode, octets).summary()),
            Step::Answer(answer) => write!(f, "{answer}"),
            Step::Advance(by) => write!(f, "let {by:?} go by"),
            Step::Fault(fault) => write!(f, "{fault}"),
            Step::Link(fault) => write!(f, "{fault}"),
            Step::Socket(call) => write!(f, "{call}"),
            Step::Observed(octets) => write!(f, "observed {}", FrameRef::new(self.mode, octets).summary()),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to {
            0 => f.write_str("answer the last frame ")?,
            1 => f.write_str("answer the frame before the last ")?,
            earlier => write!(f, "answer the frame {earlier} before the last ")?,
        }
        match &self.reply {
            Reply::Peer => f.write_str("as a peer would")?,
            Reply::Mirror => f.write_str("with itself, ends exchanged")?,
            Reply::Segment { flags, sequence, acknowledgement, payload } => {
                write!(f, "with {}", Packet::from(Tcp::new().flags(*flags)))?;
                if *sequence != 0 {
                    write!(f, ", sequence number off by {sequence}")?;
                }
                if *acknowledgement != 0 {
                    write!(f, ", acknowledgement off by {acknowledgement}")?;
                }
                write!(f, ", {} octets", payload.len())?;
            }
            Reply::Datagram { payload } => write!(f, "with {} octets", payload.len())?,
            Reply::Error { icmp_type, code } => write!(f, "with an ICMP error {icmp_type}/{code}")?,
        }
        let mut between = "; ";
        for edit in &self.edits {
            write!(f, "{between}{edit}")?;
            between = ", ";
        }
        Ok(())
    }
}

impl fmt::Display for Edit {
    /// As a template is written: `TCP (window 0)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Packet::from_layer(self.to_layer()))
    }
}

impl fmt::Display for SocketCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ip = |v6: &bool| if *v6 { "IPv6" } else { "IPv4" };
        match self {
            Self::UdpBind { slot, v6, port } => write!(f, "socket {slot}: bind UDP port {port} over {}", ip(v6)),
            Self::UdpSend { slot, port, octets } => {
                write!(f, "socket {slot}: send {} octets to the peer's port {port}", octets.len())
            }
            Self::TcpListen { slot, v6, port } => write!(f, "socket {slot}: listen at TCP port {port} over {}", ip(v6)),
            Self::TcpConnect { slot, v6, port } => {
                write!(f, "socket {slot}: connect to the peer's TCP port {port} over {}", ip(v6))
            }
            Self::Accept { slot, into } => write!(f, "socket {slot}: accept a connection as socket {into}"),
            Self::Write { slot, octets } => write!(f, "socket {slot}: write {} octets", octets.len()),
            Self::Read { slot, most } => write!(f, "socket {slot}: read {most} octets at most"),
            Self::Shutdown { slot, how } => {
                let how = match how {
                    Shutdown::Write => "writing",
                    Shutdown::Read => "reading",
                    Shutdown::Both => "both ways",
                };
                write!(f, "socket {slot}: shut down {how}")
            }
            Self::Close { slot } => write!(f, "socket {slot}: close"),
            Self::Ping { slot, v6, sequence, octets } => {
                write!(f, "socket {slot}: ping the peer over {}, sequence {sequence}, {} octets", ip(v6), octets.len())
            }
        }
    }
}
