//! Receiving through an injector: the device is read until something has come out, and what is late wakes who waits.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::device::Core;
use super::packet_info;
use super::packet_info::protocol_of;
use super::queues::Arrived;
use crate::codec::Framing;
use crate::device::{Deadline, Device, FrameRef, LARGEST_FRAME};
use crate::errno::Errno;
use crate::fault::{Call, CallFault, Towards};

/// How far a receive has come.
enum Look {
    /// There is a frame.
    Found(Arrived),
    /// There is none; whoever looked counts as waiting.
    Nothing,
}

impl<D: Device + ?Sized + 'static> Core<D> {
    /// Goes on with a read that had begun before there were faults. Of its frame there is what the caller had room for.
    pub(super) fn receive_after(
        self: &Arc<Self>,
        read: io::Result<usize>,
        buffer: &mut [u8],
        deadline: Deadline,
    ) -> io::Result<usize> {
        let length = read?;
        self.meet(buffer.get(..length).unwrap_or_default());
        self.receive(buffer, deadline)
    }

    pub(super) fn receive(self: &Arc<Self>, buffer: &mut [u8], deadline: Deadline) -> io::Result<usize> {
        if buffer.is_empty() {
            // The device looks at the room first.
            return self.device.receive(buffer, Deadline::Now);
        }
        let begin = Instant::now();
        let mut over = false;
        loop {
            let waits = deadline != Deadline::Now;
            match self.look(waits)? {
                (Look::Found(frame), fault) => return self.give(&frame, buffer, fault),
                (Look::Nothing, _) if over => {
                    self.waits_no_more();
                    return Err(Errno::TimedOut.into());
                }
                (Look::Nothing, _) => {}
            }
            let left = match deadline {
                // Whoever is asked to look up sees first what is there.
                _ if self.interrupted.load(Ordering::Acquire) => Deadline::Now,
                Deadline::After(duration) => Deadline::After(duration.saturating_sub(begin.elapsed())),
                Deadline::Now | Deadline::Never => deadline,
            };
            let read = self.read(left);
            self.waits_no_more();
            match read {
                // Who floods the device with frames that are dropped keeps nobody behind the deadline.
                Ok(()) => over = matches!(deadline, Deadline::After(duration) if begin.elapsed() >= duration),
                Err(error) if !waits => return Err(error),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => {
                        if self.queues().arrived.is_empty() && self.interrupted.swap(false, Ordering::AcqRel) {
                            return Err(Errno::Interrupted.into());
                        }
                    }
                    io::ErrorKind::TimedOut => over = true,
                    // By somebody, which the flag tells, or because something has arrived.
                    io::ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
    }

    /// Lets out what is due, and looks for a frame. Where there is none the caller counts as waiting from here on.
    fn look(self: &Arc<Self>, waits: bool) -> io::Result<(Look, Option<CallFault>)> {
        let link = (self.device.mode(), self.device.framing());
        let mut queues = self.queues();
        queues.take_in(self.faults.due(Instant::now()).unwrap_or_default(), link, None);
        if queues.arrived.front().is_some_and(|frame| frame.own) {
            return Ok(match queues.arrived.pop_front() {
                Some(frame) => (Look::Found(frame), None),
                None => (Look::Nothing, None),
            });
        }
        // A look that finds nothing and does not wait is no call.
        if !waits && queues.arrived.is_empty() {
            queues.waiting += 1;
            return Ok((Look::Nothing, None));
        }
        drop(queues);
        let fault = self.begin(Call::Receive)?;
        let mut queues = self.queues();
        let found = queues.arrived.pop_front();
        let news = queues.has_news();
        if found.is_none() {
            queues.waiting += 1;
        }
        drop(queues);
        if news {
            // What is left is for those who wait already.
            self.device.interrupt();
        }
        Ok((found.map_or(Look::Nothing, Look::Found), fault))
    }

    fn waits_no_more(&self) {
        self.queues().waiting -= 1;
    }

    /// What a read gives of a frame.
    fn give(&self, frame: &Arrived, buffer: &mut [u8], fault: Option<CallFault>) -> io::Result<usize> {
        let framing = self.device.framing();
        let protocol = protocol_of(self.device.mode(), &frame.octets);
        let given = packet_info::fill(framing == Framing::TunPi, protocol, &frame.octets, buffer, fault);
        if !frame.own {
            let length = given.as_ref().map_or(0, |length| *length);
            self.faults.gave(fault, framing, buffer.get(..length).unwrap_or_default());
        }
        given
    }

    /// Reads one frame off the device and lets it pass the injector.
    fn read(self: &Arc<Self>, deadline: Deadline) -> io::Result<()> {
        let room = self.rooms.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut room = room.unwrap_or_else(|| vec![0; LARGEST_FRAME + self.device.framing().header_len()]);
        let read = self.device.receive(&mut room, deadline);
        if let Ok(length) = read {
            self.meet(room.get(..length).unwrap_or_default());
        }
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner).push(room);
        read.map(drop)
    }

    /// A frame came off the device, with packet information in front where that has it.
    fn meet(self: &Arc<Self>, octets: &[u8]) {
        let (mode, framing) = (self.device.mode(), self.device.framing());
        let octets = octets.split_at_checked(framing.header_len()).map_or(octets, |(_, frame)| frame);
        let frame = FrameRef::new(mode, octets);
        let mut queues = self.queues();
        if (self.is_own)(frame) {
            queues.arrived.push_back(Arrived { octets: octets.to_vec(), own: true });
            return;
        }
        if let Some((_, passed)) = self.faults.frame(Towards::Device, frame, Instant::now()) {
            queues.take_in(passed, (mode, framing), None);
        }
        drop(queues);
        self.set_timer();
    }
}
