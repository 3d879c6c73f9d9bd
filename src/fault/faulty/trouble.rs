//! What a plan asked for and could not be had.

use std::io;

#[derive(Default)]
pub(super) struct Trouble {
    /// For the next call.
    next: Option<String>,
    /// For the report.
    told: Vec<String>,
    /// Frames that the device refused when they were due or changed, and what it said last.
    lost: u64,
    last: Option<String>,
}

impl Trouble {
    /// Something could not be done: the next call and the report tell.
    pub(super) fn failed(&mut self, what: String) {
        self.told.push(what.clone());
        self.next = Some(what);
    }

    /// The device refused a frame, and who wrote it was told long before that it was taken.
    pub(super) fn lost(&mut self, error: &io::Error) {
        self.lost += 1;
        self.last = Some(error.to_string());
    }

    /// What the next call gives instead of what it would have given.
    pub(super) fn take(&mut self) -> Option<io::Error> {
        self.next.take().map(io::Error::other)
    }

    pub(super) fn tell(&self, report: &mut String) {
        for what in &self.told {
            report.push_str(&format!("\n  {what}"));
        }
        if let Some(error) = &self.last {
            let frames = if self.lost == 1 { "1 frame that was" } else { &format!("{} frames that were", self.lost) };
            report.push_str(&format!("\n  the device refused {frames} changed or late: {error}"));
        }
    }
}
