//! Rules that always hold for what the code under test emits; each cites where it is written.
//!
//! A monitor looks at every frame that arrives. The next verb fails with what it found, or the end of the test does. What
//! the test itself put in at the other end of the link is not judged.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering};

use super::far_end::FarEnd;
use crate::device::Mode;
use crate::packet::{DefectKind, Dissection, LayerKind};

/// A rule that always holds. Each can be switched off by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Monitor {
    /// Checksums of IPv4, ICMP, UDP, TCP and IGMP are right (RFC 791, RFC 792, RFC 768, RFC 9293, RFC 4443).
    Checksums,
    /// No packet is longer than the link's MTU (RFC 1122 section 3.3.2).
    Mtu,
    /// Length fields agree with the octets that are there (RFC 791, RFC 768, RFC 8200).
    Lengths,
    /// TTL and hop limit are not 0 (RFC 1122 section 3.2.1.7, RFC 8200 section 3).
    TimeToLive,
    /// No ICMP error is about an ICMP error, about a packet to a group or to everybody, about a later fragment (RFC 1122
    /// section 3.2.2, RFC 4443 section 2.4).
    IcmpErrors,
}

impl Monitor {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Checksums, Self::Mtu, Self::Lengths, Self::TimeToLive, Self::IcmpErrors];

    const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Checksums => "checksums",
            Self::Mtu => "mtu",
            Self::Lengths => "lengths",
            Self::TimeToLive => "time to live",
            Self::IcmpErrors => "icmp errors",
        }
    }
}

impl fmt::Display for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a monitor found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) monitor: Monitor,
    /// The frame's number on the timeline.
    pub(crate) number: u64,
    pub(crate) text: String,
}

/// Which monitors are on: all at the beginning.
#[derive(Debug)]
pub(crate) struct Monitors(AtomicU32);

impl Monitors {
    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new((1 << Monitor::ALL.len()) - 1))
    }

    pub(crate) const fn none() -> Self {
        Self(AtomicU32::new(0))
    }

    pub(crate) fn switch(&self, monitor: Monitor, on: bool) {
        if on {
            self.0.fetch_or(monitor.bit(), Ordering::Relaxed);
        } else {
            self.0.fetch_and(!monitor.bit(), Ordering::Relaxed);
        }
    }

    pub(crate) fn switch_all(&self, on: bool) {
        self.0.store(if on { Self::new().0.into_inner() } else { 0 }, Ordering::Relaxed);
    }

    pub(crate) fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    fn is_on(&self, monitor: Monitor) -> bool {
        self.0.load(Ordering::Relaxed) & monitor.bit() != 0
    }

    /// Looks at one frame. Nothing is allocated while nothing is wrong.
    pub(crate) fn look(
        &self,
        number: u64,
        frame: &Dissection<'_>,
        far_end: &dyn FarEnd,
        mut found: impl FnMut(Violation),
    ) {
        let mut tell = |monitor: Monitor, text: String| {
            if self.is_on(monitor) {
                found(Violation { monitor, number, text });
            }
        };
        frame.verify(|defect| {
            let monitor = match defect.kind {
                DefectKind::Checksum => Monitor::Checksums,
                DefectKind::Length => Monitor::Lengths,
            };
            tell(monitor, defect.to_string());
        });
        self.look_at_ip(frame, far_end, &mut tell);
        if self.is_on(Monitor::IcmpErrors)
            && let Some(text) = forbidden_error(frame)
        {
            tell(Monitor::IcmpErrors, text);
        }
    }

    fn look_at_ip(&self, frame: &Dissection<'_>, far_end: &dyn FarEnd, tell: &mut impl FnMut(Monitor, String)) {
        let v4 = frame.header(LayerKind::Ipv4);
        let v6 = frame.header(LayerKind::Ipv6);
        if let Some([_, _, _, _, _, _, _, _, 0, ..]) = v4 {
            tell(Monitor::TimeToLive, "IPv4 ttl is 0 (RFC 1122 section 3.2.1.7)".to_owned());
        }
        if let Some([_, _, _, _, _, _, _, 0, ..]) = v6 {
            tell(Monitor::TimeToLive, "IPv6 hop_limit is 0 (RFC 8200 section 3)".to_owned());
        }
        let outer = if frame.header(LayerKind::Ethernet).is_some() { Mode::Tap } else { Mode::Tun };
        let around = match outer {
            Mode::Tap => 14 + 4 * frame.kinds().filter(|kind| *kind == LayerKind::Vlan).count(),
            Mode::Tun => 0,
        };
        let octets = frame.frame().len() - frame.trailer().len();
        let packet = octets.saturating_sub(around);
        if (v4.is_some() || v6.is_some()) && self.is_on(Monitor::Mtu) && far_end.exceeds_mtu(packet) {
            tell(Monitor::Mtu, format!("the IP packet has {packet} octets, over the MTU (RFC 1122 section 3.3.2)"));
        }
    }
}

/// What an ICMP error must not be about.
fn forbidden_error(frame: &Dissection<'_>) -> Option<String> {
    let v4 = matches!(frame.header(LayerKind::Icmpv4), Some([3 | 4 | 5 | 11 | 12, ..]));
    let v6 = matches!(frame.header(LayerKind::Icmpv6), Some([0..=127, ..]));
    let quoted = frame.quoted().filter(|_| v4 || v6)?;
    let rule = if v4 { "RFC 1122 section 3.2.2" } else { "RFC 4443 section 2.4" };
    let about = |what: &str| Some(format!("an ICMP error is about {what} ({rule})"));
    let inner = Dissection::new(quoted);
    if let Some(header) = inner.header(LayerKind::Ipv4) {
        let destination =
            header.get(16..20).and_then(|octets| octets.first_chunk::<4>()).copied().map(Ipv4Addr::from)?;
        if destination.is_multicast() || destination.is_broadcast() {
            return about("a packet to a group or to everybody");
        }
        if header.get(6..8).is_some_and(|offset| offset.iter().zip([0x1f, 0xff]).any(|(octet, mask)| octet & mask != 0))
        {
            return about("a later fragment");
        }
        if matches!(inner.header(LayerKind::Icmpv4), Some([3 | 4 | 5 | 11 | 12, ..])) {
            return about("an ICMP error");
        }
    }
    if let Some(header) = inner.header(LayerKind::Ipv6) {
        let destination =
            header.get(24..40).and_then(|octets| octets.first_chunk::<16>()).copied().map(Ipv6Addr::from)?;
        // Packet too big, and parameter problem code 2, may be about a packet to a group.
        let excepted = matches!(frame.header(LayerKind::Icmpv6), Some([2, ..] | [4, 2, ..]));
        if destination.is_multicast() && !excepted {
            return about("a packet to a group");
        }
        if matches!(inner.header(LayerKind::Icmpv6), Some([0..=127 | 137, ..])) {
            return about("an ICMP error or a redirect");
        }
    }
    None
}
