//! DHCP messages: built, matched and told, and held against dhcproto and tshark.

#![expect(clippy::indexing_slicing, reason = "the test fails where the slice is too short")]

mod tshark;
#[path = "tshark/fields.rs"]
mod tshark_fields;

use std::net::Ipv4Addr;

use dhcproto::v4::{DhcpOption as Theirs, Flags, Message, MessageType, Opcode, OptionCode, UnknownOption};
use dhcproto::{Decodable, Decoder, Encodable};
use proptest::prelude::*;
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::packet::{
    Defaults, Dhcp, DhcpOption, Dissection, Ethernet, Field, IntoPacket, Ipv4, LayerKind, Packet, Payload, Tcp, Udp,
    octets_such_that,
};

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);
const XID: u32 = 0x3903_f326;

fn tun(octets: &[u8]) -> FrameRef<'_> {
    FrameRef::new(Mode::Tun, octets)
}

fn built(packet: impl IntoPacket) -> Vec<u8> {
    packet.into_packet().build().unwrap()
}

/// The frame that carries a message made elsewhere.
fn carrying(message: &[u8]) -> Vec<u8> {
    built(Udp::new().sport(67).dport(68) / message)
}

fn message(frame: &[u8]) -> &[u8] {
    Dissection::new(tun(frame)).header(LayerKind::Dhcp).unwrap()
}

fn line(packet: impl IntoPacket) -> String {
    tun(&built(packet)).summary().to_string()
}

fn discover() -> Dhcp {
    Dhcp::discover().xid(XID).chaddr(MAC)
}

/// An acknowledgement with every field and option.
fn everything() -> Dhcp {
    Dhcp::ack()
        .in_reply_to(&discover().broadcast().giaddr([192, 0, 2, 3]))
        .hops(1)
        .secs(2)
        .ciaddr([192, 0, 2, 4])
        .yiaddr(CLIENT)
        .siaddr([192, 0, 2, 5])
        .sname("boot.example.test")
        .file("pxelinux.0")
        .server_identifier(SERVER)
        .requested_address(CLIENT)
        .lease_time(3600)
        .renewal_time(1800)
        .rebinding_time(3150)
        .subnet_mask([255, 255, 255, 0])
        .broadcast_address([192, 0, 2, 255])
        .router(SERVER)
        .dns_server([SERVER, CLIENT])
        .mtu(1400)
        .host_name("client")
        .domain_name("example.test")
        .parameter_list([1, 3, 6, 15])
        .message("welcome")
        .max_message_size(1500)
        .vendor_class("tuntap-test")
        .client_identifier([1, 2, 0, 0, 0, 0, 2])
        .option(43, [1, 2, 3])
        .option(224, "site")
}

/// The same as dhcproto has it.
fn everything_by_dhcproto() -> Message {
    let mut message =
        Message::new_with_id(XID, [192, 0, 2, 4].into(), CLIENT, [192, 0, 2, 5].into(), [192, 0, 2, 3].into(), &MAC);
    message.set_opcode(Opcode::BootReply).set_hops(1).set_secs(2).set_flags(Flags::default().set_broadcast());
    // It reads these with the zero at the end.
    message.set_sname(b"boot.example.test\0").set_fname(b"pxelinux.0\0");
    for option in [
        Theirs::MessageType(MessageType::Ack),
        Theirs::ServerIdentifier(SERVER),
        Theirs::RequestedIpAddress(CLIENT),
        Theirs::AddressLeaseTime(3600),
        Theirs::Renewal(1800),
        Theirs::Rebinding(3150),
        Theirs::SubnetMask([255, 255, 255, 0].into()),
        Theirs::BroadcastAddr([192, 0, 2, 255].into()),
        Theirs::Router(vec![SERVER]),
        Theirs::DomainNameServer(vec![SERVER, CLIENT]),
        Theirs::InterfaceMtu(1400),
        Theirs::Hostname("client".to_owned()),
        Theirs::DomainName("example.test".to_owned()),
        Theirs::ParameterRequestList(vec![
            OptionCode::SubnetMask,
            OptionCode::Router,
            OptionCode::DomainNameServer,
            OptionCode::DomainName,
        ]),
        Theirs::Message("welcome".to_owned()),
        Theirs::MaxMessageSize(1500),
        Theirs::ClassIdentifier(b"tuntap-test".to_vec()),
        Theirs::ClientIdentifier(vec![1, 2, 0, 0, 0, 0, 2]),
        Theirs::VendorExtensions(vec![1, 2, 3]),
        Theirs::Unknown(UnknownOption::new(OptionCode::from(224), b"site".to_vec())),
    ] {
        message.opts_mut().insert(option);
    }
    message
}

#[test]
fn a_line_tells_who_asks_and_who_gets_what() {
    let from = "0.0.0.0:68 > 255.255.255.255:67 DHCP";
    assert_eq!(line(discover()), format!("{from} discover xid 0x3903f326 from 02:00:00:00:00:02"));
    let request = Dhcp::request().in_reply_to(&discover()).requested_address(CLIENT);
    assert_eq!(line(request), format!("{from} request xid 0x3903f326 192.0.2.7 from 02:00:00:00:00:02"));
    let to = "192.0.2.2:67 > 192.0.2.1:68 DHCP";
    let offer = Dhcp::offer().in_reply_to(&discover()).yiaddr(CLIENT);
    assert_eq!(line(offer.clone()), format!("{to} offer xid 0x3903f326 192.0.2.7 to 02:00:00:00:00:02"));
    assert!(line(offer.broadcast()).starts_with("192.0.2.2:67 > 255.255.255.255:68 DHCP offer"));
    assert_eq!(line(Dhcp::nak().hlen(0)), format!("{to} nak xid 0x00000000"));
    let renewal = Dhcp::request().ciaddr(CLIENT);
    assert!(line(renewal).starts_with("192.0.2.2:68 > 192.0.2.1:67 DHCP request xid 0x00000000 192.0.2.7 from "));
    assert!(line(Dhcp::new().message_type(13)).contains(" DHCP type 13 "));
    assert!(line(Dhcp::new()).contains(" BOOTP request xid "));
}

#[test]
fn a_client_without_an_address_sends_to_everybody() {
    let mut tap = Defaults::documentation();
    tap.mode = Some(Mode::Tap);
    let octets = discover().into_packet().build_with(&tap).unwrap();
    let frame = FrameRef::new(Mode::Tap, &octets);
    assert!((Ethernet::new().dst([0xff; 6]) / Ipv4::new().dst([255; 4]) / Udp::new() / discover()).matches(frame));
    let named = Ipv4::new().src(CLIENT) / Udp::new().sport(68).dport(67) / discover();
    assert!(Ipv4::new().src(CLIENT).dst([192, 0, 2, 1]).into_packet().matches(tun(&built(named))));
}

#[test]
fn every_field_is_told_with_its_octets() {
    let octets = built(everything());
    let told = tun(&octets).explain().to_string();
    for line in [
        "DHCP  @ octets 28..",
        "  op                   2 (reply)                    @ 28..29",
        "  flags                0x8000                       @ 38..40",
        "  chaddr               02:00:00:00:00:02            @ 56..62",
        "  sname                \"boot.example.test\"          @ 72..89",
        "  magic                0x63825363                   @ 264..268",
        "  message_type         5 (ack)                      @ 270..271",
        "  server_identifier    192.0.2.1                    @ 273..277",
        "  dns_server           192.0.2.1, 192.0.2.7         @ ",
        "  host_name            \"client\"                     @ ",
        "  numbered             43 010203, 224 \"site\"        @ 268..",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    assert!(tun(&built(discover())).explain().to_string().contains("  numbered             none  "));
    let wanted = Dhcp::offer().router([SERVER, CLIENT]).option(12, Field::absent()).option(60, "x");
    assert_eq!(
        format!("{wanted:?}"),
        "DHCP (op 2 (reply), message_type 2 (offer), router 192.0.2.1, 192.0.2.7, numbered 12 absent, 60 \"x\")"
    );
    let error = Dhcp::new().option(60, octets_such_that("a vendor", |_| true)).into_packet().build().unwrap_err();
    assert_eq!(error.to_string(), "DHCP numbered is 60 a vendor: give one value to build the packet");
}

#[test]
fn what_is_built_matches_its_template_and_what_it_implies() {
    let octets = built(everything());
    let yes = |dhcp: Dhcp| assert!(dhcp.clone().into_packet().matches(tun(&octets)), "{dhcp:?}");
    let no = |dhcp: Dhcp| assert!(!dhcp.clone().into_packet().matches(tun(&octets)), "{dhcp:?}");
    yes(everything());
    yes(Dhcp::ack().xid(XID).lease_time(60..=86_400));
    no(Dhcp::offer());
    no(Dhcp::ack().lease_time(3601..));
    yes(Dhcp::new().message_type([2, 5]).option(51, [0, 0, 0x0e, 0x10]));
    no(Dhcp::new().option(51, [0, 0, 0x0e]));
    yes(Dhcp::new().numbered([DhcpOption::new(43, [1, 2, 3]), DhcpOption::new(224, "site")]));
    no(Dhcp::new().option(43, [1, 2, 3]).option(224, "sit"));
    yes(Dhcp::new().option(77, Field::absent()).router(SERVER));
    no(Dhcp::new().option(43, Field::absent()));
    no(Dhcp::new().router([SERVER, SERVER]));
    no(Dhcp::new().dns_server(SERVER));
    yes(Dhcp::new().option(60, octets_such_that("ours", |class| class.starts_with(b"tuntap"))));
    no(Dhcp::new().host_name(Field::absent()));
    assert!((Udp::new().dport(68) / Payload::of_length(300..)).matches(tun(&octets)), "octets match beside the layer");
    let plain = built(discover());
    assert_eq!((message(&plain)[243], message(&plain).len()), (255, 300), "ended and padded");
    let three = built(Dhcp::new().option(51, [0, 0, 1]));
    assert!(Dhcp::new().lease_time(Field::absent()).into_packet().matches(tun(&three)), "no time has three octets");
    assert!(tun(&three).explain().to_string().contains("  numbered             51 000001  "));
    assert!(Dhcp::discover().host_name(Field::absent()).sname(Field::absent()).into_packet().matches(tun(&plain)));
}

#[test]
fn a_reply_has_what_its_request_has() {
    let request = discover().broadcast().giaddr([192, 0, 2, 3]).secs(9);
    let octets = built(request.clone());
    let reply = Dhcp::offer().in_reply_to_frame(tun(&octets)).unwrap();
    assert_eq!(built(reply.clone()), built(Dhcp::offer().in_reply_to(&request)));
    assert!(Dhcp::new().xid(XID).chaddr(MAC).flags(0x8000).secs(0).into_packet().matches(tun(&built(reply.clone()))));
    assert!(Dhcp::offer().in_reply_to_frame(tun(&built(reply))).is_none(), "it is from a server");
}

#[test]
fn options_can_be_built_as_they_stand() {
    let raw = Dhcp::new().options(b"\x35\x01\x01\x0c\x05ab");
    let octets = built(raw.clone());
    assert_eq!(message(&octets).len(), 247, "neither end nor padding");
    assert!(raw.into_packet().matches(tun(&octets)));
    assert!(Dhcp::new().message_type(1).host_name(Field::absent()).into_packet().matches(tun(&octets)), "cut");
    let overloaded = Dhcp::new().file(b"\x35\x01\x02\xff").option(52, [1]);
    assert!(line(overloaded).contains(" DHCP offer "));
    let long = Dhcp::discover().option(43, [7; 300]);
    assert!(long.clone().into_packet().matches(tun(&built(long))));
}

#[test]
fn what_is_not_dhcp_stays_a_payload() {
    let discover = message(&built(discover())).to_vec();
    let mut bootp = discover.clone();
    bootp[239] = 0;
    for stranger in [
        Udp::new().dport(67) / b"hi",
        Udp::new().dport(67) / bootp,
        Udp::new().dport(67) / &discover[..239],
        Udp::new().dport(69) / &discover,
        Tcp::new().dport(67) / &discover,
    ] {
        let octets = built(stranger);
        let frame = Dissection::new(tun(&octets));
        assert!(frame.kinds().any(|kind| kind == LayerKind::Payload) && frame.error().is_none(), "{frame:?}");
        assert!(frame.header(LayerKind::Dhcp).is_none());
    }
}

#[test]
fn dhcproto_reads_what_is_built_here() {
    let octets = built(everything());
    assert_eq!(Message::decode(&mut Decoder::new(message(&octets))).unwrap(), everything_by_dhcproto());
}

#[test]
fn what_dhcproto_makes_matches_here() {
    let octets = everything_by_dhcproto().to_vec().unwrap();
    let frame = carrying(&octets);
    assert!(everything().into_packet().matches(tun(&frame)), "{}", tun(&frame).explain());
    assert_eq!(message(&frame), octets);
    for code in [53, 54, 51, 1, 3, 6, 12, 55, 61, 43, 224] {
        let mut without = everything_by_dhcproto();
        without.opts_mut().remove(OptionCode::from(code)).unwrap();
        let frame = carrying(&without.to_vec().unwrap());
        assert!(!everything().into_packet().matches(tun(&frame)), "without option {code}");
    }
    let mut long = Message::default();
    long.set_chaddr(&MAC).opts_mut().insert(Theirs::VendorExtensions(vec![7; 300]));
    assert!(Dhcp::new().option(43, [7; 300]).into_packet().matches(tun(&carrying(&long.to_vec().unwrap()))));
}

#[test]
#[ignore = "needs tshark: apt-get install tshark"]
fn tshark_reads_what_is_built_here() {
    let told = tshark_fields::fields(
        &[built(everything()), built(discover())],
        &[
            "dhcp.type",
            "dhcp.id",
            "dhcp.flags",
            "dhcp.ip.your",
            "dhcp.ip.relay",
            "dhcp.hw.mac_addr",
            "dhcp.server",
            "dhcp.file",
            "dhcp.option.dhcp",
            "dhcp.option.dhcp_server_id",
            "dhcp.option.requested_ip_address",
            "dhcp.option.ip_address_lease_time",
            "dhcp.option.subnet_mask",
            "dhcp.option.router",
            "dhcp.option.domain_name_server",
            "dhcp.option.hostname",
            "dhcp.option.request_list_item",
            "dhcp.option.type",
            "dhcp.option.end",
        ],
    );
    let all = [
        "2",
        "0x3903f326",
        "0x8000",
        "192.0.2.7",
        "192.0.2.3",
        "02:00:00:00:00:02",
        "boot.example.test",
        "pxelinux.0",
        "5",
        "192.0.2.1",
        "192.0.2.7",
        "3600",
        "255.255.255.0",
        "192.0.2.1",
        "192.0.2.1|192.0.2.7",
        "client",
        "1|3|6|15",
        // tshark gives the end no type.
        "53|54|50|51|58|59|1|28|3|6|26|12|15|55|56|57|60|61|43|224|0",
        "255",
    ];
    // The client's identifier is a hardware address, too.
    let mut first = told[0].clone();
    first[5].truncate(17);
    assert_eq!(first, all);
    assert_eq!([&told[1][1], &told[1][8], &told[1][17]], ["0x3903f326", "1", "53|0"]);
}

prop_compose! {
    fn any_message()(
        numbers: [u32; 4], addresses: [Ipv4Addr; 4], chaddr: [u8; 6], op in 1_u8..=2, kind in 1_u8..=8, secs: u16,
        routers in prop::collection::vec(any::<Ipv4Addr>(), 1..5), host in "[a-z]{1,20}", broadcast: bool,
        // Of no format that dhcproto knows; it drops empty ones.
        others in prop::collection::btree_map(224_u8..=254, prop::collection::vec(any::<u8>(), 1..600), 0..4),
    ) -> Dhcp {
        let [xid, lease, renewal, rebinding] = numbers;
        let [ciaddr, yiaddr, siaddr, requested] = addresses;
        let message = Dhcp::new()
            .op(op).xid(xid).secs(secs).ciaddr(ciaddr).yiaddr(yiaddr).siaddr(siaddr).chaddr(chaddr)
            .flags(if broadcast { 0x8000 } else { 0 })
            .message_type(kind).lease_time(lease).renewal_time(renewal).rebinding_time(rebinding)
            .requested_address(requested).router(routers).host_name(host);
        others.into_iter().fold(message, |message, (code, value)| message.option(code, value))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_built_is_read_equally_by_dhcproto(dhcp in any_message()) {
        let octets = built(dhcp.clone());
        prop_assert!(dhcp.clone().into_packet().matches(tun(&octets)), "{:?}", dhcp);
        let read = Message::decode(&mut Decoder::new(message(&octets))).unwrap();
        // It sorts the options: what it writes again has other octets and must match the same template.
        let again = carrying(&read.to_vec().unwrap());
        prop_assert!(dhcp.clone().into_packet().matches(tun(&again)), "{:?}\n{}", dhcp, tun(&again).explain());
    }

    /// Anything may come: nothing panics.
    #[test]
    fn malformed_messages_are_told_and_never_panic(
        dhcp in any_message(), cut: prop::sample::Index,
        broken in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        overload in 0_u8..4,
    ) {
        let mut octets = message(&built(dhcp.clone().option(52, [overload]))).to_vec();
        for (at, octet) in broken {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        octets.truncate(octets.len() / 2 + cut.index(octets.len()) + 1);
        let frame = carrying(&octets);
        let told = tun(&frame).summary().to_string();
        prop_assert!(!told.contains('\n'), "{}", told);
        let _ = (tun(&frame).explain().to_string(), dhcp.clone().into_packet().matches(tun(&frame)));
        let _ = (Packet::any().matches(tun(&frame)), dhcp.in_reply_to_frame(tun(&frame)));
        let whole = octets.len() >= 240 && octets[236..240] == [0x63, 0x82, 0x53, 0x63];
        prop_assert_eq!(Dissection::new(tun(&frame)).header(LayerKind::Dhcp).is_some(), whole);
    }
}
