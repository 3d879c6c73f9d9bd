//! Every octet layout of the codec against the running kernel, and the errnos that PLATFORMS.md lists.
#![cfg(target_os = "linux")]
#![expect(clippy::indexing_slicing, reason = "octets at the places the standards name; a short frame fails the test")]

use std::io;
use std::net::UdpSocket;

use tuntap_test::codec::{EtherType, Framing, PacketInfo, PayloadKind, TunPi, TunPiFlags};
use tuntap_test::context::{Backend, FromTestContext, TestContext};
use tuntap_test::device::{Deadline, Device, DeviceConfig, Mode, PacketInfoMode, patience};
use tuntap_test::kernel::netlink::{Netlink, Step};
use tuntap_test::kernel::{Namespace, OpenOptions};
use tuntap_test::{Tap, Tun};

fn link<T: FromTestContext>(config: DeviceConfig) -> io::Result<(TestContext, T)> {
    let mut context = TestContext::new(Backend::Kernel, "codec")?;
    let link = context.argument(config)?;
    Ok((context, link))
}

fn keeping() -> DeviceConfig {
    DeviceConfig::new().packet_info(PacketInfoMode::Keep)
}

/// One read of the device as it is, into that many octets.
fn read(device: &dyn Device, octets: usize) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; octets];
    let length = device.receive(&mut buffer, Deadline::After(patience()))?;
    buffer.truncate(length);
    Ok(buffer)
}

fn errno<T: std::fmt::Debug>(result: io::Result<T>) -> i32 {
    result.expect_err("the kernel refuses").raw_os_error().expect("with an errno")
}

/// Turns a UDP packet round: the peer's answer. Both checksums stay right.
fn answer_of(mut packet: Vec<u8>) -> Vec<u8> {
    let (addresses, octets, ports) = if packet[0] >> 4 == 4 { (12, 4, 20) } else { (8, 16, 40) };
    packet[addresses..addresses + 2 * octets].rotate_left(octets);
    packet[ports..ports + 4].rotate_left(2);
    packet
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn packet_information_of_a_tun_tells_ipv4_from_ipv6_both_ways() -> io::Result<()> {
    let (_context, tun) = link::<Tun>(keeping())?;
    let v4 = UdpSocket::bind((tun.host_v4(), 0))?;
    v4.send_to(b"four", (tun.peer_v4(), 9))?;
    let v6 = UdpSocket::bind((tun.host_v6(), 0))?;
    v6.send_to(b"six", (tun.peer_v6(), 9))?;
    for (socket, protocol, kind, text) in
        [(&v4, EtherType::IPV4, PayloadKind::Ipv4, &b"four"[..]), (&v6, EtherType::IPV6, PayloadKind::Ipv6, b"six")]
    {
        let octets = read(tun.device(), 2048)?;
        let (pi, packet) = TunPi::decode(&octets).expect("there is a header");
        assert_eq!(pi, TunPi { flags: TunPiFlags::empty(), protocol });
        assert_eq!((pi.payload_kind(), pi.is_truncated()), (kind, false));
        assert_eq!(TunPi::for_ip_packet(packet), Some(pi), "what strip mode would add is what the kernel gives");
        assert_eq!(pi.encode(), octets[..4]);
        assert!(packet.ends_with(text));

        let mut reply = Vec::new();
        Framing::TunPi.append(PacketInfo::TunPi(pi), &answer_of(packet.to_vec()), &mut reply).expect("it is a header");
        assert_eq!(tun.device().transmit(&reply)?, reply.len(), "the header counts");
        socket.set_read_timeout(Some(patience()))?;
        let mut buffer = [0; 16];
        assert_eq!(socket.recv(&mut buffer)?, text.len(), "the host takes it by the header's protocol");
    }
    Ok(())
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn packet_information_of_a_tap_is_the_frames_ether_type() -> io::Result<()> {
    let (_context, tap) = link::<Tap>(keeping())?;
    let socket = UdpSocket::bind((tap.host_v4(), 0))?;
    socket.send_to(b"who", (tap.peer_v4(), 9))?;
    let octets = read(tap.device(), 2048)?;
    let (pi, request) = TunPi::decode(&octets).expect("there is a header");
    assert_eq!((pi, &octets[2..4]), (TunPi::new(EtherType::ARP), &[0x08, 0x06][..]));
    assert_eq!(EtherType::from_octets([request[12], request[13]]), EtherType::ARP, "the frame's own");
    assert_eq!(TunPi::for_ethernet_frame(request), Some(pi));

    // The reply (RFC 826): the host learns the peer's address by it, and the datagram that waits comes out.
    let mac = [2, 0, 0, 0, 0, 9];
    let mut reply = pi.encode().to_vec();
    reply.extend([&request[6..12], &mac, &request[12..20], &[0, 2], &mac, &request[38..42], &request[22..32]].concat());
    assert_eq!(tap.device().transmit(&reply)?, 4 + 42);
    let octets = read(tap.device(), 2048)?;
    let (pi, frame) = TunPi::decode(&octets).expect("there is a header");
    assert_eq!((pi, &frame[..6]), (TunPi::new(EtherType::IPV4), &mac[..]));
    assert!(frame.ends_with(b"who"));

    UdpSocket::bind((tap.host_v6(), 0))?.send_to(b"who", (tap.peer_v6(), 9))?;
    let octets = read(tap.device(), 2048)?;
    let (pi, frame) = TunPi::decode(&octets).expect("there is a header");
    assert_eq!((pi, &frame[12..14]), (TunPi::new(EtherType::IPV6), &[0x86, 0xdd][..]));
    Ok(())
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_short_buffer_is_told_by_the_strip_flag_in_host_order() -> io::Result<()> {
    let (_context, tun) = link::<Tun>(keeping())?;
    let socket = UdpSocket::bind((tun.host_v4(), 0))?;
    let whole = 4 + 20 + 8 + 100;
    for (buffer, cut) in [(whole, false), (whole - 1, true), (4, true)] {
        socket.send_to(&[7; 100], (tun.peer_v4(), 9))?;
        let octets = read(tun.device(), buffer)?;
        let (pi, _) = TunPi::decode(&octets).expect("there is a header");
        assert_eq!((octets.len(), pi.is_truncated(), pi.protocol), (buffer, cut, EtherType::IPV4));
        assert_eq!(octets[..2], u16::from(cut).to_ne_bytes());
    }
    socket.send_to(b"consumed", (tun.peer_v4(), 9))?;
    assert_eq!(errno(read(tun.device(), 3)), libc::EINVAL, "less than the header");
    assert_eq!(tun.try_receive(Deadline::Now).unwrap_err().kind(), io::ErrorKind::WouldBlock, "the packet is gone");
    Ok(())
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn without_packet_information_a_tap_gives_the_frame_and_a_short_buffer_no_sign() -> io::Result<()> {
    let (_context, tap) = link::<Tap>(DeviceConfig::new())?;
    UdpSocket::bind((tap.host_v4(), 0))?.send_to(b"who", (tap.peer_v4(), 9))?;
    let frame = read(tap.device(), 20)?;
    assert_eq!((frame.len(), EtherType::from_octets([frame[12], frame[13]])), (20, EtherType::ARP));
    assert_eq!(Framing::None.split(&frame), Ok((PacketInfo::None, &frame[..])));
    Ok(())
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn what_a_device_refuses_to_take_has_the_listed_errno() -> io::Result<()> {
    let (_context, tun) = link::<Tun>(DeviceConfig::new())?;
    assert_eq!(errno(tun.device().transmit(&[0x55; 20])), libc::EINVAL, "neither 4 nor 6");
    assert_eq!(errno(tun.device().transmit(&[])), libc::EINVAL);
    assert_eq!(tun.device().transmit(&[0x45])?, 1, "a version is enough");
    drop((_context, tun));

    let (_context, tun) = link::<Tun>(keeping())?;
    assert_eq!(errno(tun.device().transmit(&[0, 0, 8])), libc::EINVAL, "less than the header");
    assert_eq!(tun.device().transmit(&TunPi::new(EtherType::IPV4).encode())?, 4, "the header alone");
    assert_eq!(tun.device().transmit(&[0xff, 0xff, 0x12, 0x34, 0x55])?, 5, "neither flags, protocol nor version count");
    drop((_context, tun));

    let (_context, tap) = link::<Tap>(DeviceConfig::new())?;
    assert_eq!(errno(tap.device().transmit(&[0; 13])), libc::EINVAL, "less than an Ethernet header");
    assert_eq!(tap.device().transmit(&[0; 14])?, 14);
    Ok(())
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_device_that_is_down_gives_eio_and_one_that_is_gone_ebadfd() -> io::Result<()> {
    let (_context, tun) = link::<Tun>(DeviceConfig::new())?;
    tun.down();
    assert_eq!(errno(tun.device().transmit(&[0x45; 20])), libc::EIO);
    tun.up();
    assert_eq!(tun.device().transmit(&[0x45; 20])?, 20);
    let index = tun.kernel().expect("a kernel link").index();
    // Another program's socket.
    Netlink::open()?.apply(&[Step::DeleteLink { index }])?;
    assert_eq!(errno(tun.device().transmit(&[0x45; 20])), libc::EBADFD);
    assert_eq!(errno(read(tun.device(), 64)), libc::EBADFD);
    assert_eq!(errno(tun.device().name()), libc::EBADFD);
    let gone = tun.device().mtu().expect_err("there is no such interface");
    assert!(gone.to_string().contains("os error 19"), "ENODEV: {gone}");
    Ok(())
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_wait_ends_when_the_device_goes() -> io::Result<()> {
    let (_context, tun) = link::<Tun>(DeviceConfig::new())?;
    let index = tun.kernel().expect("a kernel link").index();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| errno(read(tun.device(), 64)));
        Netlink::open()?.apply(&[Step::DeleteLink { index }])?;
        assert_eq!(reader.join().expect("it does not panic"), libc::EBADFD);
        Ok(())
    })
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn the_kernel_writes_name_and_flags_back_into_the_request() -> Result<(), Box<dyn std::error::Error>> {
    let _inside = Namespace::enter()?;
    let named = OpenOptions::new().mode(Mode::Tun).name("vpn7").open()?;
    assert_eq!(named.name()?, "vpn7");
    let first = OpenOptions::new().name("tun%d").open()?;
    let second = OpenOptions::new().name("tun%d").open()?;
    assert_eq!((first.name()?, second.name()?), ("tun0".to_owned(), "tun1".to_owned()));
    let chosen = OpenOptions::new().mode(Mode::Tap).open()?;
    assert_eq!((chosen.name()?, chosen.mode()), ("tap0".to_owned(), Mode::Tap));
    let detected = OpenOptions::new().name("tap-of-fifteen.").open()?;
    assert_eq!((detected.name()?, detected.mode()), ("tap-of-fifteen.".to_owned(), Mode::Tap));
    let mac = detected.state()?.mac.filter(|mac| *mac != [0; 6]);
    assert!(mac.is_some(), "only a TAP has a hardware address, so the kernel has read the mode's bits as meant");
    assert_eq!(first.state()?.mac.filter(|mac| *mac != [0; 6]), None);
    Ok(())
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_request_that_cannot_be_is_refused_with_its_cause() -> Result<(), Box<dyn std::error::Error>> {
    let _inside = Namespace::enter()?;
    let refusal = |options: OpenOptions| options.open().expect_err("it cannot be").to_string();
    let too_long = refusal(OpenOptions::new().name("tun-of-sixteen-x"));
    assert!(too_long.contains("at most 15 octets, this one has 16"), "{too_long}");
    let unknown = refusal(OpenOptions::new().name("eth0"));
    assert!(unknown.contains("eth0") && unknown.contains("say which"), "{unknown}");
    let first = OpenOptions::new().name("tun0").open()?;
    let exclusive = refusal(OpenOptions::new().name("tun0").exclusive(true));
    assert!(exclusive.contains("os error 16") && exclusive.contains("exists"), "EBUSY: {exclusive}");
    let taken = refusal(OpenOptions::new().name("tun0"));
    assert!(taken.contains("os error 16") && taken.contains("one queue"), "EBUSY: {taken}");
    let other_mode = refusal(OpenOptions::new().mode(Mode::Tap).name("tun0"));
    assert!(other_mode.contains("os error 22") && other_mode.contains("other mode"), "EINVAL: {other_mode}");
    drop(first);
    Ok(())
}
