//! The frames that came nearest to what was wanted, which of their fields differ, and what would have matched.

use crate::exchange::Expectation;
use crate::exchange::failure::Looked;
use crate::packet::{Dissection, Distance, Packet, mismatch_text};

/// The frames that are told.
const MOST_MISSES: usize = 4;

/// A frame held against the template that it is nearest to.
pub(super) struct Miss<'a> {
    pub(super) looked: &'a Looked,
    pub(super) wanted: &'a Expectation,
    pub(super) pattern: &'a Packet,
    /// `differs in TCP flags`; nothing where it matches.
    pub(super) phrase: String,
    /// The differences in columns.
    pub(super) lines: Vec<String>,
    /// The calls that would have made the template match.
    pub(super) edits: Option<String>,
}

/// The nearest frames, the nearest first. Of equal ones the earlier is nearer.
pub(super) fn rank<'a>(wanted: &[&'a Expectation], looked_at: &'a [Looked]) -> Vec<Miss<'a>> {
    let patterns: Vec<(&Expectation, &Packet)> =
        wanted.iter().flat_map(|wanted| wanted.patterns.iter().map(|pattern| (*wanted, pattern))).collect();
    let mut nearest: Vec<(Distance, &Looked, &Expectation, &Packet)> = looked_at
        .iter()
        .filter_map(|looked| {
            let frame = Dissection::new(looked.frame.as_ref());
            let distances = patterns.iter().map(|(wanted, pattern)| (pattern.mismatches(&frame).0, *wanted, *pattern));
            let (distance, wanted, pattern) = distances.min_by_key(|(distance, ..)| *distance)?;
            Some((distance, looked, wanted, pattern))
        })
        .collect();
    nearest.sort_by_key(|(distance, ..)| *distance);
    nearest.truncate(MOST_MISSES);
    nearest
        .into_iter()
        .map(|(_, looked, wanted, pattern)| {
            let frame = Dissection::new(looked.frame.as_ref());
            let (_, mismatches) = pattern.mismatches(&frame);
            Miss {
                looked,
                wanted,
                pattern,
                phrase: mismatch_text::phrase(&mismatches),
                lines: mismatch_text::lines(&mismatches),
                edits: mismatch_text::edits(&mismatches),
            }
        })
        .collect()
}
