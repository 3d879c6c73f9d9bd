//! Steps that are put into a script.

use std::net::{Ipv4Addr, Ipv6Addr, Shutdown};
use std::sync::OnceLock;
use std::time::Duration;

use crate::codec::{EtherType, TunPi, TunPiFlags};
use crate::device::Mode;
use crate::fault::{Call, CallFault, FrameFault, LinkFault, Towards};
use crate::fuzz::mutate::draw::Draw;
use crate::fuzz::script::{Answer, Fault, NextFault, Script, SocketCall, Step};
use crate::packet::{Arp, Defaults, Icmpv4, Icmpv6, IntoPacket, Ipv4, Ipv6, Packet, Tcp, TcpFlags, Udp};

/// Ports that code listens at, or asks.
const PORTS: [u16; 8] = [80, 53, 7, 22, 443, 67, 68, 5353];

/// A step of any kind; frames and answers more often than others.
pub(super) fn new_step(script: &Script, draw: &mut Draw) -> Step {
    match draw.below(20) {
        0..6 => frame(script, draw),
        6..12 => Step::Answer(answer(draw)),
        12..14 => Step::Advance(time(draw)),
        14 | 15 => Step::Fault(fault(draw)),
        16 => Step::Link(link_fault(draw)),
        _ => Step::Socket(socket(draw)),
    }
}

/// A frame that is there already, or one of the first that anybody sends, either way.
fn frame(script: &Script, draw: &mut Draw) -> Step {
    let there: Vec<&Step> = script.steps().iter().filter(|step| matches!(step, Step::Frame(_))).collect();
    if !draw.one_in(3)
        && let Some(step) = draw.of(&there)
    {
        return step.clone();
    }
    let first = first_frames(script.mode());
    Step::Frame(first.get(draw.below(first.len())).cloned().unwrap_or_default())
}

/// What conversations begin with, from the peer to the host and the other way.
fn first_frames(mode: Mode) -> &'static [Vec<u8>] {
    static FRAMES: [OnceLock<Vec<Vec<u8>>>; 2] = [const { OnceLock::new() }; 2];
    let [tun, tap] = &FRAMES;
    let frames = if mode == Mode::Tun { tun } else { tap };
    frames.get_or_init(|| {
        let udp = |port: u16| Udp::new().sport(40_000).dport(port) / b"hello";
        let tcp = |port: u16| Tcp::new().sport(40_000).dport(port);
        let mut packets: Vec<Packet> = Vec::new();
        for port in PORTS {
            packets.push(Ipv4::new() / udp(port));
            packets.push(Ipv6::new() / udp(port));
            packets.push(Ipv4::new() / tcp(port).syn().seq(100).window(64_240).mss(1_460));
            packets.push(Ipv6::new() / tcp(port).syn().seq(100).window(64_240).mss(1_440));
        }
        packets.push(Ipv4::new() / tcp(80).ack(0).seq(101).window(64_240) / b"GET / HTTP/1.0\r\n\r\n");
        packets.push(Icmpv4::echo_request(7, 1) / b"hello");
        packets.push(Icmpv6::echo_request(7, 1) / b"hello");
        packets.push(Ipv4::new().more_fragments(true).id(7) / udp(7));
        packets.push(Icmpv6::neighbor_solicitation(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2)).into_packet());
        if mode == Mode::Tap {
            packets.push(Arp::who_has(Ipv4Addr::new(192, 0, 2, 1)).into_packet());
            packets.push(Arp::who_has(Ipv4Addr::new(192, 0, 2, 2)).into_packet());
        }
        let there = Defaults { mode: Some(mode), ..Defaults::documentation() };
        let back = there.reversed();
        packets
            .iter()
            .flat_map(|packet| [&there, &back].map(|defaults| packet.build_with(defaults)))
            .flatten()
            .collect()
    })
}

pub(super) fn flags(draw: &mut Draw) -> TcpFlags {
    const USUAL: [u8; 8] = [0x10, 0x18, 0x11, 0x12, 0x04, 0x14, 0x02, 0x01];
    if draw.one_in(8) { TcpFlags(draw.octet()) } else { TcpFlags(draw.of(&USUAL).unwrap_or(0x10)) }
}

pub(super) fn answer(draw: &mut Draw) -> Answer {
    let answer = match draw.below(10) {
        0..4 => Answer::peer(),
        4..7 => {
            let payload = vec![b'x'; if draw.one_in(2) { 0 } else { draw.small(64) }];
            Answer::segment(flags(draw), payload)
        }
        7 | 8 => {
            let length = draw.small(64);
            Answer::datagram(vec![b'x'; length])
        }
        _ => match draw.below(3) {
            0 => Answer::mirror(),
            1 => Answer::error(draw.of(&[3, 11, 12, 4, 5]).unwrap_or(3), draw.of(&[0, 1, 3, 4, 13]).unwrap_or(0)),
            _ => Answer::error(draw.of(&[1, 2, 3, 4]).unwrap_or(1), draw.of(&[0, 1, 3, 4]).unwrap_or(0)),
        },
    };
    if draw.one_in(4) { answer.to(u8::try_from(draw.small(4)).unwrap_or(1)) } else { answer }
}

/// A time at which something is likely to happen: delayed acknowledgements, retransmissions, time-outs.
pub(super) fn time(draw: &mut Draw) -> Duration {
    const USUAL: [u64; 10] = [1, 10, 40, 200, 500, 1_000, 3_000, 10_000, 60_000, 600_000];
    let time = Duration::from_millis(draw.of(&USUAL).unwrap_or(1));
    if draw.one_in(4) { time + Duration::from_nanos(u64::from(draw.octet())) } else { time }
}

fn towards(draw: &mut Draw) -> Towards {
    if draw.one_in(2) { Towards::Host } else { Towards::Device }
}

pub(super) fn fault(draw: &mut Draw) -> Fault {
    let next = match draw.below(9) {
        0 => NextFault::Frame(towards(draw), FrameFault::Drop),
        1 => {
            let (octet, xor) = (draw.small(64) - 1, 1 << draw.below(8));
            NextFault::Frame(towards(draw), FrameFault::Corrupt { octet, xor, repair: draw.one_in(2) })
        }
        2 => NextFault::Frame(towards(draw), FrameFault::Truncate { to: draw.small(64) }),
        3 => NextFault::Frame(towards(draw), FrameFault::Duplicate { after: Duration::ZERO }),
        4 => {
            let behind = u64::try_from(draw.small(3)).unwrap_or(1);
            NextFault::Frame(towards(draw), FrameFault::Hold { behind, at_most: Duration::from_millis(500) })
        }
        5 => NextFault::Frame(towards(draw), FrameFault::Delay { by: time(draw) }),
        6 => NextFault::Call(Call::Receive, CallFault::ShortRead { octets: draw.small(64) }),
        7 => {
            let (flags, protocol) =
                (TunPiFlags(draw.octet().into()), EtherType(draw.of(&[0x86dd, 0x0800, 0]).unwrap_or(0)));
            NextFault::Call(Call::Receive, CallFault::PacketInfo(TunPi { flags, protocol }))
        }
        _ => {
            let faults = [CallFault::Eagain, CallFault::Eintr, CallFault::Eio, CallFault::Enobufs];
            let call = if draw.one_in(2) { Call::Transmit } else { Call::Receive };
            NextFault::Call(call, draw.of(&faults).unwrap_or(CallFault::Eagain))
        }
    };
    Fault::of(next)
}

pub(super) fn link_fault(draw: &mut Draw) -> LinkFault {
    match draw.below(12) {
        0..4 => LinkFault::Down,
        4..7 => LinkFault::Up,
        7..11 => LinkFault::Mtu(draw.of(&[68, 576, 1_280, 1_279, 1_500, 9_000, 65_535]).unwrap_or(1_500)),
        _ => LinkFault::QueueLength(u32::from(draw.octet() % 4)),
    }
}

pub(super) fn socket(draw: &mut Draw) -> SocketCall {
    let slot = draw.octet() % 3;
    let v6 = draw.one_in(4);
    let port = draw.of(&PORTS).unwrap_or(80);
    let mut octets = || vec![b'x'; draw.small(64)];
    let octets = octets();
    match draw.below(12) {
        0 | 1 => SocketCall::UdpBind { slot, v6, port },
        2 => SocketCall::UdpSend { slot, port, octets },
        3 | 4 => SocketCall::TcpListen { slot, v6, port },
        5 => SocketCall::TcpConnect { slot, v6, port },
        6 => SocketCall::Accept { slot, into: draw.octet() % 3 },
        7 => SocketCall::Write { slot, octets },
        8 => SocketCall::Read { slot, most: draw.of(&[1_500, 1, 0, 65_535]).unwrap_or(1_500) },
        9 => SocketCall::Shutdown {
            slot,
            how: draw.of(&[Shutdown::Write, Shutdown::Read, Shutdown::Both]).unwrap_or(Shutdown::Write),
        },
        10 => SocketCall::Close { slot },
        _ => SocketCall::Ping { slot, v6, sequence: draw.octet().into(), octets },
    }
}
