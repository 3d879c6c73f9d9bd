//! What a script writes to a TUN or TAP of this kernel, and what becomes of the link, against the mock. Needs root, or a user
//! namespace.
//!
//! One network namespace serves all inputs of a thread, with a link for each mode and each packet information mode: they
//! are made when first asked for, which takes a millisecond or two, and set up again before each input, which takes less.
//! Nothing leaves the namespace.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::context::{Backend, Link, Tap, TestContext, Tun};
use crate::device::{DeviceConfig, Mode, PacketInfoMode};
use crate::fault::LinkFault;
use crate::fuzz::{Refusal, Script, Step};

/// More steps are more of the same.
const MOST_STEPS: usize = 32;
const MTU: u32 = 1500;

/// A step on which the mock and the kernel may disagree, and why. What is not here is a finding.
struct Difference {
    why: &'static str,
    allows: fn(&Step, Mode, PacketInfoMode) -> bool,
}

/// None is known: a new one needs a sentence in `tests/parity/differences.rs`, too.
const DIFFERENCES: &[Difference] = &[];

/// The rules that hold for any octets, taken as a script whose first octet also tells the packet information mode (bits 2 and
/// 3: 0 and 3 off, 1 kept, 2 stripped) and whose frames are what is written, with packet information where that is kept:
///
/// * each write is taken by the kernel's device and by the mock's, with the same length, or refused by both with the same
///   errno, while the link is up and while it is down;
/// * each MTU is taken by both or refused by both with the same errno, and is then that of both.
///
/// # Panics
/// When a rule is broken, with the step; and when there is no namespace to be had.
pub fn kernel_write(data: &[u8]) {
    let script = Script::decode(data);
    let info = match data.first().map_or(0, |about| about >> 2 & 3) {
        1 => PacketInfoMode::Keep,
        2 => PacketInfoMode::Strip,
        _ => PacketInfoMode::Off,
    };
    let mode = script.mode();
    KERNEL.with_borrow_mut(|kernel| {
        let kernel = kernel.get_or_insert_with(|| on(Backend::Kernel));
        let mut mock = on(Backend::Mock);
        let (real, model) = (kernel.link(mode, info), mock.link(mode, info));
        set_up_again(real);
        for (index, step) in script.steps().iter().take(MOST_STEPS).enumerate() {
            let Some(is) = done(real, step) else { continue };
            let wanted = done(model, step);
            let known = DIFFERENCES.iter().any(|known| !known.why.is_empty() && (known.allows)(step, mode, info));
            assert!(
                Some(&is) == wanted.as_ref() || known,
                "broken rule: the mock does as the kernel: step {} on a {mode} with packet information {info:?} gives {is:?} on \
                 the kernel, {wanted:?} on the mock\n{script}\n{data:02x?}",
                index + 1
            );
        }
    });
}

thread_local! {
    static KERNEL: RefCell<Option<Links>> = const { RefCell::new(None) };
}

/// Links of one namespace.
struct Links {
    links: BTreeMap<(bool, u8), AnyLink>,
    context: TestContext,
}

enum AnyLink {
    Tun(Tun),
    Tap(Tap),
}

fn on(backend: Backend) -> Links {
    let context = TestContext::unrecorded(backend).unwrap_or_else(|error| panic!("{error}"));
    Links { links: BTreeMap::new(), context }
}

impl Links {
    fn link(&mut self, mode: Mode, info: PacketInfoMode) -> &Link {
        let Self { links, context } = self;
        let config = DeviceConfig::new().packet_info(info);
        let link = links.entry((mode == Mode::Tap, info as u8)).or_insert_with(|| {
            let made = match mode {
                Mode::Tun => context.argument(config).map(AnyLink::Tun),
                Mode::Tap => context.argument(config).map(AnyLink::Tap),
            };
            made.unwrap_or_else(|error| panic!("{error}"))
        });
        match link {
            AnyLink::Tun(tun) => tun,
            AnyLink::Tap(tap) => tap,
        }
    }
}

/// As a new link is.
fn set_up_again(link: &Link) {
    for fault in [LinkFault::Mtu(MTU), LinkFault::Down, LinkFault::Up] {
        link.happen(fault).unwrap_or_else(|error| panic!("the link does not come up again: {error}"));
    }
}

/// What a step gives: the octets written or the new MTU, or an errno. `None` where it is no such step.
fn done(link: &Link, step: &Step) -> Option<Result<usize, i32>> {
    let number = |error: std::io::Error| Refusal::of(&error).errno.unwrap_or(-1);
    let mtu = || usize::try_from(link.device().mtu().unwrap_or(0)).unwrap_or(0);
    Some(match step {
        Step::Frame(octets) => link.device().transmit(octets).map_err(number),
        Step::Link(fault @ (LinkFault::Down | LinkFault::Up | LinkFault::Mtu(_))) => {
            link.happen(*fault).map(|()| mtu()).map_err(number)
        }
        _ => return None,
    })
}
