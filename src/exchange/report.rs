//! The failure report: what was wanted, what came nearest, what became of every frame. Plain text, at most 40 lines.
//!
//! ```text
//! expect "RST": the next frame, #3, does not match
//!   want  TCP (sport 81, flags R., acknowledgement 101)
//!   best  #3 192.0.2.1:81 > 192.0.2.2:40000 TCP [R.] seq 0 ack 100 win 0   1 field off
//!         TCP acknowledgement  want 101  got 100  @ octets 28..32  (off by one)
//!   would match if: acknowledgement(100)
//!   at tests/tcp.rs:44; waited 0.1 ms
//!   …
//! ```

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::failure::Problem;
use super::near_miss::{self, Miss};
use super::timeline::{Entry, Fate, Line};
use super::{Exchange, Record};
use crate::device::{Direction, FrameRef};

/// The lines of the whole report.
const MOST_LINES: usize = 40;
/// The differences told of the nearest frame.
const MOST_DIFFERENCES: usize = 6;
/// The lines that stand behind the timeline, about.
const FOOTER: usize = 7;
/// A harness that was this late may itself be why a frame was.
const TELLING_STALL: Duration = Duration::from_millis(20);

/// The report, and whether the harness itself may be the cause.
pub(super) fn write(exchange: &Exchange, problem: &Problem<'_>) -> (String, bool) {
    let suspicion = suspicion(exchange, problem);
    let mut report = String::new();
    // Writing to a string cannot fail.
    let _ = head(&mut report, problem, suspicion.as_deref());
    let lines = report.lines().count();
    let _ = tail(&mut report, &exchange.record, MOST_LINES.saturating_sub(lines + FOOTER).max(5));
    (report, suspicion.is_some())
}

/// The end of the report for a test that failed by a panic of its own.
pub(crate) fn timeline_only(record: &Record) -> String {
    let mut report = String::new();
    let _ = tail(&mut report, record, MOST_LINES - FOOTER);
    report
}

/// Every failure, and the end of the report without bounds, for a file.
pub(crate) fn whole(record: &Record) -> String {
    let mut report = record.failures().join("\n");
    let _ = tail(&mut report, record, usize::MAX);
    report
}

fn head(f: &mut String, problem: &Problem<'_>, suspicion: Option<&str>) -> fmt::Result {
    writeln!(f, "{}", problem.headline)?;
    if let Some(suspicion) = suspicion {
        writeln!(f, "  verdict: INCONCLUSIVE: {suspicion}")?;
    }
    let misses = near_miss::rank(&problem.wanted, &problem.looked_at);
    match misses.first() {
        Some(best) => nearest(f, problem, best, misses.get(1..).unwrap_or_default())?,
        None => {
            for wanted in problem.wanted.iter().take(4) {
                writeln!(f, "  want  {wanted}")?;
            }
        }
    }
    for detail in &problem.details {
        writeln!(f, "  {detail}")?;
    }
    f.push_str("  ");
    if let Some(line) = problem.line {
        write!(f, "at {line}; ")?;
    }
    match (problem.waited, problem.established) {
        (_, Some(established)) => writeln!(f, "established by: {established}"),
        (Some(waited), None) => writeln!(f, "waited {}", milliseconds(waited)),
        (None, None) => writeln!(f, "on this link:"),
    }
}

fn nearest(f: &mut String, problem: &Problem<'_>, best: &Miss, others: &[Miss]) -> fmt::Result {
    writeln!(f, "  want  {}", best.pattern)?;
    writeln!(f, "  best  #{} {}   {}", best.number, best.summary, near_miss::off(best.distance))?;
    for difference in best.differences.iter().take(MOST_DIFFERENCES) {
        writeln!(f, "        {difference}")?;
    }
    if best.differences.len() > MOST_DIFFERENCES {
        writeln!(f, "        … and {} more", best.differences.len() - MOST_DIFFERENCES)?;
    }
    if !best.would_match.is_empty() {
        writeln!(f, "  would match if: {}", best.would_match.join(", "))?;
    }
    let others: Vec<_> =
        others.iter().map(|miss| format!("#{} ({})", miss.number, near_miss::off(miss.distance))).collect();
    match others.get(..4) {
        _ if others.is_empty() => {}
        Some(first) if others.len() > 4 => writeln!(f, "  also  {}, … {} more", first.join("  "), others.len() - 4)?,
        _ => writeln!(f, "  also  {}", others.join("  "))?,
    }
    if problem.wanted.len() > 1 {
        writeln!(f, "  also wanted:")?;
        for wanted in problem
            .wanted
            .iter()
            .filter(|wanted| !wanted.patterns.iter().any(|p| p.to_string() == best.pattern))
            .take(4)
        {
            writeln!(f, "        {wanted}")?;
        }
    }
    Ok(())
}

fn tail(f: &mut String, record: &Record, most_entries: usize) -> fmt::Result {
    let (entries, forgotten) = record.timeline.entries();
    writeln!(f, "  timeline of {}", record.link)?;
    timeline(f, record, &entries, forgotten, most_entries)?;
    writeln!(f, "  accounting: {}", record.timeline.accounting())?;
    rules(f, record)?;
    let coverage = super::lock(&record.coverage);
    if !coverage.is_empty() {
        writeln!(f, "  never checked by this test: {coverage}")?;
    }
    Ok(())
}

/// The last entries, and those that were not wanted wherever they are.
fn timeline(f: &mut String, record: &Record, entries: &[Entry], forgotten: u64, most: usize) -> fmt::Result {
    if entries.is_empty() && forgotten == 0 {
        return writeln!(f, "   no frame was sent or received");
    }
    let told = entries.len().saturating_sub(most);
    let left_out = forgotten + told as u64;
    if left_out > 0 {
        writeln!(f, "   … {left_out} earlier frames")?;
    }
    let width = entries.last().map_or(1, |entry| entry.number.to_string().len());
    for entry in entries.iter().skip(told) {
        let arrow = match entry.direction() {
            Direction::Sent => "──▶",
            Direction::Received => "◀──",
        };
        let after = milliseconds(record.timeline.after(entry.at));
        let frame = FrameRef::new(record.timeline.mode(), &entry.octets);
        writeln!(
            f,
            "   #{:<width$} {:>11} {arrow} {}   {}",
            entry.number,
            format!("+{after}"),
            frame.summary(),
            fate(&entry.fate)
        )?;
    }
    Ok(())
}

/// What became of a frame, in words.
pub(crate) fn fate(fate: &Fate) -> String {
    let at = |line: Line| format!("{line}");
    match fate {
        Fate::Sent { line } => format!("sent {}", at(line)),
        Fate::Refused { line, error } => format!("REFUSED: {error} {}", at(line)),
        Fate::Replied { by } => format!("reply of \"{by}\""),
        Fate::ReplyRefused { by, error } => format!("reply of \"{by}\" REFUSED: {error}"),
        Fate::Waiting => "left over".to_owned(),
        Fate::Matched { by, .. } => format!("matched: {}", short(by)),
        Fate::Delivered => "read by the code under test".to_owned(),
        Fate::Answered { by } => format!("answered by \"{by}\""),
        Fate::Ignored { by } => format!("ignored: {}", short(by)),
        Fate::Skipped { by, .. } => format!("skipped: {}", short(by)),
        Fate::Unexpected { by, .. } => format!("UNEXPECTED: {}", short(by)),
        Fate::Dropped => "LOST BY THE HARNESS".to_owned(),
        Fate::Drained => "thrown away".to_owned(),
    }
}

/// A name or a template in at most 40 characters.
fn short(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or(text)),
        None => text.to_owned(),
    }
}

fn rules(f: &mut String, record: &Record) -> fmt::Result {
    let (fired, idle): (Vec<_>, Vec<_>) = record.rules.counts().into_iter().partition(|(_, count)| *count > 0);
    if !fired.is_empty() {
        let fired: Vec<_> = fired.iter().map(|(name, count)| format!("{} {count}", short(name))).collect();
        writeln!(f, "  ignored: {}", fired.join(", "))?;
    }
    if !idle.is_empty() {
        let idle: Vec<_> = idle.iter().map(|(name, _)| short(name)).collect();
        writeln!(f, "  ignore rules that never fired: {}", idle.join(", "))?;
    }
    Ok(())
}

/// Why the code under test may not be to blame.
fn suspicion(exchange: &Exchange, problem: &Problem<'_>) -> Option<String> {
    if let Ok(dropped @ 1..) = exchange.far_end.dropped() {
        return Some(format!("the device dropped {dropped} frames because nobody read them in time"));
    }
    let lost = exchange.accounting().dropped;
    if lost > 0 {
        return Some(format!("the harness lost {lost} frames: its queue was full"));
    }
    let stall = *super::lock(&exchange.record.worst_stall);
    let windows = problem.wanted.iter().filter_map(|wanted| wanted.within).min();
    (problem.may_be_loss && stall >= TELLING_STALL && windows.is_some_and(|window| stall >= window / 4))
        .then(|| format!("this process did not run for {}", milliseconds(stall)))
}

pub(crate) fn milliseconds(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1e3)
}
