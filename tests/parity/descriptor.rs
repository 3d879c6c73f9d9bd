//! Descriptor mode: `into_fd` gives the TUN itself on the kernel, and one end of a SOCK_SEQPACKET pair on the mock, which
//! goes by real time then.

use std::fs::File;
use std::io::{self, IoSlice, Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tuntap_test::device::{DeviceConfig, Mode, PacketInfoMode, patience};
use tuntap_test::exchange::Exchange;
use tuntap_test::prelude::*;

use crate::behaviour::group;
use crate::seen::{hex, list, outcome};
use crate::world::Remote;

const KEEP: DeviceConfig = DeviceConfig::new().packet_info(PacketInfoMode::Keep);

group! {
    "Descriptor mode";
    echo: "descriptor: an echo request, and what is read then";
    wrong_nibble: "descriptor: a write whose first nibble is 5";
    empty_write: "descriptor: a write of no octets";
    short_ethernet: "descriptor of a TAP: a write of 13 octets";
    long_write: "descriptor: a write of 65,536 octets";
    gathered: "descriptor: a write of a frame in two parts (writev)";
    write_while_down: "descriptor: a write while the link is down";
    read_while_down: "descriptor: a read while the link is down, with one frame waiting and with none";
    nothing_to_read: "descriptor: a read with nothing to read";
    short_buffer: "descriptor: a read of a 100-octet frame into 50 octets, and the next read";
    no_buffer: "descriptor: a read of a 100-octet frame into no octets, and the next read";
    two_frames: "descriptor: two frames of 100 octets, read into 1,500";
    packet_information(KEEP): "descriptor with packet information: the header of an IPv4 packet";
    packet_information_short(KEEP): "descriptor with packet information: the header in a read into 50 octets of the 104";
    packet_information_too_little(KEEP): "descriptor with packet information: a read into 3 octets";
    packet_information_write(KEEP): "descriptor with packet information: a write of 3 octets";
    ready: "descriptor: what poll says while idle, and with a frame waiting";
    ready_while_down: "descriptor: what poll says while the link is down";
    removed: "descriptor of a device that was removed: poll, write, read";
    queue(DeviceConfig::new().queue_length(8)): "descriptor: 40 frames while nobody reads, queue length 8: how many can be read then";
    flags: "descriptor, asked not to block: whether it is closed on exec, and whether it blocks";
    kind: "descriptor: what kind of file it is";
    seek: "descriptor: lseek";
}

/// A link whose device end is a file now.
struct Handed {
    file: File,
    end: HostEnd,
    remote: Remote,
}

impl Handed {
    fn of(tun: Tun) -> Self {
        let (end, remote) = (tun.host_end(), Remote::of(&tun));
        Self { file: tun.into_fd(false).into(), end, remote }
    }

    fn write(&mut self, octets: &[u8]) -> String {
        outcome(self.file.write(octets))
    }

    /// What poll says of these events, when it says something.
    fn poll(&self, events: PollFlags) -> PollFlags {
        let mut asked = [PollFd::new(self.file.as_fd(), events)];
        let time = PollTimeout::try_from(patience()).unwrap();
        assert_eq!(poll(&mut asked, time), Ok(1), "nothing within {:?}", patience());
        let [asked] = asked;
        asked.revents().unwrap()
    }

    /// The same at once.
    fn poll_now(&self) -> String {
        let mut asked = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN | PollFlags::POLLOUT)];
        poll(&mut asked, PollTimeout::ZERO).unwrap();
        let [asked] = asked;
        names(asked.revents().unwrap())
    }

    /// Waits until there is something to read, and reads it.
    fn read(&mut self, room: usize) -> io::Result<Vec<u8>> {
        self.poll(PollFlags::POLLIN);
        self.read_now(room)
    }

    fn read_now(&mut self, room: usize) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0xee; room];
        self.file.read(&mut buffer).map(|length| buffer.drain(..length).collect())
    }

    fn read_length(&mut self, room: usize) -> String {
        outcome(self.read(room).map(|octets| octets.len()))
    }

    fn read_length_now(&mut self, room: usize) -> String {
        outcome(self.read_now(room).map(|octets| octets.len()))
    }

    /// The host sends a frame.
    fn host_sends(&self, octets: usize) {
        sends(&self.end, octets);
    }
}

fn sends(end: &Exchange, octets: usize) {
    assert_eq!(end.device().transmit(&vec![0x45; octets]).unwrap(), octets);
}

fn names(events: PollFlags) -> String {
    let names: Vec<&str> = events.iter_names().map(|(name, _)| name).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(" ") }
}

fn echo(tun: Tun) -> io::Result<String> {
    let request = (Icmpv4::echo_request(7, 1) / b"hi").build().map_err(io::Error::other)?;
    let mut handed = Handed::of(tun);
    let written = handed.write(&request);
    let reply = handed.read(1500)?;
    let reply = FrameRef::new(Mode::Tun, &reply);
    Ok(list([written, reply.summary().to_string()]))
}

fn wrong_nibble(tun: Tun) -> String {
    Handed::of(tun).write(&[0x55; 20])
}

fn empty_write(tun: Tun) -> String {
    Handed::of(tun).write(&[])
}

fn short_ethernet(tap: Tap) -> String {
    let mut file = File::from(tap.into_fd(false));
    outcome(file.write(&[0; 13]))
}

/// What the host end receives of a write.
fn arrives(handed: &mut Handed, written: &str) -> String {
    let mut buffer = vec![0; 1 << 18];
    let length = handed.end.device().receive(&mut buffer, patience().into());
    list([written.to_owned(), format!("{} octets arrive", outcome(length))])
}

fn long_write(tun: Tun) -> String {
    let mut handed = Handed::of(tun);
    let written = handed.write(&vec![0x45; 65_536]);
    arrives(&mut handed, &written)
}

fn gathered(tun: Tun) -> String {
    let mut handed = Handed::of(tun);
    let written = outcome(handed.file.write_vectored(&[IoSlice::new(&[0x45; 20]), IoSlice::new(&[7; 30])]));
    arrives(&mut handed, &written)
}

fn write_while_down(tun: Tun) -> io::Result<String> {
    let mut handed = Handed::of(tun);
    handed.remote.down()?;
    Ok(handed.write(&[0x45; 20]))
}

fn read_while_down(tun: Tun) -> io::Result<String> {
    let mut handed = Handed::of(tun);
    handed.host_sends(100);
    handed.poll(PollFlags::POLLIN);
    handed.remote.down()?;
    Ok(list([handed.read_length(1500), handed.read_length_now(1500)]))
}

fn nothing_to_read(tun: Tun) -> String {
    Handed::of(tun).read_length_now(1500)
}

fn short_buffer(tun: Tun) -> String {
    let mut handed = Handed::of(tun);
    handed.host_sends(100);
    list([handed.read_length(50), handed.read_length_now(1500)])
}

fn no_buffer(tun: Tun) -> String {
    let mut handed = Handed::of(tun);
    handed.host_sends(100);
    list([handed.read_length(0), handed.read_length_now(1500)])
}

fn two_frames(tun: Tun) -> String {
    let mut handed = Handed::of(tun);
    handed.host_sends(100);
    handed.host_sends(100);
    list([handed.read_length(1500), handed.read_length(1500)])
}

fn header(handed: &mut Handed, room: usize) -> io::Result<String> {
    handed.host_sends(100);
    let octets = handed.read(room)?;
    Ok(format!("{} octets: {}", octets.len(), hex(octets.get(..4).unwrap_or_default())))
}

fn packet_information(tun: Tun) -> io::Result<String> {
    header(&mut Handed::of(tun), 1500)
}

fn packet_information_short(tun: Tun) -> io::Result<String> {
    header(&mut Handed::of(tun), 50)
}

fn packet_information_too_little(tun: Tun) -> String {
    let mut handed = Handed::of(tun);
    handed.host_sends(100);
    handed.read_length(3)
}

fn packet_information_write(tun: Tun) -> String {
    Handed::of(tun).write(&[0, 0, 8])
}

fn ready(tun: Tun) -> String {
    let handed = Handed::of(tun);
    let idle = handed.poll_now();
    handed.host_sends(100);
    handed.poll(PollFlags::POLLIN);
    list([idle, handed.poll_now()])
}

fn ready_while_down(tun: Tun) -> io::Result<String> {
    let mut handed = Handed::of(tun);
    handed.remote.down()?;
    Ok(handed.poll_now())
}

fn removed(tun: Tun) -> io::Result<String> {
    let mut handed = Handed::of(tun);
    handed.remote.remove()?;
    // Errors and hang-ups are told unasked.
    let said = names(handed.poll(PollFlags::empty()));
    Ok(list([said, handed.write(&[0x45; 20]), handed.read_length_now(1500)]))
}

fn queue(tun: Tun) -> String {
    kept(Handed::of(tun), 40)
}

/// How many frames can be read when that many were sent, one after the other.
fn kept(mut handed: Handed, frames: u64) -> String {
    let mut on_their_way = 0;
    for sent in 1..=frames {
        handed.host_sends(20);
        on_their_way = handed.remote.wait_until_carried(sent);
    }
    // The mock's thread may have the last one still.
    let mut read = 0;
    while read < on_their_way && handed.read(1500).is_ok() {
        read += 1;
    }
    while handed.read_now(1500).is_ok() {
        read += 1;
    }
    format!("{read}")
}

fn flags(tun: Tun) -> io::Result<String> {
    let handed = Handed::of(tun);
    let flags = OFlag::from_bits_retain(fcntl(&handed.file, FcntlArg::F_GETFL)?);
    let close = FdFlag::from_bits_retain(fcntl(&handed.file, FcntlArg::F_GETFD)?);
    let blocks = if flags.contains(OFlag::O_NONBLOCK) { "does not block" } else { "blocks" };
    let closes = if close.contains(FdFlag::FD_CLOEXEC) { "closed on exec" } else { "kept on exec" };
    Ok(list([closes.to_owned(), blocks.to_owned()]))
}

fn kind(tun: Tun) -> io::Result<String> {
    let kind = Handed::of(tun).file.metadata()?.file_type();
    Ok(match (kind.is_char_device(), kind.is_socket()) {
        (true, _) => "a character device",
        (_, true) => "a socket",
        _ => "something else",
    }
    .to_owned())
}

fn seek(tun: Tun) -> String {
    outcome(Handed::of(tun).file.stream_position())
}
