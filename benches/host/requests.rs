//! Requests and replies, one at a time.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use smoltcp::iface::SocketSet;
use smoltcp::socket::udp;
use smoltcp::wire::IpCidr;
use tuntap_test::Tun;
use tuntap_test::context::{Backend, TestContext};
use tuntap_test::device::{Deadline, DeviceConfig, patience};
use tuntap_test::packet::{Icmpv4, IntoPacket, Udp};

use crate::pair::{End, interface, pair};
use crate::turns::{Rival, take_turns};

const ROUNDS: usize = 15;
const REQUESTS: u16 = 3_000;
const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const PEER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const PORT: u16 = 7;
const OWN_PORT: u16 = 50_000;
const DATA: [u8; 32] = [0x5a; 32];

fn rate(start: Instant) -> f64 {
    f64::from(REQUESTS) / start.elapsed().as_secs_f64()
}

fn link() -> io::Result<(TestContext, Tun)> {
    let mut context = TestContext::new(Backend::Mock, "host")?;
    let tun = context.argument(DeviceConfig::new())?;
    Ok((context, tun))
}

fn udp_socket(port: u16) -> io::Result<udp::Socket<'static>> {
    let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 4], vec![0; 4096]);
    let mut socket = udp::Socket::new(buffer(), buffer());
    socket.bind(port).map_err(io::Error::other)?;
    Ok(socket)
}

fn no_reply() -> io::Error {
    io::Error::other("no reply came")
}

/// The octets of a request.
fn octets(packet: impl IntoPacket) -> io::Result<Vec<u8>> {
    let defaults = tuntap_test::packet::Defaults::documentation();
    packet.into_packet().build_with(&defaults).map_err(io::Error::other)
}

fn ping_ours() -> io::Result<f64> {
    let (_context, tun) = link()?;
    let (request, device, mut buffer) = (octets(Icmpv4::echo_request(7, 1) / DATA)?, tun.device(), [0; 2048]);
    let start = Instant::now();
    for _ in 0..REQUESTS {
        device.transmit(&request)?;
        device.receive(&mut buffer, Deadline::Now)?;
    }
    Ok(rate(start))
}

fn ping_verbs() -> io::Result<f64> {
    let (_context, tun) = link()?;
    let start = Instant::now();
    for sequence in 0..REQUESTS {
        tun.send(Icmpv4::echo_request(7, sequence) / DATA);
        tun.expect(Icmpv4::echo_reply(7, sequence) / DATA);
    }
    Ok(rate(start))
}

fn ping_by_hand() -> io::Result<f64> {
    let (client, mut server) = pair();
    let now = smoltcp::time::Instant::ZERO;
    let mut host = interface(&mut server, IpCidr::new(HOST.into(), 24), now);
    let mut sockets = SocketSet::new(Vec::new());
    let request = octets(Icmpv4::echo_request(7, 1) / DATA)?;
    let start = Instant::now();
    for _ in 0..REQUESTS {
        client.written.borrow_mut().push_back(request.clone());
        host.poll(now, &mut server, &mut sockets);
        client.to_read.borrow_mut().pop_front().ok_or_else(no_reply)?;
    }
    Ok(rate(start))
}

/// Requests as octets to a socket of the host's.
fn udp_ours() -> io::Result<f64> {
    let (_context, tun) = link()?;
    let host = tun.stack().mock_host().ok_or_else(no_reply)?;
    let server = host.udp_bind((HOST, PORT).into())?;
    let (request, device) = (octets(Udp::new().sport(OWN_PORT).dport(PORT) / DATA)?, tun.device());
    let cable = tun.mock().ok_or_else(no_reply)?;
    let mut buffer = [0; 2048];
    let start = Instant::now();
    for _ in 0..REQUESTS {
        device.transmit(&request)?;
        // Asking lets the request arrive.
        let _arrived = cable.statistics();
        let (octets, from) = server.recv_from(&mut buffer)?;
        server.send_to(buffer.get(..octets).unwrap_or_default(), from)?;
        device.receive(&mut buffer, Deadline::Now)?;
    }
    Ok(rate(start))
}

fn echo(sockets: &mut SocketSet<'_>, handle: smoltcp::iface::SocketHandle) -> io::Result<()> {
    let socket = sockets.get_mut::<udp::Socket<'_>>(handle);
    let (data, from) = socket.recv().map_err(io::Error::other)?;
    let data = data.to_vec();
    socket.send_slice(&data, from.endpoint).map_err(io::Error::other)
}

fn udp_by_hand() -> io::Result<f64> {
    let (client, mut server) = pair();
    let now = smoltcp::time::Instant::ZERO;
    let mut host = interface(&mut server, IpCidr::new(HOST.into(), 24), now);
    let mut sockets = SocketSet::new(Vec::new());
    let handle = sockets.add(udp_socket(PORT)?);
    let request = octets(Udp::new().sport(OWN_PORT).dport(PORT) / DATA)?;
    let start = Instant::now();
    for _ in 0..REQUESTS {
        client.written.borrow_mut().push_back(request.clone());
        host.poll(now, &mut server, &mut sockets);
        echo(&mut sockets, handle)?;
        host.poll(now, &mut server, &mut sockets);
        client.to_read.borrow_mut().pop_front().ok_or_else(no_reply)?;
    }
    Ok(rate(start))
}

/// A smoltcp client on the link, through `tun.smoltcp()`.
fn stack_ours() -> io::Result<f64> {
    let (_context, tun) = link()?;
    let host = tun.stack().mock_host().ok_or_else(no_reply)?;
    let server = host.udp_bind((HOST, PORT).into())?;
    let mut device = tun.smoltcp();
    let now = device.now();
    let mut stack = interface(&mut device, IpCidr::new(PEER.into(), 24), now);
    let mut sockets = SocketSet::new(Vec::new());
    let handle = sockets.add(udp_socket(OWN_PORT)?);
    let mut buffer = [0; 2048];
    let start = Instant::now();
    for _ in 0..REQUESTS {
        let to = SocketAddr::from((HOST, PORT));
        sockets.get_mut::<udp::Socket<'_>>(handle).send_slice(&DATA, to).map_err(io::Error::other)?;
        device.run_until(&mut stack, &mut sockets, patience(), |_, sockets| {
            if let Ok((octets, from)) = server.recv_from(&mut buffer) {
                server.send_to(buffer.get(..octets)?, from).ok()?;
            }
            sockets.get_mut::<udp::Socket<'_>>(handle).recv().ok().map(drop)
        })?;
    }
    Ok(rate(start))
}

/// The same client by hand.
fn stack_by_hand() -> io::Result<f64> {
    let (mut client, mut server): (End, End) = pair();
    let now = smoltcp::time::Instant::ZERO;
    let mut stack = interface(&mut client, IpCidr::new(PEER.into(), 24), now);
    let mut host = interface(&mut server, IpCidr::new(HOST.into(), 24), now);
    let (mut sockets, mut served) = (SocketSet::new(Vec::new()), SocketSet::new(Vec::new()));
    let (handle, serving) = (sockets.add(udp_socket(OWN_PORT)?), served.add(udp_socket(PORT)?));
    let start = Instant::now();
    for _ in 0..REQUESTS {
        let to = SocketAddr::from((HOST, PORT));
        sockets.get_mut::<udp::Socket<'_>>(handle).send_slice(&DATA, to).map_err(io::Error::other)?;
        stack.poll(now, &mut client, &mut sockets);
        host.poll(now, &mut server, &mut served);
        echo(&mut served, serving)?;
        host.poll(now, &mut server, &mut served);
        stack.poll(now, &mut client, &mut sockets);
        sockets.get_mut::<udp::Socket<'_>>(handle).recv().map_err(io::Error::other)?;
    }
    Ok(rate(start))
}

pub(crate) fn measure() -> io::Result<()> {
    let pings = vec![
        Rival::new("mock host, octets", ping_ours),
        Rival::new("mock host, send and expect", ping_verbs),
        Rival::new("smoltcp by hand, octets", ping_by_hand),
    ];
    take_turns("ping", "replies/s", ROUNDS, pings)?;
    let datagrams = vec![Rival::new("mock host, octets", udp_ours), Rival::new("smoltcp by hand, octets", udp_by_hand)];
    take_turns("UDP to an echo socket", "replies/s", ROUNDS, datagrams)?;
    let stacks = vec![
        Rival::new("mock host, tun.smoltcp()", stack_ours),
        Rival::new("smoltcp by hand, two stacks", stack_by_hand),
    ];
    take_turns("UDP between a smoltcp client and an echo socket", "replies/s", ROUNDS, stacks)
}
