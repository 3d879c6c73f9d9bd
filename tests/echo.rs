//! One body on both backends: the host answers echo requests, and our machine answers the host's.

#![expect(clippy::indexing_slicing, reason = "the test fails where the slice is too short")]

use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TransportSlice};
use tuntap_test::answer::IcmpEcho;
use tuntap_test::device::Mode;
use tuntap_test::{Link, Tap, Tun, etherparse, tuntap_test};

const DATA: &[u8] = b"sixteen octets..";

fn request_v4(link: &Link) -> Vec<u8> {
    let (source, destination) = (link.peer_v4().octets(), link.host_v4().octets());
    let mut frame = Vec::new();
    match link.host_mac() {
        Some(mac) => PacketBuilder::ethernet2([2, 0, 0, 0, 0, 2], mac)
            .ipv4(source, destination, 64)
            .icmpv4_echo_request(7, 1)
            .write(&mut frame, DATA),
        None => PacketBuilder::ipv4(source, destination, 64).icmpv4_echo_request(7, 1).write(&mut frame, DATA),
    }
    .unwrap();
    frame
}

fn request_v6(link: &Link) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ipv6(link.peer_v6().octets(), link.host_v6().octets(), 64)
        .icmpv6_echo_request(7, 1)
        .write(&mut frame, DATA)
        .unwrap();
    frame
}

#[tuntap_test]
fn the_host_answers_ipv4(tun: Tun) {
    tun.send(request_v4(&tun));
    let reply = tun.receive();
    let reply = SlicedPacket::from_ip(&reply).unwrap();
    let Some(NetSlice::Ipv4(ip)) = reply.net else { panic!("no IPv4") };
    assert_eq!((ip.header().source_addr(), ip.header().destination_addr()), (tun.host_v4(), tun.peer_v4()));
    let Some(TransportSlice::Icmpv4(icmp)) = reply.transport else { panic!("no ICMP") };
    assert_eq!((icmp.type_u8(), icmp.bytes5to8(), icmp.payload()), (0, [0, 7, 0, 1], DATA));
}

#[tuntap_test]
fn the_host_answers_ipv6(tun: Tun) {
    tun.send(request_v6(&tun));
    let reply = tun.receive();
    let reply = SlicedPacket::from_ip(&reply).unwrap();
    let Some(TransportSlice::Icmpv6(icmp)) = reply.transport else { panic!("no ICMPv6") };
    assert_eq!((icmp.type_u8(), icmp.bytes5to8(), icmp.payload()), (129, [0, 7, 0, 1], DATA));
}

#[tuntap_test(packet_info = keep)]
fn the_host_answers_with_packet_information(tun: Tun) {
    tun.send(request_v4(&tun));
    let mut buffer = [0; 1504];
    let length = tun.device().receive(&mut buffer, std::time::Duration::from_secs(10).into()).unwrap();
    assert_eq!(&buffer[..5], [0, 0, 0x08, 0x00, 0x45]);
    assert_eq!(length, 4 + 20 + 8 + DATA.len());
}

#[tuntap_test]
fn a_request_sent_by_the_host_is_answered(tun: Tun) {
    answered_at_the_host_end(&tun, request_v4(&tun));
}

#[tuntap_test]
fn a_request_sent_by_the_host_is_answered_on_ethernet(tap: Tap) {
    answered_at_the_host_end(&tap, request_v4(&tap));
}

#[tuntap_test(packet_info = keep)]
fn a_request_is_answered_with_packet_information(tun: Tun) {
    answered_at_the_host_end(&tun, request_v6(&tun));
}

#[tuntap_test(packet_info = strip)]
fn a_request_is_answered_with_stripped_packet_information(tap: Tap) {
    answered_at_the_host_end(&tap, request_v4(&tap));
}

/// The host end as raw frames: a packet socket on the kernel, the other end of the cable on the mock.
fn answered_at_the_host_end(link: &Link, request: Vec<u8>) {
    let host = link.host_end();
    let answering = link.answer(IcmpEcho::any_address());
    host.send(&request);
    let reply = host.receive();
    let network = if link.mode() == Mode::Tap { 14 } else { 0 };
    let kind = if request[network] >> 4 == 4 { (network + 20, 0) } else { (network + 40, 129) };
    assert_eq!(reply[kind.0], kind.1, "{reply:?}");
    assert!(reply.ends_with(DATA));
    assert_eq!(answering.wait_for(1_u64), 1);
    assert_eq!(answering.requests(), 1);
}

#[tuntap_test]
fn vlan_tags_pass_the_host_end(tap: Tap) {
    let host = tap.host_end();
    let _answering = tap.answer(IcmpEcho::any_address());
    let mut request = request_v4(&tap);
    request.splice(12..12, [0x81, 0x00, 0x00, 0x2a]);
    host.send(&request);
    assert_eq!(host.receive()[12..16], [0x81, 0x00, 0x00, 0x2a]);
}

#[cfg(unix)]
#[tuntap_test]
fn a_descriptor_is_read_and_written(tun: Tun) {
    use std::io::{Read, Write};

    let (host, request) = (tun.host_end(), request_v4(&tun));
    let mut file = std::fs::File::from(tun.into_fd(true));
    host.send(&request);
    let mut buffer = [0; 2048];
    let length = file.read(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], request);
    file.write_all(&request).unwrap();
    assert_eq!(*host.receive(), *request);
    // The host answered, too.
    let length = file.read(&mut buffer).unwrap();
    assert_eq!(length, request.len());
    assert_eq!(buffer[20], 0, "an echo reply");
}

#[tuntap_test]
fn answering_for_a_count_ends_with_it_or_fails(tun: Tun) {
    let host = tun.host_end();
    host.send(request_v4(&tun));
    // The request was there before the machine.
    assert_eq!(tun.answer_for(IcmpEcho::any_address(), 1_u64), 1);
    let none = tun.answer_for(IcmpEcho::any_address(), std::time::Duration::from_millis(20));
    assert_eq!(none, 0);
}

/// A thread that reads the device itself goes on through the reader when a machine starts one: it takes no request.
#[tuntap_test]
fn a_link_never_has_two_readers(tun: Tun) {
    let host = tun.host_end();
    std::thread::scope(|scope| {
        let plain = scope.spawn(|| {
            let mut buffer = [0; 2048];
            let length = tun.device().receive(&mut buffer, std::time::Duration::from_secs(10).into()).unwrap();
            buffer[..length].to_vec()
        });
        let answering = tun.answer(IcmpEcho::any_address());
        for _ in 0..20 {
            host.send(request_v4(&tun));
        }
        assert_eq!(answering.wait_for(20_u64), 20);
        // No request, so it is for whoever reads.
        let mut datagram = Vec::new();
        PacketBuilder::ipv4(tun.host_v4().octets(), tun.peer_v4().octets(), 64)
            .udp(9, 9)
            .write(&mut datagram, DATA)
            .unwrap();
        host.send(&datagram);
        assert_eq!(plain.join().unwrap(), datagram);
    });
}

#[tuntap_test(address = "192.0.2.1/32", peer = "198.51.100.2")]
fn a_peer_outside_the_prefix_is_reached(tun: Tun) {
    tun.send(request_v4(&tun));
    assert_eq!(tun.receive()[20], 0, "an echo reply");
}

#[tuntap_test(packet_info = strip)]
fn what_has_no_protocol_is_refused(tun: Tun) {
    for no_packet in [&[][..], &[0x10]] {
        assert_eq!(tun.try_send(no_packet).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    }
}

#[tuntap_test]
fn a_link_that_was_down_answers_again(tun: Tun) {
    for _ in 0..10 {
        tun.down();
        assert!(tun.try_send(request_v4(&tun)).is_err());
        tun.up();
        tun.send(request_v4(&tun));
        assert_eq!(tun.receive()[20], 0, "an echo reply");
        tun.send(request_v6(&tun));
        assert_eq!(tun.receive()[40], 129, "an echo reply");
    }
}
