//! The two ways to answer: on a throwaway link that the kernel pings, and on an interface that the user brought.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use nix::sys::signal::{SigSet, Signal};
use tuntap_test::answer::{self, EchoReply, IcmpEcho};
use tuntap_test::context::{Backend, Link, TestContext};
use tuntap_test::device::{Device, DeviceConfig, Mode};
use tuntap_test::kernel::OpenOptions;
use tuntap_test::kernel::netlink::Step;
use tuntap_test::{Tap, Tun};

use super::arguments::Arguments;
use super::ping;

/// The hardware address that the peer on a TAP has: locally administered (IEEE 802 section 8.2).
const PEER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];

/// Makes a link in a namespace of its own, pings the peer from the kernel and answers. `false`: answers were lost.
pub(crate) fn a_throwaway_link(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let mut context = TestContext::new(Backend::Kernel, "answer_ping")?;
    if arguments.tap {
        let tap: Tap = context.argument(DeviceConfig::new())?;
        let kernel = tap.kernel().ok_or("the kernel backend has a kernel device")?;
        // Nobody answers ARP here, so the host is told where the peer is.
        for address in [tap.peer_v4().into(), tap.peer_v6().into()] {
            kernel.apply(&[Step::Neighbour { index: kernel.index(), address, mac: PEER_MAC }])?;
        }
        answer_on(&tap, arguments)
    } else {
        let tun: Tun = context.argument(DeviceConfig::new())?;
        answer_on(&tun, arguments)
    }
}

fn answer_on(link: &Link, arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let target = if arguments.ipv6 { link.peer_v6().into() } else { link.peer_v4().into() };
    println!("{} {} in a network namespace of its own; the kernel pings {target}", link.mode(), link.name());
    let machine = IcmpEcho::any_address();
    let answering = link.answer(if arguments.flood { machine } else { machine.on_reply(|reply| println!("{reply}")) });
    let start = Instant::now();
    let ping = ping::send(target, arguments.count, arguments.flood)?;
    let took = start.elapsed();
    // Stopped first, so that the last reply is counted: the kernel has it before we know that.
    let tally = answering.stop();
    println!("\n{} requests seen, {} answered in {took:.1?}", tally.requests, tally.replies);
    if arguments.flood {
        println!("{:.0} replies a second", f64::from(arguments.count) / took.as_secs_f64());
    }
    println!("{}: {} sent, {} answers received", ping.program, ping.sent, ping.received);
    Ok(ping.received == arguments.count)
}

/// Opens an interface in the caller's namespace and answers until Ctrl-C.
pub(crate) fn until_interrupted(name: &str, tap: bool) -> Result<bool, Box<dyn Error>> {
    // Before any thread starts, so that every thread leaves the signal to `wait` below.
    let mut interrupt = SigSet::empty();
    interrupt.add(Signal::SIGINT);
    interrupt.add(Signal::SIGTERM);
    interrupt.thread_block()?;
    let mut options = OpenOptions::new().name(name);
    if tap {
        options = options.mode(Mode::Tap);
    }
    let device = Arc::new(options.open()?);
    println!("{} {} is open; bring it up and ping through it. Ctrl-C ends.", device.mode(), device.name()?);
    let machine = IcmpEcho::any_address().on_reply(|reply: &EchoReply| println!("{reply}"));
    let answering = answer::on(device, machine)?;
    interrupt.wait()?;
    println!("\n{} requests seen, {} answered", answering.requests(), answering.replies());
    Ok(true)
}
