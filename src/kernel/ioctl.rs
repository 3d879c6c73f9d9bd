//! The TUN driver's requests (`linux/if_tun.h`), one safe function each.
//!
//! Layer: only `kernel` uses it. The numbers are computed by nix from direction, type and size, so that they are right
//! on MIPS, PowerPC and SPARC too, where the direction bits differ; a test holds them to PLATFORMS.md on x86_64.

#![expect(unsafe_code, reason = "ioctl(2) has no safe form")]

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libc::{c_int, c_ulong, sock_filter, sock_fprog};

use super::quiet_filter::Instruction;
use crate::codec::{IfReq, TunTapFlags};

/// `_IOW('T', number, int)`, which is how the driver numbers requests whatever their argument is.
const fn write_int(number: u8) -> c_ulong {
    nix::request_code_write!(b'T', number, size_of::<c_int>())
}

/// `_IOR('T', number, unsigned int)`.
const fn read_int(number: u8) -> c_ulong {
    nix::request_code_read!(b'T', number, size_of::<c_int>())
}

const TUNSETIFF: c_ulong = write_int(202);
const TUNSETPERSIST: c_ulong = write_int(203);
const TUNSETOWNER: c_ulong = write_int(204);
const TUNSETGROUP: c_ulong = write_int(206);
const TUNGETFEATURES: c_ulong = read_int(207);
const TUNGETIFF: c_ulong = read_int(210);
const TUNATTACHFILTER: c_ulong = nix::request_code_write!(b'T', 213, size_of::<sock_fprog>());
const TUNSETCARRIER: c_ulong = write_int(226);
/// `SIOCGSKNS` of `linux/sockios.h`, which the TUN driver answers with a descriptor of the device's network namespace.
const SIOCGSKNS: c_ulong = 0x894c;

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Requests whose argument is `struct ifreq`, read and written back.
fn with_ifreq(node: BorrowedFd<'_>, request: c_ulong, ifreq: &IfReq) -> io::Result<IfReq> {
    let mut octets = ifreq.encode();
    // SAFETY: the buffer is a whole native `struct ifreq`, which is all that the request touches, and lives until the
    // call returns. Its alignment does not matter: the kernel copies octets.
    check(unsafe { libc::ioctl(node.as_raw_fd(), request as _, octets.as_mut_ptr()) })?;
    IfReq::decode(&octets).map(|(ifreq, _)| ifreq).map_err(io::Error::other)
}

/// Requests whose argument is a number passed by value.
fn with_value(node: BorrowedFd<'_>, request: c_ulong, value: c_ulong) -> io::Result<()> {
    // SAFETY: the request takes its argument by value; no memory is touched.
    check(unsafe { libc::ioctl(node.as_raw_fd(), request as _, value) }).map(drop)
}

/// Requests that read or write one `int`.
fn with_int(node: BorrowedFd<'_>, request: c_ulong, mut value: c_int) -> io::Result<c_int> {
    // SAFETY: the request reads or writes one `int`, which `value` is, and does so before the call returns.
    check(unsafe { libc::ioctl(node.as_raw_fd(), request as _, &raw mut value) })?;
    Ok(value)
}

/// Attaches the descriptor to a device, making the device where there is none; gives the name and flags it got.
pub(super) fn set_iff(node: BorrowedFd<'_>, ifreq: &IfReq) -> io::Result<IfReq> {
    with_ifreq(node, TUNSETIFF, ifreq)
}

/// The name and flags of the attached device. The flags cannot tell whether there is packet information.
pub(super) fn get_iff(node: BorrowedFd<'_>) -> io::Result<IfReq> {
    with_ifreq(node, TUNGETIFF, &IfReq::new(None, TunTapFlags::empty()))
}

/// Whether the device outlives its last descriptor.
pub(super) fn set_persist(node: BorrowedFd<'_>, persist: bool) -> io::Result<()> {
    with_value(node, TUNSETPERSIST, persist.into())
}

/// The user who may attach to a persistent device.
pub(super) fn set_owner(node: BorrowedFd<'_>, uid: u32) -> io::Result<()> {
    with_value(node, TUNSETOWNER, uid.into())
}

/// The group that may attach to a persistent device.
pub(super) fn set_group(node: BorrowedFd<'_>, gid: u32) -> io::Result<()> {
    with_value(node, TUNSETGROUP, gid.into())
}

/// The flags that the driver knows.
pub(super) fn features(node: BorrowedFd<'_>) -> io::Result<u32> {
    with_int(node, TUNGETFEATURES, 0).map(c_int::cast_unsigned)
}

/// Carrier on or off, as a cable plugged in or pulled.
pub(super) fn set_carrier(node: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    with_int(node, TUNSETCARRIER, on.into()).map(drop)
}

/// Attaches a classic BPF program to what the host sends. TAP only: EINVAL on TUN.
pub(super) fn attach_filter(node: BorrowedFd<'_>, program: &[Instruction]) -> io::Result<()> {
    let mut program: Vec<_> =
        program.iter().map(|&Instruction { code, jt, jf, k }| sock_filter { code, jt, jf, k }).collect();
    let Ok(len) = program.len().try_into() else {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    };
    let program = sock_fprog { len, filter: program.as_mut_ptr() };
    // SAFETY: the program lives until the call returns, `len` is its length, and the kernel only reads it.
    check(unsafe { libc::ioctl(node.as_raw_fd(), TUNATTACHFILTER as _, &raw const program) }).map(drop)
}

/// The network namespace that the device lives in.
pub(super) fn network_namespace(node: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: the request takes no argument.
    let descriptor = check(unsafe { libc::ioctl(node.as_raw_fd(), SIOCGSKNS as _) })?;
    // SAFETY: the kernel made this descriptor for us just now; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_if_tun_h() {
        assert_eq!(TUNSETIFF, 0x4004_54ca);
        assert_eq!(TUNSETPERSIST, 0x4004_54cb);
        assert_eq!(TUNSETOWNER, 0x4004_54cc);
        assert_eq!(TUNSETGROUP, 0x4004_54ce);
        assert_eq!(TUNGETFEATURES, 0x8004_54cf);
        assert_eq!(TUNGETIFF, 0x8004_54d2);
        assert_eq!(TUNATTACHFILTER, 0x4010_54d5);
        assert_eq!(TUNSETCARRIER, 0x4004_54e2);
    }
}
