//! Sockets of an IP protocol without ports (`raw(7)`): what the host's pings and raw sockets are on the kernel.
//!
//! Layer: inside `kernel`; [`host`](crate::host) uses it. A socket belongs to the namespace of the thread that opened it.
//!
//! ```text
//!  IPv4: the kernel gives the IP header, too; it is cut off here      IPv6: the payload only, the rest as control messages
//!  45 00 … | payload                                                  payload · IPV6_HOPLIMIT
//! ```

#![expect(unsafe_code, reason = "nix knows only some protocols by name")]

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrIn, SockaddrIn6, SockaddrStorage, bind, recvmsg, sendto, setsockopt, sockopt,
};

/// A datagram that arrived at an [`IpSocket`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Datagram {
    /// Octets of the payload in the buffer.
    pub(crate) length: usize,
    pub(crate) from: IpAddr,
    /// TTL or hop limit.
    pub(crate) hop_limit: u8,
}

/// A raw socket of one family and one protocol. It never blocks.
#[derive(Debug)]
pub(crate) struct IpSocket {
    descriptor: OwnedFd,
    is_v6: bool,
}

impl IpSocket {
    /// Opens one on an address of the host's, or on all of them.
    pub(crate) fn open(at: IpAddr, protocol: u8) -> io::Result<Self> {
        let domain = if at.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // SAFETY: takes three numbers and gives a new descriptor or -1.
        let descriptor = Errno::result(unsafe { libc::socket(domain, kind, protocol.into()) })?;
        // SAFETY: the descriptor is open, and nobody else has it.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        let is_v6 = at.is_ipv6();
        if is_v6 {
            setsockopt(&descriptor, sockopt::Ipv6RecvHopLimit, &true)?;
        }
        if i32::from(protocol) == libc::IPPROTO_RAW {
            header_is_the_kernels(&descriptor, is_v6)?;
        }
        bind(descriptor.as_raw_fd(), &SockaddrStorage::from(SocketAddr::new(at, 0)))?;
        Ok(Self { descriptor, is_v6 })
    }

    pub(crate) const fn is_v4(&self) -> bool {
        !self.is_v6
    }

    /// Sends a payload; the kernel puts the IP header in front, and for ICMPv6 the checksum in.
    pub(crate) fn send_to(&self, payload: &[u8], to: IpAddr) -> io::Result<usize> {
        let (descriptor, none) = (self.descriptor.as_raw_fd(), MsgFlags::empty());
        Ok(match to {
            IpAddr::V4(to) => sendto(descriptor, payload, &SockaddrIn::from(SocketAddrV4::new(to, 0)), none),
            IpAddr::V6(to) => sendto(descriptor, payload, &SockaddrIn6::from(SocketAddrV6::new(to, 0, 0, 0)), none),
        }?)
    }

    /// The oldest payload, cut to the buffer. EAGAIN when there is none.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<Datagram> {
        if self.is_v6 { self.receive_v6(buffer) } else { self.receive_v4(buffer) }
    }

    fn receive_v6(&self, buffer: &mut [u8]) -> io::Result<Datagram> {
        let mut control = nix::cmsg_space!(i32);
        let mut slices = [IoSliceMut::new(buffer)];
        let flags = MsgFlags::empty();
        let message = recvmsg::<SockaddrIn6>(self.descriptor.as_raw_fd(), &mut slices, Some(&mut control), flags)?;
        let limit = message.cmsgs()?.find_map(|message| match message {
            ControlMessageOwned::Ipv6HopLimit(limit) => u8::try_from(limit).ok(),
            _ => None,
        });
        let from = message.address.ok_or(Errno::EDESTADDRREQ)?;
        Ok(Datagram { length: message.bytes, from: from.ip().into(), hop_limit: limit.unwrap_or(0) })
    }

    fn receive_v4(&self, buffer: &mut [u8]) -> io::Result<Datagram> {
        /// The longest header (RFC 791).
        const MOST: usize = 60;
        let mut packet = vec![0; buffer.len().saturating_add(MOST)];
        let mut slices = [IoSliceMut::new(&mut packet)];
        let message = recvmsg::<SockaddrIn>(self.descriptor.as_raw_fd(), &mut slices, None, MsgFlags::empty())?;
        let (bytes, from) = (message.bytes, message.address.ok_or(Errno::EDESTADDRREQ)?);
        let packet = packet.get(..bytes).unwrap_or_default();
        let header = packet.first().map_or(0, |first| usize::from(first & 15) * 4);
        let payload = packet.get(header..).unwrap_or_default();
        for (to, from) in buffer.iter_mut().zip(payload) {
            *to = *from;
        }
        Ok(Datagram {
            length: payload.len().min(buffer.len()),
            from: from.ip().into(),
            hop_limit: packet.get(8).copied().unwrap_or(0),
        })
    }
}

/// A socket of `IPPROTO_RAW` sends whole packets (`IP_HDRINCL`), until it is told otherwise.
fn header_is_the_kernels(descriptor: &OwnedFd, is_v6: bool) -> io::Result<()> {
    let (level, option) =
        if is_v6 { (libc::IPPROTO_IPV6, libc::IPV6_HDRINCL) } else { (libc::IPPROTO_IP, libc::IP_HDRINCL) };
    let no: libc::c_int = 0;
    let length = libc::socklen_t::try_from(size_of_val(&no)).map_err(io::Error::other)?;
    // SAFETY: the option is one number, which lives as long as the call.
    let result = unsafe { libc::setsockopt(descriptor.as_raw_fd(), level, option, (&raw const no).cast(), length) };
    Errno::result(result)?;
    Ok(())
}

impl AsFd for IpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
