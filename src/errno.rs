//! The errors of the mock: Linux errnos by name, as [`io::Error`]s on every platform.
//!
//! On unix an error carries the platform's own number for the name (the Linux number on Linux), so that
//! [`io::Error::kind`] and [`io::Error::raw_os_error`] agree. Elsewhere the numbers mean something else: there an error
//! has the right kind and displays the Linux name.

use std::io;

/// The errnos that a TUN/TAP device or a packet socket on it gives, and those of the mock host's sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "host"), expect(dead_code, reason = "a good half are the mock host's"))]
pub(crate) enum Errno {
    /// EACCES: a broadcast address without leave, or a destination that an administrator closed.
    Access,
    /// EADDRINUSE.
    AddressInUse,
    /// EADDRNOTAVAIL.
    AddressNotAvailable,
    /// EAGAIN: nothing to read, and the caller does not wait.
    Again,
    /// EBADFD (77 on Linux): the device is gone.
    BadFd,
    /// EPIPE: written after the end.
    BrokenPipe,
    /// ECONNREFUSED.
    ConnectionRefused,
    /// ECONNRESET.
    ConnectionReset,
    /// EDESTADDRREQ: sent without a destination.
    DestinationRequired,
    /// EAFNOSUPPORT: an address of IPv6 for a socket of IPv4.
    FamilyNotSupported,
    /// EHOSTDOWN.
    HostDown,
    /// EHOSTUNREACH.
    HostUnreachable,
    /// EINTR.
    Interrupted,
    /// EINVAL.
    Invalid,
    /// EIO: the interface is down.
    Io,
    /// EMSGSIZE: longer than the MTU, or than a datagram can be.
    MessageSize,
    /// ENETDOWN: the interface is down, told to a packet socket.
    NetDown,
    /// ENOBUFS: no memory for the frame.
    NoBuffers,
    /// ENONET (64 on Linux): the destination is isolated.
    NoNetwork,
    /// ENETUNREACH: no route.
    NetworkUnreachable,
    /// ENODEV: the interface is gone.
    NoDevice,
    /// ENOPROTOOPT: the destination does not know the protocol.
    NoProtocol,
    /// ENXIO: the interface is gone, told to a packet socket that sends.
    NoSuchDevice,
    /// ENOTCONN.
    NotConnected,
    /// EOPNOTSUPP: the destination could not follow a source route.
    NotSupported,
    /// EPROTO: the destination found a header wrong.
    Protocol,
    /// EPROTONOSUPPORT: no socket of that protocol.
    ProtocolNotSupported,
    /// ETIMEDOUT.
    TimedOut,
}

impl From<Errno> for io::Error {
    #[cfg(unix)]
    fn from(errno: Errno) -> Self {
        Self::from_raw_os_error(errno.number())
    }

    #[cfg(not(unix))]
    fn from(errno: Errno) -> Self {
        errno.portable()
    }
}

#[cfg(unix)]
impl Errno {
    const fn number(self) -> i32 {
        // Only Linux knows EBADFD.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        const BAD_FD: i32 = libc::EBADFD;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        const BAD_FD: i32 = libc::EBADF;
        // So it is with ENONET.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        const NO_NET: i32 = libc::ENONET;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        const NO_NET: i32 = libc::EHOSTUNREACH;
        match self {
            Self::Access => libc::EACCES,
            Self::AddressInUse => libc::EADDRINUSE,
            Self::AddressNotAvailable => libc::EADDRNOTAVAIL,
            Self::Again => libc::EAGAIN,
            Self::BadFd => BAD_FD,
            Self::BrokenPipe => libc::EPIPE,
            Self::ConnectionRefused => libc::ECONNREFUSED,
            Self::ConnectionReset => libc::ECONNRESET,
            Self::DestinationRequired => libc::EDESTADDRREQ,
            Self::FamilyNotSupported => libc::EAFNOSUPPORT,
            Self::HostDown => libc::EHOSTDOWN,
            Self::HostUnreachable => libc::EHOSTUNREACH,
            Self::Interrupted => libc::EINTR,
            Self::Invalid => libc::EINVAL,
            Self::Io => libc::EIO,
            Self::MessageSize => libc::EMSGSIZE,
            Self::NetDown => libc::ENETDOWN,
            Self::NoBuffers => libc::ENOBUFS,
            Self::NoNetwork => NO_NET,
            Self::NetworkUnreachable => libc::ENETUNREACH,
            Self::NoDevice => libc::ENODEV,
            Self::NoProtocol => libc::ENOPROTOOPT,
            Self::NoSuchDevice => libc::ENXIO,
            Self::NotConnected => libc::ENOTCONN,
            Self::NotSupported => libc::EOPNOTSUPP,
            Self::Protocol => libc::EPROTO,
            Self::ProtocolNotSupported => libc::EPROTONOSUPPORT,
            Self::TimedOut => libc::ETIMEDOUT,
        }
    }
}

#[cfg(any(not(unix), test))]
mod portable {
    use std::{error, fmt, io};

    use super::Errno;

    /// What an error carries where errnos have no meaning.
    #[derive(Debug)]
    struct LinuxErrno(Errno);

    impl fmt::Display for LinuxErrno {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(match self.0 {
                Errno::Access => "EACCES: not allowed",
                Errno::AddressInUse => "EADDRINUSE: the address is in use",
                Errno::AddressNotAvailable => "EADDRNOTAVAIL: not an address of the host",
                Errno::Again => "EAGAIN: nothing to read",
                Errno::BadFd => "EBADFD: the device is gone",
                Errno::BrokenPipe => "EPIPE: written after the end",
                Errno::ConnectionRefused => "ECONNREFUSED: refused",
                Errno::ConnectionReset => "ECONNRESET: reset",
                Errno::DestinationRequired => "EDESTADDRREQ: no destination",
                Errno::FamilyNotSupported => "EAFNOSUPPORT: an address of another family",
                Errno::HostDown => "EHOSTDOWN: the host is down",
                Errno::HostUnreachable => "EHOSTUNREACH: no way to the host",
                Errno::Interrupted => "EINTR: interrupted",
                Errno::Invalid => "EINVAL: invalid argument",
                Errno::Io => "EIO: the interface is down",
                Errno::MessageSize => "EMSGSIZE: longer than the MTU",
                Errno::NetDown => "ENETDOWN: the interface is down",
                Errno::NoBuffers => "ENOBUFS: no memory for the frame",
                Errno::NoNetwork => "ENONET: the host is isolated",
                Errno::NetworkUnreachable => "ENETUNREACH: no route",
                Errno::NoDevice => "ENODEV: the interface is gone",
                Errno::NoProtocol => "ENOPROTOOPT: the protocol is not known there",
                Errno::NoSuchDevice => "ENXIO: the interface is gone",
                Errno::NotConnected => "ENOTCONN: not connected",
                Errno::NotSupported => "EOPNOTSUPP: not supported",
                Errno::Protocol => "EPROTO: a header was found wrong",
                Errno::ProtocolNotSupported => "EPROTONOSUPPORT: no such protocol",
                Errno::TimedOut => "ETIMEDOUT: nothing came in time",
            })
        }
    }

    impl error::Error for LinuxErrno {}

    impl Errno {
        pub(crate) fn portable(self) -> io::Error {
            let kind = match self {
                Self::Access => io::ErrorKind::PermissionDenied,
                Self::AddressInUse => io::ErrorKind::AddrInUse,
                Self::AddressNotAvailable => io::ErrorKind::AddrNotAvailable,
                Self::Again => io::ErrorKind::WouldBlock,
                Self::BrokenPipe => io::ErrorKind::BrokenPipe,
                Self::ConnectionRefused => io::ErrorKind::ConnectionRefused,
                Self::ConnectionReset => io::ErrorKind::ConnectionReset,
                Self::HostUnreachable => io::ErrorKind::HostUnreachable,
                Self::Interrupted => io::ErrorKind::Interrupted,
                Self::Invalid => io::ErrorKind::InvalidInput,
                Self::NetDown => io::ErrorKind::NetworkDown,
                Self::NetworkUnreachable => io::ErrorKind::NetworkUnreachable,
                Self::NotConnected => io::ErrorKind::NotConnected,
                Self::TimedOut => io::ErrorKind::TimedOut,
                Self::BadFd
                | Self::DestinationRequired
                | Self::FamilyNotSupported
                | Self::HostDown
                | Self::Io
                | Self::MessageSize
                | Self::NoBuffers
                | Self::NoNetwork
                | Self::NoDevice
                | Self::NoProtocol
                | Self::NoSuchDevice
                | Self::NotSupported
                | Self::Protocol
                | Self::ProtocolNotSupported => io::ErrorKind::Other,
            };
            io::Error::new(kind, LinuxErrno(self))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_a_number_has_the_kind_and_the_linux_name() {
        let error = Errno::Again.portable();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(error.to_string().starts_with("EAGAIN"));
        assert!(Errno::BadFd.portable().to_string().starts_with("EBADFD"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_error_on_linux_carries_the_linux_number() {
        assert_eq!(io::Error::from(Errno::BadFd).raw_os_error(), Some(77));
        assert_eq!(io::Error::from(Errno::TimedOut).kind(), io::ErrorKind::TimedOut);
    }
}
