//! The frames of a capture as a test needs them: of a link, whole, with the time since the one before.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::capture::{Capture, Direction, LinkTypeError};
use crate::device::FrameRef;
use crate::packet::{Dissection, LayerKind};

/// Who a frame is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The test sends it.
    Test,
    /// The code under test, which is expected to send it.
    Code,
}

/// A frame of the capture.
#[derive(Clone, Copy)]
pub(crate) struct Recorded<'a> {
    /// Its number in the file, from 1, as Wireshark counts.
    pub(crate) number: usize,
    /// Its interface's number.
    pub(crate) interface: usize,
    pub(crate) frame: FrameRef<'a>,
    pub(crate) direction: Option<Direction>,
    /// How many octets it had, where it was cut.
    pub(crate) cut_from: Option<u32>,
    /// The time since the frame before it on the same interface.
    pub(crate) gap: Option<Duration>,
    /// The time since the Unix epoch.
    pub(crate) time: Duration,
    /// That nobody wanted it, where the capture is a failed test's.
    pub(crate) unexpected: bool,
}

/// The frames that a link can carry, and the numbers of those that none can, with the reason.
pub(crate) fn frames<'a>(capture: &'a Capture<'_>) -> (Vec<Recorded<'a>>, Vec<(usize, LinkTypeError)>) {
    let (mut frames, mut others) = (Vec::<Recorded<'a>>::with_capacity(capture.frames.len()), Vec::new());
    for (at, recorded) in capture.frames.iter().enumerate() {
        let number = at + 1;
        let frame = match capture.frame(recorded) {
            Ok(frame) => frame,
            Err(error) => {
                others.push((number, error));
                continue;
            }
        };
        let interface = recorded.interface.index();
        let before = frames.iter().rev().find(|before| before.interface == interface);
        let kept = u32::try_from(recorded.octets.len()).unwrap_or(u32::MAX);
        frames.push(Recorded {
            number,
            interface,
            frame,
            direction: recorded.direction,
            cut_from: Some(recorded.original_length).filter(|length| *length > kept),
            gap: before.map(|before| recorded.time.saturating_sub(before.time)),
            time: recorded.time,
            unexpected: recorded.comments.iter().any(|comment| comment.starts_with("UNEXPECTED")),
        });
    }
    (frames, others)
}

/// Where a frame comes from and goes to: hardware addresses, and those of IP or ARP.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ends {
    pub(crate) from_mac: Option<[u8; 6]>,
    pub(crate) to_mac: Option<[u8; 6]>,
    pub(crate) from: Option<IpAddr>,
    pub(crate) to: Option<IpAddr>,
}

impl Ends {
    pub(crate) fn of(frame: FrameRef<'_>) -> Self {
        let dissection = Dissection::new(frame);
        let mut ends = Self::default();
        if let Some(ethernet) = dissection.header(LayerKind::Ethernet) {
            ends.to_mac = ethernet.first_chunk().copied();
            ends.from_mac = ethernet.get(6..).and_then(<[u8]>::first_chunk).copied();
        }
        let v4 = |octets: &[u8], at: usize| -> Option<IpAddr> {
            Some(Ipv4Addr::from(*octets.get(at..)?.first_chunk::<4>()?).into())
        };
        let v6 = |octets: &[u8], at: usize| -> Option<IpAddr> {
            Some(Ipv6Addr::from(*octets.get(at..)?.first_chunk::<16>()?).into())
        };
        if let Some(ip) = dissection.header(LayerKind::Ipv4) {
            (ends.from, ends.to) = (v4(ip, 12), v4(ip, 16));
        } else if let Some(ip) = dissection.header(LayerKind::Ipv6) {
            (ends.from, ends.to) = (v6(ip, 8), v6(ip, 24));
        } else if let Some(arp) = dissection.header(LayerKind::Arp) {
            (ends.from, ends.to) = (v4(arp, 14), v4(arp, 24));
        }
        (ends.from, ends.to) = (ends.from.filter(is_one), ends.to.filter(is_one));
        ends.from_mac = ends.from_mac.filter(is_station);
        ends.to_mac = ends.to_mac.filter(is_station);
        ends
    }
}

/// Whether it is the address of one host: no group, not everybody, not nobody.
fn is_one(address: &IpAddr) -> bool {
    let to_all = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(address.is_multicast() || address.is_unspecified() || to_all)
}

/// The first octet's lowest bit says that it is a group (IEEE 802 section 8.2.2).
fn is_station(mac: &[u8; 6]) -> bool {
    let [first, ..] = mac;
    first & 1 == 0 && *mac != [0; 6]
}

/// Octets of the IP packet in a frame, which is what an MTU limits.
pub(crate) fn ip_octets(frame: FrameRef<'_>) -> usize {
    let dissection = Dissection::new(frame);
    let ip = dissection.find(LayerKind::Ipv4).or_else(|| dissection.find(LayerKind::Ipv6));
    ip.map_or(0, |ip| ip.message().len())
}
