//! What a throwaway TUN link costs, made, configured and gone again, against the bare system calls.
//!
//! ```text
//! cargo bench --bench link            # root, or user namespaces; about 20 s
//! ```
//!
//! Three ways take turns, in blocks, so that whatever else the machine does hits all of them; the order changes from
//! round to round. Each block gives one number, the time of one link in it:
//!
//! * **ours**: `TestContext::new(Backend::Kernel, …)`, one `Tun` argument, both dropped;
//! * **bare**: unshare, open, TUNSETIFF, one sendmsg with the same six netlink messages, TUNSETPERSIST, close, home;
//! * **bare, plain close**: the same without TUNSETPERSIST, so that the close waits for the kernel (RCU).
//!
//! Read the last lines: `ours / bare` is the price of this crate, and at most 1.3 is the promise. It is the median of
//! the rounds' own ratios, which a busy machine moves less than the times.

mod bare;
mod kernel_only;
mod rounds;

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use tuntap_test::Tun;
use tuntap_test::context::{Backend, TestContext};
use tuntap_test::device::DeviceConfig;
use tuntap_test::kernel::Privilege;

use kernel_only::on_the_kernel;
use rounds::median;

const ROUNDS: usize = 40;
/// Links in a block. A plain close takes so long that few of them measure well.
const LINKS: u32 = 25;
const PLAIN_LINKS: u32 = 5;
/// The promise.
const CRITERION: f64 = 1.3;

fn ours() -> io::Result<()> {
    let mut context = TestContext::new(Backend::Kernel, "link")?;
    let _tun: Tun = context.argument(DeviceConfig::new())?;
    Ok(())
}

/// What becomes of the bare device.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Persist,
    Close,
}

fn bare(home: Option<&OwnedFd>, messages: &[u8], end: End) -> io::Result<()> {
    let node = bare::link(messages)?;
    if end == End::Persist {
        bare::persist(&node)?;
    }
    drop(node);
    if let Some(home) = home {
        setns(home, CloneFlags::CLONE_NEWNET)?;
    }
    Ok(())
}

/// The time of one link of a block.
fn block(links: u32, mut link: impl FnMut() -> io::Result<()>) -> io::Result<Duration> {
    let start = Instant::now();
    for _ in 0..links {
        link()?;
    }
    Ok(start.elapsed() / links)
}

fn measure(privilege: Privilege) -> io::Result<()> {
    // Without privileges of its own no thread can go home; it leaves one namespace for the next.
    let home =
        (privilege == Privilege::Capabilities).then(|| File::open("/proc/thread-self/ns/net").map(OwnedFd::from));
    let home = home.transpose()?;
    let messages = bare::messages();
    let mut times = [const { Vec::new() }; 3];
    let mut ratios = Vec::new();
    block(LINKS, ours)?;
    block(LINKS, || bare(home.as_ref(), &messages, End::Persist))?;
    for round in 0..ROUNDS {
        let mut took = [0.0; 2];
        for turn in 0..2 {
            let which = (round + turn) % 2;
            let time = match which {
                0 => block(LINKS, ours)?,
                _ => block(LINKS, || bare(home.as_ref(), &messages, End::Persist))?,
            };
            if let (Some(took), Some(times)) = (took.get_mut(which), times.get_mut(which)) {
                *took = time.as_secs_f64();
                times.push(*took);
            }
        }
        let [ours, bare_persist] = took;
        ratios.push(ours / bare_persist);
        let plain = block(PLAIN_LINKS, || bare(home.as_ref(), &messages, End::Close))?;
        if let Some(times) = times.get_mut(2) {
            times.push(plain.as_secs_f64());
        }
    }
    let [ours, bare_persist, plain] = times.map(median);
    println!("a throwaway TUN link with two addresses, {privilege:?}, median of {ROUNDS} blocks:");
    for (what, seconds) in [("ours", ours), ("bare", bare_persist), ("bare, plain close", plain)] {
        println!("  {what:<18} {:>9.1} µs {:>8.0} links/s", seconds * 1e6, 1.0 / seconds);
    }
    let ratio = median(ratios);
    let verdict = if ratio <= CRITERION { "kept" } else { "BROKEN" };
    println!("  ours / bare              {ratio:.2}   (at most {CRITERION}: {verdict})");
    println!("  ours / bare, plain close {:.3}", ours / plain);
    Ok(())
}

fn main() -> ExitCode {
    // Cargo gives `--bench`; there is nothing to choose here.
    on_the_kernel(measure)
}
