//! What one case of many may give: it says whether the case failed.

/// What a [`case`](super::Link::case) may give: it says whether the case failed.
pub trait CaseOutcome {
    /// Whether the case failed.
    fn failed(&self) -> bool;
}

impl CaseOutcome for () {
    fn failed(&self) -> bool {
        false
    }
}

impl CaseOutcome for bool {
    /// A property that is false.
    fn failed(&self) -> bool {
        !self
    }
}

impl<T, E> CaseOutcome for Result<T, E> {
    fn failed(&self) -> bool {
        self.is_err()
    }
}
