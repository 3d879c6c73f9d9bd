//! The device end as the test holds it: the bare device, and once somebody listens in the background its one reader.

use std::io;
#[cfg(unix)]
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use super::accounting::Fate;
use super::timeline::Timeline;
use crate::codec::Framing;
use crate::device::dispatch::{Dispatcher, Observer, Received, Responder, ResponderId};
use crate::device::{Clock, Deadline, Device, FrameRef, Mode, patience};

/// Where there is no reader yet, reads go to the device itself: code under test pays for no thread it does not need.
pub(crate) struct DeviceEnd {
    timeline: Arc<Timeline>,
    dispatcher: OnceLock<Arc<Dispatcher>>,
    starting: Mutex<()>,
    switching: AtomicBool,
    direct_readers: AtomicUsize,
    device: Arc<dyn Device>,
}

impl DeviceEnd {
    pub(super) const fn new(device: Arc<dyn Device>, timeline: Arc<Timeline>) -> Self {
        Self {
            timeline,
            dispatcher: OnceLock::new(),
            starting: Mutex::new(()),
            switching: AtomicBool::new(false),
            direct_readers: AtomicUsize::new(0),
            device,
        }
    }

    /// Starts the one reader, unless it runs; `responder` is there from the first frame on, or behind those that are.
    pub(crate) fn reader(
        &self,
        responder: Option<Box<dyn Responder>>,
    ) -> io::Result<(&Arc<Dispatcher>, Option<ResponderId>)> {
        if let (Some(dispatcher), None) = (self.dispatcher.get(), &responder) {
            return Ok((dispatcher, None));
        }
        let _one_at_a_time = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dispatcher) = self.dispatcher.get() {
            return Ok((dispatcher, responder.map(|responder| dispatcher.attach(responder))));
        }
        self.switching.store(true, Ordering::SeqCst);
        while self.direct_readers.load(Ordering::SeqCst) > 0 {
            // A reader that was not waiting finds the interruption the next time; nothing but asking again tells.
            self.device.interrupt();
            thread::yield_now();
        }
        let observer = Arc::clone(&self.timeline) as Arc<dyn Observer>;
        let started = Dispatcher::start_observed(Arc::clone(&self.device), observer, responder);
        let id = match started {
            Ok((dispatcher, id)) => {
                // Nobody else can have set it: everybody holds the lock.
                let _ = self.dispatcher.set(Arc::new(dispatcher));
                Ok(id)
            }
            Err(error) => Err(error),
        };
        self.switching.store(false, Ordering::SeqCst);
        match (self.dispatcher.get(), id?) {
            (Some(dispatcher), id) => Ok((dispatcher, id)),
            (None, _) => Err(io::Error::other("the link's reader did not start")),
        }
    }

    /// Transmits a frame, with packet information in front where the device keeps it.
    pub(crate) fn send(&self, frame: FrameRef<'_>) -> io::Result<()> {
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

    /// The frame behind the device's packet information; `None` where there is not even that.
    fn frame_in<'a>(&self, octets: &'a [u8]) -> Option<&'a [u8]> {
        octets.get(self.device.framing().header_len()..)
    }

    /// Reads through the one reader where there is one, else `directly`. Whoever reads directly while a reader starts is
    /// interrupted and goes on through that: a link never has two.
    fn read(
        &self,
        deadline: Deadline,
        mut directly: impl FnMut(&dyn Device, Deadline) -> io::Result<usize>,
    ) -> io::Result<Read> {
        let clock = &self.timeline.clock;
        let begin = clock.now();
        loop {
            let left = match deadline {
                Deadline::After(duration) => {
                    Deadline::After(duration.saturating_sub(clock.now().saturating_duration_since(begin)))
                }
                Deadline::Now | Deadline::Never => deadline,
            };
            self.direct_readers.fetch_add(1, Ordering::SeqCst);
            if let Some(dispatcher) = self.dispatcher.get() {
                self.direct_readers.fetch_sub(1, Ordering::SeqCst);
                return dispatcher.next(left).map(Read::Queued);
            }
            let read = if self.switching.load(Ordering::SeqCst) {
                Err(io::ErrorKind::Interrupted.into())
            } else {
                directly(&*self.device, left)
            };
            // Whoever starts the reader waits for this one to be counted out, so until then the flag tells the truth.
            let switching = self.switching.load(Ordering::SeqCst);
            self.direct_readers.fetch_sub(1, Ordering::SeqCst);
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted && switching => {
                    // Until the reader is there.
                    drop(self.starting.lock().unwrap_or_else(PoisonError::into_inner));
                }
                result => return result.map(Read::Direct),
            }
        }
    }

    /// Lets the reader, if there is one, take what the device holds now; not for longer than that. On the reader's own
    /// thread it does nothing.
    pub(super) fn catch_up(&self, verb: &str, at_most: Duration) {
        if let Some(dispatcher) = self.dispatcher.get().filter(|dispatcher| !dispatcher.is_on_reader()) {
            // Who floods the link past that is told of by what was read.
            let _ = dispatcher.catch_up(verb, at_most);
        }
    }

    /// Throws away what was sent to the test and not received.
    pub(crate) fn drain(&self) -> io::Result<usize> {
        if let Some(dispatcher) = self.dispatcher.get() {
            dispatcher.catch_up("drain", patience())?;
            for number in dispatcher.waiting() {
                self.timeline.mark(number, Fate::Drained);
            }
            return dispatcher.drain();
        }
        let mut buffer = [0; 4];
        let mut drained = 0;
        let clock = &self.timeline.clock;
        let end = clock.now() + patience();
        loop {
            if clock.now() >= end {
                return Err(io::Error::other("the host sends faster than its frames can be thrown away"));
            }
            match self.device.receive(&mut buffer, Deadline::Now) {
                Ok(_) => drained += 1,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(drained),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Stops the reader for a hand-over.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        let Some(dispatcher) = self.dispatcher.take() else { return Ok(()) };
        // What the device holds is the code under test's; what the reader took off it would be lost.
        let undelivered = match Arc::try_unwrap(dispatcher) {
            Ok(dispatcher) => dispatcher.stop_and_count(),
            Err(_) => {
                return Err(io::Error::other(
                    "an answering machine is still on the link: drop its guard before the device is handed over",
                ));
            }
        };
        if undelivered == 0 {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "{undelivered} frames from the host are undelivered: receive them before the device is handed over"
        )))
    }
}

/// What one read gave.
enum Read {
    /// From the device into the caller's buffer: the octets.
    Direct(usize),
    /// From the reader's queue.
    Queued(Received),
}

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
        // Before it is written: its answer comes behind it.
        let number = self.frame_in(octets).map(|frame| self.timeline.writing_directly(frame));
        let written = self.device.transmit(octets);
        if let (Some(number), Err(error)) = (number, &written) {
            self.timeline.write_refused(number, error);
        }
        written
    }

    fn receive(&self, buffer: &mut [u8], deadline: Deadline) -> io::Result<usize> {
        // Whoever kills this process while it waits finds all that was before.
        self.timeline.flush();
        let received = match self.read(deadline, |device, deadline| device.receive(buffer, deadline))? {
            Read::Direct(length) => {
                if let Some(frame) = buffer.get(..length).and_then(|octets| self.frame_in(octets)) {
                    self.timeline.read_directly(frame);
                }
                return Ok(length);
            }
            Read::Queued(received) => received,
        };
        self.timeline.flush();
        self.timeline.mark(received.number(), Fate::Delivered);
        let octets = received.octets();
        let length = octets.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), octets.get(..length)) {
            to.copy_from_slice(from);
        }
        Ok(length)
    }

    fn clock(&self) -> Clock {
        self.timeline.clock.clone()
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
