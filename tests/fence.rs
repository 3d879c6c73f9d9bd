//! The fence against the running kernel: what it answers at once comes first, whatever the link; and what it costs.
#![cfg(target_os = "linux")]
#![expect(clippy::indexing_slicing, reason = "each link here has an address")]

use std::io;
use std::net::IpAddr;

use etherparse::PacketBuilder;
use tuntap_test::device::{Cidr, Deadline, Device, FrameRef, Mode, patience};
use tuntap_test::kernel::netlink::Step;
use tuntap_test::kernel::{Fence, KernelDevice, Namespace, OpenOptions};
use tuntap_test::{Link, Tap, Tun, tuntap_test};

/// How many stimuli with a fence behind each.
const FENCES: u16 = 2_000;
const PEER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

fn kernel(link: &Link) -> &KernelDevice {
    link.kernel().expect("a test of the kernel backend")
}

fn fence(link: &Link) -> Fence {
    Fence::prepare(kernel(link), link.addresses()).unwrap().expect("the link has an address")
}

/// A SYN from the peer to a closed port of the host's first address.
fn syn(link: &Link, host_mac: Option<[u8; 6]>, source_port: u16) -> Vec<u8> {
    let mut frame = Vec::new();
    match link.addresses()[0].address() {
        IpAddr::V4(host) => {
            let (peer, host) = (link.peer_v4().octets(), host.octets());
            match host_mac {
                None => PacketBuilder::ipv4(peer, host, 64),
                Some(mac) => PacketBuilder::ethernet2(PEER_MAC, mac).ipv4(peer, host, 64),
            }
        }
        IpAddr::V6(host) => {
            let (peer, host) = (link.peer_v6().octets(), host.octets());
            match host_mac {
                None => PacketBuilder::ipv6(peer, host, 64),
                Some(mac) => PacketBuilder::ethernet2(PEER_MAC, mac).ipv6(peer, host, 64),
            }
        }
    }
    .tcp(source_port, 81, 100, 1024)
    .syn()
    .write(&mut frame, b"")
    .unwrap();
    frame
}

/// After each SYN a fence: exactly the reset and then the answer come, nothing else.
fn each_reset_comes_before_the_answer(link: &Link) {
    let mac = link.host_mac();
    if link.mode() == Mode::Tap {
        let index = kernel(link).index();
        let peer = match link.addresses()[0].address() {
            IpAddr::V4(_) => link.peer_v4().into(),
            IpAddr::V6(_) => link.peer_v6().into(),
        };
        kernel(link).apply(&[Step::Neighbour { index, address: peer, mac: PEER_MAC }]).unwrap();
    }
    let (fence, device) = (fence(link), link.device());
    let mut buffer = [0; 128];
    let mut receive = || {
        let length = device.receive(&mut buffer, Deadline::After(patience())).unwrap();
        buffer[..length].to_vec()
    };
    for number in 1..=FENCES {
        let nonce = u64::from(number) << 40 | 7;
        device.transmit(&syn(link, mac, number)).unwrap();
        device.transmit(&fence.request(nonce)).unwrap();
        let reset = receive();
        assert!(!Fence::is_part(FrameRef::new(link.mode(), &reset)), "fence {number} overtook the reset: {reset:02x?}");
        let answer = receive();
        let answer = FrameRef::new(link.mode(), &answer);
        assert!(fence.is_answer(nonce, answer), "behind reset {number}: {answer:?}");
        assert!(Fence::is_part(answer));
        assert!(!fence.is_answer(nonce + 1, answer));
    }
    assert_eq!(link.try_receive(Deadline::Now).unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[tuntap_test(kernel)]
fn a_reset_comes_before_the_answer_on_tun(tun: Tun) {
    each_reset_comes_before_the_answer(&tun);
}

#[tuntap_test(kernel)]
fn a_reset_comes_before_the_answer_on_tap(tap: Tap) {
    each_reset_comes_before_the_answer(&tap);
}

#[tuntap_test(kernel, address = "198.51.100.9/30")]
fn a_reset_comes_before_the_answer_with_ipv4_alone(tun: Tun, #[device(host = "b")] tap: Tap) {
    each_reset_comes_before_the_answer(&tun);
    each_reset_comes_before_the_answer(&tap);
}

#[tuntap_test(kernel, address = "2001:db8:9::1/64")]
fn a_reset_comes_before_the_answer_with_ipv6_alone(tun: Tun, #[device(host = "b")] tap: Tap) {
    each_reset_comes_before_the_answer(&tun);
    each_reset_comes_before_the_answer(&tap);
}

/// Sends so many fences and takes their answers.
fn fences(link: &Link, fence: Fence, times: u64) {
    for nonce in 0..times {
        link.send(fence.request(nonce));
        let answer = link.receive();
        assert!(fence.is_answer(nonce, answer.as_ref()), "{answer:?}");
    }
}

/// Nothing remains in the counters when a link's fences are taken out.
fn is_counted_as_it_says(link: &Link) -> io::Result<()> {
    let fence = fence(link);
    let before = link.stack().counters()?;
    fences(link, fence, 100);
    let changes = link.stack().counters()?.since(&before);
    assert!(!changes.is_empty());
    let left = changes.clone().without(fence.counts(), 100);
    assert!(left.is_empty(), "{} {left}\nof {changes}", link.mode());
    Ok(())
}

// One family a link: over IPv6 a TAP reports its groups, in the kernel's own time, and that is counted, too.
#[tuntap_test(kernel, address = "198.51.100.9/30")]
fn fences_can_be_taken_out_of_the_counters(tun: Tun, #[device(host = "b")] tap: Tap) -> io::Result<()> {
    is_counted_as_it_says(&tun)?;
    is_counted_as_it_says(&tap)
}

#[tuntap_test(kernel, address = "2001:db8:9::1/64")]
fn fences_over_ipv6_can_be_taken_out_of_the_counters(tun: Tun, #[device(host = "b")] tap: Tap) -> io::Result<()> {
    is_counted_as_it_says(&tun)?;
    let fence = fence(&tap);
    let before = tap.stack().counters()?;
    fences(&tap, fence, 100);
    let left = tap.stack().counters()?.since(&before).without(fence.counts(), 100);
    for name in ["Icmp6InMsgs", "Icmp6InEchos", "Icmp6OutEchoReplies", "Ip6InReceives", "Ip6InDelivers", "Ip6InOctets"]
    {
        assert_eq!(left.of(name), 0, "{name} of {left}");
    }
    Ok(())
}

#[tuntap_test(kernel)]
fn several_links_of_one_host_have_a_fence_each(a: Tun, b: Tap, c: Tun, #[device(address = "2001:db8:9::1/64")] d: Tun) {
    let links: [&Link; 4] = [&a, &b, &c, &d];
    let made = links.map(fence);
    for (at, (link, fence)) in links.iter().zip(made).enumerate() {
        fences(link, fence, 3);
        for other in links.iter().enumerate().filter(|&(other, _)| other != at).map(|(_, link)| link) {
            assert_eq!(other.try_receive(Deadline::Now).unwrap_err().kind(), io::ErrorKind::WouldBlock, "{other:?}");
        }
    }
    assert_eq!(links.map(fence), made, "each keeps its address");
}

#[tuntap_test(kernel, address = "2001:db8:9::1/64")]
fn two_links_with_ipv6_alone_have_a_fence_each(a: Tun, #[device(address = "2001:db8:a::1/64")] b: Tap) {
    let (first, second) = (fence(&a), fence(&b));
    fences(&a, first, 3);
    fences(&b, second, 3);
    assert_eq!((fence(&a), fence(&b)), (first, second));
}

#[tuntap_test(kernel)]
fn more_links_than_addresses_are_an_error_that_says_so(_: Namespace) -> io::Result<()> {
    let host: Cidr = "192.0.2.1/24".parse().unwrap();
    let mut devices = Vec::new();
    for _ in 0..65 {
        let device = OpenOptions::new().mode(Mode::Tun).open()?;
        let index = device.index();
        device.set_persist(true)?; // It goes with the namespace, and the close waits for nobody.
        device.apply(&[Step::Up { index }])?;
        assert!(Fence::prepare(&device, &[host])?.is_some());
        devices.push(device);
    }
    let last = OpenOptions::new().mode(Mode::Tun).open()?;
    assert_eq!(Fence::prepare(&last, &[host]).unwrap_err().errno(), Some(nix::errno::Errno::ENETDOWN as i32));
    last.apply(&[Step::Up { index: last.index() }])?;
    let error = Fence::prepare(&last, &[host]).unwrap_err().to_string();
    assert!(error.contains("65 links"), "{error}");
    Ok(())
}

#[tuntap_test(kernel)]
fn a_link_that_was_down_is_prepared_again(tun: Tun, #[device(host = "b", address = "2001:db8:9::1/64")] tap: Tap) {
    let links: [&Link; 2] = [&tun, &tap];
    for link in links {
        let before = fence(link);
        link.down();
        link.up();
        assert_eq!(fence(link), before);
        fences(link, before, 3);
    }
}

#[tuntap_test(kernel)]
fn a_link_without_an_address_has_no_fence(_: Namespace) -> io::Result<()> {
    for mode in [Mode::Tun, Mode::Tap] {
        let device = OpenOptions::new().mode(mode).open()?;
        assert_eq!(Fence::prepare(&device, &[])?, None);
        assert!(device.netlink().routes()?.is_empty());
    }
    Ok(())
}

#[tuntap_test(kernel, packet_info = keep)]
fn a_fence_passes_through_packet_information(tun: Tun, #[device(host = "b", packet_info = strip)] tap: Tap) {
    fences(&tun, fence(&tun), 3);
    fences(&tap, fence(&tap), 3);
}

/// What the harness itself says is told apart at both ends, and nothing else is: an exchange at the host end is not
/// shown it.
#[tuntap_test(kernel)]
fn the_host_end_sees_the_request_and_knows_it(tap: Tap, #[device(host = "b", address = "2001:db8:9::1/64")] tun: Tun) {
    let links: [&Link; 2] = [&tap, &tun];
    for link in links {
        let socket = link.stack().run(|| link.kernel().unwrap().packet_socket()).unwrap().unwrap();
        let (host_end, fence) = (link.host_end(), fence(link));
        link.send(syn(link, link.host_mac(), 7));
        link.send(fence.request(7));
        let mut buffer = vec![0; 2048];
        let mut next = || {
            let length = socket.receive(&mut buffer, Deadline::After(patience())).unwrap();
            buffer[..length].to_vec()
        };
        let stimulus = next();
        assert!(!Fence::is_part(FrameRef::new(link.mode(), &stimulus)), "{stimulus:02x?}");
        let request = next();
        let request = FrameRef::new(link.mode(), &request);
        assert!(Fence::is_part(request), "{request:?}");
        assert_eq!(*request.octets, *fence.request(7));
        assert!(!fence.is_answer(7, request), "a request is no answer");
        assert_eq!(*host_end.receive(), *stimulus);
        let nothing = host_end.try_receive(Deadline::Now).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
    }
}
