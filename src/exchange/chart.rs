//! The timeline as lines of a report: number, time, direction, what the frame is, what became of it.
//!
//! ```text
//!  #1    +0.102 ms ──▶ 192.0.2.2:40000 > 192.0.2.1:81 TCP [S] seq 100 win 0         sent at tcp.rs:43
//!  #2    +0.131 ms ◀── 192.0.2.1:81 > 192.0.2.2:40000 TCP [R.] seq 0 ack 100 win 0  UNEXPECTED
//! ```

use super::Record;
use super::accounting::Fate;
use super::report::{counted, cut, time};
use super::timeline::{Entry, Line};
use crate::device::{Direction, FrameRef};

/// The widest summary that pushes what became of a frame to the right for all.
const WIDE: usize = 72;
/// The longest summary.
const LONGEST: usize = 96;
/// The longest name in what became of a frame.
const LONGEST_NAME: usize = 32;

/// The timeline in at most so many lines: the last frames, and before them those that matter wherever they are. What is
/// left out is counted.
pub(super) fn lines(record: &Record, most: usize, matters: impl Fn(&Entry) -> bool) -> Vec<String> {
    let (entries, forgotten) = record.timeline.entries();
    if entries.is_empty() && forgotten == 0 {
        return vec!["no frame was sent or received".to_owned()];
    }
    let width = |text: &str| text.chars().count();
    let rows: Vec<(usize, &Entry, String)> = told(&entries, forgotten, most, matters)
        .into_iter()
        .filter_map(|at| entries.get(at).map(|entry| (at, entry, summary(record, entry))))
        .collect();
    let widest = rows.iter().map(|(.., summary)| width(summary)).filter(|width| *width <= WIDE).max().unwrap_or(0);
    let numbers = entries.last().map_or(1, |entry| entry.number.to_string().len()) + 1;
    let (mut lines, mut next, mut before) = (Vec::new(), 0, forgotten);
    for (at, entry, summary) in rows {
        lines.extend(left_out(entries.get(next..at).unwrap_or_default(), before));
        (next, before) = (at + 1, 0);
        let arrow = match entry.direction() {
            Direction::Sent => "──▶",
            Direction::Received => "◀──",
        };
        let number = format!("#{}", entry.number);
        let after = format!("+{}", time(record.timeline.after(entry.at)));
        lines.push(format!("{number:<numbers$} {after:>11} {arrow} {summary:<widest$}  {}", became(&entry.fate)));
    }
    lines.extend(left_out(entries.get(next..).unwrap_or_default(), before));
    lines
}

/// Which entries are told, by their places.
fn told(entries: &[Entry], forgotten: u64, most: usize, matters: impl Fn(&Entry) -> bool) -> Vec<usize> {
    if entries.len() + usize::from(forgotten > 0) <= most {
        return (0..entries.len()).collect();
    }
    // Each of those that matter may stand alone, behind a line that counts what is left out.
    let mut special: Vec<usize> =
        entries.iter().enumerate().rev().filter(|(_, entry)| matters(entry)).map(|(at, _)| at).collect();
    special.truncate(most / 4);
    let last = most.saturating_sub(special.len() * 2 + 1).max(1);
    let mut told: Vec<usize> = (entries.len().saturating_sub(last)..entries.len()).chain(special).collect();
    told.sort_unstable();
    told.dedup();
    told
}

fn summary(record: &Record, entry: &Entry) -> String {
    cut(&FrameRef::new(record.timeline.mode(), &entry.octets).summary().to_string(), LONGEST)
}

/// `… 20 more: 18 ignored, 2 sent`.
fn left_out(entries: &[Entry], forgotten: u64) -> Option<String> {
    let total = forgotten + u64::try_from(entries.len()).unwrap_or(u64::MAX);
    if total == 0 {
        return None;
    }
    let mut classes: Vec<(&str, u64)> = Vec::new();
    let kept = entries.iter().map(|entry| (class(&entry.fate), 1));
    for (name, count) in kept.chain((forgotten > 0).then_some(("no longer kept", forgotten))) {
        match classes.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known += count,
            None => classes.push((name, count)),
        }
    }
    classes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let classes: Vec<_> = classes.iter().map(|(name, count)| format!("{count} {name}")).collect();
    Some(format!("… {}: {}", counted(total, "more frame"), classes.join(", ")))
}

/// The class of a frame, as the accounting calls it.
const fn class(fate: &Fate) -> &'static str {
    match fate {
        Fate::Sent { .. } => "sent",
        Fate::Refused { .. } | Fate::ReplyRefused { .. } | Fate::WriteRefused { .. } => "REFUSED",
        Fate::Replied { .. } => "replied",
        Fate::Waiting => "left over",
        Fate::Matched { .. } => "matched",
        Fate::Delivered => "read by the code under test",
        Fate::ToProgram => "to the code under test",
        Fate::FromProgram => "sent by the code under test",
        Fate::Answered { .. } => "answered",
        Fate::Ignored { .. } => "ignored",
        Fate::Skipped { .. } => "skipped",
        Fate::Unexpected { .. } => "UNEXPECTED",
        Fate::Dropped => "LOST BY THE HARNESS",
        Fate::Drained => "thrown away",
    }
}

/// What became of a frame, for the timeline: a template would be told there again, so only names are.
fn became(fate: &Fate) -> String {
    let named = |by: &str| if by.starts_with('"') { format!(" {}", cut(by, LONGEST_NAME)) } else { String::new() };
    match fate {
        Fate::Sent { line } => format!("sent at {}", short(line)),
        Fate::Refused { line, error } => format!("REFUSED at {}: {error}", short(line)),
        Fate::Matched { by, line } => format!("matched{} at {}", named(by), short(line)),
        Fate::Skipped { line, .. } => format!("skipped at {}", short(line)),
        Fate::Replied { by } => format!("reply of \"{}\"", cut(by, LONGEST_NAME)),
        Fate::ReplyRefused { by, error } => format!("reply of \"{}\" REFUSED: {error}", cut(by, LONGEST_NAME)),
        Fate::WriteRefused { error } => format!("sent by the code under test, REFUSED: {error}"),
        Fate::Answered { by } => format!("answered by \"{}\"", cut(by, LONGEST_NAME)),
        Fate::Ignored { by } => format!("ignored by {}", cut(by, LONGEST_NAME)),
        Fate::Waiting
        | Fate::Unexpected { .. }
        | Fate::Delivered
        | Fate::ToProgram
        | Fate::FromProgram
        | Fate::Dropped
        | Fate::Drained => class(fate).to_owned(),
    }
}

/// The place in the test without its folder.
pub(super) fn short(line: &Line) -> String {
    let file = line.file();
    format!("{}:{}", file.rsplit(['/', '\\']).next().unwrap_or(file), line.line())
}
