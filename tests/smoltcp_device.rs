//! A stack that is built on smoltcp as the code under test, on a link through `tun.smoltcp()`: UDP, TCP and ping with the
//! host of either backend, over TUN and TAP, and what smoltcp cannot tell.
#![cfg(target_os = "linux")]

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::thread;
use std::time::Instant;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{ChecksumCapabilities, Device as _, Medium};
use smoltcp::socket::{icmp, tcp, udp};
use smoltcp::wire::{EthernetAddress, HardwareAddress, Icmpv4Packet, Icmpv4Repr, Icmpv6Packet, Icmpv6Repr, IpCidr};
use tuntap_test::Link;
use tuntap_test::device::{Deadline, Device, Mode, SmoltcpDevice, patience};
use tuntap_test::mock::{Cable, CableConfig};
use tuntap_test::packet::Defaults;
use tuntap_test::prelude::*;

const PORT: u16 = 7777;
const OWN_PORT: u16 = 49_152;
/// More than any buffer on the way has room for.
const BULK: usize = 300_000;

/// The code under test: a stack that plays the peer.
struct Client<'a> {
    device: SmoltcpDevice<'a>,
    interface: Interface,
    sockets: SocketSet<'static>,
}

impl<'a> Client<'a> {
    fn on(link: &'a Link) -> Self {
        let mut device = link.smoltcp();
        let address = match link.mode() {
            Mode::Tun => HardwareAddress::Ip,
            Mode::Tap => HardwareAddress::Ethernet(EthernetAddress(Defaults::PEER_MAC)),
        };
        let now = device.now();
        let mut interface = Interface::new(Config::new(address), &mut device, now);
        interface.update_ip_addrs(|own| {
            own.push(IpCidr::new(link.peer_v4().into(), 24)).unwrap();
            own.push(IpCidr::new(link.peer_v6().into(), 64)).unwrap();
        });
        Self { device, interface, sockets: SocketSet::new(Vec::new()) }
    }

    fn until<T>(&mut self, mut done: impl FnMut(&mut SocketSet<'static>) -> Option<T>) -> T {
        let Self { device, interface, sockets } = self;
        device.run_until(interface, sockets, patience(), |_, sockets| done(sockets)).unwrap()
    }

    fn udp(&mut self) -> SocketHandle {
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 8], vec![0; 8192]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(OWN_PORT).unwrap();
        self.sockets.add(socket)
    }

    fn tcp(&mut self, to: SocketAddr) -> SocketHandle {
        let buffer = || tcp::SocketBuffer::new(vec![0; 20_000]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.connect(self.interface.context(), to, OWN_PORT).unwrap();
        self.sockets.add(socket)
    }
}

fn hosts(link: &Link) -> [IpAddr; 2] {
    [link.host_v4().into(), link.host_v6().into()]
}

/// Sends a datagram to a socket of the host's, which sends it back.
fn datagram_there_and_back(link: &Link, host: IpAddr) {
    let at = SocketAddr::from((host, PORT));
    let client = |host_works: &mut dyn FnMut()| {
        let mut client = Client::on(link);
        let handle = client.udp();
        client.sockets.get_mut::<udp::Socket<'_>>(handle).send_slice(b"hello", at).unwrap();
        let (octets, from) = client.until(|sockets| {
            host_works();
            let (octets, from) = sockets.get_mut::<udp::Socket<'_>>(handle).recv().ok()?;
            Some((octets.to_vec(), from.endpoint))
        });
        assert_eq!((&*octets, from), (&b"hello"[..], at.into()));
    };
    let mut buffer = [0; 100];
    if let Some(host) = link.stack().mock_host() {
        let socket = host.udp_bind(at).unwrap();
        client(&mut || {
            if let Ok((octets, from)) = socket.recv_from(&mut buffer) {
                socket.send_to(buffer.get(..octets).unwrap(), from).unwrap();
            }
        });
        return;
    }
    let socket = link.stack().run(|| std::net::UdpSocket::bind(at)).unwrap().unwrap();
    socket.set_read_timeout(Some(patience())).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (octets, from) = socket.recv_from(&mut buffer).unwrap();
            socket.send_to(buffer.get(..octets).unwrap(), from).unwrap();
        });
        client(&mut || ());
    });
}

fn octet(at: usize) -> u8 {
    u8::try_from(at % 251).unwrap()
}

/// A connection to a listener of the host's, which sends everything back; the client closes first.
fn stream_there_and_back(link: &Link, host: IpAddr) {
    let at = SocketAddr::from((host, PORT));
    let client = |host_works: &mut dyn FnMut()| {
        let mut client = Client::on(link);
        let handle = client.tcp(at);
        let (mut sent, mut back) = (0, 0);
        client.until(|sockets| {
            host_works();
            let socket = sockets.get_mut::<tcp::Socket<'_>>(handle);
            assert!(socket.is_active(), "{sent} sent, {back} came back, {}", socket.state());
            while socket.can_send() && sent < BULK {
                let more: Vec<u8> = (sent..BULK.min(sent + 4096)).map(octet).collect();
                sent += socket.send_slice(&more).unwrap();
            }
            while socket.can_recv() {
                back += socket
                    .recv(|octets| {
                        assert!(octets.iter().enumerate().all(|(at, &is)| is == octet(back + at)), "after {back}");
                        (octets.len(), octets.len())
                    })
                    .unwrap();
            }
            if back == BULK {
                socket.close();
            }
            (back == BULK).then_some(())
        });
        client.until(|sockets| {
            host_works();
            let state = sockets.get::<tcp::Socket<'_>>(handle).state();
            matches!(state, tcp::State::TimeWait | tcp::State::Closed).then_some(())
        });
    };
    if let Some(host) = link.stack().mock_host() {
        let listener = host.tcp_listen(at).unwrap();
        let (mut accepted, mut waiting, mut ended) = (None, Vec::new(), false);
        client(&mut || {
            accepted = accepted.take().or_else(|| listener.accept().ok());
            let Some((stream, _)) = &accepted else { return };
            let mut buffer = [0; 4096];
            loop {
                if waiting.is_empty() && !ended {
                    match stream.read(&mut buffer) {
                        Ok(0) => {
                            stream.shutdown(Shutdown::Write).unwrap();
                            ended = true;
                        }
                        Ok(octets) => waiting.extend_from_slice(buffer.get(..octets).unwrap()),
                        Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
                    }
                }
                let Ok(taken) = stream.write(&waiting) else { return };
                waiting.drain(..taken);
                if taken == 0 {
                    return;
                }
            }
        });
        return;
    }
    let listener = link.stack().run(|| std::net::TcpListener::bind(at)).unwrap().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(patience())).unwrap();
            let mut back = stream.try_clone().unwrap();
            let (mut buffer, mut octets) = ([0; 4096], 1);
            while octets > 0 {
                octets = stream.read(&mut buffer).unwrap();
                back.write_all(buffer.get(..octets).unwrap()).unwrap();
            }
        });
        client(&mut || ());
    });
}

/// Pings the host, which answers by itself.
fn host_answers(link: &Link, host: IpAddr) {
    let mut client = Client::on(link);
    let buffer = || icmp::PacketBuffer::new(vec![icmp::PacketMetadata::EMPTY; 4], vec![0; 2048]);
    let mut socket = icmp::Socket::new(buffer(), buffer());
    socket.bind(icmp::Endpoint::Ident(7)).unwrap();
    let checksums = ChecksumCapabilities::default();
    match host {
        IpAddr::V4(to) => {
            let request = Icmpv4Repr::EchoRequest { ident: 7, seq_no: 1, data: b"ping" };
            let octets = socket.send(request.buffer_len(), to.into()).unwrap();
            request.emit(&mut Icmpv4Packet::new_unchecked(octets), &checksums);
        }
        IpAddr::V6(to) => {
            let request = Icmpv6Repr::EchoRequest { ident: 7, seq_no: 1, data: b"ping" };
            let octets = socket.send(request.buffer_len(), to.into()).unwrap();
            request.emit(&link.peer_v6(), &to, &mut Icmpv6Packet::new_unchecked(octets), &checksums);
        }
    }
    let handle = client.sockets.add(socket);
    let (octets, from) = client.until(|sockets| {
        let (octets, from) = sockets.get_mut::<icmp::Socket<'_>>(handle).recv().ok()?;
        Some((octets.to_vec(), from))
    });
    // Type of the reply, and the data of the request (RFC 792, RFC 4443 section 4.2).
    assert_eq!(octets.first(), Some(&if host.is_ipv4() { 0 } else { 129 }));
    assert!(octets.ends_with(b"ping"), "{octets:02x?}");
    assert_eq!(IpAddr::from(from), host);
}

#[tuntap_test]
fn udp_over_tun(tun: Tun) {
    hosts(&tun).into_iter().for_each(|host| datagram_there_and_back(&tun, host));
}

#[tuntap_test]
fn udp_over_tap(tap: Tap) {
    hosts(&tap).into_iter().for_each(|host| datagram_there_and_back(&tap, host));
}

#[tuntap_test]
fn tcp_over_tun(tun: Tun) {
    stream_there_and_back(&tun, tun.host_v4().into());
}

#[tuntap_test]
fn tcp_over_tap(tap: Tap) {
    stream_there_and_back(&tap, tap.host_v6().into());
}

#[tuntap_test]
fn ping_over_tun(tun: Tun) {
    hosts(&tun).into_iter().for_each(|host| host_answers(&tun, host));
}

#[tuntap_test]
fn ping_over_tap(tap: Tap) {
    hosts(&tap).into_iter().for_each(|host| host_answers(&tap, host));
}

/// smoltcp gets and gives frames without the header that the device has in front of them.
#[tuntap_test(packet_info = keep)]
fn packet_information_is_none_of_the_stacks(tun: Tun, tap: Tap) {
    datagram_there_and_back(&tun, tun.host_v4().into());
    host_answers(&tap, tap.host_v6().into());
}

#[tuntap_test(mtu = 1280)]
fn capabilities_are_the_links(tun: Tun, tap: Tap) {
    let (on_tun, on_tap) = (tun.smoltcp(), tap.smoltcp());
    let told = |device: &SmoltcpDevice<'_>| {
        let capabilities = device.capabilities();
        (capabilities.medium, capabilities.max_transmission_unit)
    };
    assert_eq!((told(&on_tun), told(&on_tap)), ((Medium::Ip, 1280), (Medium::Ethernet, 1294)));
    tun.set_mtu(1400);
    assert_eq!(told(&on_tun), (Medium::Ip, 1280), "an interface keeps what it was made with, too");
    assert_eq!(told(&tun.smoltcp()), (Medium::Ip, 1400));
}

/// The stack answers by itself; the test plays the host.
#[tuntap_test]
fn a_stack_is_asked_from_the_host_end(tun: Tun) {
    let host = tun.host_end();
    let mut client = Client::on(&tun);
    host.send(Icmpv4::echo_request(9, 1) / b"are you there?");
    assert!(client.device.wait(patience()).unwrap());
    client.until(|_| Some(()));
    host.expect(Icmpv4::echo_reply(9, 1) / b"are you there?");
}

/// What the stack reads is delivered to the code under test; what it sends, the other end received.
#[tuntap_test]
fn frames_are_in_the_accounts_of_both_ends(tun: Tun) {
    let host = tun.host_end();
    // With a reader on the link the device end keeps an account.
    tun.expect_nothing_else();
    let before = tun.accounting().delivered;
    let mut client = Client::on(&tun);
    host.send(Icmpv4::echo_request(9, 1) / b"counted");
    assert!(client.device.wait(patience()).unwrap());
    client.until(|_| Some(()));
    host.expect(Icmpv4::echo_reply(9, 1));
    assert_eq!(tun.accounting().delivered, before + 1);
}

/// A frame that the device refused is lost to smoltcp, and its error is the next wait's.
#[tuntap_test]
fn a_refused_frame_is_told_by_the_wait(tun: Tun) {
    let mut client = Client::on(&tun);
    let handle = client.udp();
    tun.down();
    let at = SocketAddr::from((tun.host_v4(), PORT));
    for _ in 0..2 {
        client.sockets.get_mut::<udp::Socket<'_>>(handle).send_slice(b"lost", at).unwrap();
    }
    let Client { device, interface, sockets } = &mut client;
    interface.poll(device.now(), device, sockets);
    assert_eq!(sockets.get::<udp::Socket<'_>>(handle).send_queue(), 0, "smoltcp takes them to be sent");
    let errno = |error: io::Error| error.raw_os_error();
    assert_eq!(device.wait(Deadline::Never).map_err(errno), Err(Some(libc::EIO)));
    assert_eq!(device.take_error().and_then(errno), Some(libc::EIO));
    assert!(device.take_error().is_none());
    assert!(!device.wait(Deadline::Now).unwrap());
}

#[tuntap_test(mock)]
#[should_panic(
    expected = "smoltcp could not be told of an error of tun0 (and of 19 more), and nobody has asked for it"
)]
fn a_refused_frame_is_told_when_nobody_asks(tun: Tun) {
    let mut client = Client::on(&tun);
    let handle = client.udp();
    tun.down();
    for _ in 0..20 {
        let at = SocketAddr::from((tun.host_v4(), PORT));
        client.sockets.get_mut::<udp::Socket<'_>>(handle).send_slice(b"lost", at).unwrap();
        client.interface.poll(client.device.now(), &mut client.device, &mut client.sockets);
    }
}

#[tuntap_test]
fn a_removed_device_ends_the_loop(tun: Tun) {
    let mut client = Client::on(&tun);
    match tun.mock() {
        Some(cable) => cable.remove(),
        None => {
            let device = tun.kernel().unwrap();
            device.apply(&[tuntap_test::kernel::netlink::Step::DeleteLink { index: device.index() }]).unwrap();
        }
    }
    let Client { device, interface, sockets } = &mut client;
    let ended = device.run_until(interface, sockets, patience(), |_, _| None::<()>);
    assert_eq!(ended.unwrap_err().raw_os_error(), Some(libc::EBADFD));
    assert_eq!(device.capabilities().max_transmission_unit, 1500, "what it was");
}

/// An hour of waiting is an hour of the link's clock.
#[tuntap_test(mock)]
fn waits_go_by_the_links_clock(tun: Tun) {
    let real = Instant::now();
    let mut client = Client::on(&tun);
    let hour = Duration::from_secs(3600);
    let begin = client.device.now();
    assert_eq!(begin.total_micros(), 0, "stamps count from when the link was made");
    assert!(!client.device.wait(hour).unwrap());
    assert_eq!(client.device.now() - begin, hour.into());
    assert!(!client.device.wait(Some(smoltcp::time::Duration::from_secs(1))).unwrap());
    let Client { device, interface, sockets } = &mut client;
    let ended = device.run_until(interface, sockets, hour, |_, _| None::<()>).unwrap_err();
    assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
    assert_eq!(device.now() - begin, (2 * hour + Duration::from_secs(1)).into());
    // Another one of the same link has the same time.
    assert_eq!(tun.smoltcp().now(), device.now());
    let ended = device.wait(None).unwrap_err();
    assert!(ended.to_string().contains("waits"), "nobody will ever send: {ended}");
    assert!(real.elapsed() < patience(), "{:?}", real.elapsed());
}

#[tuntap_test]
fn an_interruption_ends_a_wait(tun: Tun) {
    let mut client = Client::on(&tun);
    tun.device().interrupt();
    let Client { device, interface, sockets } = &mut client;
    interface.poll(device.now(), device, sockets);
    assert!(!device.wait(Deadline::Never).unwrap());
    tun.device().interrupt();
    assert!(!device.wait(Deadline::Never).unwrap());
}

/// smoltcp's SYNs are lost; it tries again by the link's clock, and the test takes no time.
#[tuntap_test(mock)]
fn retransmissions_take_virtual_time(tun: Tun) {
    let real = Instant::now();
    tun.faults().drop_nth(1, Tcp::new().syn()).drop_nth(2, Tcp::new().syn()).drop_nth(3, Tcp::new().syn());
    let listener = tun.stack().mock_host().unwrap().tcp_listen((tun.host_v4(), PORT).into()).unwrap();
    let mut client = Client::on(&tun);
    let begin = client.device.now();
    let handle = client.tcp((tun.host_v4(), PORT).into());
    client.until(|sockets| sockets.get::<tcp::Socket<'_>>(handle).may_send().then_some(()));
    assert!(listener.accept().is_ok());
    // smoltcp's timer doubles: 1, 2 and 4 s, the figures that RFC 6298 section 2 asks for.
    assert_eq!((client.device.now() - begin).total_millis(), 7_000);
    assert!(real.elapsed() < patience() / 2, "{:?}", real.elapsed());
}

/// A device that is none of a test's works as well.
#[test]
fn any_device_will_do() {
    let cable = Cable::new(CableConfig::tap()).unwrap();
    let (end, host) = (cable.device_end(), cable.host_end());
    let mut device = SmoltcpDevice::new(&end).unwrap();
    assert!(device.now().total_micros() < 10_000_000);
    assert!(device.receive(device.now()).is_none());
    host.transmit(&[0xff; 60]).unwrap();
    assert!(device.wait(Deadline::Never).unwrap());
    assert!(device.wait(Deadline::Never).unwrap(), "it is held until it is polled");
    let (received, _) = device.receive(device.now()).unwrap();
    smoltcp::phy::RxToken::consume(received, |frame| assert_eq!(frame, [0xff; 60]));
    assert!(device.receive(device.now()).is_none());
    let later = end.clock().now() + Duration::from_secs(5);
    let device = SmoltcpDevice::new(&end).unwrap().counting_from(later);
    assert_eq!(device.stamp(later + Duration::from_millis(3)).total_micros(), 3_000);
}
