//! A throwaway TUN link by bare system calls: the rival of ours.

#![expect(unsafe_code, reason = "the rival is written with bare system calls")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

mod request {
    use nix::libc;

    nix::ioctl_write_ptr_bad!(set_iff, nix::request_code_write!(b'T', 202, 4), libc::ifreq);
    nix::ioctl_write_int_bad!(set_persist, nix::request_code_write!(b'T', 203, 4));
}

/// Unshare, open, TUNSETIFF, and one sendmsg with all [`messages`]. The thread stays in the new namespace.
pub(crate) fn link(messages: &[u8]) -> io::Result<File> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    let node = OpenOptions::new().read(true).write(true).open("/dev/net/tun")?;
    // SAFETY: all zeros is a valid `ifreq`: no name, no flags.
    let mut ifreq: libc::ifreq = unsafe { std::mem::zeroed() };
    ifreq.ifr_ifru.ifru_flags = 0x1001; // IFF_TUN | IFF_NO_PI
    // SAFETY: the request reads and writes one `ifreq`, which this is.
    unsafe { request::set_iff(node.as_raw_fd(), &raw const ifreq) }?;
    let netlink =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, Some(SockProtocol::NetlinkRoute))?;
    send(netlink.as_raw_fd(), messages, MsgFlags::empty())?;
    let mut acknowledged = 0;
    let mut answer = [0; 4096];
    while acknowledged < MESSAGES {
        let length = recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty())?;
        let mut rest = answer.get(..length).unwrap_or_default();
        while let [a, b, c, d, ..] = *rest {
            let errno = rest.get(16..20).and_then(|errno| errno.try_into().ok()).map_or(0, i32::from_ne_bytes);
            if errno != 0 {
                return Err(io::Error::from_raw_os_error(-errno));
            }
            acknowledged += 1;
            rest = rest.get(u32::from_ne_bytes([a, b, c, d]).next_multiple_of(4) as usize..).unwrap_or_default();
        }
    }
    Ok(node)
}

/// The close does not wait for the kernel then.
pub(crate) fn persist(node: &File) -> io::Result<()> {
    // SAFETY: the request takes its argument by value.
    unsafe { request::set_persist(node.as_raw_fd(), 1) }?;
    Ok(())
}

const MESSAGES: usize = 6;

/// One message (`struct nlmsghdr`), its fixed part and its attributes.
fn message(into: &mut Vec<u8>, kind: u16, flags: u16, fixed: &[u8], attributes: &[u8]) {
    let length = u32::try_from(16 + fixed.len() + attributes.len()).unwrap_or_default();
    into.extend_from_slice(&length.to_ne_bytes());
    into.extend_from_slice(&kind.to_ne_bytes());
    into.extend_from_slice(&(flags | 5).to_ne_bytes()); // NLM_F_REQUEST | NLM_F_ACK
    into.extend_from_slice(&[0; 8]);
    into.extend_from_slice(fixed);
    into.extend_from_slice(attributes);
}

/// One attribute (`struct nlattr`), whose value is a multiple of four octets or padded to one.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or_default();
    let mut octets = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    octets.extend_from_slice(value);
    octets.resize(octets.len().next_multiple_of(4), 0);
    octets
}

/// What our own link asks for: `lo` up, no link-local address, queue length, up, an IPv4 and an IPv6 address. In a new
/// namespace `lo` has index 1 and the first device index 2.
pub(crate) fn messages() -> Vec<u8> {
    const LINK: u16 = 19; // RTM_SETLINK
    const ADDRESS: u16 = 20; // RTM_NEWADDR
    const NEW: u16 = 0x600; // NLM_F_EXCL | NLM_F_CREATE is 0x200 | 0x400
    let link = |index: u32, up: bool| -> Vec<u8> {
        let flag = u32::from(up).to_ne_bytes(); // IFF_UP
        [&[0; 4][..], &index.to_ne_bytes(), &flag, &flag].concat()
    };
    let address = |family: u8, prefix: u8, flags: u8| [&[family, prefix, flags, 0][..], &2_u32.to_ne_bytes()].concat();
    let mut octets = Vec::new();
    message(&mut octets, LINK, 0, &link(1, true), &[]);
    // IFLA_AF_SPEC { AF_INET6 { IFLA_INET6_ADDR_GEN_MODE: none } }
    let none = attribute(26, &attribute(10, &attribute(8, &[1])));
    message(&mut octets, LINK, 0, &link(2, false), &none);
    message(&mut octets, LINK, 0, &link(2, false), &attribute(13, &10_000_u32.to_ne_bytes())); // IFLA_TXQLEN
    message(&mut octets, LINK, 0, &link(2, true), &[]);
    let v4 = [192, 0, 2, 1];
    // IFA_LOCAL, IFA_ADDRESS
    message(&mut octets, ADDRESS, NEW, &address(2, 24, 0), &[attribute(2, &v4), attribute(1, &v4)].concat());
    let v6 = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    message(&mut octets, ADDRESS, NEW, &address(10, 64, 0x02), &attribute(1, &v6)); // IFA_F_NODAD
    octets
}
