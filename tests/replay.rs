//! A capture's side is sent again: which frames, in which order, when, and what is refused before a frame leaves.

#![expect(clippy::indexing_slicing, reason = "the test fails where the slice is too short")]

use tuntap_test::capture::{Capture, CapturedFrame, Direction, Interface, InterfaceId, LinkType, PcapngWriter};
use tuntap_test::device::{Deadline, Mode};
use tuntap_test::exchange::Exchange;
use tuntap_test::packet::Defaults;
use tuntap_test::prelude::*;

const MS: Duration = Duration::from_millis(1);
const IN: Option<Direction> = Some(Direction::Inbound);
const OUT: Option<Direction> = Some(Direction::Outbound);

/// A capture in the making.
struct File(PcapngWriter<Vec<u8>>);

impl File {
    fn new() -> Self {
        Self(PcapngWriter::new(Vec::new()).unwrap())
    }

    fn interface(&mut self, interface: &Interface) -> InterfaceId {
        self.0.add_interface(interface).unwrap()
    }

    fn frame(&mut self, on: InterfaceId, at: Duration, way: Option<Direction>, octets: &[u8]) -> &mut Self {
        let mut frame = CapturedFrame::new(on, at, octets);
        frame.direction = way;
        self.write(&frame)
    }

    fn write(&mut self, frame: &CapturedFrame<'_>) -> &mut Self {
        self.0.write_frame(frame).unwrap();
        self
    }

    fn read(self) -> Capture<'static> {
        Capture::from_octets(&self.0.into_inner()).unwrap().into_owned()
    }
}

/// A datagram of the peer's to that port, on no link.
fn datagram(port: u16) -> Vec<u8> {
    (Ipv4::new() / Udp::new().sport(9).dport(port)).build().unwrap()
}

/// What a TUN named `tun0` recorded: to each port a datagram, at that time.
fn recorded(frames: &[(u16, Duration, Option<Direction>)]) -> Capture<'static> {
    let mut file = File::new();
    let tun0 = file.interface(&Interface::new("tun0", Mode::Tun));
    for (port, at, way) in frames {
        file.frame(tun0, *at, *way, &datagram(*port));
    }
    file.read()
}

/// Starts the reader of the host end, so that what comes is stamped when it comes.
fn listen(host: &Exchange) {
    host.try_receive(Deadline::Now).unwrap_err();
}

/// The ports of the datagrams that have come.
fn ports(host: &Exchange, count: usize) -> Vec<u16> {
    let frames = host.sniff(Udp::new().sport(9), count);
    frames.iter().map(|frame| frame.udp().unwrap().destination_port()).collect()
}

/// The report's first two lines for what cannot be replayed.
fn refusal<'c>(exchange: &Exchange, replay: impl IntoReplay<'c>) -> String {
    let before = exchange.accounting().sent;
    let failure = exchange.try_replay(replay).unwrap_err();
    assert_eq!(exchange.accounting().sent, before, "nothing leaves");
    assert!(!failure.is_inconclusive());
    failure.to_string().lines().take(2).collect::<Vec<_>>().join("\n")
}

#[tuntap_test]
fn each_frame_leaves_in_order_and_not_before_its_time(tun: Tun) {
    let host = tun.host_end();
    listen(&host);
    // A file need not be in the order of its times.
    let frames = [(1, 1000 * MS, IN), (3, 1045 * MS, IN), (2, 1030 * MS, IN), (4, 1045 * MS, IN)];
    let capture = recorded(&frames);
    let begin = tun.clock().now();
    let replayed = tun.replay(&capture);
    assert!(tun.clock().now() - begin >= 45 * MS);
    assert_eq!(replayed.frames, 4);
    let received = host.sniff(Udp::new(), 4);
    let ports: Vec<_> = received.iter().map(|frame| frame.udp().unwrap().destination_port()).collect();
    assert_eq!(ports, [1, 2, 3, 4]);
    for (frame, after) in received.iter().zip([0, 30, 45, 45]) {
        assert!(frame.time() - begin >= after * MS, "{:?} is before {after} ms", frame.time() - begin);
    }
    // The account has each with the line of the test.
    assert_eq!(tun.accounting().sent, 4);
    let is_sent = |frame: &Frame| frame.direction() == tuntap_test::device::Direction::Sent;
    let sent: Vec<_> = tun.frames().into_iter().filter(is_sent).map(Frame::into_octets).collect();
    assert_eq!(sent, [1, 2, 3, 4].map(datagram));
}

#[tuntap_test]
fn a_recording_of_an_hour_is_replayed_as_fast_as_asked(tun: Tun) {
    let host = tun.host_end();
    listen(&host);
    let capture = recorded(&[(1, MS, IN), (2, Duration::from_secs(1800), IN), (3, Duration::from_secs(3600), IN)]);
    let begin = tun.clock().now();
    let replayed = tun.replay(capture.at_once());
    assert_eq!((replayed.frames, replayed.latest), (3, Duration::ZERO));
    tun.replay(capture.speed(100_000.0));
    let received = host.sniff(Udp::new(), 6);
    assert!(received[4].time() - begin >= 17 * MS);
    assert!(received[5].time() - begin >= 35 * MS);
}

#[tuntap_test]
fn each_end_sends_what_it_had_sent(tun: Tun) {
    let host = tun.host_end();
    listen(&host);
    let capture = recorded(&[(1, MS, IN), (2, MS, OUT), (3, MS, IN), (4, MS, OUT)]);
    tun.replay(&capture);
    assert_eq!(ports(&host, 2), [1, 3]);
    tun.replay(capture.outbound());
    assert_eq!(ports(&host, 2), [2, 4]);
    tun.replay(capture.either_direction());
    assert_eq!(ports(&host, 4), [1, 2, 3, 4]);
    tun.replay(capture.only(Udp::new().dport(2..)));
    assert_eq!(ports(&host, 1), [3]);

    host.replay(&capture);
    assert_eq!(ports(&tun, 2), [2, 4]);
    host.replay(capture.inbound());
    assert_eq!(ports(&tun, 2), [1, 3]);
}

#[tuntap_test]
fn a_template_chooses_where_no_direction_is_known(tun: Tun) {
    let host = tun.host_end();
    listen(&host);
    let capture = recorded(&[(1, MS, None), (2, MS, None), (3, MS, None)]);
    tun.replay(capture.only(Udp::new().dport([1, 3])));
    assert_eq!(ports(&host, 2), [1, 3]);
    tun.replay(capture.either_direction());
    assert_eq!(ports(&host, 3), [1, 2, 3]);
    let said = refusal(&tun, &capture);
    assert!(said.contains("does not tell which way frame 1 went\n") && said.contains(".only("), "{said}");
}

/// A checksum that is wrong on purpose is replayed as it is.
#[tuntap_test]
fn what_was_wrong_is_wrong_again(tun: Tun) {
    let host = tun.host_end();
    let wrong = (Ipv4::new() / Udp::new().sport(9).dport(1).checksum(0xbad)).build().unwrap();
    let mut file = File::new();
    let tun0 = file.interface(&Interface::new("tun0", Mode::Tun));
    file.frame(tun0, MS, IN, &wrong);
    tun.replay(file.read().only(Udp::new().dport(1)));
    assert_eq!(host.receive().to_vec(), wrong);
}

#[tuntap_test]
fn an_interface_is_named_where_there_are_several(tun: Tun) {
    let host = tun.host_end();
    listen(&host);
    let mut file = File::new();
    let ids = ["tun0", "tun1", "tun2"].map(|name| file.interface(&Interface::new(name, Mode::Tun)));
    for (port, id) in (1..).zip(ids) {
        file.frame(id, u32::from(port) * MS, if port == 3 { OUT } else { IN }, &datagram(port));
    }
    let capture = file.read();
    let said = refusal(&tun, &capture);
    assert!(said.contains("of 2 interfaces: tun0, tun1\n") && said.contains(".on_interface("), "{said}");
    tun.replay(capture.on_interface("tun1"));
    assert_eq!(ports(&host, 1), [2]);
    tun.replay(capture.on_interface("tun1").on_interface("tun0"));
    assert_eq!(ports(&host, 2), [1, 2]);
    let said = refusal(&tun, capture.on_interface("tun2"));
    assert!(said.contains("2 of another interface; 1 not inbound"), "{said}");
    let said = refusal(&tun, capture.on_interface("eth0"));
    assert!(said.contains("no interface of the name eth0\n") && said.contains("tun0, tun1, tun2"), "{said}");
}

#[tuntap_test]
fn what_would_send_nothing_is_refused(tun: Tun) {
    let capture = recorded(&[(1, MS, OUT), (2, MS, OUT), (3, MS, IN)]);
    let said = refusal(&tun, capture.only(Tcp::new()));
    assert_eq!(
        said,
        "replay: none of the 3 frames in the capture is to be sent\n  \
         2 not inbound (the others: .outbound()); 1 not TCP"
    );
    let said = refusal(&tun, &File::new().read());
    assert!(said.starts_with("replay: the capture holds no frame\n"), "{said}");
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let said = refusal(&tun, capture.speed(speed));
        assert!(said.contains("is no speed"), "{said}");
    }
    let capture = recorded(&[(1, MS, IN), (2, Duration::from_secs(1_700_000_000), IN)]);
    let said = refusal(&tun, &capture);
    assert!(said.contains("frame 2 of the capture would be sent more than a day after the first"), "{said}");
}

#[tuntap_test]
fn a_frame_that_was_cut_is_named(tun: Tun) {
    let mut file = File::new();
    let tun0 = file.interface(&Interface::new("tun0", Mode::Tun));
    file.frame(tun0, MS, IN, &datagram(1));
    let cut = CapturedFrame::new(tun0, MS, datagram(2)).with_direction(Direction::Inbound).with_original_length(1500);
    file.write(&cut);
    let capture = file.read();
    let said = refusal(&tun, &capture);
    assert!(said.contains("frame 2 of the capture was cut: 28 of its 1500 octets were recorded"), "{said}");
    assert_eq!(tun.replay(capture.only(Udp::new().dport(1))).frames, 1);
}

#[tuntap_test]
fn the_link_type_is_made_to_fit_or_named(tun: Tun, tap: Tap) {
    let ethernet = Defaults::documentation();
    let packet = datagram(1);
    let mut padded = (Ethernet::new() / Ipv4::new() / Udp::new().sport(9).dport(1)).build_with(&ethernet).unwrap();
    padded.resize(60, 0);
    let arp = (Ethernet::new() / Arp::new()).build_with(&ethernet).unwrap();

    let mut file = File::new();
    let eth0 = file.interface(&Interface::new("eth0", Mode::Tap));
    file.frame(eth0, MS, IN, &padded).frame(eth0, MS, IN, &arp);
    let capture = file.read();
    let said = refusal(&tun, &capture);
    assert!(said.contains("frame 2 of the capture does not fit a TUN: it has the EtherType 0x0806"), "{said}");
    let host = tun.host_end();
    listen(&host);
    tun.replay(capture.only(Ipv4::new()));
    assert_eq!(host.receive().to_vec(), packet);
    let host = tap.host_end();
    listen(&host);
    tap.replay(&capture);
    assert_eq!([host.receive().to_vec(), host.receive().to_vec()], [padded, arp]);

    let mut file = File::new();
    let raw = file.interface(&Interface::of_link_type(LinkType::RAW));
    file.frame(raw, MS, IN, &packet);
    let capture = file.read();
    tap.replay(&capture);
    let frame = host.receive();
    assert_eq!((&frame[..6], &frame[6..12]), (&tap.host_mac().unwrap()[..], &Defaults::PEER_MAC[..]));
    assert_eq!((&frame[12..14], &frame[14..]), (&[0x08, 0][..], &packet[..]));

    let mut file = File::new();
    let radio = file.interface(&Interface::of_link_type(LinkType(105)));
    file.frame(radio, MS, IN, &packet);
    let capture = file.read();
    for said in [refusal(&tun, &capture), refusal(&tun, capture.only(Ipv4::new()))] {
        assert!(said.contains("frame 1 of the capture") && said.contains("IEEE802_11 (105)"), "{said}");
    }
}

/// The device refuses an IP packet of no version (EINVAL): what stands before it was sent.
#[tuntap_test]
fn a_frame_that_the_device_refuses_is_named(tun: Tun) {
    let mut file = File::new();
    let tun0 = file.interface(&Interface::new("tun0", Mode::Tun));
    file.frame(tun0, MS, IN, &datagram(1)).frame(tun0, MS, IN, &[0; 20]).frame(tun0, MS, IN, &datagram(2));
    let failure = tun.try_replay(&file.read()).unwrap_err().to_string();
    assert!(failure.starts_with("replay, frame 2 of the capture: failed to send a frame"), "{failure}");
    assert!(failure.contains("replay.rs:"), "{failure}");
    assert_eq!(tun.accounting().sent, 1);
}

#[tuntap_test]
fn frames_that_come_meanwhile_wait_for_the_next_verb(tun: Tun) {
    let mut file = File::new();
    let tun0 = file.interface(&Interface::new("tun0", Mode::Tun));
    for seq in 1..=3 {
        let request = Icmpv4::echo_request(7, seq).into_packet().build().unwrap();
        file.frame(tun0, u32::from(seq) * 10 * MS, IN, &request);
    }
    tun.ignore(Icmpv4::echo_reply(7, 2)).named("the second");
    tun.replay(&file.read());
    tun.expect(Icmpv4::echo_reply(7, 1));
    tun.expect(Icmpv4::echo_reply(7, 3));
    tun.expect_nothing_else();
    let account = tun.accounting();
    assert_eq!((account.sent, account.received, account.matched, account.ignored), (3, 3, 2, 1), "{account}");
}

/// A device that goes away ends the pause.
#[tuntap_test(mock)]
fn a_device_that_fails_in_a_pause_ends_it(tun: Tun) {
    let capture = recorded(&[(1, MS, IN), (2, Duration::from_secs(3600), IN)]);
    let (cable, host) = (tun.mock().unwrap().clone(), tun.host_end());
    listen(&host);
    let failure = std::thread::scope(|scope| {
        let replay = scope.spawn(|| tun.try_replay(&capture).unwrap_err());
        host.expect(Udp::new().dport(1));
        cable.remove();
        replay.join().unwrap()
    });
    assert!(failure.to_string().starts_with("replay: the device failed: "), "{failure}");
    assert_eq!(tun.accounting().sent, 1);
}
