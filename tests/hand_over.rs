//! Each way to hand a link's device end over, taken by a program that nobody here wrote: `tun`, tun-rs and smoltcp.
//!
//! The program under test plays the peer and sends each datagram back; the test keeps the host end, which is plain
//! sockets of `std`, on its own thread and on one that it starts.
#![cfg(target_os = "linux")]
#![expect(clippy::indexing_slicing, reason = "octets at the places the standards name; a short frame fails the test")]

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use etherparse::PacketBuilder;
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{Medium, TunTapInterface, wait};
use smoltcp::socket::udp;
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpCidr};
use tuntap_test::Tun;
use tuntap_test::context::{Backend, TestContext};
use tuntap_test::device::{Deadline, Device, DeviceConfig, patience};
use tuntap_test::exchange::Established;
use tuntap_test::kernel::Namespace;

/// How many datagrams the host sends: one from the test's thread, one from another.
const DATAGRAMS: usize = 2;
const PORT: u16 = 7777;

fn link(path: &'static str) -> io::Result<(TestContext, Tun)> {
    let mut context = TestContext::new(Backend::Kernel, path)?;
    let tun = context.argument(DeviceConfig::new())?;
    Ok((context, tun))
}

/// The host end: a datagram to the peer must come back, to the test's thread and to a thread that it starts.
fn converse(host: Ipv4Addr, peer: Ipv4Addr) {
    let exchange = move |text: &[u8]| -> io::Result<()> {
        let socket = UdpSocket::bind((host, 0))?;
        socket.set_read_timeout(Some(patience()))?;
        socket.send_to(text, (peer, PORT))?;
        let mut buffer = [0; 64];
        let (length, from) = socket.recv_from(&mut buffer)?;
        assert_eq!((&buffer[..length], from), (text, SocketAddrV4::new(peer, PORT).into()));
        Ok(())
    };
    exchange(b"from the test's thread").expect("the test's thread gets its datagram back");
    let other = thread::spawn(move || exchange(b"from another thread"));
    other.join().expect("it does not panic").expect("a thread of the test gets its datagram back");
}

/// Swaps the addresses and ports of an IPv4 UDP packet, which leaves both checksums right.
fn turn_around(packet: &mut [u8]) {
    assert_eq!((packet[0], packet[9]), (0x45, 17), "an IPv4 header without options, and UDP: {packet:02x?}");
    packet[12..20].rotate_left(4);
    packet[20..24].rotate_left(2);
}

/// The program under test, for what reads and writes.
fn reflect(
    mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
    mut write: impl FnMut(&[u8]) -> io::Result<usize>,
) -> io::Result<()> {
    let mut buffer = [0; 2048];
    for _ in 0..DATAGRAMS {
        let length = read(&mut buffer)?;
        turn_around(&mut buffer[..length]);
        assert_eq!(write(&buffer[..length])?, length);
    }
    Ok(())
}

/// The program under test, as a stack of its own that serves a UDP socket. It says when it has the device.
fn serve(mut device: TunTapInterface, peer: Ipv4Addr, ready: &mpsc::Sender<()>) -> io::Result<()> {
    let descriptor = device.as_raw_fd();
    let mut interface = Interface::new(Config::new(HardwareAddress::Ip), &mut device, Instant::now());
    interface.update_ip_addrs(|addresses| {
        addresses.push(IpCidr::new(peer.into(), 24)).expect("there is room for one address");
    });
    let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 4], vec![0; 4096]);
    let mut socket = udp::Socket::new(buffer(), buffer());
    socket.bind(PORT).expect("the port is free");
    let mut sockets = SocketSet::new(Vec::new());
    let handle = sockets.add(socket);
    ready.send(()).expect("the test waits for this");
    let mut served = 0;
    while served < DATAGRAMS {
        wait(descriptor, Some(smoltcp::time::Duration::from_millis(100)))?;
        interface.poll(Instant::now(), &mut device, &mut sockets);
        let socket = sockets.get_mut::<udp::Socket<'_>>(handle);
        while let Ok((octets, from)) = socket.recv() {
            let octets = octets.to_vec();
            socket.send_slice(&octets, from.endpoint).expect("there is room for one datagram");
            served += 1;
        }
        interface.poll(Instant::now(), &mut device, &mut sockets);
    }
    Ok(())
}

/// Starts `serve` on a thread of the test's namespace and returns when it has the device.
fn start_smoltcp(
    open: impl FnOnce() -> io::Result<TunTapInterface> + Send + 'static,
    peer: Ipv4Addr,
) -> JoinHandle<io::Result<()>> {
    let (ready, started) = mpsc::channel();
    let server = thread::spawn(move || serve(open()?, peer, &ready));
    if started.recv().is_err() {
        panic!("smoltcp does not start: {:?}", server.join());
    }
    server
}

fn finish(program: JoinHandle<io::Result<()>>) -> io::Result<()> {
    program.join().expect("the program under test does not panic")
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn the_tun_crate_takes_a_blocking_descriptor() -> io::Result<()> {
    let (_context, tun) = link("by descriptor")?;
    let (host, peer) = (tun.host_v4(), tun.peer_v4());
    let mut configuration = tun::Configuration::default();
    configuration.raw_fd(tun.into_fd(true).into_raw_fd()).close_fd_on_drop(true);
    let device = tun::create(&configuration).map_err(io::Error::other)?;
    let (mut reader, mut writer) = device.split();
    let program = thread::spawn(move || reflect(|buffer| reader.read(buffer), |octets| writer.write(octets)));
    converse(host, peer);
    finish(program)
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn smoltcp_takes_a_descriptor_that_does_not_block() -> io::Result<()> {
    let (_context, tun) = link("by descriptor")?;
    let (host, peer, mtu) = (tun.host_v4(), tun.peer_v4(), tun.mtu() as usize);
    let descriptor = tun.into_fd(false);
    let program = start_smoltcp(move || TunTapInterface::from_fd(descriptor.into_raw_fd(), Medium::Ip, mtu), peer);
    converse(host, peer);
    finish(program)
}

/// The same program on the mock, whose descriptor is one end of a socket pair: two datagrams there and back.
#[test]
fn smoltcp_takes_the_mocks_descriptor() -> io::Result<()> {
    let mut context = TestContext::new(Backend::Mock, "by descriptor")?;
    let tun: Tun = context.argument(DeviceConfig::new())?;
    let (host, peer, mtu) = (tun.host_v4(), tun.peer_v4(), tun.mtu() as usize);
    let end = tun.host_end();
    let descriptor = tun.into_fd(false);
    let program = start_smoltcp(move || TunTapInterface::from_fd(descriptor.into_raw_fd(), Medium::Ip, mtu), peer);
    for text in [b"first", b"again"] {
        let mut datagram = Vec::new();
        PacketBuilder::ipv4(host.octets(), peer.octets(), 64)
            .udp(4000, PORT)
            .write(&mut datagram, text)
            .map_err(io::Error::other)?;
        end.send(&datagram);
        let reply = end.receive();
        assert_eq!((&reply[12..16], &reply[16..20]), (&peer.octets()[..], &host.octets()[..]));
        assert!(reply.ends_with(text));
    }
    finish(program)
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn tun_rs_opens_the_link_by_its_name() -> io::Result<()> {
    let (_context, tun) = link("by name")?;
    let (host, peer) = (tun.host_v4(), tun.peer_v4());
    let mut handed = tun.hand_over();
    let device = tun_rs::DeviceBuilder::new().name(handed.name()).inherit_enable_state().build_sync()?;
    handed.wait_until_open();
    let program = thread::spawn(move || reflect(|buffer| device.recv(buffer), |octets| device.send(octets)));
    converse(host, peer);
    finish(program)
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn smoltcp_opens_the_link_by_its_name() -> io::Result<()> {
    let (_context, tun) = link("by name")?;
    let (host, peer) = (tun.host_v4(), tun.peer_v4());
    let mut handed = tun.hand_over();
    let name = handed.name().to_owned();
    let program = start_smoltcp(move || TunTapInterface::new(&name, Medium::Ip), peer);
    handed.wait_until_open();
    converse(host, peer);
    finish(program)
}

/// Ends a wait at the device end when the test fails meanwhile, so that it fails and does not hang.
struct InterruptOnDrop<'a>(&'a dyn Device);

impl Drop for InterruptOnDrop<'_> {
    fn drop(&mut self) {
        self.0.interrupt();
    }
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_plain_loop_reads_and_writes_the_link() -> io::Result<()> {
    let (_context, tun) = link("read and write")?;
    thread::scope(|scope| {
        let (mut reader, mut writer) = (&tun, &tun);
        let program = scope.spawn(move || reflect(|buffer| reader.read(buffer), |octets| writer.write(octets)));
        let _interrupt = InterruptOnDrop(tun.device());
        converse(tun.host_v4(), tun.peer_v4());
        program.join().expect("the program under test does not panic")
    })
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_program_that_takes_any_device_takes_the_link() -> io::Result<()> {
    fn program(device: &dyn Device) -> io::Result<()> {
        reflect(|buffer| device.receive(buffer, Deadline::After(patience())), |octets| device.transmit(octets))
    }
    let (_context, tun) = link("device")?;
    thread::scope(|scope| {
        let running = scope.spawn(|| program(tun.device()));
        converse(tun.host_v4(), tun.peer_v4());
        running.join().expect("the program under test does not panic")
    })
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn tun_rs_makes_a_device_of_its_own_in_a_bare_namespace() -> io::Result<()> {
    let mut context = TestContext::new(Backend::Kernel, "namespace")?;
    let namespace: Namespace = context.argument(DeviceConfig::new())?;
    assert!(namespace.is_current(), "the test's thread is inside");
    let (host, peer) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2));
    let device = tun_rs::DeviceBuilder::new().ipv4(host, 24, None).build_sync()?;
    let program = thread::spawn(move || {
        // The link is not quiet, since nobody here made it: what is not the test's is passed over.
        let next = |buffer: &mut [u8]| loop {
            let length = device.recv(buffer)?;
            if buffer[0] >> 4 == 4 && buffer[9] == 17 {
                return Ok(length);
            }
        };
        reflect(next, |octets| device.send(octets))
    });
    converse(host, peer);
    finish(program)
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn nobody_takes_a_device_while_an_answering_machine_is_on_the_link() -> io::Result<()> {
    let (_context, tun) = link("refused")?;
    let guard = tun.answer(tuntap_test::answer::IcmpEcho::any_address());
    let error = tun.try_hand_over().expect_err("an answering machine is on the link");
    assert!(error.to_string().contains("answering machine"), "{error}");
    drop(guard);
    Ok(())
}

/// What the harness opens to see what passes on a link that is handed over does not speak: on another link of the same
/// host a fence is still enough.
#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn another_link_of_the_host_is_asked_by_a_fence_still() -> io::Result<()> {
    let (mut context, tun) = link("witness")?;
    let other: Tun = context.argument(DeviceConfig::new())?;
    let handed = tun.hand_over();
    let established = other.try_expect_nothing_else().expect("nothing comes");
    assert!(matches!(established, Established::Fence { .. }), "{established}");
    drop(handed);
    Ok(())
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn the_descriptor_blocks_or_not_as_asked() -> io::Result<()> {
    for blocking in [true, false] {
        let (_context, tun) = link("flags")?;
        let (host, peer) = (tun.host_v4(), tun.peer_v4());
        let mut file = std::fs::File::from(tun.into_fd(blocking));
        let mut buffer = [0; 128];
        if blocking {
            let reader = thread::spawn(move || file.read(&mut buffer));
            UdpSocket::bind((host, 0))?.send_to(b"wake up", (peer, PORT))?;
            assert_eq!(reader.join().expect("it does not panic")?, 28 + 7);
        } else {
            assert_eq!(file.read(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        }
    }
    Ok(())
}
