//! When to send again, as Linux does it: smoltcp decides what, this decides when.
//!
//! smoltcp's clock is its own for each connection. It stands still short of smoltcp's timer until the timer here is due,
//! and then jumps to it.
//!
//! ```text
//!  SYN              1 s five times, then 2, 4, 8, 16, 32, 64 s (tcp_syn_linear_timeouts 4, tcp_syn_retries 6)
//!  SYN-ACK          1, 2, 4, 8, 16, 32 s                       (tcp_synack_retries 5)
//!  all else         RTO, doubled each time up to 120 s; RTO = smoothed round trip + at least 200 ms (RFC 6298)
//! ```

use std::time::Duration;

use super::segment::{Segment, is_after};

const LEAST_RTO: Duration = Duration::from_millis(200);
const MOST_RTO: Duration = Duration::from_secs(120);
const FIRST_RTO: Duration = Duration::from_secs(1);

/// What is sent again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Syn,
    SynAck,
    Data,
    /// Nothing: smoltcp's timer is never reached. In FIN-WAIT-2 a probe of a closed window would go round in circles, and
    /// the end of TIME-WAIT would take what was not read.
    Quiet,
}

pub(super) struct RetransmissionTimer {
    /// smoltcp's clock, in microseconds, and how far it is ahead.
    clock: i64,
    ahead: i64,
    /// smoltcp's timer as it was seen last.
    expiry: Option<i64>,
    due: Option<Duration>,
    /// How often it fired since the peer last acknowledged something, and when first.
    fired: u32,
    since: Option<Duration>,
    smoothed: Option<Duration>,
    deviation: Duration,
    /// The sequence number whose acknowledgement ends a measurement of the round trip.
    sample: Option<(u32, Duration)>,
    furthest_sent: Option<u32>,
    furthest_acknowledged: Option<u32>,
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}

impl RetransmissionTimer {
    pub(super) const fn new() -> Self {
        Self {
            clock: 1,
            ahead: 0,
            expiry: None,
            due: None,
            fired: 0,
            since: None,
            smoothed: None,
            deviation: Duration::ZERO,
            sample: None,
            furthest_sent: None,
            furthest_acknowledged: None,
        }
    }

    /// smoltcp's clock at that instant. It moves on with every look, so that a timer that was started anew shows.
    pub(super) fn clock(&mut self, now: Duration) -> i64 {
        let ideal = (self.clock + 1).max(micros(now).saturating_add(self.ahead));
        let most = self.expiry.map_or(i64::MAX, |expiry| expiry - 1);
        self.clock = self.clock.max(ideal.min(most));
        self.clock
    }

    pub(super) const fn due(&self) -> Option<Duration> {
        self.due
    }

    /// Nothing is due any more.
    pub(super) const fn stop(&mut self) {
        self.due = None;
    }

    pub(super) const fn fired(&self) -> u32 {
        self.fired
    }

    /// How long nothing was acknowledged although it was sent again.
    pub(super) fn silence(&self, now: Duration) -> Duration {
        self.since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    /// Makes smoltcp's clock jump to its timer.
    pub(super) fn fire(&mut self, now: Duration) {
        if let Some(expiry) = self.expiry.take() {
            self.clock = expiry;
            self.ahead = expiry.saturating_sub(micros(now));
        }
        self.due = None;
        self.fired += 1;
        self.since.get_or_insert(now);
        // What is sent again measures nothing (Karn).
        self.sample = None;
    }

    /// Looks at smoltcp's timer after smoltcp ran.
    pub(super) fn follow(&mut self, expiry: Option<i64>, phase: Phase, now: Duration) {
        let expiry = expiry.filter(|expiry| *expiry > self.clock);
        let is_new = expiry != self.expiry;
        self.expiry = expiry;
        match (expiry, phase) {
            (None, _) | (_, Phase::Quiet) => self.due = None,
            _ if is_new || self.due.is_none() => self.due = Some(now + self.interval(phase)),
            _ => {}
        }
    }

    fn interval(&self, phase: Phase) -> Duration {
        let doubled = |first: Duration, times: u32| first.saturating_mul(1 << times.min(20)).min(MOST_RTO);
        match phase {
            Phase::Syn => doubled(FIRST_RTO, self.fired.saturating_sub(4)),
            Phase::SynAck => doubled(FIRST_RTO, self.fired),
            Phase::Data | Phase::Quiet => doubled(self.timeout(), self.fired),
        }
    }

    fn timeout(&self) -> Duration {
        let timeout = |smoothed: Duration| (smoothed + (self.deviation * 4).max(LEAST_RTO)).clamp(LEAST_RTO, MOST_RTO);
        self.smoothed.map_or(FIRST_RTO, timeout)
    }

    /// A segment that leaves.
    pub(super) fn sent(&mut self, segment: &Segment<'_>, now: Duration) {
        let end = segment.end();
        if segment.length() > 0 && self.furthest_sent.is_none_or(|furthest| is_after(end, furthest)) {
            self.furthest_sent = Some(end);
            self.sample.get_or_insert((end, now));
        }
    }

    /// An acknowledgement that arrives.
    pub(super) fn acknowledged(&mut self, sequence: u32, now: Duration) {
        let Some(sent) = self.furthest_sent else { return };
        let news = self.furthest_acknowledged.is_none_or(|furthest| is_after(sequence, furthest));
        if !news || is_after(sequence, sent) {
            return;
        }
        self.furthest_acknowledged = Some(sequence);
        self.fired = 0;
        self.since = None;
        if let Some((_, start)) = self.sample.filter(|(end, _)| !is_after(*end, sequence)) {
            self.sample = None;
            self.measure(now.saturating_sub(start));
        }
    }

    /// RFC 6298 section 2.
    fn measure(&mut self, round_trip: Duration) {
        match self.smoothed {
            None => (self.smoothed, self.deviation) = (Some(round_trip), round_trip / 2),
            Some(smoothed) => {
                self.deviation = (self.deviation * 3 + smoothed.abs_diff(round_trip)) / 4;
                self.smoothed = Some((smoothed * 7 + round_trip) / 8);
            }
        }
    }
}
