//! What [`Tun`](super::Tun) and [`Tap`](super::Tap) are: a link of one mode. Written once, since they differ in that only.

/// Defines one of the two.
macro_rules! argument {
    ($(#[$doc:meta])* $name:ident) => {
        use std::io::{Read, Write};
        use std::ops::Deref;
        #[cfg(unix)]
        use std::os::fd::OwnedFd;

        use super::link::assert_ok;
        use super::{HandedOver, Link};
        use crate::device::{Deadline, Device};

        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(Link);

        impl $name {
            /// Hands the device over as a descriptor, blocking or not: the TUN/TAP itself on the kernel backend, one
            /// end of a socket pair that keeps packet boundaries on the mock. The link's other end stays: sockets in
            /// the test's namespace, and the [`host_end`](Link::host_end) taken before.
            ///
            /// The mock's descriptor goes by the system's time, and so does the test from here on. It is a socket: programs
            /// that ask it with `ioctl` what it is get ENOTTY, such as tun-rs when it takes a descriptor. smoltcp's
            /// `TunTapInterface::from_fd`, the `tun` crate's `raw_fd`, tokio's `AsyncFd`, `poll`, `read` and `write` work on
            /// both. What the kernel refuses at a write (EINVAL, EIO while down) vanishes on the mock, and there the end
            /// of the link reads as the end of a file (the kernel's: EBADFD).
            ///
            /// From now on the harness sees what passes on the link, both ways, without a thread: a packet socket on the
            /// kernel backend, the cable on the mock. A test that fails has it in its report and in
            /// `exchange.pcapng`. The first 80,000 small frames or 29,000 of 1,500 octets have room (without
            /// privileges as many as twice `net.core.rmem_max` holds: 500 and 180; 10,000 on the mock), the rest is counted. A
            /// test that is killed leaves none of it, and what the host had sent before is not seen.
            ///
            /// # Panics
            /// While an answering machine is on the link or frames are undelivered.
            #[cfg(unix)]
            #[must_use]
            #[track_caller]
            pub fn into_fd(self, blocking: bool) -> OwnedFd {
                assert_ok(self.try_into_fd(blocking), "hand the device over as a descriptor")
            }

            /// As [`into_fd`](Self::into_fd).
            ///
            /// # Errors
            /// While an answering machine is on the link or frames are undelivered.
            #[cfg(unix)]
            pub fn try_into_fd(self, blocking: bool) -> io::Result<OwnedFd> {
                let (backing, _) = self.0.into_backing()?;
                backing.into_fd(blocking)
            }

            /// Hands the device over by name: the interface stays as it is, with addresses and up, our descriptor
            /// closes, and the code under test opens it itself in the test's namespace.
            ///
            /// The harness sees what passes, as with [`into_fd`](Self::into_fd).
            ///
            /// A program that opens it with `IFF_MULTI_QUEUE` needs `multi_queue = true` in the attribute.
            ///
            /// # Panics
            /// On the mock, which has no name that another program could open; while an answering machine is on the
            /// link or frames are undelivered.
            #[track_caller]
            pub fn hand_over(self) -> HandedOver {
                assert_ok(self.try_hand_over(), "hand the device over by name")
            }

            /// As [`hand_over`](Self::hand_over).
            ///
            /// # Errors
            /// Where `hand_over` panics.
            pub fn try_hand_over(self) -> io::Result<HandedOver> {
                let (backing, stack) = self.0.into_backing()?;
                backing.hand_over(stack)
            }
        }

        impl Deref for $name {
            type Target = Link;

            fn deref(&self) -> &Link {
                &self.0
            }
        }

        /// One frame a call; waits until one comes.
        impl Read for &$name {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0.end().receive(buffer, Deadline::Never)
            }
        }

        /// One frame a call.
        impl Write for &$name {
            fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
                self.0.end().transmit(octets)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
    };
}

pub(super) use argument;
