//! The mock's public surface: each rule as a Linux 6.18 TUN/TAP device or packet socket showed it.
#![cfg(target_os = "linux")]
#![expect(clippy::indexing_slicing, reason = "a test on octets of known length: a panic is a failure")]
#![expect(clippy::cast_possible_truncation, reason = "a folded checksum has 16 bits")]

use std::io;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tuntap_test::device::{Deadline, Device, FrameRef, PacketInfoMode};
use tuntap_test::mock::{Cable, CableConfig, DeviceEnd, EchoHost, HostStack};

const LONG: Deadline = Deadline::After(Duration::from_secs(10));
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const PEER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

fn cable(config: CableConfig) -> Cable {
    Cable::new(config).unwrap()
}

fn keep() -> CableConfig {
    CableConfig::tun().packet_info(PacketInfoMode::Keep)
}

fn read(device: &dyn Device, room: usize) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0xee; room];
    device.receive(&mut buffer, Deadline::Now).map(|length| buffer.drain(..length).collect())
}

#[track_caller]
fn assert_errno<T: std::fmt::Debug>(result: io::Result<T>, errno: i32) {
    assert_eq!(result.unwrap_err().raw_os_error(), Some(errno));
}

fn v4(octets: usize) -> Vec<u8> {
    let mut frame = vec![0x45; octets];
    frame[octets - 1] = 0x99;
    frame
}

#[test]
fn mtu_and_name_are_checked_as_the_kernel_does() {
    for (config, valid) in [
        (CableConfig::tun().mtu(67), false),
        (CableConfig::tun().mtu(68), true),
        (CableConfig::tun().mtu(65_535), true),
        (CableConfig::tun().mtu(65_536), false),
        (CableConfig::tap().mtu(65_521), true),
        (CableConfig::tap().mtu(65_522), false),
        (CableConfig::tun().name("a23456789012345"), true),
        (CableConfig::tun().name("a234567890123456"), false),
        (CableConfig::tun().name("a/b"), false),
        (CableConfig::tun().name(""), false),
    ] {
        let shown = format!("{config:?}");
        assert_eq!(Cable::new(config).is_ok(), valid, "{shown}");
    }
    let link = cable(CableConfig::tap());
    assert_eq!(link.device_end().name().unwrap(), "tap0");
    assert_errno(link.set_mtu(65_522), libc::EINVAL);
    link.set_mtu(9000).unwrap();
    assert_eq!(link.device_end().mtu().unwrap(), 9000);
}

#[test]
fn a_bad_first_nibble_is_refused_and_counted_without_packet_information() {
    let link = cable(CableConfig::tun());
    let device = link.device_end();
    assert_errno(device.transmit(&[]), libc::EINVAL);
    assert_errno(device.transmit(&[0x50]), libc::EINVAL);
    assert_eq!(link.statistics().rx_dropped, 2);
    assert_eq!(device.transmit(&[0x45]).unwrap(), 1);
    assert_eq!((link.statistics().rx_packets, link.statistics().rx_octets), (1, 1));
}

#[test]
fn a_tap_frame_without_a_whole_header_is_refused_and_not_counted() {
    let link = cable(CableConfig::tap());
    assert_errno(link.device_end().transmit(&[0; 13]), libc::EINVAL);
    assert_eq!(link.statistics().rx_dropped, 0);
    assert_eq!(link.device_end().transmit(&[0; 14]).unwrap(), 14);
}

#[test]
fn with_packet_information_only_the_header_is_needed_and_unknown_protocols_are_dropped() {
    let link = cable(keep());
    let device = link.device_end();
    assert_errno(device.transmit(&[0; 3]), libc::EINVAL);
    assert_eq!(link.statistics().rx_dropped, 0);
    assert_eq!(device.transmit(&[0; 4]).unwrap(), 4);
    assert_eq!(device.transmit(&[0xff, 0xff, 0x12, 0x34, 0x00]).unwrap(), 5);
    assert_eq!((link.statistics().rx_dropped, link.statistics().rx_packets, link.statistics().rx_octets), (2, 2, 1));
    device.transmit(&[0, 0, 8, 0, 0x60]).unwrap();
    assert_eq!(link.statistics().rx_dropped, 2, "a known protocol that lies is the IP code's affair");
    let host = link.host_end();
    device.transmit(&[0, 0, 0x12, 0x34, 0x77]).unwrap();
    assert_eq!(read(&host, 9).unwrap(), [0x77]);
    assert_eq!(link.statistics().rx_dropped, 2, "a packet socket took it");
}

#[test]
fn a_down_link_gives_eio_after_the_other_checks_and_queues_nothing() {
    let link = cable(CableConfig::tun());
    let (device, host) = (link.device_end(), link.host_end());
    host.transmit(&v4(20)).unwrap();
    link.set_up(false).unwrap();
    assert!(!link.is_up());
    assert_errno(device.transmit(&[0x45]), libc::EIO);
    assert_errno(device.transmit(&[0x00]), libc::EINVAL);
    assert_eq!(link.statistics().rx_dropped, 2);
    assert_errno(host.transmit(&v4(20)), libc::ENETDOWN);
    assert_errno(read(&host, 9), libc::ENETDOWN);
    assert_errno(read(&host, 9), libc::EAGAIN);
    assert_eq!(read(&device, 99).unwrap(), v4(20), "what was queued stays");
    assert_errno(read(&device, 99), libc::EAGAIN);
    link.set_up(true).unwrap();
    device.transmit(&[0x45]).unwrap();
    assert_eq!(read(&host, 9).unwrap(), [0x45]);
}

#[test]
fn a_reader_stays_blocked_while_the_link_is_down_and_ends_when_it_is_removed() {
    let link = cable(CableConfig::tun());
    let device = link.device_end();
    let (sender, result) = mpsc::channel();
    let reader = thread::spawn(move || sender.send(device.receive(&mut [0; 9], Deadline::Never)).unwrap());
    link.set_up(false).unwrap();
    assert!(result.recv_timeout(Duration::from_millis(30)).is_err());
    link.remove();
    assert_errno(result.recv_timeout(Duration::from_secs(10)).unwrap(), 77);
    reader.join().unwrap();
    let (device, host) = (link.device_end(), link.host_end());
    assert_errno(device.transmit(&[0x45]), 77);
    assert_errno(device.name(), 77);
    assert_errno(device.mtu(), 77);
    assert_errno(host.transmit(&[0x45]), libc::ENXIO);
    assert_errno(host.receive(&mut [0; 9], Deadline::Never), libc::ENETDOWN);
    assert_errno(link.set_up(true), libc::ENODEV);
}

#[test]
fn a_short_read_truncates_silently_without_packet_information() {
    let link = cable(CableConfig::tun());
    let (device, host) = (link.device_end(), link.host_end());
    host.transmit(&v4(100)).unwrap();
    assert_eq!(device.receive(&mut [], Deadline::Never).unwrap(), 0, "no room: the frame stays");
    assert_eq!(read(&device, 50).unwrap(), v4(100)[..50]);
    assert_errno(read(&device, 50), libc::EAGAIN);
    assert_eq!((link.statistics().tx_packets, link.statistics().tx_octets), (1, 100));
}

#[test]
fn a_short_read_sets_tun_pkt_strip_with_packet_information() {
    let link = cable(keep());
    let (device, host) = (link.device_end(), link.host_end());
    for room in [4, 50, 103, 104] {
        host.transmit(&v4(100)).unwrap();
        let got = read(&device, room).unwrap();
        let flags = u16::from(room < 104).to_ne_bytes();
        assert_eq!(got, [&flags[..], &[8, 0], &v4(100)[..room - 4]].concat());
    }
    host.transmit(&[0x60]).unwrap();
    assert_eq!(read(&device, 0).unwrap(), [], "no room at all: the frame stays");
    assert_eq!(read(&device, 9).unwrap(), [0, 0, 0x86, 0xdd, 0x60]);
    let before = link.statistics();
    host.transmit(&v4(100)).unwrap();
    assert_errno(read(&device, 3), libc::EINVAL);
    assert_errno(read(&device, 200), libc::EAGAIN);
    assert_eq!(link.statistics(), before, "consumed and not counted");
}

#[test]
fn strip_hides_the_header_both_ways() {
    let link = cable(CableConfig::tun().packet_info(PacketInfoMode::Strip));
    let (device, host) = (link.device_end(), link.host_end());
    host.transmit(&v4(30)).unwrap();
    assert_eq!(read(&device, 10).unwrap(), v4(30)[..10]);
    assert_eq!(device.transmit(&v4(30)).unwrap(), 30);
    assert_eq!(read(&host, 99).unwrap(), v4(30));
    // No header fits it; the kernel device refuses it likewise, as it does without packet information.
    assert_errno(device.transmit(&[0x00]), libc::EINVAL);
}

#[test]
fn a_full_queue_drops_and_counts_and_the_host_sees_success() {
    for (config, frame, kept) in
        [(CableConfig::tun(), v4(20), 500), (CableConfig::tap(), v4(20), 1000), (keep().queue_length(7), v4(20), 7)]
    {
        let link = cable(config);
        let (device, host) = (link.device_end(), link.host_end());
        for _ in 0..1200 {
            host.transmit(&frame).unwrap();
        }
        assert_eq!(link.statistics().tx_dropped, 1200 - kept);
        let mut got = 0;
        while read(&device, 99).is_ok() {
            got += 1;
        }
        assert_eq!((got, link.statistics().tx_packets), (kept, kept));
    }
}

#[test]
fn without_a_queue_nothing_arrives_and_the_host_hears_of_it() {
    let link = cable(keep().queue_length(0));
    assert_errno(link.host_end().transmit(&v4(20)), libc::ENOBUFS);
    assert_errno(read(&link.device_end(), 99), libc::EAGAIN);
    assert_eq!((link.statistics().tx_dropped, link.statistics().tx_packets), (1, 0));
}

#[test]
fn the_host_keeps_to_the_mtu_and_the_device_end_does_not() {
    let link = cable(CableConfig::tun());
    let host = link.host_end();
    assert_errno(host.transmit(&[]), libc::EINVAL);
    assert_errno(host.transmit(&v4(1501)), libc::EMSGSIZE);
    host.transmit(&v4(1500)).unwrap();
    assert_eq!(link.device_end().transmit(&v4(70_000)).unwrap(), 70_000);
    let link = cable(CableConfig::tap());
    let host = link.host_end();
    let mut tagged = vec![0; 1518];
    assert_errno(host.transmit(&tagged), libc::EMSGSIZE);
    tagged[12] = 0x81;
    host.transmit(&tagged).unwrap();
    assert_errno(host.transmit(&[0; 13]), libc::EINVAL);
    assert_errno(host.transmit(&[0; 1515]), libc::EMSGSIZE);
}

#[test]
fn a_host_end_sees_only_what_comes_after_it_and_drops_the_newest() {
    let link = cable(CableConfig::tun());
    let device = link.device_end();
    device.transmit(&[0x45]).unwrap();
    let host = link.host_end();
    assert_errno(read(&host, 9), libc::EAGAIN);
    for number in 0..10_001_u32 {
        device.transmit(&[&[0x45], &number.to_be_bytes()[..]].concat()).unwrap();
    }
    assert_eq!(host.dropped(), 1);
    assert_eq!(read(&host, 9).unwrap(), [0x45, 0, 0, 0, 0]);
    assert_eq!(link.host_end().dropped(), 0);
}

#[test]
fn each_deadline_ends_in_its_own_error_and_an_interrupt_in_one_eintr() {
    let link = cable(CableConfig::tun());
    let (device, host) = (link.device_end(), link.host_end());
    for end in [&device as &dyn Device, &host] {
        assert_errno(end.receive(&mut [0; 9], Deadline::Now), libc::EAGAIN);
        assert_errno(end.receive(&mut [0; 9], Deadline::After(Duration::from_millis(1))), libc::ETIMEDOUT);
        end.interrupt();
        end.interrupt();
        assert_errno(end.receive(&mut [0; 9], Deadline::Now), libc::EAGAIN);
        assert_errno(end.receive(&mut [0; 9], Deadline::Never), libc::EINTR);
        assert_errno(end.receive(&mut [0; 9], Deadline::After(Duration::from_millis(1))), libc::ETIMEDOUT);
        thread::scope(|scope| {
            let reader = scope.spawn(|| end.receive(&mut [0; 9], Deadline::Never));
            end.interrupt();
            assert_errno(reader.join().unwrap(), libc::EINTR);
        });
    }
}

/// Writes each frame that it gets, once, to its own device end.
struct Reentrant {
    device: Arc<Mutex<Option<DeviceEnd>>>,
    got: Arc<Mutex<Vec<u8>>>,
}

impl HostStack for Reentrant {
    fn receive(&mut self, frame: FrameRef<'_>, _: Instant, out: &mut dyn FnMut(&[u8])) {
        self.got.lock().unwrap().push(frame.octets.len().try_into().unwrap());
        if frame.octets.len() == 7 {
            panic!("asked to");
        }
        if frame.octets.len() < 3 {
            let device = self.device.lock().unwrap().clone().unwrap();
            device.transmit(&vec![0x45; frame.octets.len() + 1]).unwrap();
        }
        out(frame.octets);
    }
}

#[test]
fn a_stack_may_use_its_own_cable_and_may_panic() {
    let (device, got) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(Vec::new())));
    let stack = Reentrant { device: Arc::clone(&device), got: Arc::clone(&got) };
    let link = cable(CableConfig::tun().host(stack));
    *device.lock().unwrap() = Some(link.device_end());
    link.device_end().transmit(&[0x45]).unwrap();
    assert_eq!(*got.lock().unwrap(), [1, 2, 3]);
    let end = link.device_end();
    assert!(thread::spawn(move || end.transmit(&[0x45; 7])).join().is_err());
    link.device_end().transmit(&[0x45; 5]).unwrap();
    assert_eq!(*got.lock().unwrap(), [1, 2, 3, 7, 5]);
    *device.lock().unwrap() = None;
}

#[test]
fn concurrent_writers_each_find_their_reply_queued() {
    let host = EchoHost::new().address("192.0.2.1/24".parse().unwrap());
    let link = cable(CableConfig::tun().host(host).queue_length(10_000));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let device = link.device_end();
                for _ in 0..200 {
                    device.transmit(&echo4([192, 0, 2, 2], 0x4000, 0)).unwrap();
                    device.receive(&mut [0; 99], Deadline::Now).unwrap();
                }
            });
        }
    });
    assert_eq!(link.statistics().tx_packets, 800);
}

// --- the echo host ---

/// The Internet checksum, written plainly.
fn sum(octets: &[u8]) -> u16 {
    let words = octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let total: u32 = words.sum();
    let folded = (total & 0xffff) + (total >> 16);
    !(((folded & 0xffff) + (folded >> 16)) as u16)
}

fn put(octets: &mut [u8], at: usize, value: u16) {
    octets[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

fn echo4(source: [u8; 4], fragment: u16, code: u8) -> Vec<u8> {
    let mut icmp = vec![8, code, 0, 0, 0, 7, 0, 1, b'h', b'e', b'y'];
    let checksum = sum(&icmp);
    put(&mut icmp, 2, checksum);
    let mut header = vec![0x45, 0x1f, 0, 31, 0, 9, 0, 0, 64, 1, 0, 0];
    put(&mut header, 6, fragment);
    header.extend([source, [192, 0, 2, 1]].concat());
    let checksum = sum(&header);
    put(&mut header, 10, checksum);
    [header, icmp].concat()
}

fn addr6(last: u8) -> [u8; 16] {
    [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]
}

fn pseudo6(source: [u8; 16], destination: [u8; 16], message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&source[..], &destination, &length, &[0, 0, 0, 58], message].concat()
}

fn icmp6(source: [u8; 16], destination: [u8; 16], hop_limit: u8, mut message: Vec<u8>) -> Vec<u8> {
    let checksum = sum(&pseudo6(source, destination, &message));
    put(&mut message, 2, checksum);
    let header = [0x60, 0, 0, 0, 0, message.len().try_into().unwrap(), 58, hop_limit];
    [&header[..], &source, &destination, &message].concat()
}

fn answers(config: CableConfig, frame: &[u8]) -> Option<Vec<u8>> {
    let host = EchoHost::new().address("192.0.2.1/24".parse().unwrap()).address("2001:db8::1/64".parse().unwrap());
    let link = cable(config.host(host));
    let _ = link.device_end().transmit(frame);
    let reply = read(&link.device_end(), 2000).ok();
    assert!(read(&link.device_end(), 2000).is_err(), "one reply at most");
    reply
}

fn ethernet(destination: [u8; 6], middle: &[u8], payload: &[u8]) -> Vec<u8> {
    [&destination[..], &PEER_MAC, middle, payload].concat()
}

#[test]
fn an_icmpv4_echo_request_is_answered_as_linux_does() {
    let mut request = echo4([192, 0, 2, 2], 0x4000, 5);
    request.extend([1, 2, 3]);
    let reply = answers(CableConfig::tun(), &request).unwrap();
    assert_eq!(reply.len(), 31, "what follows the packet is not part of it");
    assert_eq!((sum(&reply[..20]), sum(&reply[20..])), (0, 0));
    assert_eq!(reply[..2], [0x45, 0x1f]);
    assert_eq!(reply[6..10], [0, 0, 64, 1]);
    assert_eq!(reply[12..22], [192, 0, 2, 1, 192, 0, 2, 2, 0, 5]);
    assert_eq!(reply[24..], request[24..31]);
}

#[test]
fn what_is_wrong_with_an_icmpv4_request_silences_the_host() {
    let good = echo4([192, 0, 2, 2], 0, 0);
    assert!(answers(CableConfig::tun(), &good).is_some());
    for at in [0, 2, 8, 10, 16, 20, 22, 30] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(answers(CableConfig::tun(), &bad), None, "octet {at}");
    }
    assert_eq!(answers(CableConfig::tun(), &good[..30]), None);
    for fragment in [0x2000, 1] {
        assert_eq!(answers(CableConfig::tun(), &echo4([192, 0, 2, 2], fragment, 0)), None);
    }
    for source in [[0; 4], [192, 0, 2, 1], [203, 0, 113, 9], [224, 0, 0, 1], [240, 0, 0, 1], [127, 0, 0, 1]] {
        assert_eq!(answers(CableConfig::tun(), &echo4(source, 0, 0)), None, "{source:?}");
    }
    assert_eq!(answers(keep(), &[&[0, 0, 0x86, 0xdd], &good[..]].concat()), None, "marked as IPv6");
    let reply = answers(keep(), &[&[0xff, 0xff, 8, 0], &good[..]].concat()).unwrap();
    assert_eq!(reply[..5], [0, 0, 8, 0, 0x45]);
}

#[test]
fn an_icmpv6_echo_request_is_answered_and_a_wrong_one_is_not() {
    let request = icmp6(addr6(2), addr6(1), 1, vec![128, 0, 0, 0, 0, 7, 0, 1, b'x']);
    let reply = answers(CableConfig::tun(), &request).unwrap();
    assert_eq!(reply[..8], [0x60, 0, 0, 0, 0, 9, 58, 64]);
    assert_eq!(reply[8..40], [addr6(1), addr6(2)].concat());
    assert_eq!(sum(&pseudo6(addr6(1), addr6(2), &reply[40..])), 0);
    assert_eq!((reply[40], &reply[44..]), (129, &request[44..]));
    for at in [4, 5, 6, 39, 40, 42, 48] {
        let mut bad = request.clone();
        bad[at] ^= 1;
        assert_eq!(answers(CableConfig::tun(), &bad), None, "octet {at}");
    }
}

#[test]
fn on_tap_echo_is_answered_by_mac_and_tagged_frames_are_for_others() {
    let packet = echo4([192, 0, 2, 2], 0, 0);
    let reply = answers(CableConfig::tap(), &ethernet(MAC, &[8, 0], &packet)).unwrap();
    assert_eq!(reply[..14], [&PEER_MAC[..], &MAC, &[8, 0]].concat());
    assert_eq!(sum(&reply[14..34]), 0);
    assert!(answers(CableConfig::tap(), &ethernet([0xff; 6], &[8, 0], &packet)).is_some());
    assert!(answers(CableConfig::tap(), &ethernet(MAC, &[0x81, 0, 0, 0, 8, 0], &packet)).is_some(), "priority tag");
    assert_eq!(answers(CableConfig::tap(), &ethernet(MAC, &[0x81, 0, 0, 5, 8, 0], &packet)), None);
    assert_eq!(answers(CableConfig::tap(), &ethernet([2, 2, 2, 2, 2, 2], &[8, 0], &packet)), None);
}

fn arp(sender: [u8; 4], target: [u8; 4]) -> Vec<u8> {
    [&[0, 1, 8, 0, 6, 4, 0, 1][..], &PEER_MAC, &sender, &[0; 6], &target].concat()
}

#[test]
fn an_arp_request_for_an_own_address_is_answered() {
    for sender in [[192, 0, 2, 2], [0; 4], [203, 0, 113, 7]] {
        let request = ethernet([0xff; 6], &[8, 6], &arp(sender, [192, 0, 2, 1]));
        let reply = answers(CableConfig::tap(), &request).unwrap();
        let body = [&[0, 1, 8, 0, 6, 4, 0, 2][..], &MAC, &[192, 0, 2, 1], &PEER_MAC, &sender].concat();
        assert_eq!(reply, [&PEER_MAC[..], &MAC, &[8, 6], &body].concat());
    }
    for (sender, target) in [([192, 0, 2, 1], [192, 0, 2, 1]), ([192, 0, 2, 2], [192, 0, 2, 3])] {
        assert_eq!(answers(CableConfig::tap(), &ethernet([0xff; 6], &[8, 6], &arp(sender, target))), None);
    }
}

#[test]
fn a_neighbour_solicitation_is_answered_with_the_mac() {
    let group: [u8; 16] = "ff02::1:ff00:1".parse::<std::net::Ipv6Addr>().unwrap().octets();
    let mut message = [&[135, 0, 0, 0, 0, 0, 0, 0][..], &addr6(1)].concat();
    let solicit = |source, destination, hops, message: &[u8]| {
        let packet = icmp6(source, destination, hops, message.to_vec());
        answers(CableConfig::tap(), &ethernet([0x33, 0x33, 0xff, 0, 0, 1], &[0x86, 0xdd], &packet))
    };
    let probe = solicit([0; 16], group, 255, &message).unwrap();
    assert_eq!((&probe[..6], probe[58]), (&[0x33, 0x33, 0, 0, 0, 1][..], 0x20));
    message.extend([1, 1, 2, 0, 0, 0, 0, 8]);
    let reply = solicit(addr6(2), group, 255, &message).unwrap();
    assert_eq!(reply[..6], [2, 0, 0, 0, 0, 8]);
    assert_eq!((reply[21], reply[54], reply[58]), (255, 136, 0x60));
    assert_eq!(reply[62..], [&addr6(1)[..], &[2, 1], &MAC].concat());
    assert_eq!(sum(&pseudo6(addr6(1), addr6(2), &reply[54..])), 0);
    assert_eq!(solicit(addr6(2), group, 254, &message), None);
    assert_eq!(solicit([0; 16], group, 255, &message), None, "a probe has no link-layer address");
    message[25] = 0;
    assert_eq!(solicit(addr6(2), group, 255, &message), None, "an option of no length");
}

#[test]
fn a_reply_above_the_mtu_is_dropped_and_counted() {
    let host = EchoHost::new().address("2001:db8::1/64".parse().unwrap());
    let link = cable(CableConfig::tun().mtu(68).host(host));
    let mut message = vec![128, 0, 0, 0, 0, 7, 0, 1];
    message.extend([0; 21]);
    link.device_end().transmit(&icmp6(addr6(2), addr6(1), 64, message)).unwrap();
    assert_errno(read(&link.device_end(), 99), libc::EAGAIN);
    assert_eq!(link.statistics().tx_dropped, 1);
}

proptest! {
    #[test]
    fn the_echo_host_takes_any_octets(octets in prop::collection::vec(any::<u8>(), 0..120), at in 0_usize..120, to: u8) {
        for config in [CableConfig::tun(), CableConfig::tap(), keep()] {
            let _ = answers(config, &octets);
        }
        // Near misses go deeper than noise.
        let group = [0x33, 0x33, 0xff, 0, 0, 1];
        let solicitation = [&[135, 0, 0, 0, 0, 0, 0, 0][..], &addr6(1), &octets].concat();
        for mut frame in [
            ethernet(MAC, &[8, 0], &echo4([192, 0, 2, 2], 0, 0)),
            ethernet([0xff; 6], &[8, 6], &arp([192, 0, 2, 2], [192, 0, 2, 1])),
            ethernet(group, &[0x86, 0xdd], &icmp6(addr6(2), addr6(1), 255, solicitation)),
        ] {
            let _ = answers(CableConfig::tap(), &frame);
            if let Some(octet) = frame.get_mut(at) {
                *octet = to;
            }
            frame.truncate(frame.len().min(at + 60));
            let _ = answers(CableConfig::tap(), &frame);
        }
    }
}

#[cfg(unix)]
mod descriptor {
    use std::fs::File;
    use std::io::{Read, Write};

    use super::*;
    use tuntap_test::mock::into_descriptor;

    #[test]
    fn a_descriptor_carries_frames_both_ways() {
        let link = cable(CableConfig::tun());
        let host = link.host_end();
        let carried = into_descriptor(link.device_end()).unwrap();
        let mut file = File::from(carried.fd);
        for octets in [1, 1500, 65_535] {
            assert_eq!(file.write(&v4(octets + 1)).unwrap(), octets + 1);
            let mut buffer = vec![0; 70_000];
            let length = host.receive(&mut buffer, LONG).unwrap();
            assert_eq!(buffer[..length], v4(octets + 1));
        }
        host.transmit(&v4(1500)).unwrap();
        host.transmit(&v4(20)).unwrap();
        let mut buffer = [0; 2000];
        assert_eq!(file.read(&mut buffer).unwrap(), 1500);
        assert_eq!(file.read(&mut buffer).unwrap(), 20);
        drop(carried.pump);
        assert_eq!(file.read(&mut buffer).unwrap(), 0);
    }

    #[test]
    fn a_refused_frame_and_an_empty_one_do_not_end_the_pump() {
        let link = cable(CableConfig::tun());
        let host = link.host_end();
        let carried = into_descriptor(link.device_end()).unwrap();
        let mut file = File::from(carried.fd);
        assert_eq!(file.write(&[0x00]).unwrap(), 1);
        assert_eq!(file.write(&[0x45]).unwrap(), 1);
        assert_eq!(host.receive(&mut [0; 9], LONG).unwrap(), 1);
    }

    fn wait_until_finished(pump: &tuntap_test::mock::Pump) {
        let start = Instant::now();
        while !pump.is_finished() {
            assert!(start.elapsed() < Duration::from_secs(10), "the threads did not end");
            thread::yield_now();
        }
    }

    #[test]
    fn the_threads_end_with_the_descriptor() {
        let link = cable(CableConfig::tun());
        let carried = into_descriptor(link.device_end()).unwrap();
        assert!(!carried.pump.is_finished());
        drop(carried.fd);
        wait_until_finished(&carried.pump);
    }

    #[test]
    fn the_threads_end_with_the_cable_and_the_reader_sees_the_end() {
        let link = cable(CableConfig::tun());
        let carried = into_descriptor(link.device_end()).unwrap();
        drop(link);
        wait_until_finished(&carried.pump);
        assert_eq!(File::from(carried.fd).read(&mut [0; 9]).unwrap(), 0);
    }

    #[test]
    fn dropping_the_pump_ends_a_full_socket_too() {
        let link = cable(CableConfig::tun().queue_length(100_000));
        let host = link.host_end();
        let carried = into_descriptor(link.device_end()).unwrap();
        for _ in 0..20_000 {
            host.transmit(&v4(1500)).unwrap();
        }
        drop(carried.pump);
    }
}
