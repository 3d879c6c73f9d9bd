//! The mock host behind a cable: its times are counted from the cable's beginning.

use std::time::{Duration, Instant};

use super::HostStack;
use super::host::{HostLink, MockHost};
use crate::device::{Clock, FrameRef};

/// One link of a [`MockHost`], as a cable wants it.
pub(crate) struct HostOnCable {
    host: MockHost,
    link: HostLink,
    began: Instant,
    /// The host's generation at the last poll.
    polled: u64,
    up: bool,
}

impl HostOnCable {
    /// `began` is the instant from which the host counts its times, the same for all of its links.
    pub(crate) fn new(link: HostLink, clock: &Clock, began: Instant) -> Self {
        let host = link.host();
        let weak = clock.scheduler().map(std::sync::Arc::downgrade);
        // The first link's function stays: all of them have the same clock.
        host.on_change(move || {
            if let Some(scheduler) = weak.as_ref().and_then(std::sync::Weak::upgrade) {
                scheduler.work();
            }
        });
        let polled = host.generation();
        Self { host, link, began, polled, up: true }
    }

    fn time(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }
}

impl HostStack for HostOnCable {
    fn receive(&mut self, frame: FrameRef<'_>, now: Instant, out: &mut dyn FnMut(&[u8])) {
        self.link.receive(frame, self.time(now), out);
    }

    fn poll(&mut self, now: Instant, out: &mut dyn FnMut(&[u8])) -> Option<Instant> {
        self.polled = self.host.generation();
        let next = self.link.poll(self.time(now), out);
        next.and_then(|next| self.began.checked_add(next))
    }

    fn has_work(&self) -> bool {
        self.host.generation() != self.polled
    }

    fn link_changed(&mut self, up: bool, mtu: u32) {
        if std::mem::replace(&mut self.up, up) != up {
            self.link.set_up(up);
        }
        self.link.set_mtu(usize::try_from(mtu).unwrap_or(usize::MAX));
    }
}
