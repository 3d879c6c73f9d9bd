//! The mock's device end as a file descriptor: one end of a socket pair, pumped by two threads.
//!
//! Layer: as the mock. One `read` or `write` is one frame, in the device end's framing. Differences from a TUN descriptor:
//! a write is never refused (no EINVAL for a bad first nibble, no EIO while down: such frames vanish), it blocks when the
//! socket is full, removal of the link reads as end of file, a short read gives no `TUN_PKT_STRIP`, and there are no ioctls.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use nix::errno::Errno as Code;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, Shutdown, SockFlag, SockType, recv, send, setsockopt, shutdown, socketpair, sockopt,
};

use super::DeviceEnd;
use super::state::Shared;
use crate::device::Deadline;

/// The send buffer asked for, in octets; unprivileged, the system may give less.
const SEND_BUFFER: usize = 8 << 20;

/// Room for the longest frame of a link and its headers.
const LONGEST: usize = 1 << 17;

/// A mock device end as a descriptor, with the threads behind it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Descriptor {
    /// What the code under test gets: blocking, close-on-exec.
    pub fd: OwnedFd,
    /// The threads. Keep it as long as the descriptor is to work.
    pub pump: Pump,
}

/// Two threads that carry frames between a cable and a socket. They end when the descriptor is closed, when the link is
/// removed (the pump does not keep its cable alive), or when the pump is dropped, which also joins them.
#[derive(Debug)]
pub struct Pump {
    carrier: Arc<Carrier>,
    threads: Vec<JoinHandle<()>>,
}

/// Hands a device end over as a file descriptor. The cable, or a host end of it, has to be kept.
///
/// # Errors
/// When the system refuses the socket pair or a thread.
pub fn into_descriptor(device: DeviceEnd) -> io::Result<Descriptor> {
    // macOS has no SOCK_SEQPACKET pairs and no SOCK_CLOEXEC.
    #[cfg(not(target_vendor = "apple"))]
    let (ours, fd) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    #[cfg(target_vendor = "apple")]
    let (ours, fd) = {
        use nix::fcntl::{FcntlArg, FdFlag, fcntl};
        let pair = socketpair(AddressFamily::Unix, SockType::Datagram, None, SockFlag::empty())?;
        fcntl(&pair.0, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
        fcntl(&pair.1, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
        pair
    };
    enlarge(&ours)?;
    enlarge(&fd)?;
    let shared = Arc::clone(&device.owner.shared);
    drop(device);
    shared.clock.make_real();
    let carrier = Arc::new(Carrier { shared, socket: ours, stopped: AtomicBool::new(false) });
    let mut pump = Pump { carrier, threads: Vec::with_capacity(2) };
    // Where the second thread cannot be started, dropping the pump ends the first.
    pump.start("mock to fd", Carrier::device_to_socket)?;
    pump.start("fd to mock", Carrier::socket_to_device)?;
    Ok(Descriptor { fd, pump })
}

fn enlarge(socket: &OwnedFd) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if setsockopt(socket, sockopt::SndBufForce, &SEND_BUFFER).is_ok() {
        return Ok(());
    }
    // Linux caps the figure silently, others refuse it.
    let mut octets = SEND_BUFFER;
    while let Err(error) = setsockopt(socket, sockopt::SndBuf, &octets) {
        octets /= 2;
        if octets < LONGEST {
            return Err(error.into());
        }
    }
    Ok(())
}

impl Pump {
    fn start(&mut self, name: &str, work: fn(&Carrier)) -> io::Result<()> {
        let carrier = Arc::clone(&self.carrier);
        let thread = thread::Builder::new().name(name.into()).spawn(move || {
            // Also when a host stack panics: the other thread must not wait for this one.
            let _stop = StopOnDrop(&carrier);
            work(&carrier);
        })?;
        self.threads.push(thread);
        Ok(())
    }

    /// Whether both threads have ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.carrier.stop();
        for thread in self.threads.drain(..) {
            // A panic of a host stack was reported when it happened.
            let _ = thread.join();
        }
    }
}

struct StopOnDrop<'a>(&'a Carrier);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

struct Carrier {
    shared: Arc<Shared>,
    socket: OwnedFd,
    stopped: AtomicBool,
}

impl std::fmt::Debug for Carrier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Carrier({})", self.shared.name)
    }
}

impl Carrier {
    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Ends both threads: one waits on the cable, the other on the socket.
    fn stop(&self) {
        {
            // Under the lock, so that a reader that is about to wait sees it.
            let _state = self.shared.lock();
            self.stopped.store(true, Ordering::Release);
        }
        self.shared.wake_all();
        // It may be closed at the other end already.
        let _ = shutdown(self.socket.as_raw_fd(), Shutdown::Both);
    }

    fn device_to_socket(&self) {
        let mut buffer = vec![0; LONGEST];
        while let Ok(length) = self.shared.device_read(&mut buffer, Deadline::Never, || self.is_stopped()) {
            let Some(frame) = buffer.get(..length) else { return };
            loop {
                match send(self.socket.as_raw_fd(), frame, MsgFlags::MSG_DONTWAIT | NO_SIGNAL) {
                    Err(Code::EAGAIN | Code::ENOBUFS) if !self.is_stopped() => {
                        if self.wait_for(PollFlags::POLLOUT).is_err() {
                            return;
                        }
                    }
                    // Longer than the send buffer: lost.
                    Ok(_) | Err(Code::EMSGSIZE) => break,
                    Err(Code::EINTR) => {}
                    Err(_) => return,
                }
            }
        }
    }

    fn socket_to_device(&self) {
        let mut buffer = vec![0; LONGEST];
        while let Ok(events) = self.wait_for(PollFlags::POLLIN) {
            match recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
                // An empty message, or the end: only the end hangs up.
                Ok(0) if self.is_stopped() || events.intersects(PollFlags::POLLHUP | PollFlags::POLLERR) => return,
                Ok(length) => {
                    let frame = buffer.get(..length).unwrap_or_default();
                    // A socket cannot tell its writer that the device refused a frame.
                    let _ = self.shared.device_write(frame);
                }
                Err(Code::EAGAIN | Code::EINTR) if !self.is_stopped() => {}
                Err(_) => return,
            }
        }
    }

    fn wait_for(&self, wanted: PollFlags) -> nix::Result<PollFlags> {
        loop {
            let mut fds = [PollFd::new(self.socket.as_fd(), wanted)];
            match poll(&mut fds, PollTimeout::NONE) {
                Err(Code::EINTR) => {}
                Err(error) => return Err(error),
                Ok(_) => {
                    let [fd] = fds;
                    return Ok(fd.revents().unwrap_or(PollFlags::empty()));
                }
            }
        }
    }
}

/// A closed descriptor is an error here, not a signal.
#[cfg(target_os = "linux")]
const NO_SIGNAL: MsgFlags = MsgFlags::MSG_NOSIGNAL;
#[cfg(not(target_os = "linux"))]
const NO_SIGNAL: MsgFlags = MsgFlags::empty();
