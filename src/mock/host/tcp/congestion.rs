//! The congestion window (RFC 5681), in whole segments as Linux counts. smoltcp knows none here: it is told that the peer's
//! window is no larger.
//!
//! ```text
//!  begin              10 segments (RFC 6928)
//!  acknowledgement    + as many as it acknowledges, up to the threshold; then + 1 for a whole window's worth
//!  third duplicate    threshold = half of what is on its way, and the window with it
//!  time-out           threshold likewise, window 1
//! ```

use super::segment::{ACK, RST, SYN, Segment, is_after};

const FIRST: u32 = 10;
const LEAST_THRESHOLD: u32 = 2;
/// What a host that names no segment size takes (RFC 9293 section 3.7.1), and the least that Linux believes.
const DEFAULT_SIZE: u16 = 536;
const LEAST_SIZE: u16 = 48;

pub(super) struct Congestion {
    /// The most octets of a segment.
    size: u32,
    window: u32,
    threshold: u32,
    /// Segments acknowledged since the window last grew by one.
    counted: u32,
    duplicates: u32,
    acknowledged: Option<u32>,
    peers_scale: u8,
    /// The window that smoltcp was told last.
    told: u16,
}

impl Congestion {
    /// For segments of no more than that many octets.
    pub(super) fn new(size: usize) -> Self {
        Self {
            size: u32::try_from(size).unwrap_or(u32::MAX).max(1),
            window: FIRST,
            threshold: u32::MAX,
            counted: 0,
            duplicates: 0,
            acknowledged: None,
            peers_scale: 0,
            told: 0,
        }
    }

    /// A segment that arrives, and how far the host has sent. Gives the window that smoltcp is told.
    pub(super) fn receive(&mut self, segment: &Segment<'_>, next_sent: u32) -> u16 {
        if segment.has(SYN) {
            let size = segment.options.segment_size.filter(|size| *size != 0).unwrap_or(DEFAULT_SIZE).max(LEAST_SIZE);
            let options = if segment.options.timestamps.is_some() { 12 } else { 0 };
            self.size = self.size.min(u32::from(size)).saturating_sub(options).max(1);
            self.peers_scale = segment.options.window_scale.unwrap_or(0);
        }
        let acknowledges = segment.has(ACK) && !segment.has(RST) && !is_after(segment.acknowledgement, next_sent);
        let is_duplicate = acknowledges && self.acknowledge(segment, next_sent);
        let scale = if segment.has(SYN) { 0 } else { self.peers_scale };
        // smoltcp loses count of the duplicates when the window changes between them.
        let window = if is_duplicate { segment.window.min(self.told) } else { self.limit(segment.window, scale) };
        if !segment.has(RST) {
            self.told = window;
        }
        window
    }

    /// Counts an acknowledgement. Gives whether it is one that came before.
    fn acknowledge(&mut self, segment: &Segment<'_>, next_sent: u32) -> bool {
        let number = segment.acknowledgement;
        let before = *self.acknowledged.get_or_insert(number);
        if number == before {
            let is_duplicate = segment.payload.is_empty() && next_sent != number && !segment.has(SYN);
            self.duplicates += u32::from(is_duplicate);
            if is_duplicate && self.duplicates == 3 {
                self.threshold = self.half(next_sent);
                self.window = self.threshold;
            }
            return is_duplicate;
        }
        if !is_after(number, before) {
            return false;
        }
        self.duplicates = 0;
        self.acknowledged = Some(number);
        let segments = number.wrapping_sub(before).div_ceil(self.size);
        let flying = next_sent.wrapping_sub(before).div_ceil(self.size);
        // A window that was not made use of does not grow (RFC 7661).
        if self.window < self.threshold {
            if flying.saturating_mul(2) > self.window {
                self.window = self.window.saturating_add(segments).min(self.threshold);
            }
        } else if flying >= self.window {
            self.counted += segments;
            if self.counted >= self.window {
                self.counted = 0;
                self.window += 1;
            }
        }
        false
    }

    /// Nothing was acknowledged in time.
    pub(super) fn timed_out(&mut self, next_sent: u32, is_first: bool) {
        if is_first {
            self.threshold = self.half(next_sent);
        }
        self.window = 1;
        self.counted = 0;
        self.duplicates = 0;
    }

    fn half(&self, next_sent: u32) -> u32 {
        let flying = self.acknowledged.map_or(0, |number| next_sent.wrapping_sub(number));
        (flying.div_ceil(self.size) / 2).max(LEAST_THRESHOLD)
    }

    /// The smaller of both windows, in the unit of the peer's; never 0 unless the peer's is.
    fn limit(&self, peers: u16, scale: u8) -> u16 {
        let octets = self.window.saturating_mul(self.size);
        let own = octets.div_ceil(1 << scale.min(14));
        peers.min(u16::try_from(own).unwrap_or(u16::MAX))
    }

    /// What smoltcp has to be told between segments, if that is another window than it was told last.
    pub(super) fn news(&mut self, peers: u16) -> Option<u16> {
        let window = self.limit(peers, self.peers_scale);
        (window != self.told).then(|| {
            self.told = window;
            window
        })
    }

    /// The most octets of a segment.
    pub(super) fn segment_size(&self) -> usize {
        usize::try_from(self.size).unwrap_or(usize::MAX)
    }

    /// The number that the peer acknowledged last.
    pub(super) const fn acknowledged(&self) -> Option<u32> {
        self.acknowledged
    }
}
