//! Answering machines: things that reply to requests on a link while a test does something else.
//!
//! Layer: above `device`. A machine sees frames without packet information and writes frames without it; the link's
//! one reader ([`Dispatcher`]) does the rest. A frame that a machine takes is not seen by `expect` or `receive`.
//!
//! In a test, `tun.answer(machine)` gives the guard [`Answering`]. Without a context, [`on`] does it for any device:
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//! use tuntap_test::answer::{self, IcmpEcho, Until};
//! use tuntap_test::device::Device;
//!
//! fn five_pings(device: Arc<dyn Device>) -> std::io::Result<()> {
//!     let machine = IcmpEcho::any_address().on_reply(|reply| println!("{reply}"));
//!     let answering = answer::on(device, machine)?;
//!     let replies = answering.wait_for(Until::replies(5).within(Duration::from_secs(10)));
//!     println!("{replies} replies to {} requests", answering.requests());
//!     Ok(())
//! }
//! ```
//!
//! # A machine of your own
//!
//! ```
//! use tuntap_test::answer::AnsweringMachine;
//! use tuntap_test::device::dispatch::Replies;
//! use tuntap_test::device::{FrameRef, Mode};
//!
//! /// Sends every ARP frame back as it came.
//! struct ArpMirror;
//!
//! impl AnsweringMachine for ArpMirror {
//!     fn name(&self) -> &str {
//!         "arp mirror"
//!     }
//!
//!     fn matches(&self, request: FrameRef<'_>) -> bool {
//!         request.mode == Mode::Tap && request.octets.get(12..14) == Some(&[0x08, 0x06])
//!     }
//!
//!     fn reply(&mut self, request: FrameRef<'_>, replies: &mut Replies) {
//!         replies.frame().extend_from_slice(request.octets);
//!     }
//! }
//! ```
//!
//! # Where this differs from Scapy
//! A count counts replies, not packets that went by. A machine that panics does not take the device with it: it stops
//! answering, and its guard panics with the message and the request when it is dropped.

mod icmp_echo;
mod runner;

use std::io;
use std::sync::Arc;

pub use icmp_echo::{EchoReply, IcmpEcho};
pub use runner::{Answering, Ended, Tally, Until};

use crate::device::dispatch::{Dispatcher, Replies, Verdict};
use crate::device::{Device, FrameRef};

/// Something that replies to requests (Scapy's term).
pub trait AnsweringMachine: Send {
    /// A short name for messages, such as `icmp echo`.
    fn name(&self) -> &str;

    /// Whether this frame is a request for this machine. A frame that is not goes to the next machine, and after the
    /// last one to the test. Must not panic, whatever the octets.
    fn matches(&self, request: FrameRef<'_>) -> bool;

    /// Replies to a request that [`matches`](Self::matches): no frame, one or several.
    fn reply(&mut self, request: FrameRef<'_>, replies: &mut Replies);

    /// Both in one: the runner calls this. Override it where `matches` and `reply` would take the request apart twice.
    fn answer(&mut self, request: FrameRef<'_>, replies: &mut Replies) -> Verdict {
        if self.matches(request) {
            self.reply(request, replies);
            Verdict::Taken
        } else {
            Verdict::Passed
        }
    }
}

/// Lets a machine answer on a link that has a reader already, behind the machines that are there.
///
/// # Panics
/// From inside a machine on the same link.
pub fn attach(dispatcher: &Arc<Dispatcher>, machine: impl AnsweringMachine + 'static) -> Answering {
    Answering::attach(Arc::clone(dispatcher), machine)
}

/// Lets a machine answer on a device that nobody reads, until the guard is dropped. It sees every frame, from the first
/// on that the device holds; what it does not take is dropped. For several machines, or to receive the other frames, use [`Dispatcher::start`] and [`attach`].
///
/// # Errors
/// As [`Dispatcher::start_discarding`].
pub fn on(device: Arc<dyn Device>, machine: impl AnsweringMachine + 'static) -> io::Result<Answering> {
    Answering::start(device, machine)
}

/// Lets a machine answer on a device that nobody reads, and blocks: for a time, for a number of replies (`5`), or
/// for whichever comes first ([`Until::within`]).
///
/// # Errors
/// As [`on`], and what ended the reader before that: the device failed.
///
/// # Panics
/// When the machine panicked, with its message.
pub fn answer_for(
    device: Arc<dyn Device>,
    machine: impl AnsweringMachine + 'static,
    until: impl Into<Until>,
) -> io::Result<Tally> {
    let answering = on(device, machine)?;
    let dispatcher = Arc::clone(answering.dispatcher());
    let waited = answering.try_wait_for(until);
    let tally = answering.stop();
    match waited {
        Ok(_) => Ok(tally),
        // A panic of the machine has surfaced in `stop`, so it was the reader.
        Err(_) => Err(dispatcher
            .next(crate::device::Deadline::Now)
            .err()
            .unwrap_or_else(|| io::Error::other("the link's reader ended"))),
    }
}
