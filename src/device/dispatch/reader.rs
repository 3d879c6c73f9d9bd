//! The reader's thread: receive, offer, transmit, queue.

use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use super::responders::panic_message;
use super::{Replies, Shared, Verdict};
use crate::codec::{Framing, PacketInfo, TunPi};
use crate::device::{Deadline, Device, FrameRef, LARGEST_FRAME, Mode};

/// The header in front of a reply, kept from one request to the next.
type Header = Vec<u8>;

/// The thread's body: reads until it is stopped or the device fails, then says so to the queue and the responders.
pub(super) fn run(shared: &Shared) {
    // A device may be anybody's: if it panics, whoever waits for a frame must hear of it.
    let ended = catch_unwind(AssertUnwindSafe(|| read_until_the_end(shared)));
    let error = ended.unwrap_or_else(|payload| {
        io::Error::other(format!("the device panicked in the link's reader: {}", panic_message(&*payload)))
    });
    shared.queue.end(&error);
    shared.responders.lock_as_reader().end();
}

fn read_until_the_end(shared: &Shared) -> io::Error {
    let device = &*shared.device;
    let mut reading = Reading::new(device);
    let mut told_idle = shared.observer.is_none();
    while !shared.stopping.load(Ordering::Acquire) {
        // An observer is told before the reader waits, so the last frame of many is followed by one look more.
        let deadline = if told_idle { Deadline::Never } else { Deadline::Now };
        match device.receive(&mut reading.buffer, deadline) {
            Ok(octets) => {
                reading.dispatch(shared, octets);
                told_idle = shared.observer.is_none();
            }
            Err(error) if !told_idle && is_passing(&error) => {
                told_idle = true;
                if let Some(observer) = &shared.observer {
                    observer.idle();
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => shared.queue.pass(),
            Err(error) if is_passing(&error) || error.kind() == ErrorKind::NetworkDown => {}
            Err(error) => return error,
        }
    }
    stopped()
}

/// What a reader needs from frame to frame.
pub(super) struct Reading {
    mode: Mode,
    framing: Framing,
    buffer: Vec<u8>,
    replies: Replies,
    header: Header,
}

impl Reading {
    pub(super) fn new(device: &dyn Device) -> Self {
        let framing = device.framing();
        Self {
            mode: device.mode(),
            framing,
            buffer: vec![0; LARGEST_FRAME + framing.header_len()],
            replies: Replies::new(),
            header: Header::with_capacity(framing.header_len()),
        }
    }

    /// Reads without waiting, and says whether there was a frame.
    pub(super) fn read_what_is_there(&mut self, shared: &Shared) -> io::Result<bool> {
        let (mut did, mut went_down) = (false, false);
        while !shared.stopping.load(Ordering::Acquire) {
            match shared.device.receive(&mut self.buffer, Deadline::Now) {
                Ok(octets) => {
                    did = true;
                    self.dispatch(shared, octets);
                }
                Err(error) if is_passing(&error) => {
                    if let (true, Some(observer)) = (did, &shared.observer) {
                        observer.idle();
                    }
                    return Ok(did);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A host end says once that the link went down, and goes on when it is up again. A mock's says so for ever
                // where the link was removed.
                Err(error) if error.kind() == ErrorKind::NetworkDown && !went_down => went_down = true,
                Err(error) => return Err(error),
            }
        }
        Ok(did)
    }

    fn dispatch(&mut self, shared: &Shared, octets: usize) {
        let Self { mode, framing, buffer, replies, header } = self;
        let octets = buffer.get(..octets).unwrap_or(buffer);
        dispatch(shared, *mode, *framing, octets, header, replies);
    }
}

/// One frame: the observer, the one lock, the responders, and what they leave.
fn dispatch(shared: &Shared, mode: Mode, framing: Framing, octets: &[u8], header: &mut Header, replies: &mut Replies) {
    let counters = &shared.counters;
    count(&counters.received, 1);
    let at = shared.queue.now();
    let observer = shared.observer.as_deref();
    let parts = octets.split_at_checked(framing.header_len());
    let frame = FrameRef::new(mode, parts.map_or(octets, |(_, frame)| frame));
    let number = match observer.map(|observer| observer.received(frame, at)) {
        None => 0,
        Some(Some(number)) => number,
        Some(None) => return,
    };
    // A read shorter than the header has no frame: nobody can answer it, so it goes to the queue as it is.
    let verdict = parts.map_or(Verdict::Passed, |(front, frame)| {
        reply_header(framing, front, header);
        let transmit = |by: &str, replies: &mut Replies| {
            replies.prepend(header);
            let (mut taken, mut refused) = (0, 0);
            for reply in replies.iter() {
                let written = shared.device.transmit(reply);
                if let Some(observer) = observer {
                    let reply = FrameRef::new(mode, reply.get(header.len()..).unwrap_or_default());
                    observer.replied(number, by, reply, written.as_ref().err());
                }
                match written {
                    Ok(_) => taken += 1,
                    Err(_) => refused += 1,
                }
            }
            count(&counters.replies, taken);
            count(&counters.failed_replies, refused);
            (taken, refused)
        };
        let mut list = shared.responders.lock_as_reader();
        let taken = |by: &str| {
            if let Some(observer) = observer {
                observer.taken(number, by);
            }
        };
        let panicked = |by: &str, message: &str| {
            if let Some(observer) = observer {
                observer.panicked(number, by, message);
            }
        };
        list.offer(FrameRef::new(mode, frame), replies, transmit, taken, panicked)
    });
    match verdict {
        Verdict::Taken => count(&counters.taken, 1),
        Verdict::Passed if shared.queue.push(octets, at, number) => {}
        Verdict::Passed => {
            count(&counters.dropped, 1);
            if let Some(observer) = observer {
                observer.dropped(number);
            }
        }
    }
}

fn count(counter: &AtomicU64, frames: u64) {
    if frames != 0 {
        counter.fetch_add(frames, Ordering::Relaxed);
    }
}

/// The header of a reply to a frame that came with `request`: the same protocol, no flags (`TUN_PKT_STRIP` says
/// something about a read only; the kernel ignores it in a write).
fn reply_header(framing: Framing, request: &[u8], reply: &mut Header) {
    reply.clear();
    let info = match framing.split(request) {
        Ok((PacketInfo::TunPi(pi), _)) => TunPi::new(pi.protocol).into(),
        Ok((info, _)) => info,
        Err(_) => return,
    };
    // The framing is that of the information by construction.
    let _ = framing.append(info, &[], reply);
}

/// Errors after which reading goes on, beside EINTR: EAGAIN, ETIMEDOUT.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// What [`Dispatcher::next`](super::Dispatcher::next) gives once the reader was stopped.
#[cfg(unix)]
pub(super) fn stopped() -> io::Error {
    io::Error::from_raw_os_error(libc::EBADF)
}

#[cfg(not(unix))]
pub(super) fn stopped() -> io::Error {
    io::Error::other("the link's reader was stopped")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_has_the_protocol_of_its_request_and_no_flags() {
        let mut header = vec![9; 9];
        reply_header(Framing::TunPi, &[0x01, 0x00, 0x86, 0xdd], &mut header);
        assert_eq!(header, [0, 0, 0x86, 0xdd]);
        reply_header(Framing::None, &[], &mut header);
        assert!(header.is_empty());
    }
}
