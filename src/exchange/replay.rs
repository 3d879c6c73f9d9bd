//! `replay`: one side of a capture is sent again, with its times.
//!
//! Layer: `exchange`. Three steps: what is to be sent is said ([`Replay`]), chosen and made fit for the link before
//! anything leaves (`plan`, `fit`), and sent, each frame at its time (`run`).
//!
//! ```text
//!  capture ── interface ── direction ── only(…) ──► plan: octets, time since the first ──► send · pause · send …
//!                 │            │           │                                                        │
//!              several      unknown      none left: errors, before a frame leaves        received frames wait
//! ```

mod fit;
mod plan;
mod run;

use std::panic::Location;
use std::time::Duration;

use super::{Exchange, Failure};
use crate::capture::{Capture, Direction};
use crate::packet::{IntoPacket, Packet};
pub(super) use run::Replaying;

impl Exchange {
    /// Sends one side of a capture again, each frame as long after the first as it was recorded, and never before its
    /// time. See [`IntoReplay`] for what is sent and how fast. Frames that come meanwhile wait for the next verb.
    ///
    /// ```
    /// # use tuntap_test::context::{Backend, TestContext};
    /// # use tuntap_test::device::{DeviceConfig, Mode};
    /// # use tuntap_test::Tun;
    /// use tuntap_test::capture::{Capture, CapturedFrame, Direction, Interface, PcapngWriter};
    /// use tuntap_test::exchange::IntoReplay;
    /// use tuntap_test::packet::{Icmpv4, IntoPacket};
    /// # use std::time::Duration;
    /// # let mut file = PcapngWriter::new(Vec::new())?;
    /// # let tun0 = file.add_interface(&Interface::new("tun0", Mode::Tun))?;
    /// # let request = Icmpv4::echo_request(7, 1).into_packet().build()?;
    /// # file.write_frame(&CapturedFrame::new(tun0, Duration::ZERO, request).with_direction(Direction::Inbound))?;
    /// # let octets = file.into_inner();
    /// # let capture = Capture::from_octets(&octets)?;
    /// # let mut context = TestContext::new(Backend::Mock, "replay")?;
    /// # let tun: Tun = context.argument(DeviceConfig::new())?;
    ///
    /// // let capture = Capture::read("fixtures/captures/ping.pcapng")?;
    /// let replayed = tun.replay(&capture);
    /// assert_eq!(replayed.frames, 1);
    /// tun.expect(Icmpv4::echo_reply(7, 1));
    ///
    /// tun.replay(capture.only(Icmpv4::new().icmp_type(8)).at_once());
    /// tun.expect(Icmpv4::echo_reply(7, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When nothing is selected, when it is not clear which side or interface is meant, when a selected frame was cut or
    /// does not fit the link, and when the device refuses one. Only the last sends anything.
    #[track_caller]
    pub fn replay<'c>(&self, recorded: impl IntoReplay<'c>) -> Replayed {
        match self.try_replay(recorded) {
            Ok(replayed) => replayed,
            Err(failure) => failure.panic(),
        }
    }

    /// As [`replay`](Self::replay).
    ///
    /// # Errors
    /// When nothing is selected, when it is not clear which side or interface is meant, when a selected frame was cut or
    /// does not fit the link, and when the device refuses one. Only the last sends anything.
    #[track_caller]
    pub fn try_replay<'c>(&self, recorded: impl IntoReplay<'c>) -> Result<Replayed, Failure> {
        self.drive(Replaying::new(self, recorded.into_replay(), Location::caller()))
    }
}

/// What a replay did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replayed {
    /// How many frames were sent.
    pub frames: usize,
    /// By how much the latest frame missed its time: this process did not run, or could not send as fast. Zero
    /// [at once](IntoReplay::at_once).
    pub latest: Duration,
}

/// Which frames of a capture are sent, and how fast: made by the methods of [`IntoReplay`].
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until an exchange replays it"]
pub struct Replay<'a> {
    capture: &'a Capture<'a>,
    interfaces: Vec<String>,
    side: Side,
    only: Option<Packet>,
    pace: Pace,
}

/// Which direction is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// What the end that replays sends; frames without a direction where [`Replay::only`] chooses.
    Own,
    /// That one.
    That(Direction),
    Either,
}

/// How fast.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pace {
    /// So many times as fast as it was recorded.
    Times(f64),
    AtOnce,
}

/// What can be replayed: a borrowed [`Capture`], or a part of it, as these methods say.
///
/// Without them everything is sent that the end which replays had sent: at the device end what came
/// [`Inbound`](Direction::Inbound) from it, which in a capture of this crate is what the test sent and its machines replied; at the
/// [host end](crate::context::Link::host_end) what went [`Outbound`](Direction::Outbound). All frames of one interface, in the order of
/// their times.
///
/// Frames are sent as they were recorded, wrong checksums included, with what the link needs around them: on a TUN the
/// Ethernet header of an IP packet is taken off, and padding behind the packet; on a TAP an IP packet gets an Ethernet header
/// from the link's own addresses, as `send` gives it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be replayed",
    note = "lend the capture: `tun.replay(&capture)`, or say which frames: `tun.replay(capture.only(…))`"
)]
pub trait IntoReplay<'a>: Sized {
    /// The replay.
    fn into_replay(self) -> Replay<'a>;

    /// Only frames of the interface of that name. Called again, those of that one too.
    fn on_interface(self, name: impl Into<String>) -> Replay<'a> {
        let mut replay = self.into_replay();
        replay.interfaces.push(name.into());
        replay
    }

    /// What the interface received: what the device end wrote.
    fn inbound(self) -> Replay<'a> {
        Replay { side: Side::That(Direction::Inbound), ..self.into_replay() }
    }

    /// What the interface sent: what the host sent and the device end read.
    fn outbound(self) -> Replay<'a> {
        Replay { side: Side::That(Direction::Outbound), ..self.into_replay() }
    }

    /// Whichever way it went, also where the capture does not tell.
    fn either_direction(self) -> Replay<'a> {
        Replay { side: Side::Either, ..self.into_replay() }
    }

    /// Only frames like this; lengths and checksums are not verified. It also chooses among frames whose direction the
    /// capture does not tell, such as those of a pcap file: `capture.only(Ipv4::new().src([192, 0, 2, 2]))`.
    fn only(self, pattern: impl IntoPacket) -> Replay<'a> {
        Replay { only: Some(pattern.into_packet()), ..self.into_replay() }
    }

    /// So many times as fast as it was recorded: 2.0 halves the pauses, 0.5 doubles them.
    fn speed(self, factor: f64) -> Replay<'a> {
        Replay { pace: Pace::Times(factor), ..self.into_replay() }
    }

    /// One frame after the other, without pauses.
    fn at_once(self) -> Replay<'a> {
        Replay { pace: Pace::AtOnce, ..self.into_replay() }
    }
}

impl<'a> IntoReplay<'a> for Replay<'a> {
    fn into_replay(self) -> Self {
        self
    }
}

impl<'a> IntoReplay<'a> for &'a Capture<'_> {
    fn into_replay(self) -> Replay<'a> {
        Replay { capture: self, interfaces: Vec::new(), side: Side::Own, only: None, pace: Pace::Times(1.0) }
    }
}
