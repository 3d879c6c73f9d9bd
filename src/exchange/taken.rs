//! Frames that would have been what was wanted, had somebody else not taken them: the commonest reason why "nothing" came.
//!
//! Layer: `exchange`. An answering machine or an ignore rule sees a frame before any verb does; an earlier verb keeps what
//! it took; and what came behind an unexpected frame still waits.

use std::sync::Arc;

use super::Exchange;
use super::accounting::Fate;
use super::chart::short;
use super::failure::{Looked, Problem};
use super::pairing::{answers, quotes};
use super::report::cut;
use super::timeline::Entry;
use crate::device::{Direction, FrameRef};
use crate::packet::Dissection;

/// The frames told.
const MOST_FRAMES: usize = 2;

/// A line for each such frame, the latest first, and their numbers.
pub(super) fn lines(exchange: &Exchange, problem: &Problem<'_>) -> Vec<(u64, String)> {
    if problem.wanted.is_empty() && problem.request.is_none() {
        return Vec::new();
    }
    let (entries, _) = exchange.timeline.entries();
    let last_sent =
        entries.iter().rfind(|entry| matches!(entry.fate, Fate::Sent { .. })).map_or(0, |entry| entry.number);
    let others = entries.iter().rev().filter(|entry| entry.direction() == Direction::Received);
    let told = others
        .filter(|entry| !problem.looked_at.iter().any(|looked| looked.number == entry.number))
        .filter(|entry| would_do(exchange, problem, entry))
        .filter_map(|entry| Some((entry.number, fate(entry, problem, last_sent)?)));
    told.take(MOST_FRAMES).collect()
}

/// An ICMP error came about what the test sent.
pub(super) fn quoted(exchange: &Exchange, looked: &Looked) -> Option<String> {
    let (entries, _) = exchange.timeline.entries();
    let frame = Dissection::new(looked.frame.as_ref());
    frame.quoted()?;
    entries.iter().rev().find_map(|entry| {
        let Fate::Sent { line } = &entry.fate else { return None };
        let sent = FrameRef::new(exchange.timeline.mode(), &entry.octets);
        let (number, sent_number) = (looked.number, entry.number);
        quotes(&frame, &Dissection::new(sent))
            .then(|| format!("#{number} is an ICMP error about #{sent_number}, which the test sent at {}", short(line)))
    })
}

/// What the test itself sent, which would match: a template that looks the wrong way.
pub(super) fn own(exchange: &Exchange, problem: &Problem<'_>) -> Option<String> {
    let says_something =
        |pattern: &crate::packet::Packet| pattern.layers().iter().any(|layer| layer.constraints().next().is_some());
    if !problem.wanted.iter().all(|wanted| wanted.patterns.iter().all(says_something)) {
        return None;
    }
    let (entries, _) = exchange.timeline.entries();
    let sent =
        entries.iter().rfind(|entry| matches!(entry.fate, Fate::Sent { .. }) && would_do(exchange, problem, entry))?;
    Some(format!("#{}, which the test itself sent, would match: it is received at the other end", sent.number))
}

fn would_do(exchange: &Exchange, problem: &Problem<'_>, entry: &Entry) -> bool {
    let frame = FrameRef::new(exchange.timeline.mode(), &entry.octets);
    match &problem.request {
        Some(request) => answers(frame, request.as_ref()),
        None => {
            let frame = Dissection::new(frame);
            problem.wanted.iter().any(|wanted| wanted.matching(&frame).is_some())
        }
    }
}

/// What became of a frame that would have matched; `None` where that is as it should be.
fn fate(entry: &Entry, problem: &Problem<'_>, last_sent: u64) -> Option<String> {
    let number = entry.number;
    let would = format!("#{number} would have {}", if problem.request.is_some() { "answered" } else { "matched" });
    let name = |by: &Arc<str>| cut(by, 40);
    Some(match &entry.fate {
        Fate::Answered { by } => {
            format!("{would}, but the machine \"{}\" answered it before any verb saw it", name(by))
        }
        Fate::Ignored { by } => format!("{would}, but the rule {} ignores such frames", name(by)),
        Fate::Skipped { line, .. } => format!("{would}, but an earlier verb passed over it at {}", short(line)),
        Fate::Matched { line, .. } if number > last_sent && problem.line != Some(*line) => {
            format!("{would}, but an earlier verb took it at {}", short(line))
        }
        Fate::Unexpected { line, .. } if problem.line != Some(*line) => {
            format!("{would}, but an earlier verb failed with it at {}", short(line))
        }
        Fate::Waiting => match problem.looked_at.iter().map(|looked| looked.number).max() {
            Some(before) if number > before => format!("{would}: it came behind #{before}"),
            _ => format!("{would}: it came when the wait was over"),
        },
        Fate::Delivered => format!("{would}, but it was read from the device itself"),
        Fate::Dropped => format!("{would}, but the harness lost it"),
        Fate::Drained => format!("{would}, but it came before this case and was thrown away"),
        Fate::Matched { .. } | Fate::Unexpected { .. } => return None,
        Fate::Sent { .. } | Fate::Refused { .. } | Fate::Replied { .. } | Fate::ReplyRefused { .. } => return None,
        // Nobody looks for a frame once the device is handed over.
        Fate::ToProgram | Fate::FromProgram | Fate::WriteRefused { .. } => return None,
    })
}
