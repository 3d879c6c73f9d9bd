//! What `into_fd` gives, on both backends, in the hands of programs that nobody here wrote: smoltcp's `TunTapInterface`,
//! the crates `tun` and tun-rs, tokio's `AsyncFd`, and plain reads and writes. One body on both; where the mock's
//! descriptor is not the kernel's, a test asserts in what. (`tests/hand_over.rs` has the other ways to hand a link over.)
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};
use std::thread::{self, JoinHandle};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{self, Medium, TunTapInterface};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpCidr};
use tokio::io::unix::AsyncFd;
use tuntap_test::Link;
use tuntap_test::answer::AnsweringMachine;
use tuntap_test::device::dispatch::{Replies, Verdict};
use tuntap_test::device::{Mode, patience};
use tuntap_test::packet::Defaults;
use tuntap_test::prelude::*;

const PORT: u16 = 7777;
/// More than a window.
const BULK: usize = 200_000;

/// Pings the program at the device end, twice.
#[track_caller]
fn ping_twice(host: &HostEnd) {
    for sequence in [1, 2] {
        host.send(Icmpv4::echo_request(7, sequence) / b"across the descriptor");
        host.expect_eventually(Icmpv4::echo_reply(7, sequence) / b"across the descriptor");
    }
}

/// A program that reads and writes whole frames: it answers so many echo requests, and ends.
struct Program {
    mode: Mode,
    machine: IcmpEcho,
    replies: Replies,
    left: usize,
}

impl Program {
    fn new(mode: Mode, requests: usize) -> Self {
        Self { mode, machine: IcmpEcho::any_address(), replies: Replies::new(), left: requests }
    }

    /// The reply to a frame that was read, if it is a request.
    fn reply(&mut self, octets: &[u8]) -> Option<Vec<u8>> {
        self.replies.clear();
        let verdict = self.machine.answer(FrameRef::new(self.mode, octets), &mut self.replies);
        (verdict == Verdict::Taken).then(|| self.left -= 1)?;
        self.replies.iter().next().map(<[u8]>::to_vec)
    }

    /// The whole program, over what blocks.
    fn run(
        mut self,
        mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
        mut write: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        let mut buffer = [0; 2048];
        while self.left > 0 {
            let octets = read(&mut buffer)?;
            if let Some(reply) = buffer.get(..octets).and_then(|frame| self.reply(frame)) {
                assert_eq!(write(&reply)?, reply.len());
            }
        }
        Ok(())
    }
}

#[track_caller]
fn finish<T>(program: JoinHandle<io::Result<T>>) -> T {
    program.join().expect("the program under test does not panic").expect("it ends well")
}

/// smoltcp on a descriptor of the link: a stack with the peer's addresses that serves `serve` until that gives true.
fn smoltcp_serves(
    descriptor: OwnedFd,
    link: (Mode, IpCidr, usize),
    mut serve: impl FnMut(&mut SocketSet<'_>) -> bool + Send + 'static,
) -> JoinHandle<io::Result<()>> {
    let (mode, own, mtu) = link;
    thread::spawn(move || {
        let (medium, address, mtu) = match mode {
            Mode::Tun => (Medium::Ip, HardwareAddress::Ip, mtu),
            // smoltcp counts the Ethernet header.
            Mode::Tap => (Medium::Ethernet, EthernetAddress(Defaults::PEER_MAC).into(), mtu + 14),
        };
        let mut device = TunTapInterface::from_fd(descriptor.into_raw_fd(), medium, mtu)?;
        let node = device.as_raw_fd();
        let mut interface = Interface::new(Config::new(address), &mut device, Instant::now());
        interface.update_ip_addrs(|addresses| addresses.push(own).unwrap());
        let mut socket = tcp::Socket::new(tcp::SocketBuffer::new(vec![0; 8192]), tcp::SocketBuffer::new(vec![0; 8192]));
        socket.listen(PORT).unwrap();
        let mut sockets = SocketSet::new(Vec::new());
        sockets.add(socket);
        loop {
            interface.poll(Instant::now(), &mut device, &mut sockets);
            if serve(&mut sockets) {
                interface.poll(Instant::now(), &mut device, &mut sockets);
                return Ok(());
            }
            let delay = interface.poll_delay(Instant::now(), &sockets);
            let most = smoltcp::time::Duration::from_millis(100);
            phy::wait(node, Some(delay.map_or(most, |delay| delay.min(most))))?;
        }
    })
}

fn own_address(link: &Link) -> (Mode, IpCidr, usize) {
    (link.mode(), IpCidr::new(link.peer_v4().into(), 24), usize::try_from(link.mtu()).unwrap())
}

/// An echo server: gives true when the connection is closed on both sides.
fn echo(sockets: &mut SocketSet<'_>) -> bool {
    let Some((_, smoltcp::socket::Socket::Tcp(socket))) = sockets.iter_mut().next() else { return true };
    while socket.can_recv() && socket.can_send() {
        let room = socket.send_capacity() - socket.send_queue();
        let octets = socket.recv(|octets| {
            let taken = octets.len().min(room);
            (taken, octets.get(..taken).unwrap_or_default().to_vec())
        });
        socket.send_slice(&octets.unwrap()).unwrap();
    }
    if socket.state() == tcp::State::CloseWait && socket.recv_queue() == 0 {
        socket.close();
    }
    socket.state() == tcp::State::Closed
}

/// The host's side of the echo, over the kernel's sockets.
fn converse_over_tcp(peer: SocketAddr) {
    let mut stream = std::net::TcpStream::connect_timeout(&peer, patience()).unwrap();
    stream.set_read_timeout(Some(patience())).unwrap();
    let mut back = stream.try_clone().unwrap();
    let reader = thread::spawn(move || {
        let mut all = Vec::new();
        back.read_to_end(&mut all).map(|_| all)
    });
    stream.write_all(&bulk()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert!(reader.join().unwrap().unwrap() == bulk());
}

/// The same over the mock's, which do not wait: what the host end receives tells when to look again.
fn converse_over_mocked_tcp(stream: &tuntap_test::mock::host::TcpStream, host: &HostEnd) {
    let (all, mut sent, mut back, mut buffer) = (bulk(), 0, Vec::new(), [0; 8192]);
    while back.len() < all.len() {
        if stream.try_connected().unwrap() {
            match stream.write(all.get(sent..).unwrap()) {
                Ok(octets) => sent += octets,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
            match stream.read(&mut buffer) {
                Ok(0) => panic!("closed after {} octets", back.len()),
                Ok(octets) => {
                    back.extend_from_slice(buffer.get(..octets).unwrap());
                    continue;
                }
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
        let _something_moved = host.receive();
    }
    assert!(back == all);
    stream.shutdown(Shutdown::Write).unwrap();
    while stream.read(&mut buffer).is_err() {
        let _something_moved = host.receive();
    }
}

fn bulk() -> Vec<u8> {
    (0..BULK).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

/// What is to be known of a link before its device end is handed over.
struct Far {
    own: (Mode, IpCidr, usize),
    peer: SocketAddr,
    stack: Stack,
    host: HostEnd,
}

impl Far {
    fn of(link: &Link) -> Self {
        let (stack, peer) = (link.stack().clone(), SocketAddr::from((link.peer_v4(), PORT)));
        Self { own: own_address(link), peer, stack, host: link.host_end() }
    }
}

fn tcp_echo(far: &Far, descriptor: OwnedFd) {
    let server = smoltcp_serves(descriptor, far.own, echo);
    match far.stack.mock_host() {
        Some(mocked) => converse_over_mocked_tcp(&mocked.tcp_connect(far.peer).unwrap(), &far.host),
        None => converse_over_tcp(far.peer),
    }
    finish(server);
}

#[tuntap_test]
fn smoltcp_serves_tcp_over_a_tun(tun: Tun) {
    let far = Far::of(&tun);
    tcp_echo(&far, tun.into_fd(false));
}

#[tuntap_test]
fn smoltcp_serves_tcp_over_a_tap(tap: Tap) {
    let far = Far::of(&tap);
    tcp_echo(&far, tap.into_fd(false));
}

#[tuntap_test]
fn the_tun_crate_reads_and_writes(tun: Tun) {
    let host = tun.host_end();
    let mut configuration = tun::Configuration::default();
    configuration.raw_fd(tun.into_fd(true).into_raw_fd()).close_fd_on_drop(true);
    let (mut reader, mut writer) = tun::create(&configuration).unwrap().split();
    let program = Program::new(Mode::Tun, 2);
    let program = thread::spawn(move || program.run(|buffer| reader.read(buffer), |octets| writer.write(octets)));
    ping_twice(&host);
    finish(program);
}

/// The `ioctl`s of a TUN device: the mock's descriptor is a socket, which has none.
#[tuntap_test]
fn what_the_tun_crate_asks_of_the_device(tun: Tun) {
    let is_mock = tun.mock().is_some();
    let mut configuration = tun::Configuration::default();
    configuration.raw_fd(tun.into_fd(true).into_raw_fd()).close_fd_on_drop(true);
    let mut device = tun::create(&configuration).unwrap();
    // TUNSETPERSIST.
    match device.persist() {
        Ok(()) => assert!(!is_mock),
        Err(tun::Error::Io(error)) => {
            assert!(is_mock, "{error}");
            assert_eq!(error.raw_os_error(), Some(libc::ENOTTY));
        }
        Err(error) => panic!("{error}"),
    }
}

/// tun-rs asks what a descriptor is (TUNGETIFF) before it takes it, so the mock's is none for it: give it the kernel's.
#[tuntap_test]
fn tun_rs_takes_the_kernels_descriptor_only(tun: Tun) {
    let (host, is_mock) = (tun.host_end(), tun.mock().is_some());
    let descriptor = tun.into_fd(true).into_raw_fd();
    #[expect(unsafe_code, reason = "tun-rs has no other way to take a descriptor")]
    // SAFETY: the descriptor is open, nobody else has it, and it has no header in front of packets.
    let device = unsafe { tun_rs::SyncDevice::from_fd(descriptor) };
    match device {
        Ok(device) => {
            assert!(!is_mock);
            let program = Program::new(Mode::Tun, 2);
            let program =
                thread::spawn(move || program.run(|buffer| device.recv(buffer), |octets| device.send(octets)));
            ping_twice(&host);
            finish(program);
        }
        Err(error) => {
            assert!(is_mock, "{error}");
            assert_eq!(error.raw_os_error(), Some(libc::ENOTTY));
        }
    }
}

/// The program as a task: it waits until the descriptor is ready, and then does not block.
async fn program_on_tokio(descriptor: OwnedFd, mut program: Program) -> io::Result<()> {
    #[expect(deprecated, reason = "its successor is unsafe, for types whose descriptor changes; a file's does not")]
    let node = AsyncFd::new(File::from(descriptor))?;
    let mut buffer = [0; 2048];
    while program.left > 0 {
        let octets = loop {
            let mut ready = node.readable().await?;
            // An error: nothing was there after all.
            if let Ok(read) = ready.try_io(|node| node.get_ref().read(&mut buffer)) {
                break read?;
            }
        };
        let Some(reply) = buffer.get(..octets).and_then(|frame| program.reply(frame)) else { continue };
        loop {
            let mut ready = node.writable().await?;
            if let Ok(written) = ready.try_io(|node| node.get_ref().write(&reply)) {
                assert_eq!(written?, reply.len());
                break;
            }
        }
    }
    Ok(())
}

#[tuntap_test]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokio_waits_for_the_descriptor_of_a_tun(tun: Tun) {
    let host = tun.host_end();
    let program = tokio::spawn(program_on_tokio(tun.into_fd(false), Program::new(Mode::Tun, 2)));
    ping_twice(&host);
    program.await.unwrap().unwrap();
}

#[tuntap_test]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokio_waits_for_the_descriptor_of_a_tap(tap: Tap) {
    let host = tap.host_end();
    let program = tokio::spawn(program_on_tokio(tap.into_fd(false), Program::new(Mode::Tap, 2)));
    ping_twice(&host);
    program.await.unwrap().unwrap();
}

/// One reads, another one writes, on duplicates of the descriptor.
#[tuntap_test]
fn plain_reads_and_writes_on_two_duplicates(tap: Tap) {
    let host = tap.host_end();
    let mut reader = File::from(tap.into_fd(true));
    let mut writer = reader.try_clone().unwrap();
    let program = Program::new(Mode::Tap, 2);
    let program = thread::spawn(move || program.run(|buffer| reader.read(buffer), |octets| writer.write(octets)));
    ping_twice(&host);
    finish(program);
}

#[tuntap_test]
fn frames_in_pieces(tun: Tun) {
    let host = tun.host_end();
    let mut node = File::from(tun.into_fd(true));
    host.send(Icmpv4::echo_request(7, 1) / b"in pieces");
    let (mut ip, mut rest) = ([0; 20], [0; 100]);
    let octets = node.read_vectored(&mut [IoSliceMut::new(&mut ip), IoSliceMut::new(&mut rest)]).unwrap();
    assert_eq!(octets, 20 + 8 + 9);
    assert!(rest.get(8..).is_some_and(|data| data.starts_with(b"in pieces")));
    let mut program = Program::new(Mode::Tun, 1);
    let reply = program.reply(&[&ip[..], rest.get(..octets - 20).unwrap()].concat()).unwrap();
    let (head, tail) = reply.split_at(9);
    assert_eq!(node.write_vectored(&[IoSlice::new(head), IoSlice::new(tail)]).unwrap(), octets);
    host.expect_eventually(Icmpv4::echo_reply(7, 1) / b"in pieces");
}

/// What finds no room in the buffer is gone, and the next read gives the next frame.
#[tuntap_test]
fn a_short_read_cuts_the_frame(tun: Tun) {
    let host = tun.host_end();
    let mut node = File::from(tun.into_fd(true));
    host.send(Icmpv4::echo_request(7, 1) / [1; 100]);
    host.send(Icmpv4::echo_request(7, 2) / [2; 10]);
    let mut buffer = [0; 30];
    assert_eq!(node.read(&mut buffer).unwrap(), 30);
    let mut buffer = [0; 200];
    assert_eq!(node.read(&mut buffer).unwrap(), 38);
    assert_eq!(buffer.get(37), Some(&2));
}

/// A descriptor that does not block says so, and poll(2) tells when it has a frame.
#[tuntap_test]
fn readiness(tun: Tun) {
    let host = tun.host_end();
    let mut node = File::from(tun.into_fd(false));
    let mut buffer = [0; 100];
    assert_eq!(node.read(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let ready = |node: &File, wanted: PollFlags, wait: PollTimeout| {
        let mut fds = [PollFd::new(node.as_fd(), wanted)];
        poll(&mut fds, wait).unwrap();
        let [fd] = fds;
        fd.revents().unwrap()
    };
    assert_eq!(ready(&node, PollFlags::POLLIN | PollFlags::POLLOUT, PollTimeout::ZERO), PollFlags::POLLOUT);
    host.send(Icmpv4::echo_request(7, 1));
    let patience = PollTimeout::try_from(patience()).unwrap();
    assert_eq!(ready(&node, PollFlags::POLLIN, patience), PollFlags::POLLIN);
    assert_eq!(node.read(&mut buffer).unwrap(), 28);
    assert_eq!(node.read(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

/// The kernel says what is wrong with a frame. A socket cannot: on the mock such a frame vanishes.
#[tuntap_test]
fn a_frame_that_is_no_packet(tun: Tun) {
    let (host, is_mock) = (tun.host_end(), tun.mock().is_some());
    let mut node = File::from(tun.into_fd(true));
    match node.write(&[0; 20]) {
        Ok(octets) => assert!(is_mock && octets == 20),
        Err(error) => {
            assert!(!is_mock, "{error}");
            assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
        }
    }
    // Either way the next one passes.
    let request = host.defaults().reversed();
    let octets = (Icmpv4::echo_request(9, 9)).into_packet().build_with(&request).unwrap();
    node.write_all(&octets).unwrap();
    host.expect(Icmpv4::echo_request(9, 9));
}

/// The end of the link: the kernel's descriptor says EBADFD, the mock's that nothing follows.
#[tuntap_test]
fn the_link_is_removed(tun: Tun) {
    let cable = tun.mock().cloned();
    let name = tun.name();
    let mut node = File::from(tun.into_fd(true));
    match &cable {
        Some(cable) => cable.remove(),
        None => {
            let removed = std::process::Command::new("ip").args(["link", "delete", &name]).status().unwrap();
            assert!(removed.success());
        }
    }
    match node.read(&mut [0; 100]) {
        Ok(octets) => assert!(cable.is_some() && octets == 0),
        Err(error) => {
            assert!(cable.is_none(), "{error}");
            assert_eq!(error.raw_os_error(), Some(libc::EBADFD));
        }
    }
}
