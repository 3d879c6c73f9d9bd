//! What a replay sends and when, or why it cannot: decided before a frame leaves.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use super::fit::fit;
use super::{Pace, Replay, Side};
use crate::capture::{Capture, CapturedFrame, Direction, LinkTypeError};
use crate::device::Mode;
use crate::exchange::report::counted;
use crate::packet::{Defaults, IntoPacket, Packet};

/// A replay that takes longer is a mistake: of a frame without a time among others, say.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// A frame that is to be sent.
#[derive(Debug)]
pub(super) struct Planned<'a> {
    /// Its number in the capture, from 1 as Wireshark counts.
    pub(super) number: usize,
    /// How long after the first.
    pub(super) after: Duration,
    pub(super) octets: Cow<'a, [u8]>,
}

/// Why nothing can be sent, and what helps.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) what: String,
    pub(super) help: String,
}

impl Refusal {
    fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: help.into() }
    }
}

/// How many frames were left out, by the first thing that spoke against them.
#[derive(Default)]
struct LeftOut {
    interface: usize,
    direction: usize,
    pattern: usize,
}

/// The frames in the order in which they are sent. `own` is the direction that this end sends.
pub(super) fn plan<'a>(
    replay: &Replay<'a>,
    own: Direction,
    mode: Mode,
    defaults: &Defaults,
) -> Result<Vec<Planned<'a>>, Refusal> {
    let selected = select(replay, own)?;
    let mut planned = Vec::with_capacity(selected.len());
    for (number, recorded) in selected {
        if usize::try_from(recorded.original_length).is_ok_and(|length| length > recorded.octets.len()) {
            let (kept, all) = (recorded.octets.len(), recorded.original_length);
            return Err(Refusal::new(
                format!("frame {number} of the capture was cut: {kept} of its {all} octets were recorded"),
                "record whole frames (tcpdump -s 0), or leave it out: .only(…)",
            ));
        }
        let frame = replay.capture.frame(recorded).map_err(|error| error.to_string());
        let octets = frame.and_then(|frame| fit(frame, mode, defaults)).map_err(|why| {
            let what = format!("frame {number} of the capture does not fit a {mode}: {why}");
            Refusal::new(what, "leave it out: .only(…)")
        })?;
        planned.push((recorded.time, Planned { number, after: Duration::ZERO, octets }));
    }
    planned.sort_by_key(|(time, _)| *time);
    let Pace::Times(factor) = replay.pace else {
        return Ok(planned.into_iter().map(|(_, planned)| planned).collect());
    };
    if !factor.is_finite() || factor <= 0.0 {
        return Err(Refusal::new(format!("{factor} is no speed"), "give .speed(…) a number above zero"));
    }
    let first = planned.first().map_or(Duration::ZERO, |(time, _)| *time);
    for (time, planned) in &mut planned {
        let after = *time - first;
        let scaled = if factor == 1.0 { Ok(after) } else { Duration::try_from_secs_f64(after.as_secs_f64() / factor) };
        planned.after = scaled.ok().filter(|after| *after <= LONGEST).ok_or_else(|| {
            Refusal::new(
                format!("frame {} of the capture would be sent more than a day after the first", planned.number),
                "send it faster: .speed(…), .at_once()",
            )
        })?;
    }
    Ok(planned.into_iter().map(|(_, planned)| planned).collect())
}

/// The frames that are meant, with their numbers.
fn select<'a>(replay: &Replay<'a>, own: Direction) -> Result<Vec<(usize, &'a CapturedFrame<'a>)>, Refusal> {
    let capture = replay.capture;
    all_exist(replay)?;
    let pattern = replay.only.as_ref().map(IntoPacket::unverified);
    let (mut selected, mut left_out) = (Vec::new(), LeftOut::default());
    let mut from = BTreeSet::new();
    for (number, recorded) in (1..).zip(&capture.frames) {
        let name = interface(capture, recorded.interface.index());
        if !replay.interfaces.is_empty() && !replay.interfaces.iter().any(|wanted| *wanted == name) {
            left_out.interface += 1;
            continue;
        }
        if !is_meant(replay, recorded.direction, own).ok_or_else(|| side_unknown(number))? {
            left_out.direction += 1;
            continue;
        }
        if let Some(pattern) = &pattern
            && !is_like(pattern, capture, number, recorded)?
        {
            left_out.pattern += 1;
            continue;
        }
        from.insert(name);
        selected.push((number, recorded));
    }
    if selected.is_empty() {
        return Err(empty(replay, own, &left_out));
    }
    if replay.interfaces.is_empty() && from.len() > 1 {
        let names: Vec<_> = from.into_iter().collect();
        return Err(Refusal::new(
            format!("the frames are of {} interfaces: {}", names.len(), names.join(", ")),
            "say which: .on_interface(…), once for each",
        ));
    }
    Ok(selected)
}

/// Whether the capture has all interfaces that were named.
fn all_exist(replay: &Replay<'_>) -> Result<(), Refusal> {
    let present: BTreeSet<_> =
        (0..replay.capture.interfaces.len()).map(|index| interface(replay.capture, index)).collect();
    match replay.interfaces.iter().find(|name| !present.contains(name.as_str())) {
        None => Ok(()),
        Some(missing) => {
            let present: Vec<_> = present.into_iter().collect();
            let what = format!("the capture has no interface of the name {missing}");
            Err(Refusal::new(what, format!("it has: {}", present.join(", "))))
        }
    }
}

fn is_like(
    pattern: &Packet,
    capture: &Capture<'_>,
    number: usize,
    recorded: &CapturedFrame<'_>,
) -> Result<bool, Refusal> {
    match capture.frame(recorded) {
        Ok(frame) => Ok(pattern.matches(frame)),
        // Nobody can tell what it is.
        Err(error @ (LinkTypeError::Unsupported(_) | LinkTypeError::NoInterface)) => Err(Refusal::new(
            format!("frame {number} of the capture cannot be read: {error}"),
            "say which interface is meant: .on_interface(…)",
        )),
        Err(_) => Ok(false),
    }
}

/// Whether a frame went the right way; `None` where that cannot be said.
fn is_meant(replay: &Replay<'_>, direction: Option<Direction>, own: Direction) -> Option<bool> {
    match (replay.side, direction) {
        (Side::Either, _) => Some(true),
        (Side::That(wanted), direction) => Some(direction == Some(wanted)),
        (Side::Own, Some(direction)) => Some(direction == own),
        // Then the pattern says it.
        (Side::Own, None) => replay.only.is_some().then_some(true),
    }
}

fn side_unknown(number: usize) -> Refusal {
    Refusal::new(
        format!("the capture does not tell which way frame {number} went"),
        "say which side is meant: .only(Ipv4::new().src(…)), or send all: .either_direction()",
    )
}

fn empty(replay: &Replay<'_>, own: Direction, left_out: &LeftOut) -> Refusal {
    let frames = replay.capture.frames.len();
    let mut reasons = Vec::new();
    if left_out.interface > 0 {
        reasons.push(format!("{} of another interface", left_out.interface));
    }
    if left_out.direction > 0 {
        let (wanted, other) = match (replay.side, own) {
            (Side::That(Direction::Inbound), _) | (Side::Own | Side::Either, Direction::Inbound) => {
                ("inbound", ".outbound()")
            }
            _ => ("outbound", ".inbound()"),
        };
        reasons.push(format!("{} not {wanted} (the others: {other})", left_out.direction));
    }
    if left_out.pattern > 0 {
        let pattern = replay.only.as_ref().map(ToString::to_string).unwrap_or_default();
        reasons.push(format!("{} not {pattern}", left_out.pattern));
    }
    let what = match frames {
        0 => "the capture holds no frame".to_owned(),
        _ => format!(
            "none of the {} in the capture is to be sent",
            counted(u64::try_from(frames).unwrap_or(u64::MAX), "frame")
        ),
    };
    let help =
        if reasons.is_empty() { "a replay that sends nothing shows nothing".to_owned() } else { reasons.join("; ") };
    Refusal::new(what, help)
}

/// An interface's name, or its number where it has none.
fn interface<'a>(capture: &'a Capture<'_>, index: usize) -> Cow<'a, str> {
    let name = capture.interfaces.get(index).and_then(|interface| interface.name.as_deref());
    name.map_or_else(|| format!("number {index}").into(), Cow::Borrowed)
}
