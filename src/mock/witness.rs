//! What passes on a cable, both ways: the mock's part in a hand-over.
//!
//! As a packet socket's would, its queue holds so many frames (10,000), after which the newest are lost and counted.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::Cable;
use super::device_end::MOST_COPIES;
use super::state::Shared;
use crate::device::{Seen, Witness};

/// The frames that nobody has asked for.
#[derive(Default)]
pub(super) struct Passed {
    frames: VecDeque<(Instant, bool, Vec<u8>)>,
    lost: u64,
}

impl Passed {
    /// A frame passes.
    pub(super) fn note(&mut self, octets: &[u8], from_host: bool, now: Instant) {
        if self.frames.len() < MOST_COPIES {
            self.frames.push_back((now, from_host, octets.to_vec()));
        } else {
            self.lost += 1;
        }
    }
}

/// Sees the frames of one cable, which it does not keep alive.
pub(crate) struct CableWitness {
    shared: Arc<Shared>,
}

impl Cable {
    /// Sees what passes from now on. There is one; a later one begins anew.
    pub(crate) fn witness(&self) -> CableWitness {
        let shared = Arc::clone(&self.owner.shared);
        shared.lock().passed = Some(Passed::default());
        CableWitness { shared }
    }
}

impl Witness for CableWitness {
    fn take(&mut self, see: &mut dyn FnMut(Seen<'_>)) -> io::Result<u64> {
        let mut state = self.shared.lock();
        let Some(passed) = &mut state.passed else { return Ok(0) };
        let (frames, lost) = (std::mem::take(&mut passed.frames), passed.lost);
        drop(state);
        for (at, from_host, octets) in &frames {
            see(Seen { octets, from_host: *from_host, at: *at });
        }
        Ok(lost)
    }
}

impl Drop for CableWitness {
    fn drop(&mut self) {
        self.shared.lock().passed = None;
    }
}
