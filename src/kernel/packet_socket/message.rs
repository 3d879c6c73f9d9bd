//! What one `recvmsg` on a packet socket gives: a frame, which way it went, and when.
//!
//! On a TAP the kernel takes a VLAN tag out of a frame before it shows it, and tells it beside the frame
//! (`struct tpacket_auxdata`); the tag is put back, so that what is received is what was on the link.

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::time::Duration;

use libc::{cmsghdr, socklen_t};

/// Where the tag stands in an Ethernet frame: behind the two addresses.
const VLAN_AT: usize = 12;
/// The octets of an 802.1Q tag: EtherType and tag control information.
const VLAN_OCTETS: usize = 4;

/// A frame in the caller's buffer.
pub(super) struct Message {
    /// How many octets of the buffer.
    pub(super) octets: usize,
    /// The host sent it: `PACKET_OUTGOING`.
    pub(super) outgoing: bool,
    /// When the kernel had it, since 1970, where the socket asked for it (`SO_TIMESTAMPING`).
    pub(super) stamp: Option<Duration>,
}

/// One `recvmsg`.
pub(super) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Message> {
    // Aligned as control messages must be; larger than the two that come.
    let mut control = [0_u64; 16];
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: all zeros is a valid `sockaddr_ll`.
    let mut address: libc::sockaddr_ll = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: all zeros is a valid `msghdr`: null pointers and lengths of zero.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_name = (&raw mut address).cast();
    message.msg_namelen = socklen_t::try_from(size_of::<libc::sockaddr_ll>()).unwrap_or(0);
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    // SAFETY: the message points to `address`, `part` and `control`, which live until the call returns and whose lengths
    // it carries; `part` is the caller's buffer.
    let received = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0) };
    let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
    let (mut tag, mut stamp) = (None, None);
    // SAFETY: the kernel filled the message in; its control part is `control`.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    while !header.is_null() {
        // SAFETY: not null, so it points to a whole header inside `control`.
        let own = unsafe { ptr::read(header) };
        match (own.cmsg_level, own.cmsg_type) {
            (libc::SOL_PACKET, libc::PACKET_AUXDATA) => tag = vlan(header),
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING) => stamp = software_stamp(header),
            _ => {}
        }
        // SAFETY: the header is one of the message's, which has not changed since.
        header = unsafe { libc::CMSG_NXTHDR(&raw const message, header) };
    }
    let octets = tag.map_or(received, |tag| put_back(tag, received, buffer));
    Ok(Message { octets, outgoing: address.sll_pkttype == libc::PACKET_OUTGOING, stamp })
}

/// The tag that the kernel took out, if any. `header` is that of a `PACKET_AUXDATA`.
fn vlan(header: *const cmsghdr) -> Option<[u8; VLAN_OCTETS]> {
    // SAFETY: the header is inside the control buffer; its data follow it there.
    let data = unsafe { libc::CMSG_DATA(header) };
    // SAFETY: PACKET_AUXDATA carries one `tpacket_auxdata`, for which the buffer has room; it may be unaligned.
    let auxiliary = unsafe { ptr::read_unaligned(data.cast::<libc::tpacket_auxdata>()) };
    let valid = |flag: u32| auxiliary.tp_status & flag != 0;
    if !valid(libc::TP_STATUS_VLAN_VALID) {
        return None;
    }
    // Kernels before 3.14 do not tell which tag it was; it was 802.1Q.
    let tag = if valid(libc::TP_STATUS_VLAN_TPID_VALID) { auxiliary.tp_vlan_tpid } else { 0x8100 };
    let ([a, b], [c, d]) = (tag.to_be_bytes(), auxiliary.tp_vlan_tci.to_be_bytes());
    Some([a, b, c, d])
}

/// The first of three times (`struct scm_timestamping`), zero where the kernel had none. `header` is that of an
/// `SCM_TIMESTAMPING`.
fn software_stamp(header: *const cmsghdr) -> Option<Duration> {
    // SAFETY: the header is inside the control buffer; its data follow it there.
    let data = unsafe { libc::CMSG_DATA(header) };
    // SAFETY: SCM_TIMESTAMPING carries three `timespec`s, for which the buffer has room; they may be unaligned.
    let time = unsafe { ptr::read_unaligned(data.cast::<libc::timespec>()) };
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?);
    (seconds > 0 && nanoseconds < 1_000_000_000).then(|| Duration::new(seconds, nanoseconds))
}

/// Puts a tag back where it was. Gives how many octets there are then.
fn put_back(tag: [u8; VLAN_OCTETS], received: usize, buffer: &mut [u8]) -> usize {
    let with_tag = (received + VLAN_OCTETS).min(buffer.len());
    if received < VLAN_AT || with_tag < VLAN_AT + VLAN_OCTETS {
        return received;
    }
    buffer.copy_within(VLAN_AT..with_tag - VLAN_OCTETS, VLAN_AT + VLAN_OCTETS);
    if let Some(place) = buffer.get_mut(VLAN_AT..VLAN_AT + VLAN_OCTETS) {
        place.copy_from_slice(&tag);
    }
    with_tag
}
