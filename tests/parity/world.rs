//! What a test does to a link from outside, the same on both backends.

use std::io;
use std::thread;
use std::time::Instant;

use tuntap_test::Link;
use tuntap_test::device::{Mode, patience};
use tuntap_test::kernel::KernelError;
use tuntap_test::kernel::netlink::{Netlink, Step};
use tuntap_test::mock::Cable;

/// What a link counts: frames that the device end wrote, those of them (or refused writes) that were dropped, frames that
/// it read, frames from the host that found no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) rx_packets: u64,
    pub(crate) rx_dropped: u64,
    pub(crate) tx_packets: u64,
    pub(crate) tx_dropped: u64,
}

/// The counters. On the mock what was sent has arrived then.
pub(crate) fn counted(link: &Link) -> Counted {
    match (link.mock(), link.kernel()) {
        (Some(cable), _) => {
            let counted = cable.statistics();
            Counted {
                rx_packets: counted.rx_packets,
                rx_dropped: counted.rx_dropped,
                tx_packets: counted.tx_packets,
                tx_dropped: counted.tx_dropped,
            }
        }
        (None, Some(device)) => {
            let mut counted = device.statistics().unwrap();
            if link.mode() == Mode::Tap {
                // What the filter of a quiet link drops comes when it likes: reports for multicast groups.
                counted.tx_dropped = 0;
            }
            Counted {
                rx_packets: counted.rx_packets,
                rx_dropped: counted.rx_dropped,
                tx_packets: counted.tx_packets,
                tx_dropped: counted.tx_dropped,
            }
        }
        (None, None) => panic!("a link has a backend"),
    }
}

/// What the counters say of what a closure does: `rx_dropped +1`, in words.
pub(crate) fn counting(link: &Link, doing: impl FnOnce() -> String) -> String {
    let before = counted(link);
    let text = doing();
    let after = counted(link);
    let changes = [
        ("rx_packets", after.rx_packets - before.rx_packets),
        ("rx_dropped", after.rx_dropped - before.rx_dropped),
        ("tx_packets", after.tx_packets - before.tx_packets),
        ("tx_dropped", after.tx_dropped - before.tx_dropped),
    ];
    let changes: Vec<String> = changes
        .into_iter()
        .filter(|(_, change)| *change > 0)
        .map(|(name, change)| format!("{name} +{change}"))
        .collect();
    let changes = if changes.is_empty() { "nothing counted".to_owned() } else { changes.join(", ") };
    format!("{text}; {changes}")
}

/// A handle on the link that stays when its device end is handed over.
pub(crate) enum Remote {
    Mock(Cable),
    Kernel { netlink: Netlink, index: u32 },
}

impl Remote {
    pub(crate) fn of(link: &Link) -> Self {
        match (link.mock(), link.kernel()) {
            (Some(cable), _) => Self::Mock(cable.clone()),
            (None, Some(device)) => {
                let netlink = link.stack().run(Netlink::open).unwrap().unwrap();
                Self::Kernel { netlink, index: device.index() }
            }
            (None, None) => panic!("a link has a backend"),
        }
    }

    pub(crate) fn set_mtu(&mut self, octets: u32) -> io::Result<()> {
        match self {
            Self::Mock(cable) => cable.set_mtu(octets),
            Self::Kernel { netlink, index } => said(netlink.apply(&[Step::Mtu { index: *index, octets }])),
        }
    }

    /// Takes the interface down; `Link::up` brings it up again with its addresses.
    pub(crate) fn down(&mut self) -> io::Result<()> {
        match self {
            Self::Mock(cable) => cable.set_up(false),
            Self::Kernel { netlink, index } => said(netlink.apply(&[Step::Down { index: *index }])),
        }
    }

    /// Waits until that many frames of the host's are dropped or with the thread that carries them to the descriptor;
    /// gives how many the thread has taken. The kernel has no thread between.
    pub(crate) fn wait_until_carried(&self, frames: u64) -> u64 {
        let Self::Mock(cable) = self else { return 0 };
        let end = Instant::now() + patience();
        loop {
            let counted = cable.statistics();
            if counted.tx_packets + counted.tx_dropped >= frames {
                return counted.tx_packets;
            }
            assert!(Instant::now() < end, "not within {:?}: {counted:?}", patience());
            thread::yield_now();
        }
    }

    /// As `ip link del`.
    pub(crate) fn remove(&mut self) -> io::Result<()> {
        match self {
            Self::Mock(cable) => {
                cable.remove();
                Ok(())
            }
            Self::Kernel { netlink, index } => said(netlink.apply(&[Step::DeleteLink { index: *index }])),
        }
    }
}

/// The kernel's own errno.
fn said(result: Result<(), KernelError>) -> io::Result<()> {
    result.map_err(|error| error.errno().map_or_else(|| error.into(), io::Error::from_raw_os_error))
}

/// Sets the MTU, or gives what the kernel says.
pub(crate) fn set_mtu(link: &Link, octets: u32) -> io::Result<()> {
    Remote::of(link).set_mtu(octets)
}
