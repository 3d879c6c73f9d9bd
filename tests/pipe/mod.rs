//! A device in memory that a user might have: what is injected is received, what is transmitted can be taken.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tuntap_test::codec::Framing;
use tuntap_test::device::{Deadline, Device, Mode};

/// Long enough for a busy machine; only a failing test waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Default)]
struct State {
    inbound: VecDeque<Vec<u8>>,
    outbound: VecDeque<Vec<u8>>,
    interrupted: bool,
    waiting: usize,
    receive_errno: Option<i32>,
    transmit_errno: Option<i32>,
}

#[derive(Default)]
pub(crate) struct Pipe {
    state: Mutex<State>,
    changed: Condvar,
    /// Another reader waits.
    waits: Condvar,
}

impl Pipe {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    fn change(&self) -> MutexGuard<'_, State> {
        self.changed.notify_all();
        self.state.lock().unwrap()
    }

    /// Makes the device end receive this.
    pub(crate) fn inject(&self, octets: Vec<u8>) {
        self.change().inbound.push_back(octets);
        self.changed.notify_all();
    }

    /// Waits until `found` gives something.
    fn until<T>(&self, changed: &Condvar, mut found: impl FnMut(&mut State) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        let mut state = self.state.lock().unwrap();
        loop {
            if let Some(found) = found(&mut state) {
                return found;
            }
            let left = end.checked_duration_since(Instant::now()).expect("it has not come");
            state = changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Waits for what the device end transmits.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.until(&self.changed, |state| state.outbound.pop_front())
    }

    /// Waits until so many wait for a frame.
    pub(crate) fn wait_for_readers(&self, readers: usize) {
        self.until(&self.waits, |state| (state.waiting >= readers).then_some(()));
    }

    /// From now on `receive` (once what is there was read) and `transmit` fail with these.
    pub(crate) fn fail(&self, receive_errno: Option<i32>, transmit_errno: Option<i32>) {
        let mut state = self.change();
        (state.receive_errno, state.transmit_errno) = (receive_errno, transmit_errno);
    }
}

fn errno(errno: i32) -> io::Error {
    io::Error::from_raw_os_error(errno)
}

impl Device for Pipe {
    fn mode(&self) -> Mode {
        Mode::Tun
    }

    fn name(&self) -> io::Result<String> {
        Ok("pipe0".to_owned())
    }

    fn mtu(&self) -> io::Result<u32> {
        Ok(1500)
    }

    fn framing(&self) -> Framing {
        Framing::None
    }

    fn transmit(&self, octets: &[u8]) -> io::Result<usize> {
        let mut state = self.state.lock().unwrap();
        if let Some(number) = state.transmit_errno {
            return Err(errno(number));
        }
        state.outbound.push_back(octets.to_vec());
        self.changed.notify_all();
        Ok(octets.len())
    }

    fn receive(&self, buffer: &mut [u8], deadline: Deadline) -> io::Result<usize> {
        let end = match deadline {
            Deadline::After(time) => Instant::now().checked_add(time),
            Deadline::Now | Deadline::Never => None,
        };
        let mut state = self.state.lock().unwrap();
        loop {
            if let Some(frame) = state.inbound.pop_front() {
                let length = frame.len().min(buffer.len());
                buffer.iter_mut().zip(frame).for_each(|(to, from)| *to = from);
                return Ok(length);
            }
            if let Some(number) = state.receive_errno {
                return Err(errno(number));
            }
            let left = match (deadline, end) {
                (Deadline::Now, _) => return Err(errno(libc::EAGAIN)),
                (_, Some(end)) if Instant::now() >= end => return Err(errno(libc::ETIMEDOUT)),
                (_, Some(end)) => end.saturating_duration_since(Instant::now()),
                _ => PATIENCE,
            };
            if std::mem::take(&mut state.interrupted) {
                return Err(errno(libc::EINTR));
            }
            state.waiting += 1;
            self.waits.notify_all();
            state = self.changed.wait_timeout(state, left).unwrap().0;
            state.waiting -= 1;
        }
    }

    fn interrupt(&self) {
        self.change().interrupted = true;
        self.changed.notify_all();
    }
}
