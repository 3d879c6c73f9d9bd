//! Fragments of both families until they are a payload again (RFC 791 section 3.2, RFC 8200 section 4.5, RFC 5722).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// `net.ipv4.ipfrag_high_thresh` and `net.ipv6.ip6frag_high_thresh`, in octets of payload.
const MOST_OCTETS: usize = 4 << 20;
/// `net.ipv4.ipfrag_time` and `net.ipv6.ip6frag_time`.
const PATIENCE_V4: Duration = Duration::from_secs(30);
const PATIENCE_V6: Duration = Duration::from_secs(60);

/// What fragments of one packet have in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) identification: u32,
    /// 0 on IPv6.
    pub(super) protocol: u8,
}

/// One fragment.
pub(super) struct Fragment<'a> {
    pub(super) offset: usize,
    pub(super) more: bool,
    pub(super) payload: &'a [u8],
    /// The whole packet of the fragment.
    pub(super) packet: &'a [u8],
    /// The low two bits of the traffic class (RFC 3168 section 5.3).
    pub(super) ecn: u8,
}

/// All payload, and the packet of the fragment that begins it.
pub(super) struct Whole {
    pub(super) payload: Vec<u8>,
    pub(super) first: Vec<u8>,
    pub(super) ecn: u8,
}

/// One that was given up: the packet of its first fragment, where that came.
pub(super) struct Expired {
    pub(super) first: Option<Vec<u8>>,
}

struct Queue {
    /// By offset; they do not overlap.
    parts: BTreeMap<usize, Vec<u8>>,
    first: Option<Vec<u8>>,
    length: Option<usize>,
    /// A bit for each value that was seen.
    ecn_seen: u8,
    expires: Duration,
}

#[derive(Default)]
pub(super) struct Reassembly {
    queues: BTreeMap<Key, Queue>,
    octets: usize,
}

impl Reassembly {
    /// Takes a fragment; gives the packet when that was the last that lacked.
    pub(super) fn add(&mut self, key: Key, fragment: &Fragment<'_>, now: Duration) -> Option<Whole> {
        let end = fragment.offset + fragment.payload.len();
        if self.octets + fragment.payload.len() > MOST_OCTETS {
            return None;
        }
        let patience = if key.source.is_ipv4() { PATIENCE_V4 } else { PATIENCE_V6 };
        let queue = self.queues.entry(key).or_insert_with(|| Queue {
            parts: BTreeMap::new(),
            first: None,
            length: None,
            ecn_seen: 0,
            expires: now + patience,
        });
        match queue.add(fragment, end) {
            Step::Kept => self.octets += fragment.payload.len(),
            Step::Ignored => {}
            Step::Discarded => {
                self.remove(&key);
                return None;
            }
        }
        if !self.queues.get(&key)?.is_whole() {
            return None;
        }
        let queue = self.remove(&key)?;
        let ecn = queue.ecn()?;
        Some(Whole { payload: queue.parts.into_values().flatten().collect(), first: queue.first?, ecn })
    }

    /// Gives up what lacked something for too long.
    pub(super) fn expire(&mut self, now: Duration) -> Vec<Expired> {
        let over: Vec<Key> =
            self.queues.iter().filter(|(_, queue)| queue.expires <= now).map(|(key, _)| *key).collect();
        over.iter().filter_map(|key| self.remove(key)).map(|queue| Expired { first: queue.first }).collect()
    }

    /// When the next is given up.
    pub(super) fn next(&self) -> Option<Duration> {
        self.queues.values().map(|queue| queue.expires).min()
    }

    fn remove(&mut self, key: &Key) -> Option<Queue> {
        let queue = self.queues.remove(key)?;
        self.octets -= queue.parts.values().map(Vec::len).sum::<usize>();
        Some(queue)
    }
}

enum Step {
    Kept,
    Ignored,
    Discarded,
}

impl Queue {
    fn add(&mut self, fragment: &Fragment<'_>, end: usize) -> Step {
        let furthest = self.parts.last_key_value().map_or(0, |(at, part)| at + part.len());
        let contradicts = match (self.length, fragment.more) {
            (Some(length), false) => end != length,
            (Some(length), true) => end > length,
            (None, false) => end < furthest,
            (None, true) => false,
        };
        if contradicts || fragment.payload.is_empty() {
            return Step::Discarded;
        }
        // What lies within a run that is there already is a duplicate; what overlaps one partly is an attack.
        match self.run_around(fragment.offset) {
            Some((_, run_end)) if end <= run_end => return Step::Ignored,
            Some((_, run_end)) if fragment.offset < run_end => return Step::Discarded,
            _ => {}
        }
        if self.parts.range(fragment.offset..end).next().is_some() {
            return Step::Discarded;
        }
        if !fragment.more {
            self.length = Some(end);
        }
        if fragment.offset == 0 {
            self.first = Some(fragment.packet.to_vec());
        }
        self.ecn_seen |= 1 << (fragment.ecn & 3);
        self.parts.insert(fragment.offset, fragment.payload.to_vec());
        Step::Kept
    }

    /// The run of neighbouring parts that holds that offset, or ends at it.
    fn run_around(&self, offset: usize) -> Option<(usize, usize)> {
        let (mut begin, mut end) = self.parts.range(..=offset).next_back().map(|(at, part)| (*at, at + part.len()))?;
        while let Some(part) = self.parts.get(&end) {
            end += part.len();
        }
        while let Some((at, part)) = self.parts.range(..begin).next_back() {
            if at + part.len() != begin {
                break;
            }
            begin = *at;
        }
        Some((begin, end))
    }

    fn is_whole(&self) -> bool {
        let Some(length) = self.length else { return false };
        self.run_around(0).is_some_and(|(begin, end)| begin == 0 && end == length)
    }

    /// The codepoint of the whole; `None` for fragments that no honest sender marks so.
    const fn ecn(&self) -> Option<u8> {
        match self.ecn_seen {
            0b0001 => Some(0),
            0b0010 => Some(1),
            0b0100 | 0b0110 => Some(2),
            seen if seen & 0b1001 == 0b1000 => Some(3),
            _ => None,
        }
    }
}
