//! A TCP flow against templates alone: what it sends, what it expects, and what it learns from frames built by hand.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::PacketBuilder;
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::exchange::TcpFlow;
use tuntap_test::exchange::flow::{FlowError, Reply};
use tuntap_test::packet::tcp_flags::{A, F, P, R, S};
use tuntap_test::packet::{Ethernet, HopByHop, IntoPacket, Ipv4, Ipv6, Packet, Payload, Tcp, TcpFlags, such_that};

const PEER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const PEER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
const HOST_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const NONE: TcpFlags = TcpFlags(0);

fn flow() -> TcpFlow {
    TcpFlow::new(PEER, 40_000, HOST, 81).initial_sequence(100)
}

fn line(packet: impl IntoPacket) -> String {
    let octets = packet.into_packet().build().unwrap();
    FrameRef::new(Mode::Tun, &octets).summary().to_string()
}

/// The line of what the flow sends, without the ends.
fn sent(packet: impl IntoPacket) -> String {
    line(packet).strip_prefix("192.0.2.2:40000 > 192.0.2.1:81 TCP ").unwrap().to_owned()
}

/// What a host sends: built by etherparse.
fn host(flags: TcpFlags, seq: u32, ack: u32, data: &[u8]) -> Vec<u8> {
    with_options(flags, seq, ack, 512, &[], data)
}

fn with_options(flags: TcpFlags, seq: u32, ack: u32, window: u16, options: &[u8], data: &[u8]) -> Vec<u8> {
    let mut tcp = etherparse::TcpHeader::new(81, 40_000, seq, window);
    tcp.set_options_raw(options).unwrap();
    tcp.acknowledgment_number = ack;
    tcp.ack = flags.contains(A);
    tcp.syn = flags.contains(S);
    tcp.fin = flags.contains(F);
    tcp.rst = flags.contains(R);
    tcp.psh = flags.contains(P);
    let mut octets = Vec::new();
    PacketBuilder::ipv4(HOST.octets(), PEER.octets(), 64).tcp_header(tcp).write(&mut octets, data).unwrap();
    octets
}

fn matches(template: impl IntoPacket, octets: &[u8]) -> bool {
    template.into_packet().matches(FrameRef::new(Mode::Tun, octets))
}

/// What the flow counts, whether or not anybody sends it.
fn unsent(_: Packet) {}

fn learn(flow: &TcpFlow, octets: &[u8]) {
    assert!(flow.learn(FrameRef::new(Mode::Tun, octets)));
}

/// A flow after the handshake: the peer's next number is 101, the host's 7001.
fn established() -> TcpFlow {
    let mut tcp = flow();
    unsent(tcp.syn());
    learn(&tcp, &host(S | A, 7000, 101, b""));
    unsent(tcp.ack());
    tcp
}

#[test]
fn each_verb_sends_its_flags_and_takes_its_numbers() {
    let mut tcp = flow().window(1000).mss(1460).window_scale(7);
    assert_eq!(sent(tcp.syn()), "[S] seq 100 win 1000 <mss 1460,wscale 7>");
    learn(&tcp, &host(S | A, 7000, 101, b""));
    assert_eq!(sent(tcp.ack()), "[.] seq 101 ack 7001 win 1000");
    assert_eq!(sent(tcp.data(b"hello")), "[P.] seq 101 ack 7001 win 1000 5 octets");
    assert_eq!(sent(tcp.data(String::new())), "[P.] seq 106 ack 7001 win 1000");
    assert_eq!(sent(tcp.data("x".repeat(3))), "[P.] seq 106 ack 7001 win 1000 3 octets");
    assert_eq!(sent(tcp.rst()), "[R.] seq 109 ack 7001 win 1000");
    assert_eq!(sent(tcp.fin()), "[F.] seq 109 ack 7001 win 1000");
    assert_eq!(sent(tcp.ack()), "[.] seq 110 ack 7001 win 1000");
    assert_eq!((tcp.sent(), tcp.received(), tcp.next_sequence()), (8, 0, 110));
    // Without the host's number a reset has no ACK.
    assert_eq!(sent(flow().rst()), "[R] seq 100 win 65535");
    assert_eq!(sent(flow().segment(Tcp::new().flags(NONE))), "[none] seq 100 win 65535");
}

#[test]
fn the_design_example_reads_as_it_stands() {
    let mut tcp = flow();
    unsent(tcp.syn());
    let answer = host(R | A, 0, 101, b"");
    assert!(matches(tcp.reply().rst().ack(101), &answer));
    assert!(matches(tcp.reply().rst(), &answer));
    assert!(matches(tcp.reply().rst().ack_rel(1), &answer));
    assert!(!matches(tcp.reply().rst().ack(100), &answer));
    assert!(!matches(tcp.reply().rst(), &host(R | A, 0, 100, b"")), "all that we sent must be acknowledged");
    assert!(!matches(tcp.reply().rst(), &host(R, 0, 101, b"")), "a reset of a segment without ACK has one");
    assert_eq!(
        format!("{:?}", tcp.reply().rst().ack(101)),
        "IPv4 (src 192.0.2.1, dst 192.0.2.2) / TCP (sport 81, dport 40000, flags R. set, SF clear, acknowledgement 101)"
    );
    learn(&tcp, &answer);
    assert_eq!(tcp.host_initial_sequence(), None, "a reset has no initial number");
}

#[test]
fn a_closed_port_answers_scans_as_the_flow_expects() {
    // RFC 9293 section 3.10.7.1: SEG.SEQ + SEG.LEN, whatever the flags are.
    let scans: [(Packet, u32); 3] =
        [(Tcp::new().flags(NONE).into(), 100), (Tcp::new().fin().into(), 101), (Tcp::new().syn() / b"early", 106)];
    for (scan, ack) in scans {
        let mut tcp = flow();
        let packet = tcp.segment(&scan);
        assert!(matches(tcp.reply().rst(), &host(R | A, 0, ack, b"")), "{packet}");
        assert!(!matches(tcp.reply().rst(), &host(R | A, 0, ack + 1, b"")), "{packet}");
    }
    // And of a segment with ACK its number, without ACK.
    let mut tcp = flow();
    unsent(tcp.segment(Tcp::new().ack(555)));
    assert!(matches(tcp.reply().rst(), &host(R, 555, 0, b"")) && !matches(tcp.reply().rst(), &host(R, 556, 0, b"")));
    assert!(matches(tcp.reply().rst().seq_rel(1), &host(R, 556, 0, b"")), "nobody knows what that is");
    // In a connection it may also be the host that resets of itself.
    let mut tcp = established();
    unsent(tcp.segment(Tcp::new().ack(555)));
    for (seq, fits) in [(555, true), (7001, true), (7000, false)] {
        assert_eq!(matches(tcp.reply().rst(), &host(R, seq, 0, b"")), fits, "{seq}");
    }
}

#[test]
fn every_reply_wants_its_flags_and_no_others() {
    let mut tcp = established();
    unsent(tcp.data(b"hello"));
    let all: [(&str, Reply, &[TcpFlags]); 8] = [
        ("reply", tcp.reply(), &[A, A | P]),
        ("data", tcp.reply().data(b""), &[A, A | P]),
        ("fin", tcp.reply().fin(), &[F | A, F | A | P]),
        ("syn_ack", tcp.reply().syn_ack().seq_rel(1), &[S | A, S | A | P]),
        ("syn", tcp.reply().syn().seq_rel(1), &[S, S | P]),
        ("rst", tcp.reply().rst(), &[R, R | A, R | P, R | A | P]),
        ("rst.ack", tcp.reply().rst().ack_rel(6), &[R | A, R | A | P]),
        ("rst.fin", tcp.reply().rst().fin(), &[R | F, R | F | A, R | F | P, R | F | A | P]),
    ];
    for (name, reply, wanted) in all {
        for bits in 0..=0x1f {
            let flags = TcpFlags(bits);
            let frame = host(flags, 7001, 106, b"");
            assert_eq!(matches(reply.clone(), &frame), wanted.contains(&flags), "{name} {flags:?}");
            assert!(matches(tcp.reply().any(), &frame));
        }
    }
}

#[test]
fn a_reply_wants_the_next_numbers_of_both_sides() {
    let mut tcp = established();
    unsent(tcp.data(b"hello"));
    assert!(matches(tcp.reply(), &host(A, 7001, 106, b"")));
    assert!(!matches(tcp.reply(), &host(A, 7001, 105, b"")) && !matches(tcp.reply(), &host(A, 7002, 106, b"")));
    assert!(matches(tcp.reply().ack_rel(1), &host(A, 7001, 101, b"")));
    assert!(matches(tcp.reply().seq_rel(4), &host(A, 7004, 106, b"")));
    assert!(matches(tcp.reply().seq(7000), &host(A, 7000, 106, b"")), "a keep-alive probe");
    let either = such_that("the first octets or all", |ack: u32| ack == 103 || ack == 106);
    assert!(matches(tcp.reply().ack(either), &host(A, 7001, 103, b"")));
    // The payload: any, exactly this one, none, a pattern.
    let hi = host(P | A, 7001, 106, b"hi");
    assert!(matches(tcp.reply(), &hi) && matches(tcp.reply().data(b"hi"), &hi));
    assert!(!matches(tcp.reply().data(b"ho"), &hi) && !matches(tcp.reply().data(b""), &hi));
    assert!(matches(tcp.reply() / Payload::starting_with("h"), &hi));
    assert!(matches(tcp.reply().data(b"hi").fin(), &host(F | P | A, 7001, 106, b"hi")));
    assert!(matches(tcp.reply().with(Tcp::new().window(512)), &hi));
    assert!(!matches(tcp.reply().with(Tcp::new().window(513)), &hi));
    // A repeated SYN-ACK has the number that it had.
    assert!(matches(tcp.reply().syn_ack().ack_rel(1), &host(S | A, 7000, 101, b"")));
    assert!(!matches(tcp.reply().syn_ack().ack_rel(1), &host(S | A, 7001, 101, b"")));
}

#[test]
fn other_ends_are_another_flow() {
    let tcp = established();
    let ip = || Ipv4::new().src(HOST).dst(PEER);
    let segment = || Tcp::new().sport(81).dport(40_000).seq(7001).ack(101);
    let others: [Packet; 7] = [
        ip().src([192, 0, 2, 9]) / segment() / b"x",
        ip().dst([192, 0, 2, 9]) / segment() / b"x",
        ip() / segment().sport(80) / b"x",
        ip() / segment().dport(40_001) / b"x",
        Ipv4::new().src(PEER).dst(HOST) / segment().sport(40_000).dport(81) / b"x",
        Ipv6::new().src(HOST_V6).dst(PEER_V6) / segment() / b"x",
        ip().more_fragments(true) / segment() / b"x",
    ];
    for other in &others {
        let octets = other.build().unwrap();
        let frame = FrameRef::new(Mode::Tun, &octets);
        assert!(!tcp.learn(frame), "{other}");
        assert_eq!(tcp.reply().any().into_packet().matches(frame), other.to_string().contains("more_fragments"));
    }
    // Quoted in an ICMP error, cut, no IP at all.
    let error = tuntap_test::packet::Icmpv4::port_unreachable().quoting(&(ip() / segment() / b"x"));
    let error = error.into_packet().build().unwrap();
    let whole = host(A, 7001, 101, b"x");
    for octets in [&error[..], &whole[..30], &[], b"\x60"] {
        assert!(!tcp.learn(FrameRef::new(Mode::Tun, octets)));
    }
    assert_eq!(tcp.received(), 0);
    // The same ends on a TAP.
    let octets = (Ethernet::new().src([2; 6]).dst([4; 6]) / ip() / segment() / b"x").build().unwrap();
    let frame = FrameRef::new(Mode::Tap, &octets);
    assert!(tcp.reply().data(b"x").into_packet().matches(frame) && tcp.learn(frame));
    assert_eq!(tcp.received(), 1);
}

#[test]
fn old_segments_move_no_number_back() {
    let mut tcp = established();
    let (hello, world) = (host(A, 7001, 101, b"hello"), host(A, 7006, 101, b"world"));
    let fin = host(F | A, 7011, 101, b"");
    for octets in [&hello, &world, &hello, &host(S | A, 7000, 101, b""), &host(A, 7000, 101, b"")] {
        learn(&tcp, octets);
    }
    assert_eq!((tcp.received(), tcp.host_next_sequence()), (10, Ok(7011)));
    // A reset's octets are no data.
    learn(&tcp, &with_options(R, 7011, 0, 0, &[], b"why"));
    assert_eq!((tcp.received(), tcp.host_next_sequence(), tcp.host_window()), (10, Ok(7011), Some(512)));
    // Another SYN's number belongs to another connection, and nothing counts behind a FIN.
    for octets in [&host(S | A, 7011, 101, b""), &fin, &fin, &host(A, 7012, 101, b"more")] {
        learn(&tcp, octets);
    }
    assert_eq!((tcp.received(), tcp.host_next_sequence(), tcp.host_initial_sequence()), (10, Ok(7012), Some(7000)));
    assert_eq!(sent(tcp.ack()), "[.] seq 101 ack 7012 win 65535");
}

#[test]
fn what_is_behind_a_gap_is_acknowledged_when_that_is_filled() {
    let mut tcp = established();
    learn(&tcp, &host(A, 7006, 101, b"world"));
    assert_eq!((sent(tcp.ack()), tcp.received()), ("[.] seq 101 ack 7001 win 65535".to_owned(), 0));
    learn(&tcp, &host(A, 7001, 101, b"hello"));
    assert_eq!((sent(tcp.ack()), tcp.received()), ("[.] seq 101 ack 7011 win 65535".to_owned(), 10));
    // The same on our side.
    let ahead = Tcp::new().seq(tcp.peer_sequence(6)) / b"world";
    unsent(tcp.segment(ahead));
    assert_eq!((tcp.sent(), tcp.next_sequence()), (0, 101));
    assert_eq!(sent(tcp.data(b"hello")), "[P.] seq 101 ack 7011 win 65535 5 octets");
    assert_eq!((tcp.sent(), tcp.next_sequence()), (10, 111));
    assert!(matches(tcp.reply(), &host(A, 7011, 111, b"")));
}

#[test]
fn numbers_wrap_around() {
    let mut tcp = TcpFlow::new(PEER, 40_000, HOST, 81).initial_sequence(u32::MAX - 3);
    assert_eq!(sent(tcp.syn()), "[S] seq 4294967292 win 65535");
    let syn_ack = host(S | A, u32::MAX, u32::MAX - 2, b"");
    assert!(matches(tcp.reply().syn_ack(), &syn_ack));
    learn(&tcp, &syn_ack);
    assert_eq!(sent(tcp.data(b"hello")), "[P.] seq 4294967293 ack 0 win 65535 5 octets");
    let answer = host(P | A, 0, 2, b"hi");
    assert!(matches(tcp.reply().data(b"hi"), &answer) && matches(tcp.reply().seq_rel(1).ack_rel(6), &answer));
    assert!(!matches(tcp.reply(), &host(A, 0, u32::MAX - 2, b"")));
    learn(&tcp, &answer);
    learn(&tcp, &syn_ack);
    assert_eq!(sent(tcp.fin()), "[F.] seq 2 ack 2 win 65535");
    assert_eq!((tcp.sent(), tcp.received(), tcp.next_sequence()), (5, 2, 3));
    assert_eq!((tcp.peer_sequence(6), tcp.host_sequence(3)), (2, Ok(2)));
}

#[test]
fn what_is_not_known_yet_is_open_in_a_template_and_explained_in_a_packet() {
    let mut tcp = flow();
    unsent(tcp.syn());
    let anything = host(A, 0x1234_5678, 101, b"");
    assert!(matches(tcp.reply(), &anything) && matches(tcp.reply().seq_rel(1), &anything));
    assert_eq!(tcp.host_next_sequence(), Err(FlowError::HostUnknown));
    assert_eq!((tcp.host_mss(), tcp.host_window()), (None, None));
    let explained = "the host's initial sequence number is not known yet: expect its SYN or SYN-ACK first";
    assert!(tcp.host_sequence(1).unwrap_err().to_string().starts_with(explained));
    let error = tcp.ack().build().unwrap_err().to_string();
    assert!(error.starts_with(&format!("TCP acknowledgement is unknown ({explained}")), "{error}");
    // Given by hand it is known.
    assert_eq!(sent(tcp.ack().with(Tcp::new().acknowledgement(7))), "[.] seq 101 ack 7 win 65535");
    assert_eq!(sent(tcp.segment(Tcp::new().ack(7))), "[.] seq 101 ack 7 win 65535");
    // At the other end what is open matches.
    assert!(matches(tcp.ack(), &tcp.segment(Tcp::new().ack(7)).build().unwrap()));
    // A segment out of the blue is no beginning.
    learn(&tcp, &anything);
    assert_eq!(tcp.host_initial_sequence(), None);
    let error = flow().retransmit().build().unwrap_err().to_string();
    assert!(error.starts_with("TCP seq is unknown (nothing was sent yet that takes one)"), "{error}");
}

#[test]
fn retransmission_is_the_last_packet_that_took_numbers() {
    let mut tcp = flow().mss(1460);
    let syn = tcp.syn().build().unwrap();
    assert_eq!(tcp.retransmit().build().unwrap(), syn);
    // A reset must answer that, and not what came between.
    unsent(tcp.segment(Tcp::new().ack(7)));
    assert!(matches(tcp.reply().rst(), &host(R, 7, 0, b"")));
    unsent(tcp.retransmit());
    assert!(matches(tcp.reply().rst(), &host(R | A, 0, 101, b"")));
    assert!(!matches(tcp.reply().rst(), &host(R, 7, 0, b"")));
    learn(&tcp, &host(S | A, 7000, 101, b""));
    unsent(tcp.ack());
    let data = tcp.data(b"hello").build().unwrap();
    unsent(tcp.ack());
    unsent(tcp.rst());
    unsent(tcp.segment(Tcp::new().window(0)));
    assert_eq!(tcp.retransmit().build().unwrap(), data);
    assert!(matches(tcp.reply().rst(), &host(R, 7001, 0, b"")));
    assert_eq!((tcp.sent(), tcp.next_sequence()), (5, 106));
}

#[test]
fn a_segment_keeps_what_it_sets_and_gets_the_rest() {
    let mut tcp = established();
    assert_eq!(sent(tcp.segment(Tcp::new().window(0))), "[.] seq 101 ack 7001 win 0");
    assert_eq!(sent(tcp.segment(Tcp::new().seq(100))), "[.] seq 100 ack 7001 win 65535");
    assert_eq!(sent(tcp.segment(b"raw")), "[.] seq 101 ack 7001 win 65535 3 octets");
    assert_eq!(
        sent(tcp.segment(Tcp::new().flags(F | A).acknowledgement(9) / b"!")),
        "[F.] seq 104 ack 9 win 65535 1 octets"
    );
    assert_eq!((tcp.sent(), tcp.next_sequence()), (4, 106));
    // Layers below TCP.
    let octets = tcp.segment(Ethernet::new().src([2; 6]) / Ipv4::new().ttl(1) / Tcp::new()).build().unwrap();
    let frame = FrameRef::new(Mode::Tap, &octets);
    let wanted = Ethernet::new().src([2; 6]) / Ipv4::new().ttl(1).src(PEER).dst(HOST) / Tcp::new().seq(106).ack(7001);
    assert!(wanted.matches(frame), "{}", frame.explain());
    let mut tcp = TcpFlow::new(PEER_V6, 40_000, HOST_V6, 81);
    let octets = tcp.segment(HopByHop::new() / Tcp::new().syn() / b"x").build().unwrap();
    let frame = FrameRef::new(Mode::Tun, &octets);
    let wanted = Ipv6::new().src(PEER_V6).dst(HOST_V6) / HopByHop::new() / Tcp::new().seq(1000).syn() / b"x";
    assert!(wanted.matches(frame), "{}", frame.explain());
    assert_eq!((tcp.sent(), tcp.next_sequence()), (1, 1002));
    // What the host will not count is not counted.
    let uncounted: [Packet; 4] = [
        Tcp::new().data_offset(15) / b"x",
        Tcp::new().dport(9) / b"x",
        Tcp::new().rst() / b"x",
        Tcp::new().window(1..=2) / b"x",
    ];
    for packet in &uncounted {
        unsent(tcp.segment(packet));
        assert_eq!((tcp.sent(), tcp.next_sequence()), (1, 1002), "{packet}");
    }
}

#[test]
fn the_hosts_options_and_window_are_remembered() {
    const MSS_AND_SCALE: [u8; 8] = [2, 4, 0x05, 0xb4, 1, 3, 3, 7];
    let syn_ack = with_options(S | A, 7000, 101, 64_000, &MSS_AND_SCALE, b"");
    let mut tcp = flow();
    unsent(tcp.syn());
    learn(&tcp, &syn_ack);
    assert_eq!((tcp.host_mss(), tcp.host_window()), (Some(1460), Some(64_000)), "a SYN's window is not scaled");
    learn(&tcp, &host(A, 7001, 101, b"hello"));
    assert_eq!(tcp.host_window(), Some(512 << 7));
    // Older segments do not tell the window (RFC 9293 section 3.10.7.4), newer ones with the same number do.
    learn(&tcp, &with_options(A, 7006, 106, 2, &[], b""));
    learn(&tcp, &with_options(A, 7006, 101, 3, &[], b""));
    learn(&tcp, &with_options(A, 7001, 106, 4, &[], b"hello"));
    learn(&tcp, &syn_ack);
    assert_eq!(tcp.host_window(), Some(2 << 7));
    // A SYN offers a scale, which only counts where ours does, too; RFC 7323 section 2.3 limits it to 14.
    let syn = with_options(S, 7000, 0, 64_000, &[3, 3, 200, 0], b"");
    for (tcp, window) in [(flow(), 512), (flow().window_scale(0), 512 << 14)] {
        learn(&tcp, &syn);
        learn(&tcp, &host(A, 7001, 101, b""));
        assert_eq!((tcp.host_mss(), tcp.host_window()), (None, Some(window)));
    }
}

#[test]
fn the_host_may_open_the_connection() {
    let syn = host(S, 7000, 0, b"");
    assert!(matches(flow().reply().syn(), &syn) && !matches(flow().reply().syn(), &host(S | A, 7000, 101, b"")));
    let mut tcp = TcpFlow::opened_by(FrameRef::new(Mode::Tun, &syn)).unwrap().initial_sequence(100);
    assert_eq!((tcp.peer(), tcp.host()), ((PEER, 40_000).into(), (HOST, 81).into()));
    assert_eq!(sent(tcp.fork().rst()), "[R.] seq 100 ack 7001 win 65535");
    assert_eq!(sent(tcp.syn_ack()), "[S.] seq 100 ack 7001 win 65535");
    assert!(matches(tcp.reply(), &host(A, 7001, 101, b"")));
    let opened_by = |octets: &[u8]| TcpFlow::opened_by(FrameRef::new(Mode::Tun, octets)).unwrap_err();
    assert_eq!(opened_by(&host(S | A, 7000, 1, b"")), FlowError::NotSyn);
    assert_eq!(opened_by(&host(A, 7000, 1, b"")), FlowError::NotSyn);
    assert_eq!(opened_by(b"\x45"), FlowError::NotTcp);
}

#[test]
fn a_fork_goes_its_own_way() {
    let mut tcp = established();
    let mut fork = tcp.fork();
    unsent(fork.data(b"hello"));
    learn(&fork, &host(A, 7001, 106, b"hi"));
    assert_eq!((tcp.sent(), tcp.received(), fork.sent(), fork.received()), (0, 0, 5, 2));
    unsent(tcp.fin());
    learn(&tcp, &host(F | A, 7001, 102, b""));
    assert_eq!(
        (sent(tcp.ack()), sent(fork.ack())),
        ("[.] seq 102 ack 7002 win 65535".to_owned(), "[.] seq 106 ack 7003 win 65535".to_owned(),)
    );
}

#[test]
fn the_family_is_that_of_the_addresses() {
    let mut tcp = TcpFlow::new(PEER_V6, 40_000, HOST_V6, 81);
    assert_eq!(line(tcp.syn()), "[2001:db8::2]:40000 > [2001:db8::1]:81 TCP [S] seq 1000 win 65535");
    let answer = Ipv6::new().src(HOST_V6).dst(PEER_V6) / Tcp::new().sport(81).dport(40_000).seq(5).syn().ack(1001);
    let octets = answer.build().unwrap();
    assert!(matches(tcp.reply().syn_ack(), &octets));
    learn(&tcp, &octets);
    assert_eq!(tcp.host_initial_sequence(), Some(5));
    // Where only one is IPv4, it is mapped, in both directions.
    let mut tcp = TcpFlow::new(PEER, 1, IpAddr::V6(HOST_V6), 2);
    assert_eq!(line(tcp.syn()), "[::ffff:192.0.2.2]:1 > [2001:db8::1]:2 TCP [S] seq 1000 win 65535");
    let answer =
        Ipv6::new().src(HOST_V6).dst(PEER.to_ipv6_mapped()) / Tcp::new().sport(2).dport(1).seq(5).syn().ack(1001);
    learn(&tcp, &answer.build().unwrap());
}
