//! smoltcp's TCP, given frames.

use std::sync::OnceLock;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::fuzz::mutate::input::Frames;
use tuntap_test::packet::{Ipv4, Tcp};

/// The body: a sequence of frames ([`Frames`]) that a host receives, 10 ms after one another. An empty one lets a second
/// pass.
pub fn smoltcp_tcp(input: &[u8]) {
    let mut host = Host::with_connection();
    for frame in Frames::of(input) {
        host.receive(frame);
    }
}

/// smoltcp as a host: 192.0.2.1 and 2001:db8::1 on a TUN, checksums checked. What is random in it is a function of a
/// constant, so its sequence numbers are always the same.
///
/// * Port 80 listens, reads, and closes when its peer has closed.
/// * Port 7 echoes, and has a connection from 192.0.2.2 port 50000 ([`Host::with_connection`]). It closes when it
///   receives `q`, and aborts when it receives `x`.
/// * Port 49152 connects to 192.0.2.2 port 4000, and sends.
pub struct Host {
    now: Instant,
    device: Wire,
    interface: Interface,
    sockets: SocketSet<'static>,
    reads: SocketHandle,
    echoes: SocketHandle,
    connects: SocketHandle,
}

/// What carries frames to and from the host.
struct Wire {
    received: Option<Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

/// Octets of each buffer: a window that a few frames fill.
const BUFFER: usize = 256;

impl Host {
    fn new() -> Self {
        let mut device = Wire { received: None, sent: Vec::new() };
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = 7;
        let now = Instant::from_millis(1000);
        let mut interface = Interface::new(config, &mut device, now);
        interface.update_ip_addrs(|addresses| {
            let four = IpCidr::new(IpAddress::v4(192, 0, 2, 1), 24);
            let six = IpCidr::new(IpAddress::v6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 64);
            addresses.extend([four, six]);
        });
        let mut sockets = SocketSet::new(Vec::with_capacity(3));
        let mut add = || {
            let buffer = || SocketBuffer::new(vec![0; BUFFER]);
            sockets.add(Socket::new(buffer(), buffer()))
        };
        let (reads, echoes, connects) = (add(), add(), add());
        sockets.get_mut::<Socket<'_>>(reads).listen(80).expect("a new socket listens");
        sockets.get_mut::<Socket<'_>>(echoes).listen(7).expect("a new socket listens");
        let mut host = Self { now, device, interface, sockets, reads, echoes, connects };
        let socket = host.sockets.get_mut::<Socket<'_>>(connects);
        let peer = (IpAddress::v4(192, 0, 2, 2), 4000);
        socket.connect(host.interface.context(), peer, 49_152).expect("a new socket connects");
        socket.set_timeout(Some(Duration::from_secs(20)));
        socket.set_keep_alive(Some(Duration::from_secs(3)));
        host.turn();
        host
    }

    /// The host, with a connection at port 7, established by two frames that were made once.
    pub fn with_connection() -> Self {
        static HANDSHAKE: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
        let frames = HANDSHAKE.get_or_init(|| {
            let mut host = Self::new();
            let syn = segment(50_000, 7).seq(1000).syn().mss(1460);
            let syn = (ip() / syn).build().expect("a SYN");
            let answer = host.receive(&syn).into_iter().next_back().expect("an answer");
            let answer = FrameRef::new(Mode::Tun, &answer).tcp().expect("a SYN/ACK").sequence_number();
            let ack = segment(50_000, 7).seq(1001).ack(answer.wrapping_add(1));
            [syn, (ip() / ack).build().expect("an ACK")]
        });
        let mut host = Self::new();
        for frame in frames {
            host.receive(frame);
        }
        debug_assert_eq!(host.sockets.get::<Socket<'_>>(host.echoes).state(), State::Established);
        host
    }

    /// Takes a frame in, lets the applications work, and gives what was sent.
    pub fn receive(&mut self, frame: &[u8]) -> Vec<Vec<u8>> {
        if frame.is_empty() {
            self.now += Duration::from_secs(1);
        } else {
            self.now += Duration::from_millis(10);
            self.device.received = Some(frame.to_vec());
        }
        self.turn();
        std::mem::take(&mut self.device.sent)
    }

    fn turn(&mut self) {
        self.interface.poll(self.now, &mut self.device, &mut self.sockets);
        let reads = self.sockets.get_mut::<Socket<'_>>(self.reads);
        if reads.can_recv() {
            let _ = reads.recv(|octets| (octets.len(), ()));
        }
        if reads.state() == State::CloseWait {
            reads.close();
        }
        let echoes = self.sockets.get_mut::<Socket<'_>>(self.echoes);
        let mut octets = [0; BUFFER];
        if echoes.can_recv()
            && let Ok(count) = echoes.recv_slice(&mut octets)
        {
            match octets[0] {
                b'q' => echoes.close(),
                b'x' => echoes.abort(),
                _ => drop(echoes.send_slice(octets.get(..count).unwrap_or_default())),
            }
        }
        let connects = self.sockets.get_mut::<Socket<'_>>(self.connects);
        if connects.can_send() && connects.send_queue() == 0 {
            let _ = connects.send_slice(b"request");
        }
        self.interface.poll(self.now, &mut self.device, &mut self.sockets);
    }
}

/// The IP header of what the peer sends.
pub(crate) fn ip() -> Ipv4 {
    Ipv4::new().src([192, 0, 2, 2]).dst([192, 0, 2, 1])
}

fn segment(from: u16, to: u16) -> Tcp {
    Tcp::new().sport(from).dport(to).window(4096)
}

struct Taken(Vec<u8>);

struct Sending<'w>(&'w mut Vec<Vec<u8>>);

impl RxToken for Taken {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(&self.0)
    }
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let mut frame = vec![0; length];
        let result = fill(&mut frame);
        self.0.push(frame);
        result
    }
}

impl Device for Wire {
    type RxToken<'a> = Taken;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Taken, Sending<'_>)> {
        Some((Taken(self.received.take()?), Sending(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        Some(Sending(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities
    }
}
