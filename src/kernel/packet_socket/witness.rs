//! A packet socket that sees what passes on an interface, both ways, and is read when all is over.
//!
//! Layer: `kernel`; `context` opens one when a device is handed over. The kernel keeps the frames until then, in the
//! socket's receive buffer: nobody runs meanwhile, and the code under test has nothing to do with it.
//!
//! The bound is that buffer: 32 MiB are asked for, of which the kernel makes 64 to count its own overhead in; without
//! CAP_NET_ADMIN in the initial user namespace it is twice `net.core.rmem_max`. Measured on a TUN of Linux 6.18: 80,660
//! frames of 60 octets or 29,128 of 1,500; with the default `rmem_max` of 212,992 only 512 and 185. What comes after is
//! lost, and counted.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::{KernelError, drops, message, open_socket};
use crate::device::{LARGEST_FRAME, Mode, Seen, Witness};

/// The socket, until it is dropped.
pub(crate) struct PacketWitness {
    socket: Option<OwnedFd>,
    dropped: u64,
    /// The time of the last frame that was taken; in the beginning, when it was opened.
    last: Instant,
}

impl PacketWitness {
    /// Opens one in the calling thread's network namespace: it sees what passes from now on.
    ///
    /// # Errors
    /// EPERM without CAP_NET_RAW in the namespace's user namespace; ENODEV for an index that does not exist.
    pub(crate) fn open(mode: Mode, name: &str, index: u32) -> Result<Self, KernelError> {
        let wanted = libc::SOF_TIMESTAMPING_RX_SOFTWARE | libc::SOF_TIMESTAMPING_SOFTWARE;
        let wanted = i32::try_from(wanted).unwrap_or(0);
        let options = [(libc::SOL_PACKET, libc::PACKET_AUXDATA, 1), (libc::SOL_SOCKET, libc::SO_TIMESTAMPING, wanted)];
        Ok(Self { socket: Some(open_socket(mode, name, index, &options)?), dropped: 0, last: Instant::now() })
    }
}

impl Witness for PacketWitness {
    fn take(&mut self, see: &mut dyn FnMut(Seen<'_>)) -> io::Result<u64> {
        let Some(socket) = &self.socket else { return Ok(self.dropped) };
        let (now, today) = one_moment();
        let mut buffer = vec![0; LARGEST_FRAME + 4];
        let mut complaints = 0;
        loop {
            let message = match message::receive(socket.as_fd(), &mut buffer) {
                Ok(message) => message,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // ENETDOWN is said once for each time that the interface went down or away; the frames are behind it.
                Err(_) if complaints < 16 => {
                    complaints += 1;
                    continue;
                }
                Err(error) => return Err(error),
            };
            // Whoever has the device may go on; what comes now is behind the verdict.
            if message.stamp.is_some_and(|stamp| stamp > today) {
                break;
            }
            // The kernel begins to stamp a moment after it was asked to. A frame without a stamp came behind the last.
            let at = message.stamp.and_then(|stamp| now.checked_sub(today.saturating_sub(stamp)));
            self.last = at.map_or(self.last, |at| at.max(self.last));
            let octets = buffer.get(..message.octets).unwrap_or(&buffer);
            see(Seen { octets, from_host: message.outgoing, at: self.last });
        }
        // The kernel forgets what it told.
        self.dropped += drops(socket)?;
        Ok(self.dropped)
    }

    fn inode(&self) -> Option<u64> {
        let socket = self.socket.as_ref()?.try_clone().ok()?;
        Some(File::from(socket).metadata().ok()?.ino())
    }
}

/// One moment on both clocks, since the kernel stamps with the time of day: of a few readings the closest.
fn one_moment() -> (Instant, Duration) {
    let readings = (0..4).map(|_| {
        let before = Instant::now();
        let today = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        (before.elapsed(), before, today)
    });
    let closest = readings.min_by_key(|(apart, ..)| *apart);
    closest.map_or_else(|| (Instant::now(), Duration::ZERO), |(_, now, today)| (now, today))
}

/// Closing a packet socket waits for an RCU grace period: 8 to 28 ms, which no test has to pay.
impl Drop for PacketWitness {
    fn drop(&mut self) {
        if let Some(socket) = self.socket.take() {
            // Where no thread can be had, what was given to it is dropped here.
            let _ = thread::Builder::new().name("close".to_owned()).spawn(move || drop(socket));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::super::set_option;
    use super::*;
    use crate::kernel::{Namespace, sockets};

    /// On the loopback interface each datagram passes twice: out and in.
    fn on_loopback(test: impl FnOnce(&UdpSocket, PacketWitness) + Send) {
        let run = |namespace: Namespace| {
            namespace.run(|| {
                let socket = UdpSocket::bind("127.0.0.1:9").unwrap();
                socket.connect("127.0.0.1:9").unwrap();
                test(&socket, PacketWitness::open(Mode::Tap, "lo", 1).unwrap());
            })
        };
        Namespace::new().and_then(run).unwrap();
    }

    fn taken(witness: &mut PacketWitness) -> (Vec<(u8, bool, Instant)>, u64) {
        let mut frames = Vec::new();
        let lost = witness.take(&mut |seen| frames.push((seen.octets[42], seen.from_host, seen.at))).unwrap();
        (frames, lost)
    }

    #[test]
    #[ignore = "needs a network namespace"]
    fn it_sees_both_ways_in_order_and_tells_when() {
        on_loopback(|socket, mut witness| {
            for round in [0, 100] {
                let begin = Instant::now();
                for number in round..round + 50 {
                    socket.send(&[number]).unwrap();
                }
                let end = Instant::now();
                // It is asked later, and that is not the time it tells.
                while end.elapsed() < Duration::from_millis(50) {
                    std::hint::spin_loop();
                }
                let (frames, lost) = taken(&mut witness);
                let expected: Vec<_> =
                    (round..round + 50).flat_map(|number| [(number, true), (number, false)]).collect();
                assert_eq!(frames.iter().map(|(number, way, _)| (*number, *way)).collect::<Vec<_>>(), expected);
                assert!(frames.is_sorted_by_key(|(.., at)| *at));
                // The first ones may have the time at which it was opened. The clocks are read one after the other.
                let (first, last) = (frames[0].2, frames[99].2);
                let slack = Duration::from_millis(20);
                assert!(round == 0 || first + slack >= begin, "{:?}", begin - first);
                assert!(last <= end + slack, "{:?}", last - end);
                assert_eq!(lost, 0);
            }
        });
    }

    #[test]
    #[ignore = "needs a network namespace"]
    fn what_finds_no_room_is_counted_and_adds_up() {
        on_loopback(|socket, mut witness| {
            let raw = witness.socket.as_ref().unwrap();
            set_option(raw, libc::SOL_SOCKET, libc::SO_RCVBUF, 1).unwrap();
            let mut seen = 0;
            for rounds in 1..=2 {
                for number in 0..100 {
                    socket.send(&[number]).unwrap();
                }
                let (frames, lost) = taken(&mut witness);
                seen += frames.len();
                assert!(lost > 0);
                assert_eq!(seen + usize::try_from(lost).unwrap(), rounds * 200);
            }
        });
    }

    #[test]
    #[ignore = "needs a network namespace"]
    fn its_socket_is_told_apart_by_its_inode() {
        on_loopback(|_, witness| {
            let listed: Vec<_> = sockets().unwrap().into_iter().filter(|listed| listed.interface.is_some()).collect();
            assert_eq!(listed.iter().map(|listed| Some(listed.inode)).collect::<Vec<_>>(), [witness.inode()]);
        });
    }
}
