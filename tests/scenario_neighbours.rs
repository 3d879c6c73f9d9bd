//! How a host finds out the hardware address of its neighbour: ARP (RFC 826) and neighbour discovery (RFC 4861), on a TAP
//! whose other end the test plays.
//!
//! ```text
//!  peer (the test)                          host (the kernel)
//!                                    ◄──    who-has peer, to everybody / to the peer's solicited-node group
//!                                    ◄──    the same, 1 s later, and 2 s later
//!                                           send() or recv() gives EHOSTUNREACH: nobody answered
//!
//!                                    ◄──    who-has peer
//!                                    ◄──    who-has peer
//!  peer is at 02:00:00:00:00:02      ──►
//!                                    ◄──    the datagram that waited, to 02:00:00:00:00:02
//! ```
#![cfg(target_os = "linux")]

mod scenario;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
use scenario::each_frame_is_its_own_template;
use tuntap_test::device::patience;
use tuntap_test::kernel::netlink::Reachability;
use tuntap_test::packet::Defaults;
use tuntap_test::prelude::*;

const PEER_MAC: [u8; 6] = Defaults::PEER_MAC;
const BROADCAST: [u8; 6] = [0xff; 6];
/// 33-33 and the last four octets of ff02::1:ff00:2, the solicited-node group of the peer (RFC 2464 section 7).
const PEER_GROUP_MAC: [u8; 6] = [0x33, 0x33, 0xff, 0, 0, 2];
const PEER_GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 2);

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// The host asks everybody for the peer's hardware address.
fn arp_question(tap: &Tap) -> Packet {
    let host_mac = tap.host_mac().unwrap();
    Ethernet::new().src(host_mac).dst(BROADCAST)
        / Arp::who_has(tap.peer_v4()).sender(tap.host_v4()).sender_mac(host_mac)
}

/// The host asks the peer's solicited-node group (RFC 4861 section 4.3).
fn ndp_question(tap: &Tap) -> Packet {
    let host_mac = tap.host_mac().unwrap();
    Ethernet::new().src(host_mac).dst(PEER_GROUP_MAC)
        / Ipv6::new().src(tap.host_v6()).dst(PEER_GROUP).hop_limit(255)
        / Icmpv6::neighbor_solicitation(tap.peer_v6()).source_link_layer_address(host_mac)
}

/// A program of the host's sends a datagram to the peer. It wants to know of soft errors, too (ip(7): `IP_RECVERR`).
fn say_hello(host: impl Into<IpAddr>, peer: impl Into<IpAddr>) -> io::Result<UdpSocket> {
    let (host, peer) = (host.into(), peer.into());
    let socket = UdpSocket::bind((host, 40_000))?;
    if host.is_ipv4() {
        setsockopt(&socket, Ipv4RecvErr, &true)?;
    } else {
        setsockopt(&socket, Ipv6RecvErr, &true)?;
    }
    socket.connect((peer, 9))?;
    socket.set_read_timeout(Some(patience()))?;
    socket.send(b"hello")?;
    Ok(socket)
}

/// What the host knows of that neighbour.
fn known(tap: &Tap, neighbour: impl Into<IpAddr>) -> Option<Reachability> {
    let (device, neighbour) = (tap.kernel().unwrap(), neighbour.into());
    let all = device.netlink().neighbours(device.index()).unwrap();
    all.into_iter().find(|known| known.address == neighbour).map(|known| known.reachability)
}

/// Three questions, a second between them (RFC 4861 section 10: MAX_MULTICAST_SOLICIT, RETRANS_TIMER), and an error.
#[track_caller]
fn nobody_answers(tap: &Tap, socket: &UdpSocket, question: &Packet, peer: impl Into<IpAddr>) {
    tap.expect(question.named("first question"));
    tap.expect(question.not_before(ms(800)).within(ms(1200)).named("second question"));
    tap.expect(question.not_before(ms(800)).within(ms(1200)).named("third question"));
    assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), ErrorKind::HostUnreachable);
    assert_eq!(known(tap, peer), Some(Reachability::Failed));
    tap.expect_nothing_else();
}

#[tuntap_test(kernel, strict)]
fn a_neighbour_that_does_not_answer_arp_is_given_up(tap: Tap) -> io::Result<()> {
    let socket = say_hello(tap.host_v4(), tap.peer_v4())?;
    nobody_answers(&tap, &socket, &arp_question(&tap), tap.peer_v4());
    each_frame_is_its_own_template(&tap);
    Ok(())
}

#[tuntap_test(kernel, strict)]
fn a_neighbour_that_does_not_answer_solicitations_is_given_up(tap: Tap) -> io::Result<()> {
    let socket = say_hello(tap.host_v6(), tap.peer_v6())?;
    nobody_answers(&tap, &socket, &ndp_question(&tap), tap.peer_v6());
    each_frame_is_its_own_template(&tap);
    Ok(())
}

/// The second question is answered, and the datagram that waited goes to the hardware address of the answer: at once, and
/// not with the third question.
#[track_caller]
fn the_second_is_answered(tap: &Tap, question: &Packet, answer: impl IntoPacket, ip: impl IntoPacket) {
    tap.expect(question);
    tap.expect(question.not_before(ms(800)).within(ms(1200)));
    tap.send(answer);
    let hello = Ethernet::new().dst(PEER_MAC) / ip.into_packet() / Udp::new().sport(40_000).dport(9) / b"hello";
    tap.expect(hello.within(ms(500)).named("datagram that waited"));
    tap.expect_nothing_else();
}

#[tuntap_test(kernel, strict)]
fn what_waits_for_an_arp_reply_leaves_with_it(tap: Tap) -> io::Result<()> {
    let _socket = say_hello(tap.host_v4(), tap.peer_v4())?;
    let answer = Arp::is_at(tap.peer_v4(), PEER_MAC).target(tap.host_v4()).target_mac(tap.host_mac().unwrap());
    the_second_is_answered(&tap, &arp_question(&tap), answer, Ipv4::new().src(tap.host_v4()).dst(tap.peer_v4()));
    assert_eq!(known(&tap, tap.peer_v4()), Some(Reachability::Reachable));
    each_frame_is_its_own_template(&tap);
    Ok(())
}

#[tuntap_test(kernel, strict)]
fn what_waits_for_an_advertisement_leaves_with_it(tap: Tap) -> io::Result<()> {
    let _socket = say_hello(tap.host_v6(), tap.peer_v6())?;
    let answer = Icmpv6::neighbor_advertisement(tap.peer_v6()).solicited(true).target_link_layer_address(PEER_MAC);
    the_second_is_answered(&tap, &ndp_question(&tap), answer, Ipv6::new().src(tap.host_v6()).dst(tap.peer_v6()));
    assert_eq!(known(&tap, tap.peer_v6()), Some(Reachability::Reachable));
    each_frame_is_its_own_template(&tap);
    Ok(())
}

/// RFC 826, "Packet Reception", and RFC 4861 section 7.2.5: who was not asked for makes no entry.
#[tuntap_test(kernel, strict)]
fn an_unsolicited_answer_makes_no_entry(tap: Tap) {
    let stranger = (Ipv4Addr::new(192, 0, 2, 77), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x77));
    tap.send(Ethernet::new().dst(BROADCAST) / Arp::is_at(stranger.0, PEER_MAC).target(stranger.0));
    tap.send(
        Ipv6::new().src(stranger.1)
            / Icmpv6::neighbor_advertisement(stranger.1).override_flag(true).target_link_layer_address(PEER_MAC),
    );
    tap.expect_nothing_else();
    assert_eq!((known(&tap, stranger.0), known(&tap, stranger.1)), (None, None));
    each_frame_is_its_own_template(&tap);
}

#[tuntap_test(kernel, strict)]
fn the_host_says_where_it_is(tap: Tap) {
    let host_mac = tap.host_mac().unwrap();
    tap.send(Ethernet::new().dst(BROADCAST) / Arp::who_has(tap.host_v4()).sender(tap.peer_v4()).sender_mac(PEER_MAC));
    tap.expect(Ethernet::new().dst(PEER_MAC) / Arp::is_at(tap.host_v4(), host_mac).target(tap.peer_v4()));
    // RFC 4861 section 7.2.4.
    let question = Icmpv6::neighbor_solicitation(tap.host_v6()).source_link_layer_address(PEER_MAC);
    tap.send(question.clone());
    let answer = Icmpv6::neighbor_advertisement(tap.host_v6()).solicited(true).target_link_layer_address(host_mac);
    tap.expect(Ethernet::new().dst(PEER_MAC) / Ipv6::new().dst(tap.peer_v6()).hop_limit(255) / answer);
    // Section 7.1.1: one that a router passed on is not valid.
    tap.send(Ipv6::new().hop_limit(254) / question);
    tap.expect_nothing_else();
    each_frame_is_its_own_template(&tap);
}
