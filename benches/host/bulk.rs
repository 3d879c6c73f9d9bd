//! Bulk over one TCP connection between a smoltcp client at the device end and the host.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::thread;
use std::time::Instant;

use smoltcp::iface::SocketSet;
use smoltcp::phy::{self, Medium, TunTapInterface};
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant as Stamp};
use smoltcp::wire::IpCidr;
use tuntap_test::Tun;
use tuntap_test::context::{Backend, TestContext};
use tuntap_test::device::{Deadline, DeviceConfig};
use tuntap_test::mock::host::{TcpListener as MockListener, TcpStream as MockStream};

use crate::pair::{interface, pair};
use crate::turns::{Rival, take_turns};

const ROUNDS: usize = 9;
const BULK: usize = 8 << 20;
const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const PEER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const PORT: u16 = 5001;
const BUFFER: usize = 65_535;
static DATA: [u8; 16_384] = [0x5a; 16_384];

/// Which way the data goes, as the client sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// MiB per second.
fn rate(start: Instant) -> f64 {
    (BULK >> 20) as f64 / start.elapsed().as_secs_f64()
}

fn socket() -> tcp::Socket<'static> {
    let buffer = || tcp::SocketBuffer::new(vec![0; BUFFER]);
    tcp::Socket::new(buffer(), buffer())
}

/// Sends what finds room, or reads what is there; gives how much is done, when `done` was before.
fn work(socket: &mut tcp::Socket<'_>, way: Way, mut done: usize) -> io::Result<usize> {
    match way {
        Way::Up => {
            while socket.can_send() && done < BULK {
                let data = DATA.get(..DATA.len().min(BULK - done)).unwrap_or_default();
                done += socket.send_slice(data).map_err(io::Error::other)?;
            }
        }
        Way::Down => {
            while socket.can_recv() {
                done += socket.recv(|octets| (octets.len(), octets.len())).map_err(io::Error::other)?;
            }
        }
    }
    Ok(done)
}

/// The client. `pause` lets the other side work and waits, at most so long.
fn client<D: phy::Device>(
    device: &mut D,
    way: Way,
    now: impl Fn(&D) -> Stamp,
    mut pause: impl FnMut(&mut D, Option<Duration>) -> io::Result<()>,
) -> io::Result<f64> {
    let begin = now(device);
    let mut stack = interface(device, IpCidr::new(PEER.into(), 24), begin);
    let mut sockets = SocketSet::new(Vec::new());
    let mut socket = socket();
    socket.connect(stack.context(), SocketAddr::from((HOST, PORT)), 50_000).map_err(io::Error::other)?;
    let handle = sockets.add(socket);
    let start = Instant::now();
    let mut done = 0;
    loop {
        stack.poll(now(device), device, &mut sockets);
        let socket = sockets.get_mut::<tcp::Socket<'_>>(handle);
        done = work(socket, way, done)?;
        if done == BULK && (way == Way::Down || socket.send_queue() == 0) {
            return Ok(rate(start));
        }
        if !socket.is_open() {
            return Err(io::Error::other(format!("the connection ended after {done} octets")));
        }
        let delay = stack.poll_delay(now(device), &sockets);
        pause(device, delay)?;
    }
}

/// The mock's side of a transfer: its sockets do not wait.
struct MockSide {
    listener: MockListener,
    stream: Option<MockStream>,
    way: Way,
    done: usize,
    buffer: Vec<u8>,
}

impl MockSide {
    fn work(&mut self) {
        if self.stream.is_none() {
            self.stream = self.listener.accept().ok().map(|(stream, _)| stream);
        }
        let Some(stream) = &self.stream else { return };
        match self.way {
            Way::Up => while stream.read(&mut self.buffer).is_ok_and(|octets| octets > 0) {},
            Way::Down => {
                while self.done < BULK {
                    let data = DATA.get(..DATA.len().min(BULK - self.done)).unwrap_or_default();
                    let Ok(octets) = stream.write(data) else { return };
                    self.done += octets;
                }
            }
        }
    }
}

fn mock(way: Way) -> io::Result<f64> {
    let mut context = TestContext::new(Backend::Mock, "bulk")?;
    let tun: Tun = context.argument(DeviceConfig::new())?;
    let host = tun.stack().mock_host().ok_or_else(|| io::Error::other("a mock link"))?;
    let listener = host.tcp_listen((HOST, PORT).into())?;
    let mut side = MockSide { listener, stream: None, way, done: 0, buffer: vec![0; BUFFER] };
    let mut device = tun.smoltcp();
    client(
        &mut device,
        way,
        |device| device.now(),
        |device, delay| {
            // What was sent has arrived when the other side looks.
            device.wait(Deadline::Now)?;
            side.work();
            device.wait(delay).map(drop)
        },
    )
}

fn by_hand(way: Way) -> io::Result<f64> {
    let (mut near, mut far) = pair();
    let mut host = interface(&mut far, IpCidr::new(HOST.into(), 24), Stamp::now());
    let mut sockets = SocketSet::new(Vec::new());
    let mut server = socket();
    server.listen(PORT).map_err(io::Error::other)?;
    let handle = sockets.add(server);
    let other = if way == Way::Up { Way::Down } else { Way::Up };
    let mut done = 0;
    client(
        &mut near,
        way,
        |_| Stamp::now(),
        |_, _| {
            host.poll(Stamp::now(), &mut far, &mut sockets);
            done = work(sockets.get_mut::<tcp::Socket<'_>>(handle), other, done)?;
            host.poll(Stamp::now(), &mut far, &mut sockets);
            Ok(())
        },
    )
}

/// A kernel link, and a thread of the kernel's side that reads or writes everything.
fn with_kernel(way: Way, transfer: impl FnOnce(Tun) -> io::Result<f64>) -> io::Result<f64> {
    let mut context = TestContext::new(Backend::Kernel, "bulk")?;
    let tun: Tun = context.argument(DeviceConfig::new())?;
    let listener = tun.stack().run(|| TcpListener::bind((HOST, PORT)))??;
    let other = thread::spawn(move || -> io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        let (mut buffer, mut done) = (vec![0; BUFFER], 0);
        while done < BULK {
            done += match way {
                Way::Up => stream.read(&mut buffer)?,
                Way::Down => stream.write(DATA.get(..DATA.len().min(BULK - done)).unwrap_or_default())?,
            };
        }
        Ok(())
    });
    let rate = transfer(tun)?;
    other.join().unwrap_or_else(|_| Err(io::Error::other("the kernel's side panicked")))?;
    Ok(rate)
}

fn kernel_ours(way: Way) -> io::Result<f64> {
    with_kernel(way, |tun| {
        let mut device = tun.smoltcp();
        client(&mut device, way, |device| device.now(), |device, delay| device.wait(delay).map(drop))
    })
}

fn kernel_theirs(way: Way) -> io::Result<f64> {
    with_kernel(way, |tun| {
        let mtu = usize::try_from(tun.mtu()).map_err(io::Error::other)?;
        let mut device = TunTapInterface::from_fd(tun.try_into_fd(false)?.into_raw_fd(), Medium::Ip, mtu)?;
        client(&mut device, way, |_| Stamp::now(), |device, delay| phy::wait(device.as_raw_fd(), delay))
    })
}

pub(crate) fn measure_mock() -> io::Result<()> {
    for (way, name) in [(Way::Up, "up"), (Way::Down, "down")] {
        let rivals = vec![
            Rival::new("mock host, tun.smoltcp()", move || mock(way)),
            Rival::new("smoltcp by hand, two stacks", move || by_hand(way)),
        ];
        take_turns(&format!("TCP bulk {name}, mock"), "MiB/s", ROUNDS, rivals)?;
    }
    Ok(())
}

pub(crate) fn measure_kernel() -> io::Result<()> {
    for (way, name) in [(Way::Up, "up"), (Way::Down, "down")] {
        let rivals = vec![
            Rival::new("kernel TUN, tun.smoltcp()", move || kernel_ours(way)),
            Rival::new("kernel TUN, TunTapInterface", move || kernel_theirs(way)),
            Rival::new("mock, tun.smoltcp()", move || mock(way)),
        ];
        take_turns(&format!("TCP bulk {name}, kernel"), "MiB/s", ROUNDS, rivals)?;
    }
    Ok(())
}
