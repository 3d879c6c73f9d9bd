//! The turn of the code under test.

use std::time::Duration;

/// The turn of the code under test: what time it is, and what it tells the [player](super::Player).
#[derive(Debug)]
pub struct Turn {
    pub(super) now: Duration,
    pub(super) again: Option<Duration>,
    pub(super) levels: Vec<(String, usize)>,
}

impl Turn {
    pub(super) const fn at(now: Duration) -> Self {
        Self { now, again: None, levels: Vec::new() }
    }

    /// The time on the link's clock since the script began.
    #[must_use]
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// The code under test wants its next turn in so long at the latest: its next timer. When called several times the
    /// shortest time counts. Nothing else keeps: each turn says anew what it wants. While the time of one step goes by
    /// there are 10,000 turns, and one at its end: fuzzers like centuries, and a clock that ticks would not get to their end.
    pub fn again_in(&mut self, time: impl Into<Duration>) {
        let time = time.into();
        self.again = Some(self.again.map_or(time, |before| before.min(time)));
    }

    /// How much the code under test holds of something: connections, buffers, timers. Where the player asks for
    /// [rest](super::Player::rests_within), it holds in the end what it held in its first turn.
    pub fn level(&mut self, what: impl Into<String>, held: usize) {
        self.levels.push((what.into(), held));
    }
}
