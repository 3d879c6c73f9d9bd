//! The frame that came nearest to what was wanted, which of its fields differ, and what would have matched.

use crate::exchange::Expectation;
use crate::exchange::failure::Looked;
use crate::packet::{Dissection, Distance, Mismatch, mismatch_text};

/// A frame held against a template.
pub(super) struct Miss {
    pub(super) number: u64,
    pub(super) distance: Distance,
    pub(super) pattern: String,
    pub(super) summary: String,
    /// One line for each difference.
    pub(super) differences: Vec<String>,
    /// The edits of the template that would have matched.
    pub(super) would_match: Vec<String>,
}

/// Each frame with the alternative that it is nearest to, the nearest frame first.
pub(super) fn rank(wanted: &[&Expectation], looked_at: &[Looked]) -> Vec<Miss> {
    let mut misses: Vec<Miss> = looked_at
        .iter()
        .filter_map(|looked| {
            let frame = Dissection::new(looked.frame.as_ref());
            let patterns = wanted.iter().flat_map(|wanted| &wanted.patterns);
            let nearest = patterns.map(|pattern| (pattern, pattern.mismatches(&frame)));
            let (pattern, (distance, mismatches)) = nearest.min_by_key(|(_, (distance, _))| *distance)?;
            let differences = mismatches.iter().map(mismatch_text::difference).collect();
            Some(Miss {
                number: looked.number,
                distance,
                pattern: pattern.to_string(),
                summary: looked.frame.as_ref().summary().to_string(),
                differences,
                would_match: would_match(&mismatches),
            })
        })
        .collect();
    misses.sort_by_key(|miss| miss.distance);
    misses
}

/// The edits that make the template match: only where fields are all that differs.
fn would_match(mismatches: &[Mismatch<'_>]) -> Vec<String> {
    mismatches.iter().map(mismatch_text::edit).collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// `1 field off`, `another layer`.
pub(super) fn off(distance: Distance) -> String {
    match (distance.layers, distance.fields) {
        (0, 1) => "1 field off".to_owned(),
        (0, fields) => format!("{fields} fields off"),
        (_, 0) => "another layer".to_owned(),
        (_, fields) => format!("another layer, {fields} fields off"),
    }
}
