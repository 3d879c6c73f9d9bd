//! rtnetlink against the running kernel, with `ip` as an independent witness. Every test has a network namespace of
//! its own, made on the test's own thread.

#![cfg(target_os = "linux")]

use std::net::IpAddr;
use std::process::Command;
use std::time::Instant;

use nix::sched::{CloneFlags, unshare};
use tuntap_test::device::Cidr;
use tuntap_test::kernel::KernelError;
use tuntap_test::kernel::netlink::{AddressGeneration, Ipv4Setting, LinkKind, Netlink, Reachability, Step};

/// A fresh namespace for this thread, a socket in it, and the indices of `left` and `right`, the ends of a cable.
fn cable() -> (Netlink, u32, u32) {
    unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace (CAP_SYS_ADMIN)");
    let mut netlink = Netlink::open().unwrap();
    let kind = LinkKind::Veth { peer: "right".into() };
    netlink.apply(&[Step::AddLink { name: "left".into(), kind }]).unwrap();
    let left = netlink.link_by_name("left").unwrap().index;
    let right = netlink.link_by_name("right").unwrap().index;
    (netlink, left, right)
}

/// What `ip` says in this thread's namespace.
fn ip(arguments: &str) -> String {
    let output = Command::new("/usr/sbin/ip").args(arguments.split(' ')).output().expect("the `ip` program");
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn assert_ip(arguments: &str, wanted: &[&str]) {
    let said = ip(arguments);
    for wanted in wanted {
        assert!(said.contains(wanted), "`ip {arguments}` does not say {wanted}:\n{said}");
    }
}

fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[track_caller]
fn assert_refused(error: &KernelError, step: &str, errno: i32, cure: &str) {
    assert_eq!((error.step(), error.errno()), (step, Some(errno)), "{error}");
    assert!(error.to_string().contains(cure), "{error}");
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_whole_set_up_in_one_call_is_what_ip_sees() {
    let (mut netlink, left, right) = cable();
    netlink
        .apply(&[
            Step::LoopbackUp,
            Step::AddressGeneration { index: left, mode: AddressGeneration::None },
            Step::Mtu { index: left, octets: 1400 },
            Step::QueueLength { index: left, frames: 10_000 },
            Step::MacAddress { index: left, mac: [2, 0, 0, 0, 0, 7] },
            Step::Up { index: left },
            Step::Up { index: right },
            Step::address(left, cidr("192.0.2.1/24")),
            Step::address(left, cidr("2001:db8::1/64")),
            Step::Route { destination: Some(cidr("198.51.100.0/24")), via: Some(address("192.0.2.2")), index: left },
            Step::Route { destination: None, via: Some(address("192.0.2.3")), index: left },
            Step::Route { destination: None, via: Some(address("2001:db8::3")), index: left },
            Step::Neighbour { index: left, address: address("192.0.2.2"), mac: [2, 0, 0, 0, 0, 9] },
            Step::Neighbour { index: left, address: address("2001:db8::2"), mac: [2, 0, 0, 0, 0, 9] },
        ])
        .unwrap();

    assert_ip(
        "-j -d link show dev left",
        &[
            r#""mtu":1400"#,
            r#""txqlen":10000"#,
            r#""address":"02:00:00:00:00:07""#,
            r#""inet6_addr_gen_mode":"none""#,
            r#""UP""#,
        ],
    );
    assert_ip("-j link show dev lo", &[r#""UP""#]);
    assert_ip("-j addr show dev left", &[r#""local":"192.0.2.1","prefixlen":24"#, r#""nodad":true"#]);
    let addresses = ip("-j addr show dev left");
    assert!(!addresses.contains("tentative") && !addresses.contains("fe80"), "{addresses}");
    assert_ip(
        "-j route",
        &[r#""dst":"198.51.100.0/24","gateway":"192.0.2.2""#, r#""dst":"default","gateway":"192.0.2.3""#],
    );
    assert_ip("-j -6 route", &[r#""dst":"default","gateway":"2001:db8::3""#]);
    assert_ip(
        "-j neigh show dev left",
        &[
            r#""dst":"192.0.2.2","lladdr":"02:00:00:00:00:09","state":["PERMANENT"]"#,
            r#""dst":"2001:db8::2","lladdr":"02:00:00:00:00:09","state":["PERMANENT"]"#,
        ],
    );

    let link = netlink.link(left).unwrap();
    assert_eq!((link.name.as_str(), link.mtu, link.queue_length), ("left", 1400, 10_000));
    assert_eq!((link.up, link.running, link.mac), (true, true, Some([2, 0, 0, 0, 0, 7])));
    let shown: Vec<String> = netlink.addresses(left).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["inet 192.0.2.1/24", "inet6 2001:db8::1/64"]);
    let routes: Vec<String> = netlink.routes().unwrap().iter().map(ToString::to_string).collect();
    for wanted in [
        format!("default via 192.0.2.3 dev {left}"),
        format!("192.0.2.0/24 dev {left} scope link src 192.0.2.1"),
        format!("198.51.100.0/24 via 192.0.2.2 dev {left}"),
        format!("default via 2001:db8::3 dev {left} metric 1024"),
    ] {
        assert!(routes.contains(&wanted), "{wanted} is not in {routes:#?}");
    }
    let neighbours = netlink.neighbours(left).unwrap();
    assert_eq!(neighbours.len(), 2, "{neighbours:?}");
    assert!(neighbours.iter().all(|neighbour| neighbour.reachability == Reachability::Permanent));
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn each_step_has_one_that_undoes_it() {
    let (mut netlink, left, right) = cable();
    let (destination, via) = (Some(cidr("198.51.100.0/24")), Some(address("192.0.2.2")));
    let mac = [2, 0, 0, 0, 0, 9];
    netlink
        .apply(&[
            Step::Up { index: left },
            Step::Up { index: right },
            Step::Address { index: left, address: cidr("192.0.2.1/32"), peer: via, broadcast: None, dad: true },
            Step::Address {
                index: left,
                address: cidr("203.0.113.1/24"),
                peer: None,
                broadcast: Some("203.0.113.255".parse().unwrap()),
                dad: true,
            },
            Step::address(left, cidr("2001:db8::1/64")),
            Step::Route { destination, via, index: left },
            Step::Neighbour { index: left, address: address("192.0.2.2"), mac },
        ])
        .unwrap();
    assert_ip(
        "-j addr show dev left",
        &[
            r#""local":"192.0.2.1","address":"192.0.2.2","prefixlen":32"#,
            r#""local":"203.0.113.1","prefixlen":24,"broadcast":"203.0.113.255""#,
        ],
    );
    let shown: Vec<String> = netlink.addresses(left).unwrap().iter().map(ToString::to_string).collect();
    assert!(shown.contains(&"inet 192.0.2.1 peer 192.0.2.2/32".to_owned()), "{shown:?}");
    assert!(shown.contains(&"inet 203.0.113.1/24 brd 203.0.113.255".to_owned()), "{shown:?}");

    netlink
        .apply(&[
            Step::RemoveNeighbour { index: left, address: address("192.0.2.2") },
            Step::RemoveRoute { destination, via, index: left },
            Step::RemoveAddress { index: left, address: cidr("192.0.2.1/32") },
            Step::RemoveAddress { index: left, address: cidr("203.0.113.1/24") },
            Step::RemoveAddress { index: left, address: cidr("2001:db8::1/64") },
        ])
        .unwrap();
    assert!(!ip("-j addr show dev left").contains("192.0.2"));
    assert!(!ip("-j route").contains("198.51.100"));
    assert!(!ip("-j neigh show dev left").contains("PERMANENT"));

    netlink.apply(&[Step::Down { index: left }, Step::Rename { index: left, name: "other".into() }]).unwrap();
    assert!(!netlink.link_by_name("other").unwrap().up);
    netlink.apply(&[Step::DeleteLink { index: left }]).unwrap();
    let names: Vec<String> = netlink.links().unwrap().into_iter().map(|link| link.name).collect();
    assert!(!names.iter().any(|name| name == "other" || name == "right"), "{names:?}");
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn ipv4_settings_are_written_without_proc_sys() {
    let (mut netlink, left, _) = cable();
    // `ip` shows no IPv4 settings; the kernel's own files are the witness, only read.
    let read = |file: &str| std::fs::read_to_string(format!("/proc/sys/net/ipv4/conf/left/{file}")).unwrap();
    for (setting, value) in [
        (Ipv4Setting::Forwarding, 1),
        (Ipv4Setting::Forwarding, 0),
        (Ipv4Setting::RpFilter, 2),
        (Ipv4Setting::RpFilter, 0),
        (Ipv4Setting::AcceptRedirects, 0),
        (Ipv4Setting::SecureRedirects, 0),
        (Ipv4Setting::SendRedirects, 0),
        (Ipv4Setting::AcceptSourceRoute, 1),
        (Ipv4Setting::LogMartians, 1),
        (Ipv4Setting::ArpFilter, 1),
        (Ipv4Setting::ForceIgmpVersion, 2),
        (Ipv4Setting::ArpAnnounce, 2),
        (Ipv4Setting::ArpIgnore, 1),
        (Ipv4Setting::ArpAccept, 1),
        (Ipv4Setting::ArpNotify, 1),
        (Ipv4Setting::AcceptLocal, 1),
        (Ipv4Setting::RouteLocalnet, 1),
    ] {
        netlink.apply(&[Step::Ipv4Setting { index: left, setting, value }]).unwrap();
        assert_eq!(read(&setting.to_string()).trim(), value.to_string(), "{setting}");
    }
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_refusal_names_the_step_the_errno_and_the_cure() {
    let (mut netlink, left, right) = cable();
    let mut refused = |step: Step| netlink.apply(&[Step::LoopbackUp, step, Step::LoopbackUp]).unwrap_err();
    let error = refused(Step::Mtu { index: left, octets: 20 });
    assert_refused(&error, &format!("set the MTU of interface {left} to 20"), libc::EINVAL, "The kernel says: ");
    let error = refused(Step::Up { index: 4711 });
    assert_refused(&error, "bring interface 4711 up", libc::ENODEV, "No such interface");
    let error = refused(Step::Route { destination: None, via: None, index: left });
    assert_refused(&error, &format!("add the default route through interface {left}"), libc::ENETDOWN, "up first");
    let error = refused(Step::MacAddress { index: left, mac: [1, 0, 0, 0, 0, 7] });
    let step = format!("set the hardware address of interface {left} to 01:00:00:00:00:07");
    assert_refused(&error, &step, libc::EADDRNOTAVAIL, "unicast");

    let assign = Step::address(left, cidr("192.0.2.1/24"));
    netlink.apply(&[Step::Up { index: left }, Step::Up { index: right }, assign.clone()]).unwrap();
    let error = netlink.apply(&[assign]).unwrap_err();
    assert_refused(&error, &format!("assign 192.0.2.1/24 to interface {left}"), libc::EEXIST, "already");
    let via = Some(address("198.51.100.1"));
    let error = netlink.apply(&[Step::Route { destination: None, via, index: left }]).unwrap_err();
    let step = format!("add the default route via 198.51.100.1 through interface {left}");
    assert_refused(&error, &step, libc::ENETUNREACH, "gateway");

    let error = netlink.link_by_name("nobody").unwrap_err();
    assert_refused(&error, "look up the interface nobody", libc::ENODEV, "No such interface");
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn the_steps_after_a_refused_one_are_tried_and_the_first_refusal_is_reported() {
    let (mut netlink, left, _) = cable();
    let error = netlink
        .apply(&[
            Step::Mtu { index: left, octets: 20 },
            Step::Up { index: 4711 },
            Step::QueueLength { index: left, frames: 77 },
        ])
        .unwrap_err();
    assert_eq!(error.errno(), Some(libc::EINVAL), "{error}");
    assert_eq!(netlink.link(left).unwrap().queue_length, 77);
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn every_step_of_a_long_batch_may_be_refused() {
    let (mut netlink, left, _) = cable();
    for count in [64, 65, 1000] {
        let steps = vec![Step::Mtu { index: left, octets: 20 }; count];
        assert_eq!(netlink.apply(&steps).unwrap_err().errno(), Some(libc::EINVAL), "{count} steps");
    }
    netlink.apply(&[Step::Mtu { index: left, octets: 1280 }]).unwrap();
    assert_eq!(netlink.link(left).unwrap().mtu, 1280);
    netlink.apply(&[]).unwrap();
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn lists_of_any_length_are_read_whole() {
    let (mut netlink, left, right) = cable();
    let assigned = |host: u16| cidr(&format!("2001:db8::{host:x}/64"));
    let up = [Step::Up { index: left }, Step::Up { index: right }];
    let steps: Vec<Step> = up.into_iter().chain((1..=1000).map(|host| Step::address(left, assigned(host)))).collect();
    netlink.apply(&steps).unwrap();
    let addresses = netlink.addresses(left).unwrap();
    for host in 1..=1000 {
        assert!(addresses.iter().any(|address| address.address == assigned(host)), "{host}");
    }
    assert!(netlink.addresses(right).unwrap().iter().all(|address| address.index == right));
}

/// Prints what a typical set-up costs, which no test can judge.
#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_socket_serves_a_hundred_set_ups() {
    let (mut netlink, _, _) = cable();
    let mut took = Vec::new();
    for _ in 0..100 {
        let kind = LinkKind::Veth { peer: "u".into() };
        netlink.apply(&[Step::AddLink { name: "t".into(), kind }]).unwrap();
        let index = netlink.link_by_name("t").unwrap().index;
        let start = Instant::now();
        netlink
            .apply(&[
                Step::LoopbackUp,
                Step::AddressGeneration { index, mode: AddressGeneration::None },
                Step::Mtu { index, octets: 1400 },
                Step::QueueLength { index, frames: 10_000 },
                Step::Up { index },
                Step::address(index, cidr("192.0.2.1/24")),
                Step::address(index, cidr("2001:db8::1/64")),
            ])
            .unwrap();
        took.push(start.elapsed());
        netlink.apply(&[Step::DeleteLink { index }]).unwrap();
    }
    took.sort();
    println!("a typical set-up: median {:?}, least {:?}", took.get(50), took.first());
}
