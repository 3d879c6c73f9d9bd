//! Runs an injector over frames until nothing is left in it.

use std::time::Duration;

use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::fault::{FaultPlan, Injector, Towards};

/// A frame that came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) towards: Towards,
    pub(crate) number: u64,
    pub(crate) copy: u32,
    pub(crate) at: Duration,
    pub(crate) octets: Vec<u8>,
}

/// A frame that goes in.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) towards: Towards,
    pub(crate) mode: Mode,
    pub(crate) octets: Vec<u8>,
    pub(crate) at: Duration,
}

/// What comes out, in order, and the injector.
pub(crate) fn run(plan: FaultPlan, frames: &[Sent]) -> (Vec<Arrived>, Injector) {
    let mut injector = Injector::new(plan);
    let mut arrived = Vec::new();
    for sent in frames {
        // As a clock does: each time at which something is due, on its own.
        drain(&mut injector, sent.at, &mut arrived);
        let frame = FrameRef::new(sent.mode, &sent.octets);
        injector.frame(sent.towards, frame, sent.at, |delivery| arrived.push(take(delivery)));
    }
    drain(&mut injector, Duration::MAX, &mut arrived);
    (arrived, injector)
}

fn drain(injector: &mut Injector, until: Duration, arrived: &mut Vec<Arrived>) {
    while let Some(next) = injector.next_due().filter(|next| *next <= until) {
        while injector.link_due(next).is_some() {}
        injector.due(next, |delivery| arrived.push(take(delivery)));
    }
}

fn take(delivery: tuntap_test::fault::Delivery<'_>) -> Arrived {
    let tuntap_test::fault::Delivery { towards, number, copy, at, octets, .. } = delivery;
    Arrived { towards, number, copy, at, octets: octets.into_owned() }
}
