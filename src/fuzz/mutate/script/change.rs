//! Changes a step in its own words.

use std::time::Duration;

use super::new_step::{answer, fault, flags, link_fault, socket, time};
use super::payload;
use crate::device::Mode;
use crate::fuzz::mutate::Mutator;
use crate::fuzz::mutate::draw::Draw;
use crate::fuzz::mutate::octets::Octets;
use crate::fuzz::script::{Answer, Reply, SocketCall, Step};
use crate::packet::{IntoPacket, Ipv4, Ipv6, Packet, Tcp, Udp};

pub(super) fn change(step: &mut Step, mode: Mode, mutator: &mut Mutator, most: usize, octets: &mut Octets<'_>) {
    match step {
        Step::Frame(frame) => {
            mutator.mode = mode;
            mutator.change(frame, most, Some(octets));
        }
        Step::Observed(_) => *step = Step::Answer(answer(&mut mutator.draw)),
        Step::Answer(answer) => change_answer(answer, &mut mutator.draw, most, octets),
        Step::Advance(by) => *by = another_time(*by, &mut mutator.draw),
        Step::Fault(planned) => *planned = fault(&mut mutator.draw),
        Step::Link(happens) => *happens = link_fault(&mut mutator.draw),
        Step::Socket(call) => change_call(call, &mut mutator.draw, most, octets),
    }
}

fn another_time(by: Duration, draw: &mut Draw) -> Duration {
    match draw.below(4) {
        0 => by / 2,
        1 => by.saturating_mul(2).min(Duration::from_secs(100_000)),
        _ => time(draw),
    }
}

/// A small step off, or a large one: to the other side of a window, around the circle.
fn off(draw: &mut Draw) -> i32 {
    match draw.below(8) {
        0 => 0,
        1 | 2 => 1,
        3 | 4 => -1,
        5 => i32::from(draw.octet()) - 128,
        6 => 65_535,
        _ => draw.of(&[i32::MIN, i32::MAX, 1 << 20, -65_536]).unwrap_or(0),
    }
}

fn change_answer(step: &mut Answer, draw: &mut Draw, most: usize, octets: &mut Octets<'_>) {
    match draw.below(8) {
        0 => *step = answer(draw),
        1 => *step = std::mem::replace(step, Answer::peer()).to(draw.octet() % 4),
        2 => edit(step, draw),
        3 if !step.edits().is_empty() => step.forget_edit(draw.below(step.edits().len())),
        _ => match step.reply_mut() {
            Reply::Segment { flags: set, sequence, acknowledgement, payload: content } => match draw.below(4) {
                0 => *set = flags(draw),
                1 => *sequence = off(draw),
                2 => *acknowledgement = off(draw),
                _ => payload(content, most, draw, octets),
            },
            Reply::Datagram { payload: content } => payload(content, most, draw, octets),
            Reply::Error { icmp_type, code } => {
                let place = if draw.one_in(2) { icmp_type } else { code };
                *place = draw.octet() % 18;
            }
            Reply::Peer | Reply::Mirror => edit(step, draw),
        },
    }
}

/// Sets one field of the reply to something of its own.
fn edit(step: &mut Answer, draw: &mut Draw) {
    let (octet, short) = (draw.octet(), u16::from_be_bytes([draw.octet(), draw.octet()]));
    let small = draw.of(&[0, 1, 2, 536, 0xffff]).unwrap_or(0);
    let long = u32::from(short) << draw.below(17);
    let packet: Packet = match draw.below(14) {
        0 => Tcp::new().window(small).into_packet(),
        1 => Tcp::new().mss(small).into_packet(),
        2 => Tcp::new().window_scale(octet % 20).into_packet(),
        3 => Tcp::new().urg(short).into_packet(),
        4 => Tcp::new().sport(short).into_packet(),
        5 => Tcp::new().timestamps(long, 0).into_packet(),
        6 => Tcp::new().sack([(long, long.wrapping_add(small.into()))]).into_packet(),
        7 => Ipv4::new().ttl(octet % 3).into_packet(),
        8 => Ipv4::new().more_fragments(true).into_packet(),
        9 => Ipv4::new().fragment_offset(short % 64).into_packet(),
        10 => Ipv6::new().hop_limit(octet % 3).into_packet(),
        11 => Udp::new().length(small).into_packet(),
        12 => Udp::new().checksum(small).into_packet(),
        _ => Tcp::new().checksum(short).into_packet(),
    };
    *step = std::mem::replace(step, Answer::peer()).with(packet);
}

fn change_call(call: &mut SocketCall, draw: &mut Draw, most: usize, other: &mut Octets<'_>) {
    match call {
        SocketCall::UdpSend { octets, .. } | SocketCall::Write { octets, .. } | SocketCall::Ping { octets, .. }
            if draw.one_in(2) =>
        {
            payload(octets, most, draw, other);
        }
        call => *call = socket(draw),
    }
}
