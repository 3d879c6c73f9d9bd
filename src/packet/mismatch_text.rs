//! Differences between a template and a frame as text for reports: in a phrase, in columns, and as the calls that would
//! have made the template match.
//!
//! Layer: `packet`; used by the failure reports of `exchange`.
//!
//! ```text
//!  differs in TCP dport, TCP flags
//!
//!  TCP dport  want 40000  got 40001  @ octets 22..24  (off by one)
//!  TCP flags  want S.     got R.     @ octets 33..34
//!
//!  .dport(40001).flags(TcpFlags::RST | TcpFlags::ACK)
//! ```

use super::compare::Mismatch;
use super::explain;
use super::field::{Constraint, Value};
use super::layer::{At, FieldInfo, LayerKind, Show};
use super::rust;
use super::verify::DefectKind;

/// The name of the field that a payload is.
const PAYLOAD: &str = "payload";
/// The names told in a phrase.
const MOST_NAMES: usize = 3;
/// The calls told.
const MOST_CALLS: usize = 3;
/// The characters of a value in a column.
const MOST_CHARACTERS: usize = 60;
/// What is wanted and what came stand in one line up to so many characters together.
const SIDE_BY_SIDE: usize = 72;
/// The octets shown around the first difference, and how many of them before it.
const WINDOW: usize = 24;
const BEFORE: usize = 8;

/// `differs in TCP dport`, `has UDP where TCP is wanted`, `has a wrong UDP checksum`.
pub(crate) fn phrase(mismatches: &[Mismatch<'_>]) -> String {
    let mut parts = Vec::new();
    let mut fields: Vec<String> = Vec::new();
    let mut defects = Vec::new();
    for mismatch in mismatches {
        match mismatch {
            Mismatch::Layer { wanted, got: Some(got) } => parts.push(format!("has {got} where {wanted} is wanted")),
            Mismatch::Layer { wanted, got: None } => parts.push(format!("ends where {wanted} is wanted")),
            Mismatch::Field { layer, info, .. } => fields.push(field(*layer, info)),
            Mismatch::Defect(defect) => defects.push(format!("has a wrong {} {}", defect.layer, defect.field)),
        }
    }
    if let [Mismatch::Field { layer: LayerKind::Payload, wanted: Constraint::Octets(wanted), got: Some(got), .. }] =
        mismatches
        && let Value::Octets(got) = got
    {
        return match first_difference(wanted, got) {
            at if at == wanted.len() => format!("has {} too many in the payload", counted(got.len() - at)),
            at if at == got.len() => format!("has {} too few in the payload", counted(wanted.len() - at)),
            at => format!("differs in the payload from octet {at} on"),
        };
    }
    if !fields.is_empty() {
        let more = fields.len().saturating_sub(MOST_NAMES);
        fields.truncate(MOST_NAMES);
        let more = match more {
            0 => String::new(),
            1 => " and 1 more field".to_owned(),
            more => format!(" and {more} more fields"),
        };
        let names = fields.join(", ").replace(PAYLOAD, "the payload");
        parts.push(format!("differs in {names}{more}"));
    }
    parts.extend(defects);
    parts.join(" and ")
}

/// The columns of one difference.
struct Row {
    field: String,
    want: String,
    got: String,
    at: String,
    hint: String,
    /// Under which character of both the first difference is, where they are long.
    caret: Option<usize>,
}

/// The differences in columns; of another layer the phrase says all. Long octets stand one below the other, from shortly
/// before their first difference.
pub(crate) fn lines(mismatches: &[Mismatch<'_>]) -> Vec<String> {
    let rows: Vec<Row> = mismatches.iter().filter_map(|mismatch| row(mismatch, mismatches)).collect();
    let is_short = |row: &&Row| row.caret.is_none() && width(&row.want) + width(&row.got) <= SIDE_BY_SIDE;
    let widest = |of: fn(&Row) -> &String| rows.iter().filter(is_short).map(|row| width(of(row))).max().unwrap_or(0);
    let (field, want, got) = (widest(|row| &row.field), widest(|row| &row.want), widest(|row| &row.got));
    let mut lines = Vec::new();
    for row in &rows {
        let Row { field: name, want: wanted, got: found, at, hint, caret } = row;
        if is_short(&row) {
            let line = format!("{name:field$}  want {wanted:want$}  got {found:got$}  {at}  {hint}");
            lines.push(line.trim_end().to_owned());
            continue;
        }
        let indent = " ".repeat(width(name));
        lines.push(format!("{name}  want {wanted}"));
        lines
            .push(format!("{indent}  got  {found}{}", if caret.is_none() { format!("  {at}") } else { String::new() }));
        if let Some(caret) = caret {
            lines.push(format!("{indent}       {}^ {hint}  {at}", " ".repeat(*caret)));
        }
    }
    lines
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn row(mismatch: &Mismatch<'_>, all: &[Mismatch<'_>]) -> Option<Row> {
    match mismatch {
        Mismatch::Layer { .. } => None,
        Mismatch::Defect(defect) => {
            let number = |number: u32| match defect.kind {
                DefectKind::Checksum => format!("{number:#06x}"),
                DefectKind::Length => number.to_string(),
            };
            Some(Row {
                field: format!("{} {}", defect.layer, defect.field),
                want: number(defect.wanted),
                got: number(defect.got),
                at: octets(defect.octets.start, defect.octets.end),
                hint: format!("(by {})", defect.rule),
                caret: None,
            })
        }
        Mismatch::Field { layer, info, wanted, got, octets: range } => {
            let field = field(*layer, info);
            if let (Constraint::Octets(wanted), Some(Value::Octets(got))) = (wanted, got)
                && !matches!(info.show, Show::Name | Show::Addresses)
                && wanted.len().max(got.len()) > WINDOW
            {
                return Some(long_octets(field, wanted, got, range.as_ref().map(|range| range.start)));
            }
            Some(Row {
                field,
                want: cut(&explain::constraint(info, wanted)),
                got: cut(&explain::value(info, *got)),
                at: range.as_ref().map_or_else(String::new, |range| octets(range.start, range.end)),
                hint: hint(mismatch, all),
                caret: None,
            })
        }
    }
}

fn octets(start: usize, end: usize) -> String {
    format!("@ octets {start}..{end}")
}

/// The field with its layer; a payload has only one.
fn field(layer: LayerKind, info: &FieldInfo) -> String {
    if layer == LayerKind::Payload { PAYLOAD.to_owned() } else { format!("{layer} {}", info.name) }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or(text)),
        None => text.to_owned(),
    }
}

fn first_difference(wanted: &[u8], got: &[u8]) -> usize {
    wanted.iter().zip(got).take_while(|(wanted, got)| wanted == got).count()
}

/// Octets that do not stand side by side: both from shortly before their first difference.
fn long_octets(field: String, wanted: &[u8], got: &[u8], start: Option<usize>) -> Row {
    let at = first_difference(wanted, got);
    let from = at.saturating_sub(BEFORE) / 4 * 4;
    let window = |octets: &'_ [u8]| octets.get(from..octets.len().min(from + WINDOW)).unwrap_or_default().to_vec();
    let as_text = [wanted, got].iter().all(|octets| explain::is_text(&window(octets)));
    let show = |octets: &[u8]| {
        let (before, behind) = (if from > 0 { "…" } else { "" }, if from + WINDOW < octets.len() { "…" } else { "" });
        let window = window(octets);
        let shown = if as_text { format!("\"{}\"", window.escape_ascii()) } else { explain::hex(&window) };
        format!("{before}{shown}{behind}")
    };
    let same = wanted.get(from..at).unwrap_or_default();
    let caret =
        usize::from(from > 0) + if as_text { 1 + same.escape_ascii().count() } else { same.len() * 2 + same.len() / 4 };
    let hint = match (wanted.len(), got.len()) {
        (want, found) if at == want => format!("{} more than the {want} wanted", counted(found - want)),
        (want, found) if at == found => format!("{} fewer than the {want} wanted", counted(want - found)),
        (want, found) if want == found => format!("octet {at} of {want}"),
        (want, found) => format!("octet {at}; {want} octets wanted, {found} came"),
    };
    let place = start.map_or_else(String::new, |start| octets(start, start + got.len()));
    Row { field, want: show(wanted), got: show(got), at: place, hint, caret: Some(caret) }
}

/// What the values have to do with each other, where it is telling.
fn hint(mismatch: &Mismatch<'_>, all: &[Mismatch<'_>]) -> String {
    let Mismatch::Field { layer, info, wanted, got, .. } = mismatch else { return String::new() };
    if let Some(other) = exchanged(*layer, info, wanted, *got, all) {
        return format!("(exchanged with {other})");
    }
    match (info.show, wanted, got) {
        (Show::Decimal | Show::Hex(_), Constraint::Exact(wanted), Some(Value::Bits(got))) => {
            let swapped = match info.at {
                At::Bits { length: 16, .. } => u16::try_from(*wanted).ok().map(|bits| u128::from(bits.swap_bytes())),
                At::Bits { length: 32, .. } => u32::try_from(*wanted).ok().map(|bits| u128::from(bits.swap_bytes())),
                _ => None,
            };
            match () {
                () if wanted.abs_diff(*got) == 1 => "(off by one)".to_owned(),
                () if swapped == Some(*got) => "(the octets are swapped)".to_owned(),
                () => String::new(),
            }
        }
        (_, Constraint::Octets(wanted), Some(Value::Octets(got))) => {
            match (first_difference(wanted, got), wanted.len(), got.len()) {
                (same, want, found) if same == want => format!("({} more)", counted(found - want)),
                (same, want, found) if same == found => format!("(short by {})", counted(want - found)),
                (same, want, found) if want != found => {
                    format!("(from octet {same} on; {want} octets wanted, {found} came)")
                }
                (same, ..) => format!("(from octet {same} on)"),
            }
        }
        _ => String::new(),
    }
}

/// The field whose value this one has, and the other way round: source and destination.
fn exchanged(
    layer: LayerKind,
    info: &FieldInfo,
    wanted: &Constraint,
    got: Option<Value<'_>>,
    all: &[Mismatch<'_>],
) -> Option<&'static str> {
    let other = match info.name {
        "src" => "dst",
        "dst" => "src",
        "sport" => "dport",
        "dport" => "sport",
        _ => return None,
    };
    let (Constraint::Exact(want), Some(Value::Bits(found))) = (wanted, got) else { return None };
    let is_other = |mismatch: &Mismatch<'_>| {
        matches!(mismatch, Mismatch::Field {
            layer: kind, info, wanted: Constraint::Exact(wanted), got: Some(Value::Bits(got)), ..
        } if *kind == layer && info.name == other && *wanted == found && got == want)
    };
    all.iter().any(is_other).then_some(other)
}

fn counted(octets: usize) -> String {
    if octets == 1 { "1 octet".to_owned() } else { format!("{octets} octets") }
}

/// The calls that would make the template match: `.dport(53)`, with the layers where they are several. `None` where they
/// are many, or say nothing short.
pub(crate) fn edits(mismatches: &[Mismatch<'_>]) -> Option<String> {
    if mismatches.is_empty() || mismatches.len() > MOST_CALLS {
        return None;
    }
    let mut calls: Vec<(LayerKind, String)> = Vec::new();
    for mismatch in mismatches {
        let (layer, call) = match mismatch {
            Mismatch::Layer { .. } => return None,
            Mismatch::Defect(defect) => (defect.layer, ".unverified()".to_owned()),
            Mismatch::Field { wanted: Constraint::Satisfies { .. } | Constraint::OctetsSatisfy { .. }, .. } => {
                return None;
            }
            Mismatch::Field { layer, info, got: Some(got), .. } => (*layer, rust::setter(info, *got)?),
            Mismatch::Field { layer, info, got: None, .. } => (*layer, format!(".{}(Field::absent())", info.name)),
        };
        match calls.iter_mut().find(|(kind, _)| *kind == layer) {
            Some((_, calls)) if calls.ends_with(&call) => {}
            Some((_, calls)) => calls.push_str(&call),
            None => calls.push((layer, call)),
        }
    }
    Some(match &*calls {
        [(LayerKind::Payload, call)] => format!("Payload::new(){call}"),
        [(_, call)] => call.clone(),
        _ => calls.iter().map(|(layer, calls)| format!("{layer} {calls}")).collect::<Vec<_>>().join(", "),
    })
}
