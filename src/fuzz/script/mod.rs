//! A script: what happens on a link, step by step, as a value that a fuzzer, a property and a test share.
//!
//! Layer: `fuzz`. A script knows no link; a [`Player`](super::Player) plays it on one. Whoever plays it is the other side of
//! the code under test: the host, for code that holds the device end; the network, for the host and its sockets.
//!
//! ```
//! use std::time::Duration;
//! use tuntap_test::fuzz::{Answer, Script};
//! use tuntap_test::packet::*;
//!
//! let script = Script::new()
//!     .send(Ipv4::new() / Tcp::new().sport(40000).dport(80).syn())
//!     .answer(Answer::peer().with(Tcp::new().window(0)))
//!     .advance(Duration::from_secs(3));
//!
//! assert_eq!(Script::decode(&script.encode()), script);
//! assert_eq!(script.to_string().lines().count(), 3);
//! ```
//!
//! # The encoding
//!
//! Every octet string is a script ([`Script::decode`] is total), and every script is an octet string that decodes to it.
//! Numbers are in network byte order.
//!
//! ```text
//!  script  | about 1 | step | step | …         about: bit 0 a TAP's (else a TUN's), bit 1 a silent host; others are ignored
//!  step    | kind 1  | length 3 | value |      a step of a kind that is not listed is passed over;
//!                                              a length that goes beyond the end means up to the end
//!  kind 1  frame     | octets of a frame |
//!       2  answer    | to 1 | reply 1 | what the reply is made of | edits |
//!       3  advance   | nanoseconds 8 |         fewer octets are a smaller number
//!       4  frame fault   | towards 1 | fault 1 | a 8 | b 8 |
//!       5  call fault    | call 1 | fault 1 | a 8 |
//!       6  link fault    | fault 1 | a 4 |
//!       7  socket    | call 1 | slot 1 | what the call takes |
//!       8  observed  | octets of a frame |
//! ```
//!
//! What stands in an answer, a fault and a socket's call is written where those are: [`Answer`], [`Fault`],
//! [`SocketCall`]. A value that is too short is read as if zeros followed. A number that names nothing (a fault 77) is
//! passed over with its step, so that a kind that is added later changes nothing of what was written before.

mod answer;
#[cfg(feature = "arbitrary")]
mod arbitrary;
mod capture;
mod decode;
mod edit;
mod encode;
mod fault;
mod octets;
mod rust;
mod socket;
mod words;

use std::time::Duration;

pub use answer::{Answer, Reply};
pub use capture::CaptureToScript;
pub use edit::Edit;
pub(crate) use edit::EditValue;
#[cfg(feature = "proptest")]
pub(crate) use edit::LAYERS;
pub use fault::Fault;
pub(crate) use fault::NextFault;
pub use socket::SocketCall;
pub(in crate::fuzz) use words::StepOn;

use crate::device::Mode;
use crate::fault::LinkFault;
use crate::packet::{BuildError, Defaults, IntoPacket};

/// One step of a [`Script`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Puts a frame in at the script's end: an IP packet on TUN, an Ethernet frame on TAP, without packet information.
    Frame(Vec<u8>),
    /// Puts a frame in that answers one which the code under test has sent. Nothing happens where there is none.
    Answer(Answer),
    /// Lets so much of the link's time go by. All steps together take 584 years at most; what is beyond that is left out.
    Advance(Duration),
    /// Plans a fault for the next frame, or the next call at the device end.
    Fault(Fault),
    /// Something happens to the link: it goes down or up, its MTU changes, its queue, or it is removed.
    Link(LinkFault),
    /// Uses a socket of the host's.
    Socket(SocketCall),
    /// A frame that the code under test sent when the script was recorded. Playing it is a turn without anything to do.
    Observed(Vec<u8>),
}

/// What happens on a link, step by step. See the [module](self) for an example and the encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Script {
    mode: Mode,
    silent_host: bool,
    steps: Vec<Step>,
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

impl Script {
    /// A script without steps, for a TUN.
    pub const fn new() -> Self {
        Self::on(Mode::Tun)
    }

    /// A script without steps, for a link of that mode.
    pub const fn on(mode: Mode) -> Self {
        Self { mode, silent_host: false, steps: Vec::new() }
    }

    /// The mock's host takes no frame: at the host end the script alone is the host. On the kernel backend nothing.
    pub const fn silent_host(mut self) -> Self {
        self.silent_host = true;
        self
    }

    /// Whether the mock's host is to take no frame.
    #[must_use]
    pub const fn is_host_silent(&self) -> bool {
        self.silent_host
    }

    /// The mode that the frames are of.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The steps.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub(in crate::fuzz) const fn steps_mut(&mut self) -> &mut Vec<Step> {
        &mut self.steps
    }

    /// Makes the host silent, or not; or takes the other kind of link, to which frames are fitted when they are played.
    pub(in crate::fuzz) const fn change_about(&mut self, host: bool) {
        if host {
            self.silent_host = !self.silent_host;
        } else {
            self.mode = match self.mode {
                Mode::Tun => Mode::Tap,
                Mode::Tap => Mode::Tun,
            };
        }
    }

    /// The same script with other steps.
    pub fn with_steps(&self, steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), ..*self }
    }

    /// One more step.
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Sends a packet, built now: what it leaves open is as on the first link of a test. Addresses go from the peer
    /// (192.0.2.2, 2001:db8::2) to the host (.1, ::1); write them for a script that plays the host.
    ///
    /// # Panics
    /// When the template does not build.
    #[track_caller]
    pub fn send(self, packet: impl IntoPacket) -> Self {
        match self.try_send(packet) {
            Ok(script) => script,
            Err(error) => panic!("{error}"),
        }
    }

    /// As [`send`](Self::send) from the other side, for a script that plays the host: addresses that the packet leaves open go
    /// from the host to the peer.
    ///
    /// # Panics
    /// When the template does not build.
    #[track_caller]
    pub fn send_as_host(self, packet: impl IntoPacket) -> Self {
        match self.send_with(packet, Defaults::documentation().reversed()) {
            Ok(script) => script,
            Err(error) => panic!("{error}"),
        }
    }

    /// As [`send`](Self::send).
    ///
    /// # Errors
    /// When the template does not build.
    pub fn try_send(self, packet: impl IntoPacket) -> Result<Self, BuildError> {
        self.send_with(packet, Defaults::documentation())
    }

    fn send_with(self, packet: impl IntoPacket, defaults: Defaults) -> Result<Self, BuildError> {
        let octets = packet.into_packet().build_with(&Defaults { mode: Some(self.mode), ..defaults })?;
        Ok(self.send_raw(octets))
    }

    /// Sends these octets as one frame.
    pub fn send_raw(self, octets: impl Into<Vec<u8>>) -> Self {
        self.step(Step::Frame(octets.into()))
    }

    /// Answers a frame that the code under test has sent by then.
    pub fn answer(self, answer: Answer) -> Self {
        self.step(Step::Answer(answer))
    }

    /// Lets time go by.
    pub fn advance(self, by: Duration) -> Self {
        self.step(Step::Advance(by))
    }

    /// Plans a fault for what comes next.
    pub fn fault(self, fault: Fault) -> Self {
        self.step(Step::Fault(fault))
    }

    /// Takes the link down.
    pub fn down(self) -> Self {
        self.step(Step::Link(LinkFault::Down))
    }

    /// Brings the link up.
    pub fn up(self) -> Self {
        self.step(Step::Link(LinkFault::Up))
    }

    /// Sets the link's MTU, in octets.
    pub fn mtu(self, octets: u32) -> Self {
        self.step(Step::Link(LinkFault::Mtu(octets)))
    }

    /// Uses a socket of the host's.
    pub fn socket(self, call: SocketCall) -> Self {
        self.step(Step::Socket(call))
    }

    /// Notes a frame that the code under test sent when the script was recorded.
    pub fn observed(self, octets: impl Into<Vec<u8>>) -> Self {
        self.step(Step::Observed(octets.into()))
    }
}
