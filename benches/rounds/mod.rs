//! What all hand-made benchmarks share: the middle of many rounds.

/// The middle one of the rounds' figures, which a busy machine moves less than their mean.
pub(crate) fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(f64::NAN)
}
