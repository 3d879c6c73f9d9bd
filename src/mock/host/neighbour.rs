//! Who is where on a TAP link, and the packets that wait to know it (RFC 826, RFC 4861 section 7.2).
//!
//! ```text
//!             a packet leaves             asked three times, a second apart      three seconds and no answer
//!  (nobody) ────────────────► asking ───────────────────────────────────────► (nobody), what waits is reported
//!                               │ an answer, or a question of the neighbour's own
//!                               ▼
//!                             known ──── for good: the host does not ask again whether it is still there
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use super::ethernet;
use super::ipv6;
use super::packet::protocol;
use super::stack::Stack;

/// `mcast_solicit` and `retrans_time_ms`.
const QUESTIONS: u8 = 3;
const INTERVAL: Duration = Duration::from_secs(1);
/// How many packets wait for one neighbour; then the oldest is dropped. Measured: 43 datagrams of 4 octets.
const MOST_WAITING: usize = 43;

#[derive(Default)]
pub(super) struct Neighbours {
    entries: BTreeMap<IpAddr, Entry>,
}

/// Who did not answer, and what waited for them.
type Gone = Vec<(IpAddr, VecDeque<Vec<u8>>)>;

enum Entry {
    Known([u8; 6]),
    Asking { asked: u8, next: Duration, waiting: VecDeque<Vec<u8>> },
}

impl Neighbours {
    pub(super) fn mac(&self, address: IpAddr) -> Option<[u8; 6]> {
        match self.entries.get(&address) {
            Some(Entry::Known(mac)) => Some(*mac),
            _ => None,
        }
    }

    pub(super) fn is_there(&self, address: IpAddr) -> bool {
        self.entries.contains_key(&address)
    }

    /// Keeps a packet until its neighbour is known.
    pub(super) fn wait(&mut self, address: IpAddr, packet: Vec<u8>, now: Duration) {
        let entry = self.entries.entry(address).or_insert_with(|| Entry::Asking {
            asked: 0,
            next: now,
            waiting: VecDeque::new(),
        });
        if let Entry::Asking { waiting, .. } = entry {
            if waiting.len() >= MOST_WAITING {
                waiting.pop_front();
            }
            waiting.push_back(packet);
        }
    }

    /// Learns where a neighbour is; gives what waited for it.
    pub(super) fn learn(&mut self, address: IpAddr, mac: [u8; 6]) -> VecDeque<Vec<u8>> {
        match self.entries.insert(address, Entry::Known(mac)) {
            Some(Entry::Asking { waiting, .. }) => waiting,
            _ => VecDeque::new(),
        }
    }

    pub(super) fn next(&self) -> Option<Duration> {
        let asking = |entry: &Entry| match entry {
            Entry::Known(_) => None,
            Entry::Asking { next, .. } => Some(*next),
        };
        self.entries.values().filter_map(asking).min()
    }

    /// Who is to be asked for now, and who did not answer.
    fn due(&mut self, now: Duration) -> (Vec<IpAddr>, Gone) {
        let (mut ask, mut gone) = (Vec::new(), Vec::new());
        for (address, entry) in &mut self.entries {
            match entry {
                Entry::Asking { asked, next, .. } if *next <= now => {
                    if *asked == QUESTIONS {
                        gone.push(*address);
                    } else {
                        *asked += 1;
                        *next = now + INTERVAL;
                        ask.push(*address);
                    }
                }
                _ => {}
            }
        }
        let waiting = |address| match self.entries.remove(&address) {
            Some(Entry::Asking { waiting, .. }) => (address, waiting),
            _ => (address, VecDeque::new()),
        };
        (ask, gone.into_iter().map(waiting).collect())
    }
}

impl Stack {
    /// Learns where a neighbour is, and sends what waited for it.
    pub(super) fn learn(&mut self, link: usize, address: IpAddr, mac: [u8; 6]) {
        let Some(state) = self.links.get_mut(link) else { return };
        for packet in state.neighbours.learn(address, mac) {
            let frame = ethernet::frame(state.mac, mac, ethernet::kind_of(address), &packet);
            state.outbox.push(frame);
        }
    }

    /// Asks for the neighbours that it is time to ask for, and gives up those that did not answer.
    pub(super) fn ask_neighbours(&mut self) {
        for link in 0..self.links.len() {
            let now = self.now;
            let Some(state) = self.links.get_mut(link) else { return };
            let (ask, gone) = state.neighbours.due(now);
            self.changed |= !gone.is_empty();
            for address in ask {
                match address {
                    IpAddr::V4(target) => self.ask_arp(link, target),
                    IpAddr::V6(target) => self.solicit(link, target),
                }
            }
            for (address, waiting) in gone {
                self.tcp_unreachable(address);
                // TCP has been told.
                for packet in waiting.iter().filter(|packet| !is_tcp(packet)) {
                    self.report_to_itself(packet);
                }
            }
        }
    }
}

fn is_tcp(packet: &[u8]) -> bool {
    let number = match packet.first().map(|octet| octet >> 4) {
        Some(4) => packet.get(9).copied(),
        _ => ipv6::upper(packet).0,
    };
    number == Some(protocol::TCP)
}
