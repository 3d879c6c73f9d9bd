//! The host end of a kernel link as raw frames: a packet socket on the interface (packet(7)).
//!
//! Layer: `kernel`. What it transmits leaves the host and is read at the device end; what is written at the device end
//! it receives, as a copy: the host's stack gets the frame too. Frames that the host itself sends are not shown.

#![expect(unsafe_code, reason = "packet sockets need sockaddr_ll and control messages, which no safe interface has")]

mod message;
mod witness;

use std::fmt;
use std::fs::File;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering};

use libc::{c_int, c_void, socklen_t};

pub(crate) use witness::PacketWitness;

use super::KernelError;
use super::waiting::Waker;
use crate::codec::Framing;
use crate::device::{Deadline, Device, Mode};

/// The socket's receive buffer, in octets: a slow test loses nothing.
const RECEIVE_BUFFER: c_int = 32 << 20;

/// A packet socket bound to one interface.
pub struct PacketSocket {
    socket: OwnedFd,
    waker: Waker,
    mode: Mode,
    name: String,
    index: u32,
    mtu: u32,
    dropped: AtomicU64,
}

impl PacketSocket {
    /// Opens one in the calling thread's network namespace.
    ///
    /// # Errors
    /// EPERM without CAP_NET_RAW in the namespace's user namespace; ENODEV for an index that does not exist.
    pub(crate) fn open(mode: Mode, name: String, index: u32, mtu: u32) -> Result<Self, KernelError> {
        let options =
            [(libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, 1), (libc::SOL_PACKET, libc::PACKET_AUXDATA, 1)];
        let socket = open_socket(mode, &name, index, &options)?;
        Ok(Self { socket, waker: Waker::new()?, mode, name, index, mtu, dropped: AtomicU64::new(0) })
    }

    /// How many frames were lost because nobody received them in time (`tp_drops` of `PACKET_STATISTICS`).
    ///
    /// # Errors
    /// None that is known.
    pub fn dropped(&self) -> io::Result<u64> {
        // The kernel forgets what it told.
        let new = drops(&self.socket)?;
        Ok(self.dropped.fetch_add(new, Ordering::Relaxed) + new)
    }

    /// The socket's inode, by which [`sockets`](super::sockets) lists it: the harness's own is told apart by it.
    ///
    /// # Errors
    /// EMFILE: a second descriptor is made to ask.
    #[cfg_attr(not(test), expect(dead_code, reason = "the exchange layer, which asks, comes next"))]
    pub(crate) fn inode(&self) -> io::Result<u64> {
        Ok(File::from(self.socket.try_clone()?).metadata()?.ino())
    }
}

/// A socket bound to an interface of the calling thread's network namespace, which does not block.
fn open_socket(mode: Mode, name: &str, index: u32, options: &[(c_int, c_int, c_int)]) -> Result<OwnedFd, KernelError> {
    let step = |what: &str| format!("{what} the packet socket on {name}");
    let failed = |what: &str| KernelError::new(step(what), io::Error::last_os_error());
    // SOCK_RAW on TAP gives the Ethernet header; on TUN there is none, and SOCK_DGRAM wants the protocol told.
    let kind = match mode {
        Mode::Tap => libc::SOCK_RAW,
        Mode::Tun => libc::SOCK_DGRAM,
    } | libc::SOCK_CLOEXEC
        | libc::SOCK_NONBLOCK;
    // Protocol 0: it receives nothing until it is bound to its interface.
    // SAFETY: socket takes numbers only.
    let descriptor = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
    if descriptor < 0 {
        return Err(failed("open").with_cure("It needs CAP_NET_RAW in the namespace's user namespace"));
    }
    // SAFETY: the kernel made this descriptor for us just now; nobody else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(descriptor) };
    for (level, option, value) in options {
        set_option(&socket, *level, *option, *value).map_err(|_| failed("prepare"))?;
    }
    // SO_RCVBUFFORCE needs CAP_NET_ADMIN in the initial user namespace; the other is cut to rmem_max.
    if set_option(&socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, RECEIVE_BUFFER).is_err() {
        set_option(&socket, libc::SOL_SOCKET, libc::SO_RCVBUF, RECEIVE_BUFFER).map_err(|_| failed("prepare"))?;
    }
    let address = link_layer(index, u16::try_from(libc::ETH_P_ALL).unwrap_or(3))
        .ok_or_else(|| KernelError::new(step("bind"), io::Error::from_raw_os_error(libc::ENODEV)))?;
    // SAFETY: the address is a whole `sockaddr_ll`, its length is given, and it lives until the call returns.
    let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), LINK_LAYER_OCTETS) };
    if bound < 0 {
        return Err(failed("bind"));
    }
    Ok(socket)
}

/// How many frames found no room in the receive buffer since this was last asked (`PACKET_STATISTICS`).
fn drops(socket: &OwnedFd) -> io::Result<u64> {
    let mut statistics = libc::tpacket_stats { tp_packets: 0, tp_drops: 0 };
    let mut octets = socklen_t::try_from(size_of::<libc::tpacket_stats>()).unwrap_or(8);
    let place: *mut c_void = (&raw mut statistics).cast();
    // SAFETY: the option's value is one `tpacket_stats`; it and its length live until the call returns.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_PACKET, libc::PACKET_STATISTICS, place, &raw mut octets)
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(statistics.tp_drops.into()) }
}

const LINK_LAYER_OCTETS: socklen_t = {
    let octets = size_of::<libc::sockaddr_ll>();
    assert!(octets == 20);
    20
};

/// The address of an interface for a protocol (an EtherType, in host order here).
fn link_layer(index: u32, protocol: u16) -> Option<libc::sockaddr_ll> {
    Some(libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).ok()?,
        sll_protocol: protocol.to_be(),
        sll_ifindex: i32::try_from(index).ok()?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    })
}

fn set_option(socket: &OwnedFd, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
    let octets = socklen_t::try_from(size_of::<c_int>()).unwrap_or(4);
    let value: *const c_void = (&raw const value).cast();
    // SAFETY: the option's value is one `int`, which lives until the call returns.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, value, octets) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

impl Device for PacketSocket {
    fn mode(&self) -> Mode {
        self.mode
    }

    fn name(&self) -> io::Result<String> {
        Ok(self.name.clone())
    }

    fn mtu(&self) -> io::Result<u32> {
        Ok(self.mtu)
    }

    fn framing(&self) -> Framing {
        Framing::None
    }

    /// Puts a frame out of the interface. Here, unlike at the device end, the MTU holds: EMSGSIZE.
    fn transmit(&self, octets: &[u8]) -> io::Result<usize> {
        let protocol = match (self.mode, octets.first().map(|octet| octet >> 4)) {
            (Mode::Tun, Some(6)) => 0x86dd,
            (Mode::Tun, _) => 0x0800,
            (Mode::Tap, _) => 0,
        };
        let address = link_layer(self.index, protocol).ok_or_else(|| io::Error::from_raw_os_error(libc::ENODEV))?;
        // SAFETY: buffer and address are given with their lengths and live until the call returns.
        let sent = unsafe {
            libc::sendto(
                self.socket.as_raw_fd(),
                octets.as_ptr().cast(),
                octets.len(),
                0,
                (&raw const address).cast(),
                LINK_LAYER_OCTETS,
            )
        };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }

    fn receive(&self, buffer: &mut [u8], deadline: Deadline) -> io::Result<usize> {
        let socket = self.socket.as_fd();
        self.waker.read_until(deadline, socket, || message::receive(socket, buffer).map(|message| message.octets))
    }

    fn interrupt(&self) {
        self.waker.wake();
    }

    fn try_as_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }
}

impl fmt::Debug for PacketSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacketSocket").field("interface", &self.name).field("mode", &self.mode).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Namespace, SocketProtocol, sockets};

    #[test]
    #[ignore = "needs a network namespace"]
    fn the_list_of_sockets_shows_it_under_its_inode() {
        Namespace::new()
            .and_then(|namespace| {
                namespace.run(|| {
                    assert_eq!(sockets().unwrap(), [], "nothing is in a new namespace");
                    let own = PacketSocket::open(Mode::Tap, "lo".to_owned(), 1, 65_536).unwrap();
                    let [listed] = sockets().unwrap()[..] else { panic!("{:?}", sockets()) };
                    assert_eq!((listed.protocol, listed.interface), (SocketProtocol::Packet, Some(1)));
                    assert_eq!(listed.inode, own.inode().unwrap());
                })
            })
            .unwrap();
    }

    #[test]
    #[ignore = "needs a network namespace"]
    fn what_finds_no_room_is_counted() {
        Namespace::new()
            .and_then(|namespace| {
                namespace.run(|| {
                    let own = PacketSocket::open(Mode::Tap, "lo".to_owned(), 1, 65_536).unwrap();
                    set_option(&own.socket, libc::SOL_SOCKET, libc::SO_RCVBUF, 1).unwrap();
                    let socket = std::net::UdpSocket::bind("127.0.0.1:9").unwrap();
                    for rounds in 1..=2 {
                        for _ in 0..100 {
                            socket.send_to(b"one", "127.0.0.1:9").unwrap();
                        }
                        let (mut received, mut buffer) = (0, [0; 100]);
                        while own.receive(&mut buffer, Deadline::Now).is_ok() {
                            received += 1;
                        }
                        assert!((1..100).contains(&received));
                        assert_eq!(own.dropped().unwrap(), rounds * (100 - received));
                    }
                })
            })
            .unwrap();
    }
}
