//! What a flow knows of the host from the host's segments.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::segment::Segment;
use super::stream::{Stream, after};
use crate::device::FrameRef;

/// The largest shift of a window (RFC 7323 section 2.3).
const LARGEST_SHIFT: u8 = 14;

/// The two ends of a flow, and what it has learnt: shared with the templates that it makes.
#[derive(Clone)]
pub(super) struct Teacher {
    pub(super) peer: SocketAddr,
    pub(super) host: SocketAddr,
    learned: Arc<Mutex<Learned>>,
}

#[derive(Clone, Default)]
pub(super) struct Learned {
    /// From the host's SYN on.
    pub(super) stream: Option<Stream>,
    pub(super) mss: Option<u16>,
    scale: Option<u8>,
    /// The host's SYN acknowledged ours.
    answered: bool,
    window: Option<Window>,
}

/// The host's window and the segment that told it (RFC 9293 section 3.10.7.4: SND.WL1 and SND.WL2).
#[derive(Clone, Copy)]
struct Window {
    field: u16,
    /// A SYN's window is not scaled (RFC 7323 section 2.2).
    syn: bool,
    seq: u32,
    ack: Option<u32>,
}

impl Teacher {
    pub(super) fn new(peer: SocketAddr, host: SocketAddr) -> Self {
        Self { peer, host, learned: Arc::default() }
    }

    /// The same with what is known now, shared with nobody.
    pub(super) fn fork(&self) -> Self {
        let learned = self.learned().clone();
        Self { learned: Arc::new(Mutex::new(learned)), ..*self }
    }

    pub(super) fn learned(&self) -> MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns from a frame, and tells whether it is a segment of the host's in this flow.
    pub(super) fn learn(&self, frame: FrameRef<'_>) -> bool {
        let Some(segment) = Segment::read(frame).filter(|segment| segment.from == self.host && segment.to == self.peer)
        else {
            return false;
        };
        self.learned().learn(&segment);
        true
    }
}

impl Learned {
    fn learn(&mut self, segment: &Segment) {
        // A RST may carry octets, which are no data (RFC 9293 section 3.5.3), and its sender's window is over.
        if segment.rst {
            return;
        }
        if segment.span.syn && self.stream.is_none() {
            self.stream = Some(Stream::new(segment.span.start));
            self.mss = segment.mss;
            self.scale = segment.window_scale;
            self.answered = segment.ack.is_some();
        }
        let Some(stream) = &mut self.stream else { return };
        if segment.span.syn && segment.span.start != stream.initial() {
            // Another connection's.
            return;
        }
        stream.take(segment.span);
        if self.window.is_none_or(|window| window.is_older_than(segment)) {
            self.window = Some(Window {
                field: segment.window,
                syn: segment.span.syn,
                seq: segment.span.start,
                ack: segment.ack,
            });
        }
    }

    /// The host's window in octets. `offered`: our SYN had the option.
    pub(super) fn window(&self, offered: bool) -> Option<u32> {
        let window = self.window?;
        // A SYN-ACK has the option only where the SYN before it had it (RFC 7323 section 2.2).
        let shift = match self.scale {
            Some(shift) if !window.syn && (offered || self.answered) => shift.min(LARGEST_SHIFT),
            _ => 0,
        };
        Some(u32::from(window.field) << shift)
    }
}

impl Window {
    fn is_older_than(self, segment: &Segment) -> bool {
        let Some((before, now)) = self.ack.zip(segment.ack) else { return !after(self.seq, segment.span.start) };
        after(segment.span.start, self.seq) || segment.span.start == self.seq && !after(before, now)
    }
}
