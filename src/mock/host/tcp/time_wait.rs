//! Connections that are over, but whose peer may not know it yet (RFC 9293 section 3.6.1).

use std::time::Duration;

use super::segment::{ACK, Options, RST, SYN, Segment, is_after};

/// `TCP_TIMEWAIT_LEN`.
pub(super) const LENGTH: Duration = Duration::from_secs(60);

/// What is left of a connection.
pub(super) struct TimeWait {
    pub(super) until: Duration,
    pub(super) next_sent: u32,
    pub(super) next_expected: u32,
    pub(super) window: u16,
}

/// What becomes of a segment for it.
pub(super) enum Answer {
    /// This goes back.
    Acknowledge(Segment<'static>),
    Nothing,
    /// The connection is forgotten.
    Forget,
    /// The connection is forgotten, and the segment begins another.
    Reopen,
}

impl TimeWait {
    pub(super) fn receive(&mut self, segment: &Segment<'_>, now: Duration) -> Answer {
        let in_order = segment.sequence == self.next_expected;
        if segment.has(RST) {
            return if in_order { Answer::Forget } else { self.acknowledge(segment) };
        }
        if segment.has(SYN) && !segment.has(ACK) && is_after(segment.sequence, self.next_expected) {
            return Answer::Reopen;
        }
        self.until = now + LENGTH;
        // A bare acknowledgement with the right number says nothing new.
        if in_order && segment.length() == 0 { Answer::Nothing } else { self.acknowledge(segment) }
    }

    fn acknowledge(&self, segment: &Segment<'_>) -> Answer {
        Answer::Acknowledge(Segment {
            source_port: segment.destination_port,
            destination_port: segment.source_port,
            sequence: self.next_sent,
            acknowledgement: self.next_expected,
            flags: ACK,
            window: self.window,
            options: Options::default(),
            payload: &[],
        })
    }
}
