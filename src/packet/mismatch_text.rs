//! Differences between a template and a frame as text for reports.

use super::compare::Mismatch;
use super::explain;
use super::field::{Constraint, Value};
use super::layer::{LayerKind, Show};

/// `TCP acknowledgement  want 101  got 100  @ octets 28..32  (got is less by 1)`.
pub(crate) fn difference(mismatch: &Mismatch<'_>) -> String {
    match mismatch {
        Mismatch::Layer { wanted, got: Some(got) } => format!("layer  want {wanted}  got {got}"),
        Mismatch::Layer { wanted, got: None } => format!("layer  want {wanted}  got none"),
        Mismatch::Field { layer, info, wanted, got, octets } => {
            let want = explain::constraint(info, wanted);
            let found = explain::value(info, *got);
            let at =
                octets.as_ref().map_or(String::new(), |range| format!("  @ octets {}..{}", range.start, range.end));
            let field = if *layer == LayerKind::Payload { String::new() } else { format!(" {}", info.name) };
            format!("{layer}{field}  want {want}  got {found}{at}{}", hint(info.show, wanted, *got))
        }
        Mismatch::Defect(defect) => format!("{defect}"),
    }
}

/// What the numbers have to do with each other, where it is telling.
fn hint(show: Show, wanted: &Constraint, got: Option<Value<'_>>) -> String {
    match (show, wanted, got) {
        (Show::Decimal | Show::Hex(_), Constraint::Exact(wanted), Some(Value::Bits(got))) => {
            let swapped = |bits: u128| u16::try_from(bits).ok().map(|bits| u128::from(bits.swap_bytes()));
            match () {
                () if wanted.abs_diff(got) == 1 => "  (off by one)".to_owned(),
                () if *wanted > 0xff && swapped(*wanted) == Some(got) => "  (the octets are swapped)".to_owned(),
                () => String::new(),
            }
        }
        (_, Constraint::Octets(wanted), Some(Value::Octets(got))) => {
            let same = wanted.iter().zip(got).take_while(|(wanted, got)| wanted == got).count();
            match (wanted.len(), got.len()) {
                (want, found) if same == want => format!("  (more than wanted by {})", counted(found - want)),
                (want, found) if same == found => format!("  (short by {})", counted(want - found)),
                (want, found) if want != found => {
                    format!("  (first difference at octet {same}; {want} and {found} octets)")
                }
                _ => format!("  (first difference at octet {same})"),
            }
        }
        _ => String::new(),
    }
}

fn counted(octets: usize) -> String {
    if octets == 1 { "1 octet".to_owned() } else { format!("{octets} octets") }
}

/// The setter that would make the template match; `None` where no setter can.
pub(crate) fn edit(mismatch: &Mismatch<'_>) -> Option<String> {
    match mismatch {
        Mismatch::Layer { .. } => None,
        Mismatch::Field { layer: LayerKind::Payload, got: Some(Value::Octets(octets)), .. } => {
            (octets.len() <= 16).then(|| format!("payload {}", explain::octets(octets)))
        }
        Mismatch::Field { info, got: Some(value @ Value::Bits(_)), .. } => {
            Some(format!("{}({})", info.name, explain::value(info, Some(*value))))
        }
        Mismatch::Field { info, got: None, .. } => Some(format!("no {}", info.name)),
        Mismatch::Field { info, got: Some(_), .. } => Some(format!("another {}", info.name)),
        Mismatch::Defect(defect) => {
            Some(format!("unverified, or the {} {} were {:#06x}", defect.layer, defect.field, defect.wanted))
        }
    }
}
