//! Octets as scripts: total.

use std::net::Shutdown;
use std::time::Duration;

use super::edit::Edit;
use super::fault::NextFault;
use super::octets::Reader;
use super::{Answer, Fault, Reply, Script, SocketCall, Step};
use crate::codec::{EtherType, TunPi, TunPiFlags};
use crate::device::Mode;
use crate::fault::{Call, CallFault, FrameFault, LinkFault, Towards};
use crate::packet::TcpFlags;

impl Script {
    /// The script that these octets are, whatever they are. The [module](super) shows the encoding.
    ///
    /// ```
    /// use tuntap_test::fuzz::Script;
    /// use std::time::Duration;
    ///
    /// // A step of kind 3, five octets that are not all there, and no more.
    /// let script = Script::decode(&[0x00, 3, 0, 0, 8, 0, 0, 0, 0, 0x3b, 0x9a, 0xca]);
    /// assert_eq!(script, Script::new().advance(Duration::from_nanos(0x3b9a_ca00)));
    /// ```
    pub fn decode(octets: &[u8]) -> Self {
        let mut reader = Reader::new(octets);
        let about = reader.u8();
        let mode = if about & 1 == 0 { Mode::Tun } else { Mode::Tap };
        let mut script = Self { silent_host: about & 2 != 0, ..Self::on(mode) };
        while !reader.is_empty() {
            let kind = reader.u8();
            let value = reader.counted();
            script.steps.extend(step(kind, value));
        }
        script
    }
}

fn step(kind: u8, value: &[u8]) -> Option<Step> {
    let mut reader = Reader::new(value);
    Some(match kind {
        1 => Step::Frame(value.to_vec()),
        2 => Step::Answer(answer(&mut reader)?),
        3 => Step::Advance(Duration::from_nanos(reader.u64())),
        4 => Step::Fault(frame_fault(&mut reader)?),
        5 => Step::Fault(call_fault(&mut reader)?),
        6 => Step::Link(link_fault(&mut reader)?),
        7 => Step::Socket(call(&mut reader)?),
        8 => Step::Observed(value.to_vec()),
        _ => return None,
    })
}

fn answer(reader: &mut Reader<'_>) -> Option<Answer> {
    let to = reader.u8();
    let reply = match reader.u8() {
        0 => Reply::Peer,
        1 => Reply::Mirror,
        2 => Reply::Segment {
            flags: TcpFlags(reader.u8()),
            sequence: reader.i32(),
            acknowledgement: reader.i32(),
            payload: reader.counted().to_vec(),
        },
        3 => Reply::Datagram { payload: reader.counted().to_vec() },
        4 => Reply::Error { icmp_type: reader.u8(), code: reader.u8() },
        _ => return None,
    };
    let mut edits = Vec::new();
    while !reader.is_empty() {
        let layer = reader.u8();
        let length = reader.u8();
        let name = reader.take(length.into());
        edits.extend(Edit::named(layer, name, reader.counted()));
    }
    Some(Answer { to, reply, edits })
}

fn frame_fault(reader: &mut Reader<'_>) -> Option<Fault> {
    let towards = if reader.u8() & 1 == 0 { Towards::Host } else { Towards::Device };
    let (kind, a, b) = (reader.u8(), reader.u64(), reader.u64());
    let octets = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let [.., repair, xor] = b.to_be_bytes();
    let fault = match kind {
        0 => FrameFault::Drop,
        1 => FrameFault::Corrupt { octet: octets(a), xor, repair: repair & 1 == 1 },
        2 => FrameFault::Truncate { to: octets(a) },
        3 => FrameFault::Duplicate { after: Duration::from_nanos(a) },
        4 => FrameFault::Hold { behind: a, at_most: Duration::from_nanos(b) },
        5 => FrameFault::Delay { by: Duration::from_nanos(a) },
        _ => return None,
    };
    Some(Fault(NextFault::Frame(towards, fault)))
}

fn call_fault(reader: &mut Reader<'_>) -> Option<Fault> {
    let receives = reader.u8() & 1 == 1;
    let (kind, a) = (reader.u8(), reader.u64());
    let [.., f1, f0, p1, p0] = a.to_be_bytes();
    let fault = match kind {
        0 => CallFault::Eagain,
        1 => CallFault::Eintr,
        2 => CallFault::Eio,
        3 => CallFault::Enobufs,
        4 => CallFault::Ebadfd,
        5 if receives => CallFault::ShortRead { octets: usize::try_from(a).unwrap_or(usize::MAX) },
        6 if receives => CallFault::PacketInfo(TunPi {
            flags: TunPiFlags(u16::from_be_bytes([f1, f0])),
            protocol: EtherType(u16::from_be_bytes([p1, p0])),
        }),
        _ => return None,
    };
    Some(Fault(NextFault::Call(if receives { Call::Receive } else { Call::Transmit }, fault)))
}

fn link_fault(reader: &mut Reader<'_>) -> Option<LinkFault> {
    let (kind, a) = (reader.u8(), reader.u32());
    Some(match kind {
        0 => LinkFault::Down,
        1 => LinkFault::Up,
        2 => LinkFault::Mtu(a),
        3 => LinkFault::QueueLength(a),
        4 => LinkFault::Removed,
        _ => return None,
    })
}

fn call(reader: &mut Reader<'_>) -> Option<SocketCall> {
    let (kind, slot) = (reader.u8(), reader.u8());
    let v6 = |reader: &mut Reader<'_>| reader.u8() & 1 == 1;
    Some(match kind {
        0 => SocketCall::UdpBind { slot, v6: v6(reader), port: reader.u16() },
        1 => SocketCall::UdpSend { slot, port: reader.u16(), octets: reader.rest().to_vec() },
        2 => SocketCall::TcpListen { slot, v6: v6(reader), port: reader.u16() },
        3 => SocketCall::TcpConnect { slot, v6: v6(reader), port: reader.u16() },
        4 => SocketCall::Accept { slot, into: reader.u8() },
        5 => SocketCall::Write { slot, octets: reader.rest().to_vec() },
        6 => SocketCall::Read { slot, most: reader.u16() },
        7 => SocketCall::Shutdown {
            slot,
            how: match reader.u8() {
                0 => Shutdown::Write,
                1 => Shutdown::Read,
                2 => Shutdown::Both,
                _ => return None,
            },
        },
        8 => SocketCall::Close { slot },
        9 => SocketCall::Ping { slot, v6: v6(reader), sequence: reader.u16(), octets: reader.rest().to_vec() },
        _ => return None,
    })
}
