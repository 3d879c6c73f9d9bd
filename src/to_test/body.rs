//! The body of a test: each frame of the capture as the line that sends or expects it.
//!
//! Layer: `to_test`.

use std::time::Duration;

use super::connection::{Connections, Place};
use super::constants::Constants;
use super::datagram::Datagrams;
use super::layout::Code;
use super::link::{End, Link};
use super::normal::normal;
use super::recorded::{Recorded, Side};
use super::script::Script;
use super::template::{self, Words};
use crate::device::FrameRef;

/// From this gap on a frame did not come at once: a timer, or a program that took its time.
const LATER: Duration = Duration::from_millis(200);

/// What is known of one end so far.
#[derive(Default)]
pub(super) struct State {
    pub(super) datagrams: Datagrams,
    pub(super) connections: Connections,
}

/// Writes the line of a frame, with comments on what it does not say.
pub(super) fn line(
    recorded: &Recorded<'_>,
    side: Side,
    (link, end): (&Link, &End),
    state: &mut State,
    constants: &Constants,
    script: &mut Script,
) {
    let place = Place { link, end, constants };
    let gap = recorded.gap.filter(|gap| *gap >= LATER);
    match side {
        Side::Test => send(recorded, gap, &place, state, script),
        Side::Code => expect(recorded, gap, &place, state, script),
    }
}

fn later(gap: Option<Duration>, script: &mut Script) {
    if let Some(gap) = gap {
        script.comment(format!("{:.3} s after the frame before.", gap.as_secs_f64()));
    }
}

fn send(recorded: &Recorded<'_>, gap: Option<Duration>, place: &Place<'_>, state: &mut State, script: &mut Script) {
    let (end, octets) = (&place.end.name, recorded.frame.octets);
    if let Some(whole) = recorded.cut_from {
        let (number, kept) = (recorded.number, octets.len());
        script.comment(format!("Frame {number} is not sent: {kept} of its {whole} octets were captured."));
        return;
    }
    let raw = |script: &mut Script| {
        later(gap, script);
        script.verb(end, "send_raw", Code::Text(place.constants.octets(octets, "FRAME")));
    };
    let Some(normal) = normal(recorded.frame) else { return raw(script) };
    let frame = FrameRef::new(recorded.frame.mode, &normal.octets);
    if state.connections.send(&normal, frame, gap, place, script) {
        return;
    }
    let mut packet = normal.packet.clone();
    let words = state.datagrams.send(&mut packet, script, place.constants);
    let packet = template::without_defaults(packet, &normal.octets, &place.link.defaults(place.end));
    match template::code(&packet, place.link, place.constants, &words) {
        Some(code) => {
            later(gap, script);
            script.verb(end, "send", code);
        }
        None => raw(script),
    }
}

fn expect(recorded: &Recorded<'_>, gap: Option<Duration>, place: &Place<'_>, state: &mut State, script: &mut Script) {
    if recorded.unexpected {
        script.comment("The test that recorded this did not expect it:");
    }
    let mut called = "frame";
    let code = if let Some(whole) = recorded.cut_from {
        let kept = recorded.frame.octets.len();
        script.comment(format!("Any frame: {kept} of its {whole} octets were captured."));
        Code::text("Packet::any()").then(".unverified()")
    } else {
        match template(recorded, place, state, script) {
            Some((code, learned)) => {
                let timed = in_time(code, gap, script);
                let opening = learned.is_opening;
                called = learned.datagram.called.unwrap_or(called);
                if let Some(comment) = learned.datagram.comment {
                    script.comment(comment);
                }
                let binding = script.expect(&place.end.name, timed, if opening { "syn" } else { called });
                state.datagrams.came(&learned.datagram, recorded.frame, binding);
                if opening {
                    state.connections.opened(recorded.frame, binding);
                }
                return;
            }
            None => {
                let octets = place.constants.octets(recorded.frame.octets, "FRAME");
                Code::text("Payload::new()").then(format!(".octets({octets})")).then(".unverified()")
            }
        }
    };
    let timed = in_time(code, gap, script);
    script.expect(&place.end.name, timed, called);
}

/// What an expected frame teaches.
#[derive(Default)]
struct Learned {
    datagram: super::datagram::Learned,
    is_opening: bool,
}

/// The template of an expected frame; `None` where only its octets tell it.
fn template(
    recorded: &Recorded<'_>,
    place: &Place<'_>,
    state: &mut State,
    script: &mut Script,
) -> Option<(Code, Learned)> {
    let normal = normal(recorded.frame)?;
    let frame = FrameRef::new(recorded.frame.mode, &normal.octets);
    if normal.offloaded {
        script.comment("Its checksum was left to hardware; here it has to be right.");
    }
    if let Some(code) = state.connections.expect(frame, place, script) {
        return Some((code, Learned::default()));
    }
    let packet = template::to_expect(normal.packet);
    if let Some(code) = state.connections.opening(frame, packet.clone(), place) {
        return Some((code, Learned { is_opening: true, ..Learned::default() }));
    }
    let mut packet = template::proven(packet, frame)?;
    let (words, datagram): (Words, _) = state.datagrams.expect(&mut packet, recorded.time, script, place.constants);
    let code = template::code(&packet, place.link, place.constants, &words)?;
    Some((code, Learned { datagram, is_opening: false }))
}

/// Says when it came, where that was not at once: it may take twice the time.
fn in_time(code: Code, gap: Option<Duration>, script: &mut Script) -> Code {
    let Some(gap) = gap else { return code };
    later(Some(gap), script);
    let milliseconds = gap.as_millis().saturating_mul(2).div_ceil(10).saturating_mul(10);
    code.then(format!(".within(Duration::from_millis({}))", u64::try_from(milliseconds).unwrap_or(u64::MAX)))
}
