//! One link of a test: what [`Tun`](super::Tun) and [`Tap`](super::Tap) have in common.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Deref;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Arc;

use super::backing::Backing;
use super::case::CaseOutcome;
use super::far_end::{DeviceSide, Ends, HostSide};
#[cfg(feature = "host")]
use super::host::Host;
use super::host_end::HostEnd;
use super::plan::Addresses;
use super::{Shared, Stack, TestContext};
use crate::answer::{Answering, AnsweringMachine, Until};
use crate::capture::Direction as Way;
use crate::device::{Cidr, DeviceConfig, Mode, patience};
#[cfg(feature = "tokio")]
use crate::exchange::asynchronous::AsyncExchange;
use crate::exchange::{DeviceEnd, Exchange, Monitors, Parts};

/// One TUN or TAP interface with its two ends: the test holds the device end, the host end is the kernel's stack or
/// the mock host.
///
/// It is an [`Exchange`] at its device end: `send`, `expect`, `receive` and their like stand there. The verbs that a test
/// calls assert: they panic with what was wrong, at the caller's line. Each has a twin whose name starts with `try_` and
/// which returns a `Result`.
pub struct Link {
    // Before `backing`: the reader must have let go of the device when that is torn down.
    exchange: Exchange,
    pub(super) backing: Backing,
    addresses: Addresses,
    stack: Stack,
    ends: Arc<Ends>,
    pub(super) context: Shared,
}

impl Link {
    /// Makes a link of that mode for the test.
    pub(super) fn make(context: &mut TestContext, mode: Mode, config: DeviceConfig) -> io::Result<Self> {
        let stack = context.stack(config.requested_host())?;
        let index = context.number_link();
        let addresses = Addresses::resolve(&config, index)?;
        let number = index + 1;
        let backing = Backing::make(context, &stack, mode, &config, &addresses, number)?;
        let device = backing.device();
        let hosts: Vec<_> = addresses.hosts.iter().map(Cidr::to_string).collect();
        let link = format!("{mode} {} on the {}, host {}", device.name()?, context.backend(), hosts.join(" "));
        let ends = Arc::new(Ends::new(config.requested_mtu().unwrap_or(1500)));
        let exchange = Exchange::new(Parts {
            track: context.recorder().track(&device.name()?, mode, &link, Way::Inbound),
            link,
            sends: Way::Inbound,
            defaults: addresses.defaults(mode, backing.host_mac()?),
            // What the kernel says of its own accord is not what these rules are for.
            monitors: if config.has_chatter() { Monitors::none() } else { Monitors::new() },
            strict: context.is_strict(),
            far_end: Arc::new(HostSide::new(
                &ends,
                &backing,
                &stack,
                context.witnesses(),
                &addresses.hosts,
                &config,
                number,
            )),
            device,
        });
        ends.set_device(exchange.timeline());
        context.register(Arc::clone(exchange.record()));
        Ok(Self { exchange, backing, addresses, stack, ends, context: context.shared() })
    }

    /// The interface's name, such as `tun0`.
    ///
    /// # Panics
    /// When the interface was removed.
    #[must_use]
    #[track_caller]
    pub fn name(&self) -> String {
        assert_ok(self.exchange.device().name(), "read the interface's name")
    }

    /// The MTU in octets: the largest IP packet.
    ///
    /// # Panics
    /// When the interface was removed.
    #[must_use]
    #[track_caller]
    pub fn mtu(&self) -> u32 {
        assert_ok(self.exchange.device().mtu(), "read the MTU")
    }

    /// The host's first IPv4 address: 192.0.2.1 on the first link of a test, unless the test says otherwise.
    ///
    /// # Panics
    /// When the link has no IPv4 address.
    #[must_use]
    #[track_caller]
    pub fn host_v4(&self) -> Ipv4Addr {
        assert_some(self.addresses.host_v4(), "the link has no IPv4 address")
    }

    /// The IPv4 address that the test plays: 192.0.2.2 on the first link, unless the test says otherwise.
    ///
    /// # Panics
    /// When the link has no IPv4 peer.
    #[must_use]
    #[track_caller]
    pub fn peer_v4(&self) -> Ipv4Addr {
        assert_some(self.addresses.peer_v4, "the link has no IPv4 peer")
    }

    /// The host's first IPv6 address: 2001:db8::1 on the first link of a test, unless the test says otherwise.
    ///
    /// # Panics
    /// When the link has no IPv6 address.
    #[must_use]
    #[track_caller]
    pub fn host_v6(&self) -> Ipv6Addr {
        assert_some(self.addresses.host_v6(), "the link has no IPv6 address")
    }

    /// The IPv6 address that the test plays: 2001:db8::2 on the first link, unless the test says otherwise.
    ///
    /// # Panics
    /// When the link has no IPv6 peer.
    #[must_use]
    #[track_caller]
    pub fn peer_v6(&self) -> Ipv6Addr {
        assert_some(self.addresses.peer_v6, "the link has no IPv6 peer")
    }

    /// The host's addresses with their prefix lengths.
    #[must_use]
    pub fn addresses(&self) -> &[Cidr] {
        &self.addresses.hosts
    }

    /// The hardware address of the host end: a TAP's; `None` on a TUN.
    ///
    /// # Panics
    /// When the interface was removed.
    #[must_use]
    #[track_caller]
    pub fn host_mac(&self) -> Option<[u8; 6]> {
        assert_ok(self.backing.host_mac(), "read the hardware address")
    }

    /// The host's stack: its network namespace on the kernel backend. `tun.stack().run(|| …)` runs a closure there.
    #[must_use]
    pub const fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The host at the far end: its sockets, on both backends, its programs and its tables.
    #[cfg(feature = "host")]
    #[must_use]
    pub fn host(&self) -> Host {
        Host::new(self.stack.clone(), self.exchange.clock().clone())
    }

    /// The kernel's device with its netlink socket: routes, neighbours, carrier, statistics. `None` on the mock.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn kernel(&self) -> Option<&crate::kernel::KernelDevice> {
        self.backing.kernel()
    }

    /// The mock's cable: up and down, statistics, removal. `None` on the kernel backend.
    #[must_use]
    pub const fn mock(&self) -> Option<&crate::mock::Cable> {
        self.backing.mock()
    }

    /// The host end as raw frames: a packet socket on the kernel backend, the other end of the cable on the mock.
    /// What it transmits is read at the device end; what is written at the device end from now on it receives.
    ///
    /// # Panics
    /// When the socket cannot be made.
    #[must_use]
    #[track_caller]
    pub fn host_end(&self) -> HostEnd {
        let (end, dropped) = assert_ok(self.backing.host_end(&self.stack), "open a packet socket at the host end");
        let link = format!("the host end of {}", self.exchange.record().link());
        let name = end.name().unwrap_or_default();
        let exchange = Exchange::new(Parts {
            track: self.context.recorder.track(&format!("{name} (host end)"), self.mode(), &link, Way::Outbound),
            link,
            sends: Way::Outbound,
            defaults: self.exchange.defaults().reversed(),
            // The test itself holds the device end, until it hands it over.
            monitors: Monitors::none(),
            strict: false,
            far_end: Arc::new(DeviceSide {
                ends: Arc::clone(&self.ends),
                end: Arc::clone(&end),
                dropped,
                faults: self.backing.faulty(),
            }),
            device: end,
        });
        self.ends.add_host(exchange.timeline());
        self.context.records.register(Arc::clone(exchange.record()));
        HostEnd::new(exchange)
    }

    /// Brings the interface up, with the addresses it had.
    ///
    /// # Panics
    /// When the kernel refuses.
    #[track_caller]
    pub fn up(&self) {
        assert_ok(self.backing.set_up(true), "bring the interface up");
    }

    /// Takes the interface down: from then on a write at the device end gives EIO.
    ///
    /// # Panics
    /// When the kernel refuses.
    #[track_caller]
    pub fn down(&self) {
        assert_ok(self.backing.set_up(false), "take the interface down");
    }

    /// Sets the MTU, in octets.
    ///
    /// # Panics
    /// When the number is out of the device's range: 68 to 65,535 on TUN, 68 to 65,521 on TAP.
    #[track_caller]
    pub fn set_mtu(&self, octets: u32) {
        assert_ok(self.backing.set_mtu(octets), "set the MTU");
        self.noted_mtu(octets);
    }

    /// What the ends of the link go by from now on.
    pub(super) fn noted_mtu(&self, octets: u32) {
        self.ends.set_mtu(octets);
    }

    /// Lets a machine answer on this link, in the background, until the guard is dropped. The first machine of a
    /// link also gets what the device holds already; a later one sees what comes after it.
    ///
    /// # Panics
    /// When the thread cannot be started.
    #[track_caller]
    pub fn answer(&self, machine: impl AnsweringMachine + 'static) -> Answering {
        let attached = Answering::on_reader(machine, |responder| {
            let (dispatcher, id) = self.exchange.end().reader(Some(responder))?;
            let id = id.ok_or_else(|| io::Error::other("the link's reader took no machine"))?;
            Ok((Arc::clone(dispatcher), id))
        });
        assert_ok(attached, "start the link's reader")
    }

    /// Lets a machine answer until so much time is over or so many replies are sent (`answer_for(machine, 3)`), and
    /// gives the number of replies.
    ///
    /// # Panics
    /// When the machine does, with its message; when a count of replies is not reached within 10 s (times
    /// `TUNTAP_TEST_TIMEOUT_SCALE`).
    #[track_caller]
    pub fn answer_for(&self, machine: impl AnsweringMachine + 'static, until: impl Into<Until>) -> u64 {
        let until = until.into();
        let answering = self.answer(machine);
        let Some(wanted) = until.wanted_replies().filter(|_| !until.has_time()) else {
            return answering.wait_for(until);
        };
        let replies = answering.wait_for(until.within(patience()));
        assert!(
            replies >= wanted,
            "{replies} of {wanted} replies were sent within {:?}: {}",
            patience(),
            answering.tally()
        );
        replies
    }

    /// Isolates one case of many on this link, such as one input of a property: frames left over from the case before
    /// are thrown away, and when the test fails only the last failing case (proptest's minimal one) is reported.
    ///
    /// ```
    /// # use tuntap_test::context::{Backend, TestContext};
    /// # use tuntap_test::device::DeviceConfig;
    /// # use tuntap_test::Tun;
    /// use proptest::prelude::*;
    /// # let mut context = TestContext::new(Backend::Mock, "case")?;
    /// # let tun: Tun = context.argument(DeviceConfig::new())?;
    ///
    /// proptest!(|(octets in any::<Vec<u8>>())| {
    ///     tun.case(|| {
    ///         // Whatever the octets are, the device takes them or says EINVAL.
    ///         prop_assert!(tun.try_send(&octets).is_ok() || !matches!(octets.first(), Some(0x40..=0x4f | 0x60..=0x6f)));
    ///         Ok(())
    ///     })?;
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the closure does, with its payload; and when a monitor found something in what the case received.
    #[track_caller]
    pub fn case<T: CaseOutcome>(&self, body: impl FnOnce() -> T) -> T {
        assert_ok(self.exchange.end().drain(), "throw the frames of the case before away");
        self.exchange.timeline().restart();
        match panic::catch_unwind(AssertUnwindSafe(body)) {
            Ok(outcome) => {
                let judged = if outcome.failed() { Ok(()) } else { self.exchange.check_all(Some(Location::caller())) };
                if outcome.failed() || judged.is_err() {
                    self.exchange.timeline().case_failed();
                }
                if let Err(failure) = judged {
                    panic!("{failure}");
                }
                outcome
            }
            Err(payload) => {
                self.exchange.timeline().case_failed();
                panic::resume_unwind(payload)
            }
        }
    }

    /// The same with verbs that are futures: `tun.as_async().expect(…).await`. See
    /// [`asynchronous`](crate::exchange::asynchronous).
    #[cfg(feature = "tokio")]
    #[must_use]
    pub const fn as_async(&self) -> AsyncExchange<'_, Self> {
        AsyncExchange::new(&self.exchange, self)
    }

    pub(super) const fn end(&self) -> &DeviceEnd {
        self.exchange.end()
    }

    /// Takes the link apart for a hand-over: stops the reader, refuses while frames are undelivered.
    pub(super) fn into_backing(self) -> io::Result<(Backing, Stack)> {
        self.backing.check_hand_over()?;
        let Self { mut exchange, backing, stack, ends, context, .. } = self;
        exchange.close()?;
        ends.hand_over();
        // From here on whoever has the device is watched; it goes on where that cannot be.
        context.witnesses.watch(exchange.record(), backing.witness(&stack));
        Ok((backing, stack))
    }
}

impl Deref for Link {
    type Target = Exchange;

    fn deref(&self) -> &Exchange {
        &self.exchange
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("mode", &self.mode())
            .field("name", &self.exchange.device().name().unwrap_or_default())
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

#[track_caller]
pub(super) fn assert_ok<T>(result: io::Result<T>, step: &str) -> T {
    match result {
        Ok(value) => value,
        // An error of the kernel layer says itself which step failed.
        Err(error) if error.get_ref().is_some() => panic!("{error}"),
        Err(error) => panic!("failed to {step}: {error}"),
    }
}

#[track_caller]
fn assert_some<T>(value: Option<T>, otherwise: &str) -> T {
    match value {
        Some(value) => value,
        None => panic!("{otherwise}"),
    }
}
