//! The errors of the mock: Linux errnos by name, as [`io::Error`]s on every platform.
//!
//! On unix an error carries the platform's own number for the name (the Linux number on Linux), so that
//! [`io::Error::kind`] and [`io::Error::raw_os_error`] agree. Elsewhere the numbers mean something else: there an error
//! has the right kind and displays the Linux name.

use std::io;

/// The errnos that a TUN/TAP device or a packet socket on it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errno {
    /// EAGAIN: nothing to read, and the caller does not wait.
    Again,
    /// EBADFD (77 on Linux): the device is gone.
    BadFd,
    /// EINTR.
    Interrupted,
    /// EINVAL.
    Invalid,
    /// EIO: the interface is down.
    Io,
    /// EMSGSIZE: longer than the MTU.
    MessageSize,
    /// ENETDOWN: the interface is down, told to a packet socket.
    NetDown,
    /// ENOBUFS: no memory for the frame.
    NoBuffers,
    /// ENODEV: the interface is gone.
    NoDevice,
    /// ENXIO: the interface is gone, told to a packet socket that sends.
    NoSuchDevice,
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
        match self {
            Self::Again => libc::EAGAIN,
            Self::BadFd => BAD_FD,
            Self::Interrupted => libc::EINTR,
            Self::Invalid => libc::EINVAL,
            Self::Io => libc::EIO,
            Self::MessageSize => libc::EMSGSIZE,
            Self::NetDown => libc::ENETDOWN,
            Self::NoBuffers => libc::ENOBUFS,
            Self::NoDevice => libc::ENODEV,
            Self::NoSuchDevice => libc::ENXIO,
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
                Errno::Again => "EAGAIN: nothing to read",
                Errno::BadFd => "EBADFD: the device is gone",
                Errno::Interrupted => "EINTR: interrupted",
                Errno::Invalid => "EINVAL: invalid argument",
                Errno::Io => "EIO: the interface is down",
                Errno::MessageSize => "EMSGSIZE: longer than the MTU",
                Errno::NetDown => "ENETDOWN: the interface is down",
                Errno::NoBuffers => "ENOBUFS: no memory for the frame",
                Errno::NoDevice => "ENODEV: the interface is gone",
                Errno::NoSuchDevice => "ENXIO: the interface is gone",
                Errno::TimedOut => "ETIMEDOUT: nothing came in time",
            })
        }
    }

    impl error::Error for LinuxErrno {}

    impl Errno {
        pub(in crate::mock) fn portable(self) -> io::Error {
            let kind = match self {
                Self::Again => io::ErrorKind::WouldBlock,
                Self::Interrupted => io::ErrorKind::Interrupted,
                Self::Invalid => io::ErrorKind::InvalidInput,
                Self::NetDown => io::ErrorKind::NetworkDown,
                Self::TimedOut => io::ErrorKind::TimedOut,
                Self::BadFd | Self::Io | Self::MessageSize | Self::NoBuffers | Self::NoDevice | Self::NoSuchDevice => {
                    io::ErrorKind::Other
                }
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
