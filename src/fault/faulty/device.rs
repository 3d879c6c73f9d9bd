//! A device with faults in front of it: what is transmitted and what is received passes an injector, in real time.

use std::fmt;
use std::io;
#[cfg(unix)]
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::queues::{Outgoing, Queues, is_fit};
use super::timer::Timer;
use super::{Faulty, LinkControl, refusal};
use crate::codec::Framing;
use crate::device::{Clock, Deadline, Device, FrameRef, Mode};
use crate::fault::{Call, CallFault, FaultPlan, Faults, LinkFault, Towards};

/// A [`Device`] of any kind with faults between it and whoever uses it: the kernel's, or one of your own.
///
/// Until a fault is planned it is the device: each call costs one look at a flag more. From then on frames pass an
/// [`Injector`](crate::fault::Injector) on their way in both directions, and the calls themselves may fail. It is
/// what stands behind `tun.faults()` on the kernel backend.
///
/// ```text
///  transmit ──► call faults ──► device would refuse it? ──► injector ──► now: the device's transmit
///                                                              └───────► later: the same, from a thread of its own
///  receive  ◄── call faults ◄── arrived ◄── injector ◄── the device's receive
/// ```
///
/// * Times are real and counted from when the wrapper was made. A delayed frame is transmitted when it is due, whoever
///   uses the device then: one thread sees to it, which lives only while something is delayed or planned by time. What
///   waits in the device is late from when it is read. What is late when the wrapper is dropped is lost.
/// * What the device would refuse (no IP packet on TUN, less than an Ethernet header on TAP, the link down) is refused
///   and meets no fault. A frame that is delayed, dropped or changed counts as taken: `transmit` gives its length, and
///   what the device says of it later is told by [`fault_report`](Self::fault_report).
/// * A receive counts as a call when it gives something: a frame or a fault. One that ends with EAGAIN, ETIMEDOUT or
///   EINTR of its own is the same call as the next.
/// * While faults are planned there is no descriptor ([`Device::try_as_fd`] gives `None`), and whoever holds one goes past
///   them.
/// * Link faults need a [`LinkControl`]: [`with_link`](Self::with_link).
///
/// ```
/// use std::sync::Arc;
/// use tuntap_test::device::{Deadline, Device};
/// use tuntap_test::fault::FaultyDevice;
/// use tuntap_test::mock::{Cable, CableConfig};
/// use tuntap_test::packet::Packet;
///
/// let cable = Cable::new(CableConfig::tun())?;
/// let (device, host) = (FaultyDevice::new(Arc::new(cable.device_end())), cable.host_end());
/// device.faults().drop_nth(1, Packet::any());
/// device.transmit(&[0x45, 0, 0, 20])?;
/// device.transmit(&[0x45, 0, 0, 21])?;
/// let mut buffer = [0; 99];
/// assert_eq!(host.receive(&mut buffer, Deadline::Now)?, 4);
/// assert_eq!(buffer[3], 21);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct FaultyDevice<D: Device + ?Sized + 'static> {
    pub(super) core: Arc<Core<D>>,
}

/// What the wrapper and its thread share.
pub(super) struct Core<D: ?Sized> {
    pub(super) device: Arc<D>,
    pub(super) faults: Arc<Faulty>,
    /// A fault was planned: until then nothing else is looked at.
    at_work: AtomicBool,
    link: Option<Box<dyn LinkControl>>,
    /// Which frames are the harness's own.
    pub(super) is_own: fn(FrameRef<'_>) -> bool,
    queues: Mutex<Queues>,
    /// Held by who writes what is outgoing, so that it goes in order.
    writer: Mutex<()>,
    /// Somebody asked a reader to look up.
    pub(super) interrupted: AtomicBool,
    /// Room for frames that are read, kept from one read to the next.
    pub(super) rooms: Mutex<Vec<Vec<u8>>>,
    pub(super) timer: Timer,
}

impl<D: Device + ?Sized + 'static> FaultyDevice<D> {
    /// A device with no faults yet.
    pub fn new(device: Arc<D>) -> Self {
        Self::make(device, None, |_| false)
    }

    /// The same, with what takes its link down and up, sets its MTU and removes it.
    pub fn with_link(device: Arc<D>, link: impl LinkControl + 'static) -> Self {
        Self::make(device, Some(Box::new(link)), |_| false)
    }

    /// The same, with frames that no fault may meet: those of a fence.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only the kernel backend asks"))]
    pub(crate) fn past(device: Arc<D>, link: impl LinkControl + 'static, is_own: fn(FrameRef<'_>) -> bool) -> Self {
        Self::make(device, Some(Box::new(link)), is_own)
    }

    fn make(device: Arc<D>, link: Option<Box<dyn LinkControl>>, is_own: fn(FrameRef<'_>) -> bool) -> Self {
        let core = Core {
            device,
            faults: Arc::new(Faulty::new(Instant::now())),
            at_work: AtomicBool::new(false),
            link,
            is_own,
            queues: Mutex::default(),
            writer: Mutex::new(()),
            interrupted: AtomicBool::new(false),
            rooms: Mutex::default(),
            timer: Timer::default(),
        };
        Self { core: Arc::new(core) }
    }

    /// The device behind the faults. Who uses it goes past them.
    #[must_use]
    pub fn device(&self) -> &Arc<D> {
        &self.core.device
    }

    /// The faults of this device: each method plans one more, from now on.
    ///
    /// # Panics
    /// When the changed plan has link faults and the device came without a [`LinkControl`], or when the device goes by
    /// virtual time: a mock's device end has the faults of its [`Cable`](crate::mock::Cable).
    pub fn faults(&self) -> Faults<'_> {
        Faults::new(self.core.faults.plan(), |plan| {
            if let Err(why) = self.set(plan) {
                panic!("{why}");
            }
        })
    }

    /// Puts another plan in the place of the one that is at work.
    ///
    /// # Errors
    /// Where [`faults`](Self::faults) panics.
    pub(crate) fn set(&self, plan: FaultPlan) -> io::Result<()> {
        let refuse = |why: String| Err(io::Error::new(io::ErrorKind::Unsupported, why));
        if self.core.device.clock().is_virtual() {
            return refuse(
                "faults in front of a device work in real time, and this one goes by virtual time: plan them on its \
                 Cable, with Cable::faults"
                    .to_owned(),
            );
        }
        if let (None, Some(fault)) = (&self.core.link, plan.link_faults().next()) {
            return refuse(format!(
                "the fault \"{fault}\" needs the interface behind the device: make it with FaultyDevice::with_link"
            ));
        }
        self.core.faults.replan(plan);
        self.core.at_work.store(true, Ordering::Release);
        self.core.set_timer();
        Ok(())
    }

    /// The plan with its seed, what was done so far, and what could not be done, in a few lines; `None` where no fault
    /// was planned.
    #[must_use]
    pub fn fault_report(&self) -> Option<String> {
        self.core.faults.report()
    }

    /// What was done so far as a plan that does it again: `fault-plan.toml`. `None` where no fault was planned.
    #[must_use]
    pub fn fault_plan(&self) -> Option<String> {
        self.core.faults.to_toml()
    }

    /// The faults, for who outlives this handle.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only the kernel backend asks"))]
    pub(crate) fn faulty(&self) -> Arc<Faulty> {
        Arc::clone(&self.core.faults)
    }
}

impl<D: Device + ?Sized + 'static> Drop for FaultyDevice<D> {
    fn drop(&mut self) {
        self.core.timer.stop();
    }
}

impl<D: ?Sized> Core<D> {
    pub(super) fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Device + ?Sized + 'static> Core<D> {
    /// A call begins: what it gives instead of what it would have given. What is due happens to the link first.
    pub(super) fn begin(&self, call: Call) -> io::Result<Option<CallFault>> {
        let Some(begun) = self.faults.begin(call, Instant::now()) else { return Ok(None) };
        begun.link.into_iter().for_each(|fault| self.happen(fault));
        if let Some(error) = self.faults.trouble().take() {
            return Err(error);
        }
        match begun.fault.and_then(refusal) {
            Some(error) => Err(error),
            None => Ok(begun.fault),
        }
    }

    pub(super) fn happen(&self, fault: LinkFault) {
        let done = match &self.link {
            Some(link) => link.happen(fault),
            None => Err(io::Error::other("nothing was given that could do it")),
        };
        match done {
            Ok(()) if fault == LinkFault::Removed => self.queues().remove_link(),
            Ok(()) => {}
            Err(error) => {
                let name = self.device.name().unwrap_or_else(|_| "the device".to_owned());
                self.faults.trouble().failed(format!("the fault \"{fault}\" cannot be had on {name}: {error}"));
            }
        }
    }

    fn transmit(self: &Arc<Self>, octets: &[u8]) -> io::Result<usize> {
        let (mode, framing) = (self.device.mode(), self.device.framing());
        let parts = octets.split_at_checked(framing.header_len());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if parts.is_some_and(|(_, frame)| (self.is_own)(FrameRef::new(mode, frame))) {
            self.write_out(None);
            return self.device.transmit(octets);
        }
        self.begin(Call::Transmit)?;
        let fit = parts.filter(|(_, frame)| is_fit(framing, FrameRef::new(mode, frame)));
        let Some((header, frame)) = fit.filter(|_| self.link.as_ref().is_none_or(|link| link.is_up())) else {
            return self.device.transmit(octets);
        };
        let mut queues = self.queues();
        let passed = self.faults.frame(Towards::Host, FrameRef::new(mode, frame), Instant::now());
        let Some((number, passed)) = passed else { return self.device.transmit(octets) };
        queues.take_in(passed, (mode, framing), Some((number, header)));
        drop(queues);
        let own = self.write_out(Some(number));
        drop(writer);
        self.set_timer();
        own.unwrap_or(Ok(octets.len()))
    }

    /// Writes what is outgoing, and gives what the device said of the frame of that number, if that is among it and as it
    /// was. The caller is the writer.
    fn write_out(&self, own: Option<u64>) -> Option<io::Result<usize>> {
        let mut said = None;
        loop {
            let next = self.queues().outgoing.pop_front();
            let Some(Outgoing { number, copy, altered, octets }) = next else { return said };
            let written = self.device.transmit(&octets);
            if own == Some(number) && copy == 0 && !altered {
                said = Some(written);
            } else if let Err(error) = written {
                self.faults.trouble().lost(&error);
            }
        }
    }

    /// Does what is due by now: the timer's thread.
    pub(super) fn do_what_is_due(&self, now: Instant) {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(fault) = self.faults.link_due(now) {
            self.happen(fault);
        }
        let link = (self.device.mode(), self.device.framing());
        let mut queues = self.queues();
        queues.take_in(self.faults.due(now).unwrap_or_default(), link, None);
        let news = queues.has_news();
        drop(queues);
        self.write_out(None);
        if news {
            self.device.interrupt();
        }
    }

    /// When the timer has something to do.
    pub(super) fn next(&self) -> Option<Instant> {
        // Locked until both are asked: what comes out of the one goes into the other.
        let queues = self.queues();
        if queues.outgoing.is_empty() { self.faults.next() } else { Some(Instant::now()) }
    }
}

impl<D: Device + ?Sized + 'static> Device for FaultyDevice<D> {
    fn mode(&self) -> Mode {
        self.core.device.mode()
    }

    fn name(&self) -> io::Result<String> {
        self.core.device.name()
    }

    fn mtu(&self) -> io::Result<u32> {
        self.core.device.mtu()
    }

    fn framing(&self) -> Framing {
        self.core.device.framing()
    }

    fn transmit(&self, octets: &[u8]) -> io::Result<usize> {
        if self.core.at_work.load(Ordering::Acquire) {
            return self.core.transmit(octets);
        }
        self.core.device.transmit(octets)
    }

    fn receive(&self, buffer: &mut [u8], deadline: Deadline) -> io::Result<usize> {
        if self.core.at_work.load(Ordering::Acquire) {
            return self.core.receive(buffer, deadline);
        }
        let read = self.core.device.receive(buffer, deadline);
        // Somebody may have planned the first fault in the meantime, and what was read since then meets it.
        if self.core.at_work.load(Ordering::Acquire) {
            return self.core.receive_after(read, buffer, deadline);
        }
        if read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {
            self.core.interrupted.store(false, Ordering::Release);
        }
        read
    }

    fn interrupt(&self) {
        self.core.interrupted.store(true, Ordering::Release);
        self.core.device.interrupt();
    }

    /// The device's, or the system's where that is a cable's own: frames are late in real time.
    fn clock(&self) -> Clock {
        let clock = self.core.device.clock();
        if clock.is_virtual() { clock } else { Clock::system() }
    }

    #[cfg(unix)]
    fn try_as_fd(&self) -> Option<BorrowedFd<'_>> {
        if self.core.at_work.load(Ordering::Acquire) { None } else { self.core.device.try_as_fd() }
    }
}

impl<D: Device + ?Sized + 'static> fmt::Debug for FaultyDevice<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultyDevice({})", self.core.device.name().unwrap_or_default())
    }
}
