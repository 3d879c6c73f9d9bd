//! Strategies for [`fuzz::Script`](crate::fuzz::Script): whole scripts, single steps, and what those are made of.
//!
//! Half of a script are conversations that make sense (a SYN and what answers the code under test, datagrams, pings,
//! neighbours, sockets, trouble of the link), the rest are any steps. Frames are sound packets mostly; addresses go from the
//! peer to the host, at times the other way.
//!
//! A script shrinks to fewer steps first, each of which can go, whatever stands beside it. Then each step becomes the
//! simplest of its kind with which the test still fails: a frame the packet that a person would write, an answer
//! [`Answer::peer`](crate::fuzz::Answer::peer). [`Shrinker::script`](crate::shrink::Shrinker::script) goes further, with
//! any script.
//!
//! ```
//! use proptest::prelude::*;
//! use tuntap_test::fuzz::Script;
//! use tuntap_test::strategy;
//!
//! proptest!(|(script in strategy::script::script())| {
//!     prop_assert_eq!(Script::decode(&script.encode()), script);
//! });
//! ```

mod answer;
mod conversation;
mod fault;
mod socket;
mod steps;

use proptest::prelude::*;

pub use answer::{answer, edit};
pub use fault::fault;
pub use socket::socket_call;

use super::fault::link_fault;
use super::packet::{frame, ip_packet, packet, sound_packet};
use crate::device::Mode;
use crate::fuzz::{Script, Step};
use crate::packet::{Defaults, Packet};
use steps::{Steps, one_of};

/// A script for a TUN, of no steps to about thirty.
pub fn script() -> BoxedStrategy<Script> {
    script_on(Mode::Tun)
}

/// A script for a link of that mode, of no steps to about thirty.
pub fn script_on(mode: Mode) -> BoxedStrategy<Script> {
    (Steps::new(mode), prop::bool::weighted(0.1))
        .prop_map(move |(steps, silent)| {
            let script = Script::on(mode);
            let script = if silent { script.silent_host() } else { script };
            script.with_steps(steps)
        })
        .boxed()
}

/// Any step, of every kind. It shrinks to the simplest of its own kind.
pub fn step(mode: Mode) -> BoxedStrategy<Step> {
    one_of(vec![
        (6, frame_octets(mode).prop_map(Step::Frame).boxed()),
        (5, answer().prop_map(Step::Answer).boxed()),
        (3, advance()),
        (2, fault().prop_map(Step::Fault).boxed()),
        (1, link_fault().prop_map(Step::Link).boxed()),
        (3, socket_call().prop_map(Step::Socket).boxed()),
        (1, frame_octets(mode).prop_map(Step::Observed).boxed()),
    ])
    .boxed()
}

/// The octets of a frame of that mode: a sound packet's mostly; now and then of one that is odd, or any octets.
pub fn frame_octets(mode: Mode) -> BoxedStrategy<Vec<u8>> {
    let sound = match mode {
        Mode::Tun => ip_packet(),
        Mode::Tap => sound_packet(),
    };
    prop_oneof![
        12 => sound.prop_map(move |packet| built(mode, &packet)),
        1 => packet().prop_map(move |packet| built(mode, &packet)),
        1 => frame().prop_map(|(_, octets)| octets),
    ]
    .boxed()
}

/// The packet's frame; on a TUN without Ethernet that was put in front.
fn built(mode: Mode, packet: &Packet) -> Vec<u8> {
    let defaults = Defaults { mode: Some(mode), ..Defaults::documentation() };
    packet.build_with(&defaults).or_else(|_| packet.build()).unwrap_or_default()
}

/// Time that goes by: a second, round times, and any up to some minutes.
fn advance() -> BoxedStrategy<Step> {
    use std::time::Duration;
    prop_oneof![
        2 => Just(Duration::from_secs(1)),
        4 => super::fault::time(),
        2 => (1_u64..=300).prop_map(Duration::from_secs),
        1 => any::<u64>().prop_map(|nanoseconds| Duration::from_nanos(nanoseconds >> 20)),
    ]
    .prop_map(Step::Advance)
    .boxed()
}
