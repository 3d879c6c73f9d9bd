//! A device in memory for these tests: what is injected is received, what is transmitted can be taken. Its buffers are
//! reused, so that it does not allocate once they are warm.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use tuntap_test::codec::Framing;
use tuntap_test::device::{Deadline, Device, Mode};

/// Long enough for a busy machine; only a failing test waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Default)]
struct State {
    inbound: VecDeque<Vec<u8>>,
    outbound: VecDeque<Vec<u8>>,
    spare: Vec<Vec<u8>>,
    interrupted: bool,
    receive_errno: Option<i32>,
    transmit_errno: Option<i32>,
}

pub(crate) struct MemoryDevice {
    mode: Mode,
    framing: Framing,
    state: Mutex<State>,
    changed: Condvar,
}

impl MemoryDevice {
    pub(crate) fn new(mode: Mode, framing: Framing) -> Arc<Self> {
        Arc::new(Self { mode, framing, state: Mutex::default(), changed: Condvar::new() })
    }

    /// Makes the device end receive this.
    pub(crate) fn inject(&self, octets: &[u8]) {
        let mut state = self.state.lock().unwrap();
        let mut frame = state.spare.pop().unwrap_or_default();
        frame.clear();
        frame.extend_from_slice(octets);
        state.inbound.push_back(frame);
        self.changed.notify_all();
    }

    /// Waits for what the device end transmits and puts it into `frame`.
    pub(crate) fn take(&self, frame: &mut Vec<u8>) {
        let end = Instant::now() + PATIENCE;
        let mut state = self.state.lock().unwrap();
        loop {
            if let Some(mut sent) = state.outbound.pop_front() {
                std::mem::swap(frame, &mut sent);
                state.spare.push(sent);
                return;
            }
            let left = end.checked_duration_since(Instant::now()).expect("nothing was transmitted");
            state = self.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// From now on `receive` (once what is there was read) and `transmit` fail with these.
    pub(crate) fn fail(&self, receive_errno: Option<i32>, transmit_errno: Option<i32>) {
        let mut state = self.state.lock().unwrap();
        state.receive_errno = receive_errno;
        state.transmit_errno = transmit_errno;
        self.changed.notify_all();
    }
}

impl Device for MemoryDevice {
    fn mode(&self) -> Mode {
        self.mode
    }

    fn name(&self) -> io::Result<String> {
        Ok("memory0".to_owned())
    }

    fn mtu(&self) -> io::Result<u32> {
        Ok(1500)
    }

    fn framing(&self) -> Framing {
        self.framing
    }

    fn transmit(&self, octets: &[u8]) -> io::Result<usize> {
        let mut state = self.state.lock().unwrap();
        if let Some(errno) = state.transmit_errno {
            return Err(io::Error::from_raw_os_error(errno));
        }
        let mut frame = state.spare.pop().unwrap_or_default();
        frame.clear();
        frame.extend_from_slice(octets);
        state.outbound.push_back(frame);
        self.changed.notify_all();
        Ok(octets.len())
    }

    fn receive(&self, buffer: &mut [u8], deadline: Deadline) -> io::Result<usize> {
        assert_eq!(deadline, Deadline::Never, "the reader waits for ever");
        let mut state = self.state.lock().unwrap();
        loop {
            if let Some(frame) = state.inbound.pop_front() {
                let octets = frame.len().min(buffer.len());
                buffer[..octets].copy_from_slice(&frame[..octets]);
                state.spare.push(frame);
                return Ok(octets);
            }
            if let Some(errno) = state.receive_errno {
                return Err(io::Error::from_raw_os_error(errno));
            }
            if std::mem::take(&mut state.interrupted) {
                return Err(io::Error::from_raw_os_error(libc::EINTR));
            }
            state = self.changed.wait(state).unwrap();
        }
    }

    fn interrupt(&self) {
        self.state.lock().unwrap().interrupted = true;
        self.changed.notify_all();
    }
}
