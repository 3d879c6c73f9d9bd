//! Plays a script on a link, gives the code under test its turns, and judges what it does.
//!
//! Layer: `fuzz`, above [`context`](crate::context). Single-threaded code under test is polled in a closure, once a step and
//! whenever time brings it something; code that has a thread of its own runs beside it, in
//! [`Clock::scope`](crate::device::Clock::scope).

mod budget;
pub(in crate::fuzz) mod flows;
mod reply;
#[cfg(feature = "host")]
mod sockets;
mod stage;
mod transcript;
mod turn;

use std::panic::Location;
use std::time::Duration;

pub use transcript::{Event, Happened, Refusal, Transcript};
pub use turn::Turn;

use budget::Budget;
use stage::Stage;

use super::script::Script;
use crate::context::Link;
use crate::device::FrameRef;
use crate::exchange::Monitor;

/// What is asked of every frame that the code under test sends.
type Check<'a> = Box<dyn FnMut(FrameRef<'_>) -> Result<(), String> + 'a>;

/// Plays a [`Script`] on a link. [`fuzz`](crate::fuzz) has a whole target.
///
/// ```
/// # use tuntap_test::context::{Backend, TestContext};
/// # use tuntap_test::device::DeviceConfig;
/// # use tuntap_test::Tun;
/// use tuntap_test::fuzz::{Answer, Player, Script};
/// use tuntap_test::device::{Deadline, Device};
/// use tuntap_test::packet::*;
/// # let mut context = TestContext::new(Backend::Mock, "player")?;
/// # let tun: Tun = context.argument(DeviceConfig::new())?;
///
/// // The code under test sends every frame back as it came.
/// let device = tun.device();
/// let mut buffer = vec![0; 65_535];
/// let mut reflect = || {
///     while let Ok(octets) = device.receive(&mut buffer, Deadline::Now) {
///         let _ = device.transmit(&buffer[..octets]);
///     }
/// };
///
/// let script = Script::new().silent_host().send_as_host(Udp::new().dport(7) / b"hello").answer(Answer::datagram(b"again"));
/// let transcript = Player::at_host_end(&tun).play(&script, |_| reflect());
/// assert_eq!(transcript.sent().count(), 2);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// A script of the other mode is fitted to the link: on a TAP its packets get an Ethernet header, on a TUN its frames lose
/// theirs, and what is no IP packet is left out.
///
/// # What is judged
///
/// * What the code under test sends keeps the rules that always hold: lengths, checksums, MTU, and so on
///   ([`Monitor`]; [`without`](Self::without) switches one off).
/// * It sends no more than [`most_frames`](Self::most_frames).
/// * It comes to rest, where [`rests_within`](Self::rests_within) asks for that, and what it holds is then what it held
///   before ([`Turn::level`]).
/// * What a closure asks of each frame ([`check`](Self::check)).
///
/// Each of them panics, with the step at which it happened.
#[must_use]
pub struct Player<'a> {
    link: &'a Link,
    at_host_end: bool,
    budget: Budget,
    without: Vec<Monitor>,
    checks: Vec<(String, Check<'a>)>,
}

impl<'a> Player<'a> {
    /// Plays the host: for code under test that holds the device end.
    pub const fn at_host_end(link: &'a Link) -> Self {
        Self { link, at_host_end: true, budget: Budget::new(), without: Vec::new(), checks: Vec::new() }
    }

    /// Plays the network: for code under test at the host, which uses its sockets, and for the host itself.
    pub fn at_device_end(link: &'a Link) -> Self {
        Self { at_host_end: false, ..Self::at_host_end(link) }
    }

    /// Does not ask for that rule, such as checksums of a router that forwards what it gets.
    pub fn without(mut self, monitor: Monitor) -> Self {
        self.without.push(monitor);
        self
    }

    /// The code under test sends at most so many frames while the script is played, 1,000 unless this says otherwise.
    pub const fn most_frames(mut self, frames: usize) -> Self {
        self.budget.frames = frames;
        self
    }

    /// Behind the last step the link's time goes on for so long, and by its end the code under test is at rest: in the
    /// second half it has sent nothing, and it wants no turn ([`Turn::again_in`]). Frames that faults of the script's make late
    /// come before that half, however late they are. Levels ([`Turn::level`]) are then what
    /// they were before the first step. Under virtual time an hour costs nothing.
    pub const fn rests_within(mut self, time: Duration) -> Self {
        self.budget.rest = Some(time);
        self
    }

    /// Asks something of every frame that the code under test sends; `what` names it, the error says what is wrong. A frame
    /// that a fault has changed on its way is not asked.
    pub fn check(
        mut self,
        what: impl Into<String>,
        check: impl FnMut(FrameRef<'_>) -> Result<(), String> + 'a,
    ) -> Self {
        self.checks.push((what.into(), Box::new(check)));
        self
    }

    /// Plays the script. `turn` gives the code under test its turn: it polls it, once before the first step, after each step, and when
    /// time brings something.
    ///
    /// # Panics
    /// When the code under test does, or breaks a rule.
    #[track_caller]
    pub fn play(self, script: &Script, turn: impl FnMut(&mut Turn)) -> Transcript {
        let Self { link, at_host_end, budget, without, checks } = self;
        Stage::new(link, at_host_end, &without, budget, checks, script, Location::caller()).play(turn)
    }
}

impl Script {
    /// Plays the host, for code under test that holds the device end: [`Player::at_host_end`] with nothing else said.
    ///
    /// # Panics
    /// When the code under test does, or breaks a rule.
    #[track_caller]
    pub fn play_at_host_end(&self, link: &Link, turn: impl FnMut(&mut Turn)) -> Transcript {
        Player::at_host_end(link).play(self, turn)
    }

    /// Plays the network, for code under test at the host: [`Player::at_device_end`] with nothing else said.
    ///
    /// # Panics
    /// When the code under test does, or breaks a rule.
    #[track_caller]
    pub fn play_at_device_end(&self, link: &Link, turn: impl FnMut(&mut Turn)) -> Transcript {
        Player::at_device_end(link).play(self, turn)
    }
}
