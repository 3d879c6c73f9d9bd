//! `struct tun_pi` in front of each frame: flags in host order, then the EtherType in network order.

use std::io;

use tuntap_test::device::{DeviceConfig, Mode, PacketInfoMode};
use tuntap_test::packet::Defaults;
use tuntap_test::prelude::*;

use crate::behaviour::group;
use crate::seen::{hex, lines, list, outcome, read, read_length};
use crate::world::counting;

const KEEP: DeviceConfig = DeviceConfig::new().packet_info(PacketInfoMode::Keep);
const STRIP: DeviceConfig = DeviceConfig::new().packet_info(PacketInfoMode::Strip);

group! {
    "Packet information";
    of_ipv4(KEEP): "packet information of an IPv4 packet";
    of_ipv6(KEEP): "packet information of an IPv6 packet";
    of_ethernet(KEEP): "TAP: packet information of an ARP message";
    of_a_tag(KEEP): "TAP: packet information of a frame with a VLAN tag";
    cut_short(KEEP): "packet information, read into 50 octets of the 104 that there are";
    just_room(KEEP): "packet information, read into just enough octets";
    header_only(KEEP): "packet information, read into 4 octets";
    too_little(KEEP): "packet information, read into 3 octets, and the next read";
    no_room(KEEP): "packet information, read into no octets, and the next read";
    write_too_little(KEEP): "packet information, a write of 3 octets";
    write_header_only(KEEP): "packet information, a write of 4 octets for IPv4";
    write_flags(KEEP): "packet information, a write with all flags set";
    write_unknown(KEEP): "packet information, a write of protocol 0x1234";
    write_swapped(KEEP): "packet information, a write of 0x0800 in the wrong order";
    write_lie(KEEP): "packet information, an IPv4 echo request that is called IPv6";
    write_wrong_nibble(KEEP): "packet information, a write whose first nibble is 5, called IPv4";
    write_while_down(KEEP): "packet information, a write while the link is down";
    write_on_tap(KEEP): "TAP: packet information, who-has that is called IPv6";
    write_short_on_tap(KEEP): "TAP: packet information, and 13 octets";
    strip_read(STRIP): "packet information stripped, a read of a 100-octet frame into 50 octets";
    strip_wrong_nibble(STRIP): "packet information stripped, a write whose first nibble is 5";
}

fn frame(octets: usize, first: u8) -> Vec<u8> {
    vec![first; octets]
}

/// What one read into that room gives of a frame that the host sends: its length, and the first octets.
fn reads(link: &tuntap_test::Link, octets: &[u8], rooms: &[usize]) -> String {
    assert_eq!(link.host_end().device().transmit(octets).unwrap(), octets.len());
    list(rooms.iter().map(|room| match read(link.device(), *room) {
        Ok(got) => format!("{} octets: {}", got.len(), hex(got.get(..4).unwrap_or(&got))),
        error => outcome(error.map(|got| got.len())),
    }))
}

fn of_ipv4(tun: Tun) -> String {
    reads(&tun, &frame(100, 0x45), &[200])
}

fn of_ipv6(tun: Tun) -> String {
    reads(&tun, &frame(100, 0x60), &[200])
}

fn ethernet(ether_type: [u8; 2]) -> Vec<u8> {
    [&[0xff; 12], &ether_type[..], &[0; 46]].concat()
}

fn of_ethernet(tap: Tap) -> String {
    reads(&tap, &ethernet([8, 6]), &[200])
}

fn of_a_tag(tap: Tap) -> String {
    reads(&tap, &ethernet([0x81, 0]), &[200])
}

fn cut_short(tun: Tun) -> String {
    reads(&tun, &frame(100, 0x45), &[50, 200])
}

fn just_room(tun: Tun) -> String {
    reads(&tun, &frame(100, 0x45), &[104])
}

fn header_only(tun: Tun) -> String {
    reads(&tun, &frame(100, 0x45), &[4])
}

fn too_little(tun: Tun) -> String {
    reads(&tun, &frame(100, 0x45), &[3, 200])
}

fn no_room(tun: Tun) -> String {
    reads(&tun, &frame(100, 0x45), &[0, 200])
}

fn write(link: &tuntap_test::Link, octets: &[u8]) -> String {
    counting(link, || outcome(link.device().transmit(octets)))
}

fn write_too_little(tun: Tun) -> String {
    write(&tun, &[0, 0, 8])
}

fn write_header_only(tun: Tun) -> String {
    write(&tun, &[0, 0, 8, 0])
}

/// An echo request behind that header.
fn echo_behind(header: [u8; 4]) -> Vec<u8> {
    let request = (Icmpv4::echo_request(7, 1) / b"hi").build().unwrap();
    [&header[..], &request].concat()
}

fn answered(tun: &Tun, octets: &[u8]) -> io::Result<String> {
    let taken = tun.device().transmit(octets)?;
    Ok(list([format!("{taken}"), lines(tun)]))
}

fn write_flags(tun: Tun) -> io::Result<String> {
    answered(&tun, &echo_behind([0xff, 0xff, 8, 0]))
}

fn write_unknown(tun: Tun) -> String {
    write(&tun, &echo_behind([0, 0, 0x12, 0x34]))
}

fn write_swapped(tun: Tun) -> String {
    write(&tun, &echo_behind([0, 0, 0, 8]))
}

fn write_lie(tun: Tun) -> io::Result<String> {
    answered(&tun, &echo_behind([0, 0, 0x86, 0xdd]))
}

fn write_wrong_nibble(tun: Tun) -> String {
    write(&tun, &[0, 0, 8, 0, 0x55, 0, 0, 0])
}

fn write_while_down(tun: Tun) -> String {
    tun.down();
    write(&tun, &echo_behind([0, 0, 8, 0]))
}

fn write_on_tap(tap: Tap) -> io::Result<String> {
    assert_eq!(tap.mode(), Mode::Tap);
    let asking = Ethernet::new().src(Defaults::PEER_MAC).dst([0xff; 6]);
    let asking = asking / Arp::who_has(tap.host_v4()).sender(tap.peer_v4()).sender_mac(Defaults::PEER_MAC);
    let asking = asking.build().map_err(io::Error::other)?;
    tap.device().transmit(&[&[0, 0, 0x86, 0xdd], &asking[..]].concat())?;
    Ok(lines(&tap))
}

fn write_short_on_tap(tap: Tap) -> String {
    write(&tap, &[&[0, 0, 8, 0], &[0; 13][..]].concat())
}

fn strip_read(tun: Tun) -> String {
    reads(&tun, &frame(100, 0x45), &[50])
}

fn strip_wrong_nibble(tun: Tun) -> String {
    list([outcome(tun.device().transmit(&frame(20, 0x55))), read_length(tun.device(), 100)])
}
