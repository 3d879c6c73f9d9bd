//! Strategies for plans of [`fault`](crate::fault). They shrink towards no faults, then fewer, then simpler
//! ones: a dropped frame is the simplest, early frames and short times come first.
//!
//! ```
//! use std::time::Duration;
//! use proptest::prelude::*;
//! use tuntap_test::device::{FrameRef, Mode};
//! use tuntap_test::fault::{Injector, Towards};
//! use tuntap_test::strategy;
//!
//! proptest!(|(plan in strategy::fault::plan())| {
//!     let mut injector = Injector::new(plan);
//!     let frame = FrameRef::new(Mode::Tun, &[0x45; 20]);
//!     injector.frame(Towards::Host, frame, Duration::ZERO, |_| ());
//!     // Whatever is planned: what is held comes out.
//!     while let Some(next) = injector.next_due() {
//!         injector.due(next, |_| ());
//!         while injector.link_due(next).is_some() {}
//!     }
//!     prop_assert_eq!(injector.held(), 0);
//! });
//! ```

use std::time::Duration;

use proptest::prelude::*;
use proptest::{collection, option, sample};

use super::codec::tun_pi;
use crate::fault::{
    Call, CallFault, Calls, DeviceFaults, ExactFault, FaultPlan, FrameFault, FrameFaults, LinkFault, Towards, When,
};
use crate::packet::{Icmpv4, IntoPacket, Ipv6, Packet, Tcp, Udp};

/// The number of a frame or call: mostly one of the first.
fn number() -> BoxedStrategy<u64> {
    prop_oneof![8 => 1_u64..=40, 1 => 1_u64..=1000].boxed()
}

/// A time: none, some milliseconds, or any nanoseconds up to a second.
pub(super) fn time() -> BoxedStrategy<Duration> {
    prop_oneof![
        1 => Just(Duration::ZERO),
        4 => (0_u64..=100).prop_map(Duration::from_millis),
        2 => (0_u64..=1_000_000_000).prop_map(Duration::from_nanos),
    ]
    .boxed()
}

/// A probability: never, always, or between.
fn probability() -> BoxedStrategy<f64> {
    prop_oneof![1 => Just(0.0), 6 => 0.0..=1.0, 1 => Just(1.0)].boxed()
}

/// Which frames are meant: all, or those of a protocol.
fn pattern() -> BoxedStrategy<Packet> {
    let patterns = vec![
        Packet::any().unverified(),
        Udp::new().into_packet(),
        Tcp::new().into_packet(),
        Icmpv4::new().into_packet(),
        Ipv6::new().into_packet(),
        Udp::new().dport(0..=0x7fff).unverified(),
    ];
    sample::select(patterns).boxed()
}

/// Both directions.
pub fn towards() -> BoxedStrategy<Towards> {
    sample::select(vec![Towards::Host, Towards::Device]).boxed()
}

/// Both calls.
pub fn call() -> BoxedStrategy<Call> {
    sample::select(vec![Call::Transmit, Call::Receive]).boxed()
}

/// Any fault of frame `number`.
pub(super) fn frame_fault_of(number: u64) -> BoxedStrategy<FrameFault> {
    prop_oneof![
        4 => Just(FrameFault::Drop),
        2 => time().prop_map(|by| FrameFault::Delay { by }),
        1 => prop_oneof![2 => Just(Duration::ZERO), 1 => time()].prop_map(|after| FrameFault::Duplicate { after }),
        1 => (1_usize..100).prop_map(|to| FrameFault::Truncate { to }),
        2 => (0_usize..100, 1_u8.., any::<bool>())
            .prop_map(|(octet, xor, repair)| FrameFault::Corrupt { octet, xor, repair }),
        2 => (1_u64..=5, time()).prop_map(|(behind, at_most)| FrameFault::Hold { behind, at_most }),
        1 => (1_u64..=5, time()).prop_map(move |(later, at_most)| FrameFault::Swap { with: number + later, at_most }),
    ]
    .boxed()
}

/// Any fault of a call.
pub(super) fn call_fault(call: Call) -> BoxedStrategy<CallFault> {
    let errors = vec![CallFault::Eagain, CallFault::Eintr, CallFault::Eio, CallFault::Enobufs, CallFault::Ebadfd];
    let errors = sample::select(errors);
    match call {
        Call::Transmit => errors.boxed(),
        Call::Receive => prop_oneof![
            4 => errors,
            1 => (0_usize..100).prop_map(|octets| CallFault::ShortRead { octets }),
            1 => tun_pi().prop_map(CallFault::PacketInfo),
        ]
        .boxed(),
    }
}

/// Anything that happens to a link.
pub fn link_fault() -> BoxedStrategy<LinkFault> {
    prop_oneof![
        2 => Just(LinkFault::Down),
        2 => Just(LinkFault::Up),
        1 => (68_u32..=65_535).prop_map(LinkFault::Mtu),
        1 => (0_u32..=1000).prop_map(LinkFault::QueueLength),
        1 => Just(LinkFault::Removed),
    ]
    .boxed()
}

fn when() -> BoxedStrategy<When> {
    prop_oneof![time().prop_map(When::At), (call(), number()).prop_map(|(call, number)| When::Before(call, number)),]
        .boxed()
}

/// Any exact fault: of a frame mostly, of a call, of the link.
pub fn exact_fault() -> BoxedStrategy<ExactFault> {
    let frame = (towards(), number()).prop_flat_map(|(towards, frame)| {
        frame_fault_of(frame).prop_map(move |fault| ExactFault::Frame { towards, frame, fault })
    });
    let call = (call(), number()).prop_flat_map(|(call, number)| {
        call_fault(call).prop_map(move |fault| ExactFault::Call { call, number, fault })
    });
    let link = (when(), link_fault()).prop_map(|(when, fault)| ExactFault::Link { when, fault });
    prop_oneof![8 => frame, 2 => call, 1 => link].boxed()
}

/// A plan of exact faults: none to 20. Shrinks to the fewest with which a test fails.
pub fn exact_plan() -> BoxedStrategy<FaultPlan> {
    collection::vec(exact_fault(), 0..=20).prop_map(FaultPlan::from_iter).boxed()
}

/// A setting of a direction, as a value: it has to be cloned and printed.
#[derive(Clone, Debug)]
enum Setting {
    Loss(f64),
    Delay(Duration, Duration),
    DelayInOrder(Duration, Duration),
    Duplicate(f64),
    DuplicateAfter(f64, Duration),
    Reorder(f64, u64),
    HoldAtMost(Duration),
    Corrupt(f64),
    CorruptAndRepair(f64),
    Truncate(f64),
    Rate(u64),
    Queue(usize),
    Mtu(usize),
    BlackHole(Packet),
    Only(Packet),
    Nth(u64, Packet, FrameFault),
}

impl Setting {
    fn add_to(self, faults: FrameFaults) -> FrameFaults {
        match self {
            Self::Loss(p) => faults.loss(p),
            Self::Delay(min, max) => faults.delay(min..=max),
            Self::DelayInOrder(min, max) => faults.delay_in_order(min..=max),
            Self::Duplicate(p) => faults.duplicate(p),
            Self::DuplicateAfter(p, after) => faults.duplicate_after(p, Duration::ZERO..=after),
            Self::Reorder(p, depth) => faults.reorder(p, depth),
            Self::HoldAtMost(time) => faults.hold_at_most(time),
            Self::Corrupt(p) => faults.corrupt(p),
            Self::CorruptAndRepair(p) => faults.corrupt_and_repair(p),
            Self::Truncate(p) => faults.truncate(p),
            Self::Rate(rate) => faults.rate(rate),
            Self::Queue(frames) => faults.queue(frames),
            Self::Mtu(octets) => faults.mtu(octets),
            Self::BlackHole(pattern) => faults.black_hole(pattern),
            Self::Only(pattern) => faults.only(pattern),
            Self::Nth(n, pattern, fault) => faults.nth(n, pattern, fault),
        }
    }
}

fn setting() -> BoxedStrategy<Setting> {
    prop_oneof![
        4 => probability().prop_map(Setting::Loss),
        2 => (time(), time()).prop_map(|(min, max)| Setting::Delay(min, max)),
        1 => (time(), time()).prop_map(|(min, max)| Setting::DelayInOrder(min, max)),
        2 => probability().prop_map(Setting::Duplicate),
        1 => (probability(), time()).prop_map(|(p, after)| Setting::DuplicateAfter(p, after)),
        2 => (probability(), 1_u64..=5).prop_map(|(p, depth)| Setting::Reorder(p, depth)),
        1 => time().prop_map(Setting::HoldAtMost),
        1 => probability().prop_map(Setting::Corrupt),
        1 => probability().prop_map(Setting::CorruptAndRepair),
        1 => probability().prop_map(Setting::Truncate),
        2 => (1_u64..=10_000_000).prop_map(Setting::Rate),
        1 => (0_usize..=10).prop_map(Setting::Queue),
        1 => (20_usize..=1500).prop_map(Setting::Mtu),
        1 => pattern().prop_map(Setting::BlackHole),
        1 => pattern().prop_map(Setting::Only),
        2 => (1_u64..=5, pattern(), frame_fault_of(40)).prop_map(|(n, pattern, fault)| Setting::Nth(n, pattern, fault)),
    ]
    .boxed()
}

/// Any faults of the device: of calls and of the link.
pub fn device_faults() -> BoxedStrategy<DeviceFaults> {
    let calls = prop_oneof![
        2 => number().prop_map(Calls::from),
        2 => (number(), 0_u64..10).prop_map(|(first, more)| Calls::from(first..=first + more)),
        1 => number().prop_map(|first| Calls::from(first..)),
        1 => (1_u64..5).prop_map(Calls::every),
    ];
    let calls = (calls, option::of((time(), time()))).prop_map(|(calls, within)| match within {
        Some((from, until)) => calls.within(from..until),
        None => calls,
    });
    let on =
        (call(), calls).prop_flat_map(|(call, calls)| call_fault(call).prop_map(move |fault| (call, calls, fault)));
    let sometimes =
        (call(), probability()).prop_flat_map(|(call, p)| call_fault(call).prop_map(move |fault| (call, p, fault)));
    let link = collection::vec((when(), link_fault()), 0..=2);
    (collection::vec(on, 0..=2), collection::vec(sometimes, 0..=2), link)
        .prop_map(|(on, sometimes, link)| {
            let faults = DeviceFaults::default();
            let faults = on.into_iter().fold(faults, |faults, (call, calls, fault)| faults.on(call, calls, fault));
            let faults =
                sometimes.into_iter().fold(faults, |faults, (call, p, fault)| faults.sometimes(call, p, fault));
            link.into_iter().fold(faults, |faults, (when, fault)| match when {
                When::At(time) => faults.at(time, fault),
                When::Before(call, number) => faults.before(call, number, fault),
            })
        })
        .boxed()
}

/// Any plan: rates, limits, patterns and exact faults, for both directions and the device.
pub fn plan() -> BoxedStrategy<FaultPlan> {
    let settings = || collection::vec(setting(), 0..=4);
    let exact = collection::vec(exact_fault(), 0..=5);
    (any::<u64>(), settings(), settings(), device_faults(), exact)
        .prop_map(|(seed, to_host, to_device, device, exact)| {
            let add = |settings: Vec<Setting>, faults: FrameFaults| {
                settings.into_iter().fold(faults, |faults, setting| setting.add_to(faults))
            };
            let mut plan = FaultPlan::new()
                .seed(seed)
                .to_host(|faults| add(to_host, faults))
                .to_device(|faults| add(to_device, faults))
                .device(|_| device);
            plan.extend(exact);
            plan
        })
        .boxed()
}
