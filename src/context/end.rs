//! The device end as the test holds it: the bare device, and once somebody listens in the background its one reader.

use std::io;
#[cfg(unix)]
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use crate::answer::{self, Answering, AnsweringMachine};
use crate::codec::Framing;
use crate::device::dispatch::Dispatcher;
use crate::device::{Deadline, Device, Frame, FrameRef, Mode};

/// Where there is no reader yet, reads go to the device itself: code under test pays for no thread it does not need.
pub(super) struct DeviceEnd {
    dispatcher: OnceLock<Arc<Dispatcher>>,
    starting: Mutex<()>,
    device: Arc<dyn Device>,
}

impl DeviceEnd {
    pub(super) const fn new(device: Arc<dyn Device>) -> Self {
        Self { dispatcher: OnceLock::new(), starting: Mutex::new(()), device }
    }

    /// Attaches a machine. The first one is there before the reader is, so frames that the device holds already are
    /// its own; a later one sees what comes after it.
    pub(super) fn answer(&self, machine: impl AnsweringMachine + 'static) -> io::Result<Answering> {
        let _one_at_a_time = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dispatcher) = self.dispatcher.get() {
            return Ok(answer::attach(dispatcher, machine));
        }
        let answering = Answering::start_queueing(Arc::clone(&self.device), machine)?;
        // Nobody else can have set it: everybody holds the lock.
        let _ = self.dispatcher.set(Arc::clone(answering.dispatcher()));
        Ok(answering)
    }

    /// Transmits a frame, with packet information in front where the device keeps it.
    pub(super) fn send(&self, frame: FrameRef<'_>) -> io::Result<()> {
        let framing = self.device.framing();
        if framing == Framing::None {
            return self.device.transmit(frame.octets).map(drop);
        }
        let info = match frame.mode {
            Mode::Tun => framing.info_for_ip_packet(frame.octets),
            Mode::Tap => framing.info_for_ethernet_frame(frame.octets),
        };
        let info = info.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "the frame is no IP packet (TUN) or shorter than an Ethernet header (TAP), so no packet information \
                 fits it; transmit it through `device()` with a header of your own",
            )
        })?;
        let mut octets = Vec::with_capacity(framing.header_len() + frame.octets.len());
        framing.append(info, frame.octets, &mut octets).map_err(io::Error::other)?;
        self.device.transmit(&octets).map(drop)
    }

    /// The next frame without packet information.
    pub(super) fn receive_frame(&self, deadline: Deadline) -> io::Result<Frame> {
        if let Some(dispatcher) = self.dispatcher.get() {
            return Ok(dispatcher.next(deadline)?.into_frame());
        }
        let header = self.device.framing().header_len();
        let mut octets = vec![0; header + LARGEST_FRAME];
        let length = self.device.receive(&mut octets, deadline)?;
        octets.truncate(length);
        octets.drain(..header.min(length));
        Ok(Frame::new(self.device.mode(), octets, Instant::now()))
    }

    /// Throws away what was sent to the test and not received.
    pub(super) fn drain(&self) -> io::Result<usize> {
        if let Some(dispatcher) = self.dispatcher.get() {
            return Ok(dispatcher.drain());
        }
        let mut buffer = [0; 4];
        let mut drained = 0;
        loop {
            match self.device.receive(&mut buffer, Deadline::Now) {
                Ok(_) => drained += 1,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(drained),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Stops the reader for a hand-over.
    pub(super) fn close(self) -> io::Result<()> {
        let undelivered = self.dispatcher.get().map_or(0, |dispatcher| dispatcher.undelivered());
        if undelivered > 0 {
            return Err(io::Error::other(format!(
                "{undelivered} frames from the host are undelivered: receive them before the device is handed over"
            )));
        }
        let Some(dispatcher) = self.dispatcher.into_inner() else { return Ok(()) };
        match Arc::try_unwrap(dispatcher) {
            Ok(dispatcher) => {
                dispatcher.stop();
                Ok(())
            }
            Err(_) => Err(io::Error::other(
                "an answering machine is still on the link: drop its guard before the device is handed over",
            )),
        }
    }
}

/// The largest IP packet, an Ethernet header and a VLAN tag.
const LARGEST_FRAME: usize = 65_535 + 18;

impl Device for DeviceEnd {
    fn mode(&self) -> Mode {
        self.device.mode()
    }

    fn name(&self) -> io::Result<String> {
        self.device.name()
    }

    fn mtu(&self) -> io::Result<u32> {
        self.device.mtu()
    }

    fn framing(&self) -> Framing {
        self.device.framing()
    }

    fn transmit(&self, octets: &[u8]) -> io::Result<usize> {
        self.device.transmit(octets)
    }

    fn receive(&self, buffer: &mut [u8], deadline: Deadline) -> io::Result<usize> {
        let Some(dispatcher) = self.dispatcher.get() else { return self.device.receive(buffer, deadline) };
        let received = dispatcher.next(deadline)?;
        let octets = received.octets();
        let length = octets.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), octets.get(..length)) {
            to.copy_from_slice(from);
        }
        Ok(length)
    }

    fn interrupt(&self) {
        match self.dispatcher.get() {
            Some(dispatcher) => dispatcher.interrupt(),
            None => self.device.interrupt(),
        }
    }

    #[cfg(unix)]
    fn try_as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.device.try_as_fd()
    }
}
