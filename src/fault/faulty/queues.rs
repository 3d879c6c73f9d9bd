//! What has come out of the injector of a wrapped device and is not where it belongs yet.

use std::collections::VecDeque;

use super::Passed;
use super::packet_info::{ETHERNET_HEADER, protocol_of};
use crate::codec::{EtherType, Framing, TunPi};
use crate::device::{FrameRef, Mode};
use crate::fault::Towards;

/// A frame that the next receive gives.
pub(super) struct Arrived {
    pub(super) octets: Vec<u8>,
    /// The harness's own: no fault meets it, and it counts as no call.
    pub(super) own: bool,
}

/// A frame that is to be written.
pub(super) struct Outgoing {
    pub(super) number: u64,
    pub(super) copy: u32,
    pub(super) altered: bool,
    /// With packet information in front where the device has it.
    pub(super) octets: Vec<u8>,
}

#[derive(Default)]
pub(super) struct Queues {
    pub(super) arrived: VecDeque<Arrived>,
    pub(super) outgoing: VecDeque<Outgoing>,
    /// Who waits for the device itself, because nothing had arrived.
    pub(super) waiting: usize,
    /// The link is gone, and with it what was on it.
    removed: bool,
}

impl Queues {
    /// What came out, in order. `header` is what the writer of the frame of that number put in front of it; what others
    /// wrote was delayed, and gets the header that belongs in front of such a frame.
    pub(super) fn take_in(&mut self, passed: Vec<Passed>, link: (Mode, Framing), header: Option<(u64, &[u8])>) {
        let (mode, framing) = link;
        for Passed { towards, number, copy, altered, octets } in passed {
            match towards {
                Towards::Device if self.removed => {}
                Towards::Device => self.arrived.push_back(Arrived { octets, own: false }),
                Towards::Host => {
                    let mut whole = match header {
                        Some((own, header)) if own == number => header.to_vec(),
                        _ => header_for(framing, FrameRef::new(mode, &octets)),
                    };
                    whole.extend_from_slice(&octets);
                    self.outgoing.push_back(Outgoing { number, copy, altered, octets: whole });
                }
            }
        }
    }

    pub(super) fn remove_link(&mut self) {
        self.removed = true;
        self.arrived.clear();
    }

    /// Whether others wait who do not know that something has arrived.
    pub(super) fn has_news(&self) -> bool {
        self.waiting > 0 && !self.arrived.is_empty()
    }
}

fn header_for(framing: Framing, frame: FrameRef<'_>) -> Vec<u8> {
    match framing {
        Framing::None => Vec::new(),
        Framing::TunPi => TunPi::new(EtherType(protocol_of(frame.mode, frame.octets))).encode().to_vec(),
    }
}

/// Whether any device would take the frame: what it refuses never was on the link.
pub(super) fn is_fit(framing: Framing, frame: FrameRef<'_>) -> bool {
    match frame.mode {
        Mode::Tap => frame.octets.len() >= ETHERNET_HEADER,
        Mode::Tun => framing != Framing::None || protocol_of(Mode::Tun, frame.octets) != 0,
    }
}
