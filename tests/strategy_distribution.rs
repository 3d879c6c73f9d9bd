//! How often what matters occurs in 10,000 values of the strategies: nothing that a test should meet is rare.
//!
//! The runner is deterministic, so the counts are the same each time. One table: each row is what is counted, in the values of
//! which strategy, and how often it must occur; the counts are about a third above that.

use std::collections::BTreeMap;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::etherparse::TcpSlice;
use tuntap_test::fault::ExactFault;
use tuntap_test::packet::{Dissection, LayerKind};
use tuntap_test::strategy::address::{self, AddressClass};
use tuntap_test::strategy::defect::{DefectName, defective};
use tuntap_test::strategy::fault::exact_fault;
use tuntap_test::strategy::fragments;
use tuntap_test::strategy::packet::sound_packet;
use tuntap_test::strategy::port::PortClass;
use tuntap_test::strategy::tcp_stream::{self, Side};

const VALUES: usize = 10_000;

/// In how many of the values something occurs, by its name.
type Counts = BTreeMap<String, usize>;

fn count<S: Strategy>(strategy: &S, names: impl Fn(&S::Value) -> Vec<String>) -> Counts {
    let mut runner = TestRunner::deterministic();
    let mut counts = Counts::new();
    for _ in 0..VALUES {
        let mut names = names(&strategy.new_tree(&mut runner).unwrap().current());
        names.sort();
        names.dedup();
        for name in names {
            *counts.entry(name).or_default() += 1;
        }
    }
    counts
}

/// What there is in a packet, whatever is quoted in it included.
fn in_packet(mode: Mode, octets: &[u8]) -> Vec<String> {
    let frame = FrameRef::new(mode, octets);
    let mut names: Vec<_> = Dissection::new(frame).kinds().map(|kind| kind.to_string()).collect();
    let mut add = |what: &str, class: &dyn std::fmt::Display| names.push(format!("{what} {class}"));
    if let Ok(ip) = frame.ipv4() {
        add("IPv4 from", &AddressClass::of_v4(ip.source_addr()));
        add("IPv4 to", &AddressClass::of_v4(ip.destination_addr()));
    }
    if let Ok(ip) = frame.ipv6() {
        add("IPv6 from", &AddressClass::of_v6(ip.source_addr()));
        add("IPv6 to", &AddressClass::of_v6(ip.destination_addr()));
    }
    if let Ok(ethernet) = frame.ethernet() {
        add("Ethernet from", &AddressClass::of_mac(ethernet.source()));
        add("Ethernet to", &AddressClass::of_mac(ethernet.destination()));
    }
    let ports = match (frame.udp(), frame.tcp()) {
        (Ok(udp), _) => Some((udp.source_port(), udp.destination_port())),
        (_, Ok(tcp)) => Some((tcp.source_port(), tcp.destination_port())),
        _ => None,
    };
    if let Some((from, to)) = ports {
        add("port from", &PortClass::of(from));
        add("port to", &PortClass::of(to));
    }
    names
}

/// The strategy, what occurs in its values, and in how many of 10,000 at least.
const TABLE: &[(&str, &[(&str, usize)])] = &[
    (
        "packet::sound_packet",
        &[
            ("Ethernet", 4500),
            ("VLAN", 700),
            ("ARP", 800),
            ("IPv4", 3500),
            ("IPv6", 3500),
            ("hop-by-hop", 300),
            ("routing", 300),
            ("destination options", 300),
            ("fragment", 300),
            ("ICMPv4", 700),
            ("ICMPv6", 1400),
            ("IGMP", 400),
            ("UDP", 1600),
            ("TCP", 1400),
            ("payload", 4000),
            ("IPv4 from documentation", 2000),
            ("IPv4 from private", 350),
            ("IPv4 from link-local", 200),
            ("IPv4 from global", 300),
            ("IPv4 to documentation", 1700),
            ("IPv4 to private", 230),
            ("IPv4 to link-local", 120),
            ("IPv4 to multicast", 550),
            ("IPv4 to special", 120),
            ("IPv4 to global", 170),
            ("IPv6 from documentation", 1800),
            ("IPv6 from private", 330),
            ("IPv6 from link-local", 180),
            ("IPv6 from global", 260),
            ("IPv6 to documentation", 1500),
            ("IPv6 to private", 210),
            ("IPv6 to link-local", 90),
            ("IPv6 to multicast", 550),
            ("IPv6 to special", 90),
            ("IPv6 to global", 130),
            ("Ethernet from private", 2600),
            ("Ethernet from global", 650),
            ("Ethernet to documentation", 500),
            ("Ethernet to private", 1700),
            ("Ethernet to link-local", 160),
            ("Ethernet to multicast", 430),
            ("Ethernet to special", 180),
            ("Ethernet to global", 250),
            ("port from well-known", 650),
            ("port from registered", 800),
            ("port from dynamic", 900),
            ("port from 0 or 65535", 40),
            ("port to well-known", 900),
            ("port to registered", 750),
            ("port to dynamic", 650),
            ("port to 0 or 65535", 40),
        ],
    ),
    // On average 10,000 / 55.
    ("defect::defective", &[("each of DefectName::ALL", 120), ("on a TAP", 2000), ("on a TUN", 5000)]),
    (
        "address::any_v4, any_v6, any_mac",
        &[
            ("documentation", 2700),
            ("private", 1800),
            ("link-local", 850),
            ("multicast", 1300),
            ("special", 850),
            ("global", 1300),
        ],
    ),
    (
        "fragments::train",
        &[
            ("IPv4", 4500),
            ("IPv6", 4500),
            ("in order", 4500),
            ("out of order", 3000),
            ("a fragment twice", 1500),
            ("2 fragments", 1000),
            ("5 and more fragments", 2000),
        ],
    ),
    (
        "tcp_stream::conversation",
        &[
            ("IPv4", 4500),
            ("IPv6", 4500),
            ("data from both sides", 5000),
            ("sent again", 4000),
            ("FIN", 7000),
            ("RST", 2000),
            ("numbers that begin again", 800),
        ],
    ),
    (
        "fault::exact_fault",
        &[
            ("Drop", 1500),
            ("Delay", 700),
            ("Duplicate", 300),
            ("Truncate", 300),
            ("Corrupt", 700),
            ("Hold", 700),
            ("Swap", 300),
            ("Eagain", 200),
            ("Eintr", 200),
            ("Eio", 200),
            ("Enobufs", 200),
            ("Ebadfd", 200),
            ("ShortRead", 80),
            ("PacketInfo", 80),
            ("Down", 130),
            ("Up", 130),
            ("Mtu", 60),
            ("QueueLength", 60),
            ("Removed", 60),
        ],
    ),
];

/// Every row of a strategy is reached, and nothing occurs that has no row.
fn holds(strategy: &str, counts: &Counts) {
    let (_, rows) = TABLE.iter().find(|(name, _)| *name == strategy).unwrap();
    let count = |name: &str| counts.get(name).copied().unwrap_or(0);
    let rare: Vec<_> = rows.iter().filter(|(name, least)| count(name) < *least).collect();
    assert!(rare.is_empty(), "too rare in {strategy}: {rare:?} of {counts:#?}");
    let unknown: Vec<_> = counts.keys().filter(|name| !rows.iter().any(|(known, _)| known == name)).collect();
    assert!(unknown.is_empty(), "no row in the table for {strategy}: {unknown:?}");
}

#[test]
fn sound_packets() {
    let counts = count(&sound_packet(), |packet| {
        let tap = packet.layers().first().is_some_and(|layer| layer.kind() == LayerKind::Ethernet);
        in_packet(if tap { Mode::Tap } else { Mode::Tun }, &packet.build().unwrap())
    });
    // With the features `dns` and `dhcp` a payload may be taken for such a message.
    let mut counts = counts;
    counts.retain(|name, _| !["DNS", "DHCP"].contains(&name.as_str()));
    holds("packet::sound_packet", &counts);
}

#[test]
fn defects() {
    let mut counts = count(&defective(), |packet| {
        let mode = if packet.mode == Mode::Tap { "on a TAP" } else { "on a TUN" };
        vec![packet.defect.to_string(), mode.to_owned()]
    });
    let each = DefectName::ALL.iter().map(|defect| counts.remove(&defect.to_string()).unwrap_or(0));
    let rarest = each.min().unwrap();
    counts.insert("each of DefectName::ALL".to_owned(), rarest);
    holds("defect::defective", &counts);
}

#[test]
fn addresses() {
    let families = [
        count(&address::any_v4(), |address| vec![AddressClass::of_v4(*address).to_string()]),
        count(&address::any_v6(), |address| vec![AddressClass::of_v6(*address).to_string()]),
        count(&address::any_mac(), |address| vec![AddressClass::of_mac(*address).to_string()]),
    ];
    families.iter().for_each(|counts| holds("address::any_v4, any_v6, any_mac", counts));
}

#[test]
fn fragments_of_datagrams() {
    let counts = count(&fragments::train(), |train| {
        let offset = |packet: &Vec<u8>| match packet[0] >> 4 {
            4 => u16::from_be_bytes([packet[6], packet[7]]) & 0x1fff,
            _ => u16::from_be_bytes([packet[42], packet[43]]) >> 3,
        };
        let offsets: Vec<_> = train.fragments.iter().map(offset).collect();
        let mut distinct = offsets.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let mut names = vec![if train.datagram[0] >> 4 == 4 { "IPv4" } else { "IPv6" }];
        names.push(if offsets.is_sorted() { "in order" } else { "out of order" });
        names.extend((distinct.len() < offsets.len()).then_some("a fragment twice"));
        names.extend((distinct.len() == 2).then_some("2 fragments"));
        names.extend((distinct.len() >= 5).then_some("5 and more fragments"));
        names.into_iter().map(str::to_owned).collect()
    });
    holds("fragments::train", &counts);
}

#[test]
fn conversations() {
    let counts = count(&tcp_stream::conversation(), |conversation| {
        let texts: Vec<_> = conversation.segments.iter().map(|segment| segment.packet.build().unwrap()).collect();
        let segments: Vec<_> = texts.iter().map(|octets| FrameRef::new(Mode::Tun, octets)).collect();
        let tcp = |test: fn(&TcpSlice<'_>) -> bool| segments.iter().any(|frame| test(&frame.tcp().unwrap()));
        let both = !conversation.from_client.is_empty() && !conversation.from_server.is_empty();
        let from_client =
            conversation.segments.iter().zip(&segments).filter(|(segment, _)| segment.from == Side::Client);
        let numbers: Vec<_> = from_client.map(|(_, frame)| frame.tcp().unwrap().sequence_number()).collect();
        let begin_again = numbers.first() > numbers.last();
        let names = [
            (true, if texts[0][0] >> 4 == 4 { "IPv4" } else { "IPv6" }),
            (both, "data from both sides"),
            (conversation.segments.iter().any(|segment| segment.again), "sent again"),
            (tcp(|tcp| tcp.fin()), "FIN"),
            (tcp(|tcp| tcp.rst()), "RST"),
            (begin_again, "numbers that begin again"),
        ];
        names.into_iter().filter(|(holds, _)| *holds).map(|(_, name)| name.to_owned()).collect()
    });
    holds("tcp_stream::conversation", &counts);
}

#[test]
fn faults() {
    let counts = count(&exact_fault(), |fault| {
        let text = match fault {
            ExactFault::Frame { fault, .. } => format!("{fault:?}"),
            ExactFault::Call { fault, .. } => format!("{fault:?}"),
            ExactFault::Link { fault, .. } => format!("{fault:?}"),
            other => panic!("{other:?}"),
        };
        vec![text.chars().take_while(char::is_ascii_alphanumeric).collect()]
    });
    holds("fault::exact_fault", &counts);
}
