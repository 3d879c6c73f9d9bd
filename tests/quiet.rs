//! A quiet link carries no frame that the test did not cause, and every frame that it did cause.
#![cfg(target_os = "linux")]
#![expect(clippy::indexing_slicing, reason = "octets at the places the standards name; a short frame fails the test")]

use std::io;
use std::net::{Ipv6Addr, UdpSocket};
use std::thread;
use std::time::Instant;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tuntap_test::context::{Backend, Link, TestContext};
use tuntap_test::device::{Deadline, DeviceConfig, Mode, patience};
use tuntap_test::prelude::*;

/// How long a quiet link is watched: the kernel's first chatter comes within a second of "up".
const WATCHED: Duration = Duration::from_secs(2);
/// Links of each mode at once.
const LINKS: usize = 100;

fn tap(config: DeviceConfig) -> io::Result<(TestContext, Tap)> {
    let mut context = TestContext::new(Backend::Kernel, "quiet")?;
    let tap = context.argument(config)?;
    Ok((context, tap))
}

/// The first frame that `wanted` knows, among others.
fn find(link: &Link, wanted: impl Fn(&Frame) -> bool) -> io::Result<Frame> {
    let give_up = Instant::now() + patience();
    loop {
        let frame = link.try_receive(Deadline::After(give_up.saturating_duration_since(Instant::now())))?;
        if wanted(&frame) {
            return Ok(frame);
        }
    }
}

fn is_report(frame: &[u8]) -> bool {
    // IPv6, hop-by-hop options, ICMPv6 behind them, version 2 report (RFC 3810 section 5.2).
    frame.len() > 62 && frame[12..14] == [0x86, 0xdd] && frame[20] == 0 && frame[54] == 58 && frame[62] == 143
}

/// The groups of a version 2 report on Ethernet, whose records have no sources (each is then 20 octets).
fn groups(frame: &[u8]) -> Vec<Ipv6Addr> {
    frame[70..].chunks_exact(20).map(|record| Ipv6Addr::from(<[u8; 16]>::try_from(&record[4..]).unwrap())).collect()
}

/// Makes the links at once, on a thread each, and watches each from its first moment on. Gives what came.
fn watch(mode: Mode, config: &DeviceConfig, links: usize, watched: Duration) -> Vec<Vec<u8>> {
    thread::scope(|scope| {
        let watchers: Vec<_> = (0..links)
            .map(|_| {
                let config = *config;
                scope.spawn(move || {
                    let mut context = TestContext::new(Backend::Kernel, "quiet").expect("a namespace");
                    // Kept to the end: the link goes with them.
                    let (tun, tap): (Option<Tun>, Option<Tap>) = match mode {
                        Mode::Tun => (Some(context.argument(config).expect("a TUN link")), None),
                        Mode::Tap => (None, Some(context.argument(config).expect("a TAP link"))),
                    };
                    let link: &Link = match (&tun, &tap) {
                        (Some(tun), _) => tun,
                        (_, Some(tap)) => tap,
                        (None, None) => unreachable!("one of them was made"),
                    };
                    let end = Instant::now() + watched;
                    let mut came = Vec::new();
                    loop {
                        match link.try_receive(end.saturating_duration_since(Instant::now())) {
                            Ok(frame) => came.push(frame.to_vec()),
                            Err(error) if error.kind() == io::ErrorKind::TimedOut => return came,
                            Err(error) => panic!("{error}"),
                        }
                    }
                })
            })
            .collect();
        watchers.into_iter().flat_map(|watcher| watcher.join().expect("it does not panic")).collect()
    })
}

/// Two hundred links at once have a thousand descriptors, which is where the usual soft limit lies.
fn raise_descriptor_limit() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit can be read");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("a process may raise its soft limit");
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn fresh_links_carry_no_frame_that_no_test_caused() {
    raise_descriptor_limit();
    thread::scope(|scope| {
        for mode in [Mode::Tun, Mode::Tap] {
            scope.spawn(move || {
                let came = watch(mode, &DeviceConfig::new(), LINKS, WATCHED);
                assert!(came.is_empty(), "{mode}: {} frames, the first {:02x?}", came.len(), came[0]);
            });
        }
    });
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn chatter_gives_the_kernels_own_frames_back() {
    let config = DeviceConfig::new().chatter(true);
    // Type 133 (RFC 4861 section 4.1), which the host sends once its link-local address is there.
    let tun = watch(Mode::Tun, &config, 1, WATCHED);
    assert!(tun.iter().any(|frame| frame.len() > 40 && frame[6] == 58 && frame[40] == 133), "{tun:02x?}");
    let tap = watch(Mode::Tap, &config, 1, 2 * WATCHED);
    assert!(tap.iter().any(|frame| is_report(frame)), "a report of a solicited-node group: {tap:02x?}");
    let solicits = |frame: &Vec<u8>| frame.len() > 54 && frame[20] == 58 && frame[54] == 133;
    assert!(tap.iter().any(solicits), "a router solicitation: {tap:02x?}");
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_group_that_the_test_joins_is_reported() -> io::Result<()> {
    let (_context, tap) = tap(DeviceConfig::new())?;
    let group: Ipv6Addr = "ff02::1234:5678".parse().expect("an address");
    let socket = UdpSocket::bind("[::]:0")?;
    socket.join_multicast_v6(&group, tap.kernel().expect("a kernel link").index())?;
    let report = find(&tap, |frame| is_report(frame))?;
    assert!(groups(&report).contains(&group), "{:?}", groups(&report));
    Ok(())
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn an_arp_request_that_the_test_causes_arrives() -> io::Result<()> {
    let (_context, tap) = tap(DeviceConfig::new())?;
    UdpSocket::bind((tap.host_v4(), 0))?.send_to(b"who are you", (tap.peer_v4(), 9))?;
    let request = tap.receive();
    assert_eq!(request[..6], [0xff; 6]);
    assert_eq!(request[6..12], tap.host_mac().expect("a TAP has one"));
    // EtherType ARP; Ethernet, IPv4, 6, 4, request (RFC 826).
    assert_eq!(request[12..22], [0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4, 0, 1]);
    assert_eq!(request[28..32], tap.host_v4().octets());
    assert_eq!(request[38..42], tap.peer_v4().octets());
    Ok(())
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_neighbour_solicitation_that_the_test_causes_arrives() -> io::Result<()> {
    let (_context, tap) = tap(DeviceConfig::new())?;
    UdpSocket::bind((tap.host_v6(), 0))?.send_to(b"who are you", (tap.peer_v6(), 9))?;
    let solicitation = tap.receive();
    assert_eq!(solicitation[12..14], [0x86, 0xdd]);
    // Next header ICMPv6, type 135, the target behind eight octets (RFC 4861 section 4.3).
    assert_eq!((solicitation[20], solicitation[54]), (58, 135));
    assert_eq!(solicitation[22..38], tap.host_v6().octets());
    assert_eq!(solicitation[62..78], tap.peer_v6().octets());
    Ok(())
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn the_first_ipv6_packet_to_a_fresh_link_reaches_the_host() -> io::Result<()> {
    for link in 0..100 {
        let mut context = TestContext::new(Backend::Kernel, "first")?;
        let tun: Tun = context.argument(DeviceConfig::new())?;
        let socket = UdpSocket::bind((tun.host_v6(), 0))?;
        socket.set_read_timeout(Some(patience()))?;
        socket.send_to(b"first", (tun.peer_v6(), 9))?;
        // Addresses and ports swapped: the peer's answer, with a checksum that still holds.
        let mut packet = tun.receive().to_vec();
        packet[8..40].rotate_left(16);
        packet[40..44].rotate_left(2);
        tun.send(packet);
        let received = socket.recv(&mut [0; 16]);
        assert!(received.is_ok(), "link {link}: {received:?}");
    }
    Ok(())
}

/// Twenty datagrams to a closed port: a quiet link answers each, one with chatter about six.
#[tuntap_test(kernel)]
fn chatter_gives_the_limits_of_icmp_errors_back(#[device(chatter = true, host = "b")] limited: Tun, quiet: Tun) {
    let errors = |tun: &Tun| {
        for _ in 0..20 {
            tun.send(Ipv4::new() / Udp::new().dport(9) / b"anybody?");
        }
        tun.send(Icmpv4::echo_request(7, 1));
        // What is answered at once has come before this reply.
        tun.expect_eventually(Icmpv4::echo_reply(7, 1));
        tun.accounting().skipped
    };
    assert_eq!(errors(&quiet), 20);
    assert!((1..15).contains(&errors(&limited)));
}
