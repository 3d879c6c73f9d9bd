//! The kernel's counters: what a test causes shows in them, under the names that `nstat` uses.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::io;
use std::process::Command;

use etherparse::PacketBuilder;
use tuntap_test::kernel::{Counters, Namespace};
use tuntap_test::{Stack, Tun, tuntap_test};

/// A SYN to a port that nobody listens on.
fn syn(tun: &Tun) -> Vec<u8> {
    let mut packet = Vec::new();
    PacketBuilder::ipv4(tun.peer_v4().octets(), tun.host_v4().octets(), 64)
        .tcp(40_000, 81, 100, 1024)
        .syn()
        .write(&mut packet, b"")
        .unwrap();
    packet
}

#[tuntap_test(kernel)]
fn a_reset_is_counted(tun: Tun) -> io::Result<()> {
    let before = tun.stack().counters()?;
    tun.send(syn(&tun));
    let _ = tun.receive();
    let changes = tun.stack().counters()?.since(&before);
    assert_eq!(changes.of("TcpOutRsts"), 1, "{changes}");
    assert_eq!(changes.of("IpInDelivers"), 1, "{changes}");
    assert_eq!(changes.of("TcpExtListenDrops"), 0, "{changes}");
    assert!(changes.to_string().contains("TcpInSegs +1"), "{changes}");
    Ok(())
}

#[tuntap_test(kernel)]
fn each_host_counts_for_itself_and_can_be_asked_from_anywhere(
    left: Tun,
    #[device(host = "right")] right: Tun,
) -> io::Result<()> {
    let before = (left.stack().counters()?, right.stack().counters()?);
    right.send(syn(&right));
    let _ = right.receive();
    let (here, there) = (left.stack().counters()?.since(&before.0), right.stack().counters()?.since(&before.1));
    assert_eq!((here.of("TcpOutRsts"), there.of("TcpOutRsts")), (0, 1), "{here}\n{there}");
    let from_outside = std::thread::scope(|scope| scope.spawn(|| right.stack().counters()).join().unwrap())?;
    assert_eq!(from_outside.since(&before.1).of("TcpOutRsts"), 1);
    Ok(())
}

#[tuntap_test(mock)]
fn the_mock_says_that_it_has_none(stack: Stack) {
    let error = stack.counters().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    assert!(error.to_string().contains("#[tuntap_test(kernel)]"), "{error}");
}

/// What `nstat` leaves out: settings and a level.
const NO_COUNTS: [&str; 6] =
    ["IpForwarding", "IpDefaultTTL", "TcpRtoAlgorithm", "TcpRtoMin", "TcpRtoMax", "TcpCurrEstab"];

/// `nstat` of iproute2: a witness that nobody here wrote.
#[tuntap_test(kernel)]
fn nstat_shows_the_same_names_and_values(tun: Tun) -> io::Result<()> {
    tun.send(syn(&tun));
    let _ = tun.receive();
    let output = Command::new("nstat").args(["-a", "-s", "-z"]).output().expect("`nstat` of iproute2 is installed");
    let text = String::from_utf8(output.stdout).unwrap();
    let theirs: BTreeMap<&str, u64> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut columns = line.split_ascii_whitespace();
            (columns.next().unwrap(), columns.next().unwrap().parse().unwrap())
        })
        // A table that exists only where the kernel has that protocol, and is not read.
        .filter(|(name, _)| !name.starts_with("Sctp"))
        .collect();
    let counters = Counters::read()?;
    let ours: BTreeMap<&str, u64> = counters.iter().filter(|(name, _)| !NO_COUNTS.contains(name)).collect();
    let differ: Vec<_> = ours.iter().filter(|&(name, value)| theirs.get(name) != Some(value)).collect();
    assert!(differ.is_empty(), "{differ:?}");
    let missing: Vec<_> = theirs.keys().filter(|name| !ours.contains_key(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(ours.len() > 200 && ours.get("TcpOutRsts") == Some(&1), "{}", ours.len());
    Ok(())
}

#[tuntap_test(kernel)]
fn a_new_namespace_has_counted_nothing(namespace: Namespace) -> io::Result<()> {
    let counters = namespace.counters()?;
    assert_eq!((counters.get("IpInReceives"), counters.get("Ip6InReceives")), (Some(0), Some(0)));
    assert!(counters.since(&counters).is_empty());
    Ok(())
}
