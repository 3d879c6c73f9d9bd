//! Tests made from captures, run against what was captured: the golden sources are compiled here as they are, and pass on
//! the kernel that sent what they expect. And the other way round: each exchange is made again by hand, recorded, turned
//! into a test, and held to the golden source.
//!
//! The recordings are left in `target/tmp/captures`; those in `fixtures/captures` are copies of them.
#![cfg(target_os = "linux")]
#![expect(clippy::indexing_slicing, reason = "what is too short fails the test")]

#[path = "capture_to_test/mod.rs"]
mod cases;
#[path = "capture_to_test/host.rs"]
mod host;

macro_rules! golden {
    ($($name:ident = $path:literal;)*) => {$(
        #[rustfmt::skip]
        #[path = $path]
        mod $name;
    )*};
}
golden! {
    addresses = "capture_to_test/golden/addresses.rs";
    both_ends = "capture_to_test/golden/both_ends.rs";
    conversation = "capture_to_test/golden/conversation.rs";
    closed_port = "capture_to_test/golden/closed_port.rs";
    dns_forwarder = "capture_to_test/golden/dns_forwarder.rs";
    fragments = "capture_to_test/golden/fragments.rs";
    icmp_error = "capture_to_test/golden/icmp_error.rs";
    neighbours = "capture_to_test/golden/neighbours.rs";
    ping = "capture_to_test/golden/ping.rs";
    retransmission = "capture_to_test/golden/retransmission.rs";
    tcp_client = "capture_to_test/golden/tcp_client.rs";
    tcp_server = "capture_to_test/golden/tcp_server.rs";
    two_links = "capture_to_test/golden/two_links.rs";
}

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use tcp_flags::{A, P, R};
use tuntap_test::capture::{CapturedFrame, Direction as Way, Interface, LinkType, PcapngWriter};
use tuntap_test::device::Direction;
use tuntap_test::exchange::Exchange;
use tuntap_test::prelude::*;

/// The frames of those ends as a capture of that name, with times that are the same each time: a millisecond after the
/// frame before, and what the gap had in fifths of a second.
fn record(name: &str, ends: &[(&str, &Exchange)]) {
    let case = cases::of(name);
    let mut writer = PcapngWriter::new(Vec::new()).unwrap();
    let mut frames = Vec::new();
    for (interface, end) in ends {
        let link =
            if name == "both_ends" { format!("TUN {interface} on the mock, host 192.0.2.1/24") } else { String::new() };
        let mut described = Interface::new(*interface, end.mode());
        if !link.is_empty() {
            described = described.with_description(link);
        }
        let id = writer.add_interface(&described).unwrap();
        frames.extend(end.frames().into_iter().map(|frame| (id, frame)));
    }
    frames.sort_by_key(|(_, frame)| frame.time());
    let mut time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let mut before = None;
    for (id, frame) in frames {
        let gap = before.map_or(Duration::ZERO, |before| frame.time() - before);
        before = Some(frame.time());
        let fifths = u64::try_from(gap.as_millis() / 200).unwrap();
        time += Duration::from_millis(1 + 200 * fifths);
        let way = if frame.direction() == Direction::Sent { Way::Inbound } else { Way::Outbound };
        writer.write_frame(&CapturedFrame::new(id, time, &frame[..]).with_direction(way)).unwrap();
    }
    let octets = writer.into_inner();
    let octets = if case.extension == "pcap" { pcap(&octets) } else { octets };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("captures");
    // For a new fixture; another user may not write there.
    let _ = fs::create_dir_all(&folder);
    let _ = fs::write(folder.join(case.capture().file_name().unwrap()), &octets);
    case.check(&octets);
}

/// The same as tcpdump would have it: no names, no directions.
fn pcap(pcapng: &[u8]) -> Vec<u8> {
    let capture = tuntap_test::capture::Capture::from_octets(pcapng).unwrap();
    let mut octets =
        [0xa1b2_c3d4, 0x0002_0004, 0, 0, 0xffff, u32::from(LinkType::RAW.0)].map(u32::to_be_bytes).concat();
    for frame in &capture.frames {
        let seconds = u32::try_from(frame.time.as_secs()).unwrap();
        let length = u32::try_from(frame.octets.len()).unwrap();
        octets.extend([seconds, frame.time.subsec_micros(), length, length].map(u32::to_be_bytes).concat());
        octets.extend_from_slice(&frame.octets);
    }
    octets
}

#[tuntap_test(
    kernel,
    address = "10.1.2.3/16",
    address = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1/64",
    peer = "10.1.7.9",
    peer = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff",
    mtu = 9000
)]
fn records_addresses(tun: Tun) {
    for octets in [8, 1600] {
        tun.send(Icmpv4::echo_request(7, 1) / vec![0x5a; octets]);
        tun.expect(Icmpv4::echo_reply(7, 1));
        tun.send(Icmpv6::echo_request(7, 1) / vec![0x5a; octets]);
        tun.expect(Icmpv6::echo_reply(7, 1));
    }
    tun.send(Ipv4::new().src([10, 1, 200, 1]) / Udp::new().sport(40_000).dport(9));
    tun.expect(Icmpv4::port_unreachable());
    record("addresses", &[("", &tun)]);
}

// In virtual time all of it would be of one instant, and the ends' frames without an order.
#[tuntap_test(time = real)]
fn records_both_ends(tun: Tun) {
    host::play(&tun);
    let host = tun.host_end();
    host.send(Udp::new().sport(9).dport(53) / b"query");
    tun.expect(Udp::new().dport(53) / b"query");
    tun.send(Udp::new().sport(53).dport(40_000) / b"answer");
    host.expect(Udp::new().dport(40_000) / b"answer");
    if tun.mock().is_some() {
        record("both_ends", &[("tun0", &tun), ("tun0 (host end)", &host)]);
    }
}

#[tuntap_test(kernel)]
fn records_closed_port(tun: Tun) {
    for tcp in [tun.tcp_flow(40_000, 81), tun.tcp_flow_v6(40_000, 81)] {
        let mut tcp = tcp.initial_sequence(0x8000_0000);
        tun.send(tcp.syn());
        tun.expect(tcp.reply().rst());
    }
    // A segment of a connection that nobody knows, and one that is nobody's.
    tun.send(Tcp::new().sport(40_001).dport(81).seq(7).flags(A).acknowledgement(12_345));
    tun.expect(Tcp::new().rst());
    tun.send(Tcp::new().sport(40_002).dport(81).seq(7).flags(R));
    record("closed_port", &[("tun0", &tun)]);
}

/// A query for the address of `example.test`, with that identifier.
fn query(id: u16) -> Vec<u8> {
    let question = b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x04test\x00\x00\x01\x00\x01";
    [&id.to_be_bytes()[..], question].concat()
}

/// The answer to that query.
fn answer(query: &[u8]) -> Vec<u8> {
    let record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x07";
    [&query[..2], b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00", &query[12..], record].concat()
}

#[tuntap_test(kernel)]
fn records_dns_forwarder(tun: Tun) {
    host::forward_dns(&tun);
    tun.send(Udp::new().sport(40_000).dport(53) / query(0x1234));
    let asked = tun.expect(Udp::new().dport(53));
    let port = asked.udp().unwrap().source_port();
    tun.send(Udp::new().sport(53).dport(port) / answer(asked.udp().unwrap().payload()));
    tun.expect(Udp::new().sport(53).dport(40_000) / answer(&query(0x1234)));
    record("dns_forwarder", &[("tun0", &tun)]);
}

#[tuntap_test(kernel)]
fn records_fragments(tun: Tun) {
    let whole = (Ipv4::new() / Icmpv4::echo_request(7, 1) / [0x5a; 56]).build().unwrap();
    let (first, last) = whole[20..].split_at(32);
    tun.send(Ipv4::new().id(77).protocol(1).more_fragments(true) / first);
    tun.send(Ipv4::new().id(77).protocol(1).fragment_offset(4) / last);
    tun.expect(Icmpv4::echo_reply(7, 1) / [0x5a; 56]);
    // Malformed: a header that is longer than the packet, one that says less than it needs, a packet cut short.
    tun.send_raw(b"\x4f\x00\x00\x14\x00\x00\x00\x00\x40\x01\x00\x00\xc0\x00\x02\x02\xc0\x00\x02\x01");
    tun.send_raw(b"\x41\x00");
    tun.send_raw(&whole[..12]);
    // Read to its end, and wrong: a checksum, a length.
    tun.send(Icmpv4::echo_request(7, 2).checksum(0xbad));
    tun.send(Udp::new().sport(40_000).dport(9).length(4) / b"hello");
    // Options in front, which are answered.
    tun.send(Ipv4::new().record_route(3) / Icmpv4::echo_request(7, 3));
    tun.expect(Icmpv4::echo_reply(7, 3));
    // A fragment header around what is whole (RFC 6946).
    tun.send(Ipv6::new() / Fragment::new().id(78) / Icmpv6::echo_request(7, 4) / b"atomic");
    tun.expect(Icmpv6::echo_reply(7, 4));
    record("fragments", &[("tun0", &tun)]);
}

#[tuntap_test(kernel)]
fn records_icmp_error(tun: Tun) {
    host::ask(&tun);
    let asked = tun.expect(Udp::new().dport(5300) / b"query");
    tun.send(Icmpv4::port_unreachable() / &asked[..]);
    tun.send(Udp::new().sport(40_000).dport(9) / b"hello");
    tun.expect(Icmpv4::port_unreachable());
    tun.send(Ipv6::new() / Udp::new().sport(40_000).dport(9) / b"hello");
    tun.expect(Icmpv6::port_unreachable());
    tun.send(Ipv4::new().ttl(1).dst([198, 51, 100, 1]) / Udp::new().sport(40_000).dport(33_434));
    record("icmp_error", &[("tun0", &tun)]);
}

#[tuntap_test(kernel)]
fn records_neighbours(tap: Tap) {
    let peer_mac = [2, 0, 0, 0, 0, 2];
    let host_mac = tap.host_mac().unwrap();
    host::say_hello(&tap);
    tap.expect(Arp::who_has(tap.peer_v4()));
    tap.send(Arp::is_at(tap.peer_v4(), peer_mac).target(tap.host_v4()).target_mac(host_mac));
    tap.expect(Udp::new().dport(9) / b"hello");
    tap.send(Ethernet::new().dst([0xff; 6]) / Arp::who_has(tap.host_v4()).sender(tap.peer_v4()).sender_mac(peer_mac));
    tap.expect(Arp::is_at(tap.host_v4(), host_mac));
    tap.send(Icmpv6::neighbor_solicitation(tap.host_v6()).source_link_layer_address(peer_mac));
    tap.expect(Icmpv6::neighbor_advertisement(tap.host_v6()));
    tap.send(Icmpv4::echo_request(7, 1) / b"hello");
    tap.expect(Icmpv4::echo_reply(7, 1));
    record("neighbours", &[("tap0", &tap)]);
}

#[tuntap_test(kernel)]
fn records_ping(tun: Tun) {
    host::ping(&tun);
    let request = tun.expect(Icmpv4::new().icmp_type(8));
    let [a, b, c, d] = request.icmpv4().unwrap().bytes5to8();
    let (id, seq) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    tun.send(Icmpv4::echo_reply(id, seq) / request.payload());
    let request = tun.expect(Icmpv6::new().icmp_type(128));
    let [a, b, c, d] = request.icmpv6().unwrap().bytes5to8();
    let (id, seq) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    tun.send(Icmpv6::echo_reply(id, seq) / request.payload());
    for seq in 1..=2 {
        tun.send(Icmpv4::echo_request(7, seq) / b"hello");
        tun.expect(Icmpv4::echo_reply(7, seq) / b"hello");
    }
    tun.send(Icmpv6::echo_request(7, 1) / b"hello");
    tun.expect(Icmpv6::echo_reply(7, 1) / b"hello");
    record("ping", &[("tun0", &tun)]);
}

/// Opens a connection, and says hello to the server.
fn hello(tun: &Tun, tcp: TcpFlow) -> TcpFlow {
    let mut tcp = tcp.initial_sequence(u32::MAX - 2).window(64_240).mss(1400);
    tun.send(tcp.syn());
    tun.expect(tcp.reply().syn_ack());
    tun.send(tcp.ack());
    tun.send(tcp.data(b"hello"));
    tun.expect(tcp.reply().data(b""));
    tun.expect((tcp.reply() / b"world").with(Tcp::new().flags(P | A)));
    tcp
}

#[tuntap_test(kernel)]
fn records_retransmission(tun: Tun) {
    host::serve(&tun);
    let mut tcp = hello(&tun, tun.tcp_flow(40_000, 80));
    tun.expect(tcp.reply().seq_rel(1).data(b"world"));
    tun.send(tcp.ack());
    // Again, ahead of what comes later, and what is missing; each is acknowledged.
    tun.send(tcp.segment(Tcp::new().seq(tcp.peer_sequence(4)).flags(P | A) / b"lo"));
    tun.expect(tcp.reply().data(b""));
    tun.send(tcp.segment(Tcp::new().seq(tcp.peer_sequence(8)).flags(P | A) / b"cd"));
    tun.expect(tcp.reply().ack_rel(6));
    tun.send(tcp.segment(Tcp::new().flags(A) / b"ab"));
    tun.expect(tcp.reply().data(b""));
    tun.send(tcp.rst());
    record("retransmission", &[("tun0", &tun)]);
}

#[tuntap_test(kernel)]
fn records_tcp_client(tun: Tun) {
    host::fetch(&tun);
    let syn = tun.expect(Tcp::new().dport(80).flags(TcpFlags::SYN & !TcpFlags::ACK));
    let mut tcp = TcpFlow::opened_by(syn.as_ref()).unwrap().initial_sequence(0xfeed_beef).mss(1460);
    tun.send(tcp.syn_ack());
    tun.expect(tcp.reply().data(b""));
    tun.expect(tcp.reply().data(host::REQUEST));
    tun.expect(tcp.reply().fin());
    tun.send(tcp.ack());
    tun.send(tcp.data(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
    tun.expect(tcp.reply());
    tun.send(tcp.fin());
    tun.expect(tcp.reply());
    record("tcp_client", &[("tun0", &tun)]);
}

#[tuntap_test(kernel)]
fn records_tcp_server(tun: Tun) {
    host::serve(&tun);
    let mut tcp = hello(&tun, tun.tcp_flow(40_000, 80));
    tun.send(tcp.ack());
    // Nothing behind it: a server that is reading at that moment lets the kernel drop what comes next without a reset.
    tun.send(tcp.rst());
    record("tcp_server", &[("tun0", &tun)]);
}

#[tuntap_test(kernel)]
fn records_two_links(left: Tun, right: Tun) {
    left.send(Icmpv4::echo_request(7, 1) / b"left");
    left.expect(Icmpv4::echo_reply(7, 1) / b"left");
    right.send(Icmpv6::echo_request(7, 2) / b"right");
    right.expect(Icmpv6::echo_reply(7, 2) / b"right");
    record("two_links", &[("left", &left), ("right", &right)]);
}
