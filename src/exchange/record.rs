//! What is left of an exchange when its link is gone: the account that the end of the test judges and reports.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::coverage::Coverage;
use super::far_end::Faulted;
use super::rule::Rules;
use super::verdict::Stalls;
use super::{Failure, Timeline, lock};
use crate::device::Seen;

/// The record of one end of one link, shared between the exchange and the test's context.
pub(crate) struct Record {
    /// One line about the link: `TUN tun0 on the kernel, host 192.0.2.1/24`.
    pub(super) link: String,
    pub(super) timeline: Arc<Timeline>,
    pub(super) rules: Rules,
    pub(super) coverage: Mutex<Coverage>,
    /// What faults did, as it was when the report was written or the link went.
    pub(super) faults: Mutex<Option<Faulted>>,
    /// How much later than asked waits returned.
    pub(super) stalls: Mutex<Stalls>,
    /// Nothing may be left over when the link goes: `#[tuntap_test(strict)]`.
    strict: bool,
    reported: AtomicBool,
    ended: AtomicBool,
    verdict: Mutex<Option<Failure>>,
    /// The reports of the verbs that failed, in order.
    failures: Mutex<Vec<String>>,
}

impl Record {
    pub(crate) fn new(link: String, timeline: Arc<Timeline>, strict: bool) -> Self {
        Self {
            link,
            timeline,
            rules: Rules::default(),
            coverage: Mutex::default(),
            faults: Mutex::default(),
            stalls: Mutex::default(),
            strict,
            reported: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            verdict: Mutex::default(),
            failures: Mutex::default(),
        }
    }

    pub(super) const fn is_strict(&self) -> bool {
        self.strict
    }

    /// The link is handed over; so many frames were not seen since then, or none is for that reason.
    pub(crate) fn handed_over(&self, lost: Result<u64, String>) {
        self.timeline.handed_over(lost);
    }

    /// A frame passed after the hand-over.
    pub(crate) fn seen(&self, seen: &Seen<'_>) {
        self.timeline.seen(seen);
    }

    /// What faults did on the link, as far as it was noted.
    pub(crate) fn faults(&self) -> Option<Faulted> {
        lock(&self.faults).clone()
    }

    pub(super) fn note_failure(&self, report: &str) {
        lock(&self.failures).push(report.to_owned());
        self.reported.store(true, Ordering::Relaxed);
    }

    /// The reports of the verbs that failed, in order.
    pub(super) fn failures(&self) -> Vec<String> {
        lock(&self.failures).clone()
    }

    /// Whether a failure's text has told this record already.
    pub(crate) fn was_reported(&self) -> bool {
        self.reported.load(Ordering::Relaxed)
    }

    /// The link is gone, and that is what its end found.
    pub(super) fn end(&self, verdict: Option<Failure>) {
        *lock(&self.verdict) = verdict;
        self.ended.store(true, Ordering::Release);
    }

    /// What the end of the link found.
    pub(crate) fn take_verdict(&self) -> Option<Failure> {
        lock(&self.verdict).take()
    }

    /// Whether a strict test ends without having been judged: its link still lives.
    pub(crate) fn escaped_judgement(&self) -> bool {
        self.strict && !self.ended.load(Ordering::Acquire)
    }

    pub(crate) fn link(&self) -> &str {
        &self.link
    }
}
