//! The throwaway kernel link through the public surface: the settings it was asked for, and what the kernel does then.
#![cfg(target_os = "linux")]
#![expect(clippy::indexing_slicing, reason = "the test fails where the slice is too short")]

use std::io;
use std::net::{IpAddr, UdpSocket};
use std::process::Command;

use etherparse::PacketBuilder;
use tuntap_test::device::{Cidr, Deadline, Device, Mode};
use tuntap_test::kernel::netlink::Step;
use tuntap_test::kernel::{KernelDevice, Namespace, OpenOptions};
use tuntap_test::{Link, Tap, Tun, tuntap_test};

fn kernel(link: &Link) -> &KernelDevice {
    link.kernel().expect("a test of the kernel backend")
}

/// What `ip` says of the test's namespace: a witness that nobody here wrote.
fn ip(arguments: &[&str]) -> String {
    let output = Command::new("ip").args(arguments).output().expect("`ip` of iproute2 is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tuntap_test(kernel)]
fn a_socket_of_the_test_reaches_the_device_end(tun: Tun) -> io::Result<()> {
    let socket = UdpSocket::bind((tun.host_v4(), 0))?;
    socket.send_to(b"hello", (tun.peer_v4(), 9))?;
    assert_eq!(&tun.receive()[28..], b"hello");
    let socket = UdpSocket::bind((tun.host_v6(), 0))?;
    socket.send_to(b"hello", (tun.peer_v6(), 9))?;
    assert_eq!(&tun.receive()[48..], b"hello");
    Ok(())
}

#[tuntap_test(kernel, mtu = 1280, queue_length = 77, name = "vpn%d", address = "198.51.100.9/30")]
fn ip_sees_what_was_asked_for(tap: Tap) {
    let link = ip(&["-d", "link", "show", "dev", "vpn0"]);
    assert!(link.contains("mtu 1280") && link.contains("qlen 77"), "{link}");
    assert!(link.contains("type tap") && link.contains("pi off") && link.contains("addrgenmode none"), "{link}");
    let addresses = ip(&["addr", "show", "dev", "vpn0"]);
    assert!(addresses.contains("inet 198.51.100.9/30") && !addresses.contains("inet6"), "{addresses}");
    assert_eq!(tap.peer_v4().to_string(), "198.51.100.10");
    assert!(ip(&["link", "show", "dev", "lo"]).contains("LOOPBACK,UP"));
}

#[tuntap_test(kernel)]
fn ipv6_addresses_can_be_used_at_once(tap: Tap) -> io::Result<()> {
    let netlink = kernel(&tap).netlink().addresses(kernel(&tap).index()).map_err(io::Error::from)?;
    assert_eq!(netlink.len(), 2);
    assert!(netlink.iter().all(|address| !address.tentative), "{netlink:?}");
    UdpSocket::bind((tap.host_v6(), 0)).map(drop)
}

#[tuntap_test(kernel)]
fn addresses_routes_and_neighbours_come_and_go(tap: Tap) -> io::Result<()> {
    let device = kernel(&tap);
    let index = device.index();
    let address: Cidr = "203.0.113.1/32".parse().map_err(io::Error::other)?;
    let peer: IpAddr = "203.0.113.2".parse().map_err(io::Error::other)?;
    device.apply(&[Step::Address { index, address, peer: Some(peer), broadcast: None, dad: false }])?;
    assert!(ip(&["addr"]).contains("inet 203.0.113.1 peer 203.0.113.2/32"));
    let with_broadcast: Cidr = "198.51.100.1/24".parse().map_err(io::Error::other)?;
    let broadcast = Some(std::net::Ipv4Addr::new(198, 51, 100, 255));
    device.apply(&[Step::Address { index, address: with_broadcast, peer: None, broadcast, dad: false }])?;
    assert!(ip(&["addr"]).contains("brd 198.51.100.255"));

    let destination: Cidr = "10.1.0.0/16".parse().map_err(io::Error::other)?;
    let via = Some(tap.peer_v4().into());
    device.apply(&[Step::Route { index, destination: Some(destination), via }])?;
    assert!(ip(&["route"]).contains("10.1.0.0/16 via 192.0.2.2 dev"));
    assert!(device.netlink().routes()?.iter().any(|route| route.destination == destination && route.via == via));
    device.apply(&[Step::RemoveRoute { index, destination: Some(destination), via }])?;
    assert!(!ip(&["route"]).contains("10.1.0.0"));

    let mac = [2, 0, 0, 0, 0, 9];
    device.apply(&[Step::Neighbour { index, address: tap.peer_v6().into(), mac }])?;
    assert!(ip(&["neigh"]).contains("lladdr 02:00:00:00:00:09 PERMANENT"));
    let neighbours = device.netlink().neighbours(index)?;
    assert!(neighbours.iter().any(|found| found.mac == Some(mac) && found.permanent), "{neighbours:?}");
    device.apply(&[Step::RemoveNeighbour { index, address: tap.peer_v6().into() }])?;
    assert!(!ip(&["neigh"]).contains("02:00:00:00:00:09"));
    Ok(())
}

#[tuntap_test(kernel)]
fn mac_and_name_can_be_set(tap: Tap) -> io::Result<()> {
    let device = kernel(&tap);
    let index = device.index();
    let mac = [2, 0, 0, 0, 0, 7];
    device.apply(&[
        Step::Down { index },
        Step::MacAddress { index, mac },
        Step::Rename { index, name: "renamed".to_owned() },
        Step::Up { index },
    ])?;
    assert_eq!(tap.host_mac(), Some(mac));
    assert_eq!(tap.name(), "renamed");
    Ok(())
}

#[tuntap_test(kernel)]
fn a_refused_step_names_itself_its_errno_and_the_cure(tun: Tun) {
    let device = kernel(&tun);
    let index = device.index();
    let error = device.apply(&[Step::Mtu { index, octets: 67 }]).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.errno(), Some(libc_einval()));
    assert!(text.starts_with(&format!("failed to set the MTU of interface {index} to 67: Invalid argument")), "{text}");
    assert!(text.contains("68 to 65535"), "{text}");
    let twice = device
        .apply(&[Step::Address { index, address: tun.addresses()[0], peer: None, broadcast: None, dad: false }])
        .unwrap_err();
    assert!(twice.to_string().contains("has the address already"), "{twice}");
    let gateway = Step::Route {
        index,
        destination: Some("10.0.0.0/8".parse().unwrap()),
        via: Some("203.0.113.9".parse().unwrap()),
    };
    let unreachable = device.apply(&[gateway]).unwrap_err();
    assert!(unreachable.to_string().contains("The gateway must lie in the prefix"), "{unreachable}");
    let gone = device.netlink().link(9999).unwrap_err();
    assert!(gone.to_string().contains("interface 9999"), "{gone}");
}

fn libc_einval() -> i32 {
    io::Error::from(nix::errno::Errno::EINVAL).raw_os_error().unwrap()
}

#[tuntap_test(kernel, queue_length = 500)]
fn what_nobody_reads_is_dropped_and_counted(tun: Tun) -> io::Result<()> {
    let socket = UdpSocket::bind((tun.host_v4(), 0))?;
    for _ in 0..700 {
        socket.send_to(b"x", (tun.peer_v4(), 9))?;
    }
    let statistics = kernel(&tun).statistics()?;
    assert!(statistics.tx_dropped >= 199, "{statistics:?}");
    let mut frames = 0;
    while tun.try_receive(Deadline::Now).is_ok() {
        frames += 1;
    }
    assert!((499..=501).contains(&frames), "{frames}");
    Ok(())
}

#[tuntap_test(kernel)]
fn twenty_unreachable_messages_are_twenty(tun: Tun) {
    // To a closed port: with the kernel's default rate limit 6 of these would be answered.
    let socket_free_port = 9_u16;
    for source in 1..=20_u16 {
        let mut datagram = Vec::new();
        PacketBuilder::ipv4(tun.peer_v4().octets(), tun.host_v4().octets(), 64)
            .udp(source, socket_free_port)
            .write(&mut datagram, b"x")
            .unwrap();
        tun.send(&datagram);
    }
    for _ in 0..20 {
        assert_eq!(tun.receive()[20..22], [3, 3], "destination unreachable, port unreachable");
    }
}

#[tuntap_test(kernel)]
fn without_carrier_nothing_arrives(tun: Tun) -> io::Result<()> {
    let device = kernel(&tun);
    device.set_carrier(false)?;
    assert!(!device.state()?.running);
    device.set_carrier(true)?;
    assert!(device.state()?.running);
    Ok(())
}

#[tuntap_test(kernel)]
fn the_mode_is_told_from_the_name(_: Namespace) -> io::Result<()> {
    assert_eq!(OpenOptions::new().name("tun7").open()?.mode(), Mode::Tun);
    assert_eq!(OpenOptions::new().name("utun%d").open()?.name()?, "utun0");
    assert_eq!(OpenOptions::new().name("tap7").open()?.mode(), Mode::Tap);
    let unknown = OpenOptions::new().name("vpn0").open().unwrap_err().to_string();
    assert!(unknown.contains("vpn0") && unknown.contains("tun") && unknown.contains("tap"), "{unknown}");
    let long = OpenOptions::new().name("tun4567890123456").open().unwrap_err().to_string();
    assert!(long.contains("15"), "the limit is shown: {long}");
    Ok(())
}

#[tuntap_test(kernel)]
fn a_taken_name_says_so(_: Namespace) -> io::Result<()> {
    let first = OpenOptions::new().name("tun0").open()?;
    let busy = OpenOptions::new().name("tun0").open().unwrap_err().to_string();
    assert!(busy.contains("`tun0`") && busy.contains("busy") && busy.contains("Another program"), "{busy}");
    drop(first);
    // Closed in a namespace that is not a link's own, the device is gone at once.
    assert!(!ip(&["link"]).contains("tun0"));
    Ok(())
}

#[tuntap_test(kernel)]
fn a_persistent_device_stays_and_goes(_: Namespace) -> io::Result<()> {
    let device = OpenOptions::new().name("tun3").open()?;
    device.set_persist(true)?;
    drop(device);
    assert!(ip(&["link"]).contains("tun3"));
    let again = OpenOptions::new().name("tun3").open()?;
    again.set_persist(false)?;
    drop(again);
    assert!(!ip(&["link"]).contains("tun3"));
    Ok(())
}

#[tuntap_test(kernel)]
fn the_device_tells_its_namespace_from_any_thread(tun: Tun) {
    let device = kernel(&tun);
    let outside = std::thread::scope(|scope| scope.spawn(|| device.network_namespace().is_ok()).join().unwrap());
    assert!(outside);
    assert!(device.features().unwrap() & 0x0100 != 0, "IFF_MULTI_QUEUE");
}

#[tuntap_test(kernel)]
fn a_program_opens_a_multi_queue_device_twice(#[device(multi_queue = true)] tun: Tun) {
    let name = tun.name();
    let open = || OpenOptions::new().mode(Mode::Tun).name(name.as_str()).multi_queue(true).open();
    let (second, third) = (open().unwrap(), open().unwrap());
    assert_eq!(second.index(), third.index());
    let single = OpenOptions::new().mode(Mode::Tun).name(name.as_str()).open().unwrap_err().to_string();
    assert!(single.contains("multi_queue"), "{single}");
}
