//! The failure report: what was wanted, what came nearest, what became of every frame. Plain text, at most 40 lines; the
//! cause stands in the first five.
//!
//! ```text
//! expect "RST": the next frame, #2, differs in TCP acknowledgement
//!   want  TCP (sport 81, flags R., acknowledgement 101)
//!   got   #2 192.0.2.1:81 > 192.0.2.2:40000 TCP [R.] seq 0 ack 100 win 0
//!         TCP acknowledgement  want 101  got 100  @ octets 28..32  (off by one)
//!   would match with: .acknowledgement(100)
//!   at tests/tcp.rs:44:9; waited 0.104 ms
//!   timeline of TUN tun0 on the kernel, host 192.0.2.1/24
//!    …
//!   accounting: 1 sent; 1 received: 1 unexpected
//!   never checked by this test: IPv4 ttl src dst; TCP window
//! ```

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::accounting::Fate;
use super::chart;
use super::failure::{Problem, Telling};
use super::near_miss::{self, Miss};
use super::taken;
use super::timeline::{Entry, Line};
use super::verdict;
use super::{Exchange, Record};

/// The lines of the whole report.
const MOST_LINES: usize = 40;
/// The lines that tell what differs in the nearest frame.
const MOST_DIFFERENCES: usize = 8;
/// The lines of one template.
const MOST_TEMPLATE_LINES: usize = 4;
/// The other templates told: alternatives, and what is wanted besides.
const MOST_OTHERS: usize = 4;
/// The lines of the timeline at least, and those kept free for where the files are.
const LEAST_TIMELINE: usize = 5;
const FILES: usize = 1;
/// The longest line of prose, in characters.
const LONGEST: usize = 150;
/// Where a template is broken between its layers, in characters.
const BROKEN: usize = 110;
/// The longest name in a list of rules.
const LONGEST_NAME: usize = 40;

/// The report, and whether the harness itself may be the cause.
pub(super) fn write(exchange: &Exchange, problem: &Problem<'_>) -> (String, bool) {
    let suspicion = verdict::suspicion(exchange, problem.excuse);
    let mut report = String::new();
    let taken = taken::lines(exchange, problem);
    // Writing to a string cannot fail.
    let _ = head(&mut report, exchange, problem, suspicion.as_deref(), &taken);
    let lines = report.lines().count();
    let matters = |entry: &Entry| {
        matches!(
            entry.fate,
            Fate::Unexpected { .. }
                | Fate::Refused { .. }
                | Fate::ReplyRefused { .. }
                | Fate::WriteRefused { .. }
                | Fate::Dropped
        ) || taken.iter().any(|(number, _)| *number == entry.number)
            || problem.looked_at.first().is_some_and(|looked| looked.number == entry.number)
    };
    let lost = verdict::lost(exchange).filter(|_| suspicion.is_none());
    exchange.note_faults();
    let _ = tail(&mut report, &exchange.record, Some(lines), lost.as_deref(), matters);
    report.truncate(report.trim_end().len());
    (report, suspicion.is_some())
}

/// The end of the report for a test that failed by a panic of its own.
pub(crate) fn timeline_only(record: &Record) -> String {
    let mut report = String::new();
    let _ = tail(&mut report, record, Some(1), None, |_| false).and_then(|()| panics(&mut report, record));
    report
}

/// Every failure, and the end of the report without bounds, for a file.
pub(crate) fn whole(record: &Record) -> String {
    let mut report: String = record.failures().iter().map(|failure| format!("{failure}\n\n")).collect();
    let _ = tail(&mut report, record, None, None, |_| false).and_then(|()| panics(&mut report, record));
    report
}

fn head(
    f: &mut String,
    exchange: &Exchange,
    problem: &Problem<'_>,
    suspicion: Option<&str>,
    taken: &[(u64, String)],
) -> fmt::Result {
    let misses = near_miss::rank(&problem.wanted, &problem.looked_at);
    writeln!(f, "{}{}", problem.headline, telling(problem, misses.first()))?;
    if let Some(suspicion) = suspicion {
        writeln!(f, "  verdict: INCONCLUSIVE: {suspicion}")?;
    }
    let quoted = misses.first().and_then(|best| taken::quoted(exchange, best.looked));
    let panics = exchange.timeline.panics();
    for note in panics.iter().chain(taken.iter().map(|(_, note)| note)).chain(&problem.notes).chain(&quoted) {
        writeln!(f, "  {}", cut(note, LONGEST))?;
    }
    match (misses.first(), problem.wanted.first()) {
        (Some(best), _) => nearest(f, problem, best, misses.get(1..).unwrap_or_default())?,
        (None, Some(wanted)) => {
            if let Some(pattern) = wanted.patterns.first() {
                template(f, "want", &named(problem, wanted, pattern))?;
            }
            others(f, problem, wanted, wanted.patterns.first())?;
        }
        (None, None) => {}
    }
    for detail in &problem.details {
        writeln!(f, "  {}", cut(detail, LONGEST))?;
    }
    if let Some(own) = taken.is_empty().then(|| taken::own(exchange, problem)).flatten() {
        writeln!(f, "  {own}")?;
    }
    let mut where_and_when = Vec::new();
    where_and_when.extend(problem.line.map(|line| format!("at {line}")));
    match (problem.waited, problem.established) {
        (_, Some(established)) => where_and_when.push(format!("established by: {established}")),
        (Some(waited), None) => where_and_when.push(format!("waited {}", time(waited))),
        (None, None) => {}
    }
    if where_and_when.is_empty() { Ok(()) } else { writeln!(f, "  {}", where_and_when.join("; ")) }
}

/// What the headline says of the nearest frame.
fn telling(problem: &Problem<'_>, best: Option<&Miss<'_>>) -> String {
    let Some(best) = best else { return String::new() };
    let (number, frames) = (best.looked.number, problem.looked_at.len());
    match problem.telling {
        Telling::Nothing => String::new(),
        Telling::Next => format!(": the next frame, #{number}, {}", best.phrase),
        Telling::Nearest if frames == 1 => format!(": the only frame, #{number}, {}", best.phrase),
        Telling::Nearest => format!(": none of {frames} frames matches; the nearest, #{number}, {}", best.phrase),
    }
}

fn nearest(f: &mut String, problem: &Problem<'_>, best: &Miss<'_>, worse: &[Miss<'_>]) -> fmt::Result {
    template(f, "want", &named(problem, best.wanted, best.pattern))?;
    let label = if worse.is_empty() { "got " } else { "best" };
    let Miss { looked, lines, .. } = best;
    writeln!(f, "  {label}  {}", cut(&format!("#{} {}", looked.number, looked.frame.as_ref().summary()), LONGEST))?;
    for line in lines.iter().take(MOST_DIFFERENCES) {
        writeln!(f, "        {line}")?;
    }
    if lines.len() > MOST_DIFFERENCES {
        writeln!(f, "        … and {} more", lines.len() - MOST_DIFFERENCES)?;
    }
    if let Some(edits) = &best.edits {
        writeln!(f, "  would match with: {}", cut(edits, BROKEN))?;
    }
    if !worse.is_empty() {
        let mut told: Vec<_> = worse.iter().map(|miss| format!("#{} {}", miss.looked.number, miss.phrase)).collect();
        let more = problem.looked_at.len() - 1 - worse.len();
        if more > 0 {
            told.push(format!("{more} more"));
        }
        writeln!(f, "  worse {}", cut(&told.join("; "), LONGEST))?;
    }
    others(f, problem, best.wanted, Some(best.pattern))
}

/// The alternatives of what is wanted, and what is wanted besides.
fn others(
    f: &mut String,
    problem: &Problem<'_>,
    wanted: &crate::exchange::Expectation,
    pattern: Option<&crate::packet::Packet>,
) -> fmt::Result {
    let is_told = |other: &crate::packet::Packet| pattern.is_some_and(|pattern| std::ptr::eq(pattern, other));
    let alternatives = wanted.patterns.iter().filter(|other| !is_told(other)).map(|other| ("or  ", other.to_string()));
    let besides = problem.wanted.iter().filter(|other| !std::ptr::eq(**other, wanted));
    let besides = besides.map(|other| {
        let name = other.called().map_or_else(String::new, |name| format!("{name}: "));
        ("and ", format!("{name}{other}"))
    });
    let all: Vec<(&str, String)> = alternatives.chain(besides).collect();
    for (label, text) in all.iter().take(MOST_OTHERS) {
        writeln!(f, "  {label}  {}", cut(text, BROKEN))?;
    }
    if all.len() > MOST_OTHERS { writeln!(f, "  and   {} more", all.len() - MOST_OTHERS) } else { Ok(()) }
}

/// A template, with the name of its expectation where the headline does not tell it.
fn named(problem: &Problem<'_>, wanted: &crate::exchange::Expectation, pattern: &crate::packet::Packet) -> String {
    let name = wanted.called().filter(|name| !problem.headline.contains(name.as_str()));
    format!("{}{}", name.map_or_else(String::new, |name| format!("{name}: ")), wanted.wish(pattern))
}

/// A template in one line, or broken between its layers.
fn template(f: &mut String, label: &str, text: &str) -> fmt::Result {
    let mut lines = vec![String::new()];
    for (at, layer) in text.split(" / ").enumerate() {
        let Some(line) = lines.last_mut() else { break };
        if at > 0 {
            line.push_str(" /");
        }
        if at > 0 && line.chars().count() + layer.chars().count() > BROKEN {
            lines.push(layer.to_owned());
        } else {
            line.push_str(if at > 0 { " " } else { "" });
            line.push_str(layer);
        }
    }
    let more = lines.len().saturating_sub(MOST_TEMPLATE_LINES);
    for (at, line) in lines.iter().take(MOST_TEMPLATE_LINES).enumerate() {
        let label = if at == 0 { label } else { "    " };
        let more = if more > 0 && at + 1 == MOST_TEMPLATE_LINES { " …" } else { "" };
        writeln!(f, "  {label}  {}{more}", cut(line, LONGEST))?;
    }
    Ok(())
}

/// Timeline and account. Where `above` says how many lines stand above it, it is short enough for the whole to be.
fn tail(
    f: &mut String,
    record: &Record,
    above: Option<usize>,
    lost: Option<&str>,
    matters: impl Fn(&Entry) -> bool,
) -> fmt::Result {
    let mut footer = String::new();
    let lost = lost.map_or_else(String::new, |lost| format!("; {lost}"));
    writeln!(footer, "  accounting: {}{lost}", record.timeline.accounting())?;
    if let Some(handed_over) = record.timeline.hand_over() {
        writeln!(footer, "  handed over: {}", cut(&handed_over.to_string(), LONGEST))?;
    }
    if let Some(faulted) = &*super::lock(&record.faults) {
        for line in faulted.report.lines() {
            writeln!(footer, "  {}", cut(line, LONGEST))?;
        }
    }
    if let Some(late) = super::lock(&record.stalls).replayed() {
        writeln!(footer, "  the harness: {late}")?;
    }
    rules(&mut footer, record)?;
    let coverage = super::lock(&record.coverage);
    if !coverage.is_empty() {
        writeln!(footer, "  never checked by this test: {}", cut(&coverage.to_string(), LONGEST - 30))?;
    }
    drop(coverage);
    let most = above.map_or(usize::MAX, |above| {
        MOST_LINES.saturating_sub(above + 1 + footer.lines().count() + FILES).max(LEAST_TIMELINE)
    });
    writeln!(f, "  timeline of {}", record.link)?;
    for line in chart::lines(record, most, matters) {
        writeln!(f, "   {line}")?;
    }
    f.write_str(&footer)
}

/// The machines that panicked. A failure at this end tells them above.
fn panics(f: &mut String, record: &Record) -> fmt::Result {
    record.timeline.panics().iter().try_for_each(|panic| writeln!(f, "  {}", cut(panic, LONGEST)))
}

fn rules(f: &mut String, record: &Record) -> fmt::Result {
    let (fired, idle): (Vec<_>, Vec<_>) = record.rules.counts().into_iter().partition(|(_, count)| *count > 0);
    if !fired.is_empty() {
        let fired: Vec<_> =
            fired.iter().map(|(name, count)| format!("{count} by {}", cut(name, LONGEST_NAME))).collect();
        writeln!(f, "  ignored: {}", cut(&fired.join(", "), LONGEST - 10))?;
    }
    if !idle.is_empty() {
        let idle: Vec<_> = idle.iter().map(|(name, _)| cut(name, LONGEST_NAME)).collect();
        writeln!(f, "  ignore rules that never fired: {}", cut(&idle.join(", "), LONGEST - 30))?;
    }
    Ok(())
}

/// What became of a frame, in words, with the whole of what was wanted.
pub(crate) fn fate(fate: &Fate) -> String {
    let at = |line: Line| format!("{line}");
    match fate {
        Fate::Sent { line } => format!("sent {}", at(line)),
        Fate::Refused { line, error } => format!("REFUSED: {error} {}", at(line)),
        Fate::Replied { by } => format!("reply of \"{by}\""),
        Fate::ReplyRefused { by, error } => format!("reply of \"{by}\" REFUSED: {error}"),
        Fate::WriteRefused { error } => format!("sent by the code under test, REFUSED: {error}"),
        Fate::Waiting => "left over".to_owned(),
        Fate::Matched { by, .. } => format!("matched: {}", cut(by, LONGEST)),
        Fate::Delivered => "read by the code under test".to_owned(),
        Fate::ToProgram => "to the code under test".to_owned(),
        Fate::FromProgram => "sent by the code under test".to_owned(),
        Fate::Answered { by } => format!("answered by \"{by}\""),
        Fate::Ignored { by } => format!("ignored: {}", cut(by, LONGEST)),
        Fate::Skipped { by, .. } => format!("skipped: {}", cut(by, LONGEST)),
        Fate::Unexpected { by, .. } => format!("UNEXPECTED: {}", cut(by, LONGEST)),
        Fate::Dropped => "LOST BY THE HARNESS".to_owned(),
        Fate::Drained => "thrown away".to_owned(),
    }
}

/// A text in one line of at most so many characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    let line = |text: &str| text.replace(char::is_control, " ");
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", line(text.get(..at).unwrap_or(text))),
        None => line(text),
    }
}

/// `1 frame`, `2 frames`.
pub(super) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// `0.123 ms`, `1.234 s`.
pub(super) fn time(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{:.3} ms", time.as_secs_f64() * 1e3)
    } else {
        format!("{:.3} s", time.as_secs_f64())
    }
}
