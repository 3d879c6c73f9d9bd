//! DNS messages: built, matched and told, and held against hickory-proto, simple-dns and tshark.

#![expect(clippy::indexing_slicing, reason = "the test fails where the slice is too short")]

mod dns_properties;
mod tshark;
#[path = "tshark/fields.rs"]
mod tshark_fields;

use std::net::{Ipv4Addr, Ipv6Addr};

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{self, A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT};
use hickory_proto::rr::{DNSClass, Name, RData, Record};
use tuntap_test::device::{Cidr, FrameRef, Mode};
use tuntap_test::packet::{
    BuildError, Dissection, Dns, DnsRecord, Field, IntoPacket, Ipv4, Ipv6, LayerKind, Payload, RecordType, Tcp, Udp,
};

const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);
const HOST_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7);

fn tun(octets: &[u8]) -> FrameRef<'_> {
    FrameRef::new(Mode::Tun, octets)
}

fn built(packet: impl IntoPacket) -> Vec<u8> {
    packet.into_packet().build().unwrap()
}

/// The frame that carries a message made elsewhere.
fn carrying(message: &[u8]) -> Vec<u8> {
    built(Udp::new().sport(53).dport(53_000) / message)
}

fn message(frame: &[u8]) -> &[u8] {
    Dissection::new(tun(frame)).header(LayerKind::Dns).unwrap()
}

fn line(packet: impl IntoPacket) -> String {
    tun(&built(packet)).summary().to_string()
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

/// One record of each type that has a constructor, and one of none.
fn everything() -> Dns {
    Dns::query("example.test", RecordType::ANY)
        .qr(true)
        .id(0xbeef)
        .aa(true)
        .rd(false)
        .ra(true)
        .cd(true)
        .a("example.test", 1, HOST)
        .aaaa("example.test", 2, HOST_V6)
        .cname("www.example.test", 3, "example.test")
        .txt("example.test", 4, "v=spf1 -all")
        .ptr("7.2.0.192.in-addr.arpa", 5, "example.test")
        .answer(DnsRecord::mx("example.test", 6, 10, "mail.example.test"))
        .answer(DnsRecord::srv("_sip._udp.example.test", 7, (1, 2), 5060, "sip.example.test"))
        .answer(DnsRecord::of("example.test", RecordType(65_280), 8, b"\x01\x02\x03"))
        .authority(DnsRecord::soa("example.test", 9, "ns.example.test", "root.example.test", 10, [11, 12, 13, 14]))
        .authority(DnsRecord::ns("example.test", 15, "ns.example.test"))
        .additional(DnsRecord::opt(1232))
}

/// The same as hickory-proto has it.
fn everything_by_hickory() -> Message {
    let mut message = Message::new(0xbeef, MessageType::Response, OpCode::Query);
    message.metadata.authoritative = true;
    message.metadata.recursion_available = true;
    message.metadata.checking_disabled = true;
    let mut query = Query::query(name("example.test."), hickory_proto::rr::RecordType::ANY);
    message.add_query(query.set_query_class(DNSClass::IN).clone());
    let unknown =
        RData::Unknown { code: hickory_proto::rr::RecordType::from(65_280), rdata: rdata::NULL::with(vec![1, 2, 3]) };
    for (owner, ttl, data) in [
        ("example.test.", 1, RData::A(A(HOST))),
        ("example.test.", 2, RData::AAAA(AAAA(HOST_V6))),
        ("www.example.test.", 3, RData::CNAME(CNAME(name("example.test.")))),
        ("example.test.", 4, RData::TXT(TXT::new(vec!["v=spf1 -all".to_owned()]))),
        ("7.2.0.192.in-addr.arpa.", 5, RData::PTR(PTR(name("example.test.")))),
        ("example.test.", 6, RData::MX(MX::new(10, name("mail.example.test.")))),
        ("_sip._udp.example.test.", 7, RData::SRV(SRV::new(1, 2, 5060, name("sip.example.test.")))),
        ("example.test.", 8, unknown),
    ] {
        message.add_answer(Record::from_rdata(name(owner), ttl, data));
    }
    let soa = SOA::new(name("ns.example.test."), name("root.example.test."), 10, 11, 12, 13, 14);
    message.add_authority(Record::from_rdata(name("example.test."), 9, RData::SOA(soa)));
    message.add_authority(Record::from_rdata(name("example.test."), 15, RData::NS(NS(name("ns.example.test.")))));
    message.edns = Some(hickory_proto::op::Edns::new());
    message.edns.as_mut().unwrap().set_max_payload(1232);
    message
}

#[test]
fn a_line_tells_what_is_asked_and_answered() {
    let query = Dns::query("example.test", RecordType::A).id(0x1234);
    assert_eq!(line(query.clone()), "192.0.2.2:53000 > 192.0.2.1:53 DNS query 0x1234 A example.test");
    let reply = |line: &str| format!("192.0.2.2:53 > 192.0.2.1:53000 DNS {line}");
    let response = || Dns::response_to(&query);
    assert_eq!(line(response().nxdomain()), reply("response 0x1234 NXDOMAIN A example.test"));
    assert_eq!(line(response().rcode(15)), reply("response 0x1234 rcode 15 A example.test"));
    assert_eq!(line(response().tc(true)), reply("response 0x1234 truncated A example.test"));
    let alias = response().cname("example.test", 1, "a.test").a("a.test", 1, HOST).txt("a.test", 1, "\"\n");
    let answers = r#"response 0x1234 A example.test: CNAME a.test, 192.0.2.7, TXT "\"\n""#;
    assert_eq!(line(alias), reply(answers));
    let many = (0..10).fold(response(), |reply, last| reply.a("example.test", 1, [192, 0, 2, last]));
    assert!(line(many).ends_with(" 192.0.2.6, 192.0.2.7 and 2 more"));
    let v6 = Ipv6::new() / Udp::new().sport(5353).dport(5353) / Dns::query("host.local", RecordType(999)).rd(false);
    assert_eq!(line(v6), "[2001:db8::2]:5353 > [2001:db8::1]:5353 DNS query 0x0000 TYPE999 host.local");
    assert_eq!(line(Dns::response()), "192.0.2.2:53 > 192.0.2.1:53000 DNS response 0x0000");
}

#[test]
fn every_field_is_told_with_its_octets() {
    let reply = Dns::response_to(&Dns::query("example.test", RecordType::A).id(7)).a("example.test", 300, HOST);
    let octets = built(reply.additional(DnsRecord::opt(1232)) / b"behind");
    let told = tun(&octets).explain().to_string();
    for line in [
        "DNS  @ octets 28..",
        "  id                   0x0007                       @ 28..30",
        "  qr                   yes                          @ 30..31",
        "  rcode                0 (NOERROR)                  @ 31..32",
        "  question             example.test                 @ 40..54",
        "  question_type        1 (A)                        @ 54..56",
        "  answers              example.test 300 A 192.0.2.7 @ 58..86",
        "  additionals          . OPT 1232 octets            @ 86..97",
        "payload  @ octets 97..103",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    assert_eq!(
        format!("{}", Udp::new().dport(53) / Dns::new().question("Example.test").answers(Field::absent())),
        "UDP (dport 53) / DNS (question Example.test, answers absent)"
    );
}

#[test]
fn what_is_built_matches_its_template_and_what_it_implies() {
    let octets = built(everything());
    let yes = |dns: Dns| assert!(dns.clone().into_packet().matches(tun(&octets)), "{dns:?}");
    let no = |dns: Dns| assert!(!dns.clone().into_packet().matches(tun(&octets)), "{dns:?}");
    yes(everything());
    yes(Dns::new().question("EXAMPLE.test."));
    no(Dns::new().question("example.tesT.x"));
    no(Dns::new().question("ample.test"));
    yes(Dns::new().question_type([RecordType::A, RecordType::ANY]).question_class(1));
    no(Dns::new().question_type(RecordType::A));
    yes(Dns::response().ancount(8).nscount(2..).arcount(1).opcode(0).rcode(0));
    no(Dns::response().nxdomain());
    yes(Dns::new().aaaa("example.TEST", 1.., HOST_V6).a(
        "example.test",
        ..=60,
        "192.0.2.0/24".parse::<Cidr>().unwrap(),
    ));
    no(Dns::new().a("example.test", 1.., "198.51.100.0/24".parse::<Cidr>().unwrap()));
    no(Dns::new().a("example.test", 2.., HOST));
    no(Dns::new().a("www.example.test", 1.., HOST));
    no(Dns::new().aaaa("example.test", 1.., HOST_V6).a("example.test", 1, [192, 0, 2, 8]));
    no(Dns::new().authority(DnsRecord::a("example.test", 1, HOST)));
    yes(Dns::new().answer(DnsRecord::mx("example.test", 0.., 1..=10, "MAIL.example.test")));
    no(Dns::new().answer(DnsRecord::mx("example.test", 0.., 11.., "mail.example.test")));
    no(Dns::new().answer(DnsRecord::a("example.test", 1, HOST).class(3)));
    yes(Dns::new().additional(DnsRecord::opt(1200..)));
    no(Dns::new().answers(Field::absent()));
    let five = built(Dns::response().answer(DnsRecord::of("example.test", RecordType::A, 1, [192, 0, 2, 7, 0])));
    assert!(!Dns::new().a("example.test", 1, HOST).into_packet().matches(tun(&five)), "no address has five octets");
    assert!(tun(&five).summary().to_string().ends_with(": A c0000207 00"));
    let unknown = built(Dns::response().opcode(15));
    assert!(Dns::new().opcode(15).into_packet().matches(tun(&unknown)));
    assert!((Ipv4::new() / Udp::new().sport(53) / Dns::new().id(0xbeef)).matches(tun(&octets)));
    assert!(!(Ipv4::new() / Dns::new()).matches(tun(&octets)), "UDP lies between");
    assert!((Udp::new() / Payload::of_length(200..)).matches(tun(&octets)), "octets match beside the layer");
    let query = built(Dns::query("example.test", RecordType::A));
    assert!(Dns::new().answers(Field::absent()).into_packet().matches(tun(&query)));
}

#[test]
fn a_pattern_cannot_be_built_and_the_error_names_it() {
    let error = |dns: Dns| dns.into_packet().build().unwrap_err().to_string();
    assert_eq!(error(Dns::new().id(1..)), "DNS id is 0x0001..: give one value to build the packet");
    assert_eq!(
        error(Dns::response().a("example.test", 60.., HOST)),
        "DNS answers is example.test 60.. A 192.0.2.7: give one value to build the packet"
    );
    let long = "a".repeat(64);
    assert_eq!(
        error(Dns::query(&long, RecordType::A)),
        format!(
            "DNS question is {long:?}, which is no domain name (labels of 63 octets, 255 in all: RFC 1035 section \
             2.3.4): give one value to build the packet"
        )
    );
    assert!(matches!(
        Dns::new().cname("example.test", 1, long).into_packet().build(),
        Err(BuildError::Inexact { field: "answers", .. })
    ));
}

#[test]
fn a_response_has_what_its_query_has() {
    let query = Dns::query("Example.test", RecordType::TXT).id(7).rd(false).question_class(3);
    let response = Dns::response_to(&query).txt("example.test", 1, "");
    let octets = built(query);
    let same = Dns::response_to_frame(tun(&octets)).unwrap().txt("example.test", 1, "");
    assert_eq!(built(same), built(response.clone()));
    assert_eq!(line(response.clone()), "192.0.2.2:53 > 192.0.2.1:53000 DNS response 0x0007 TXT Example.test: TXT \"\"");
    assert!(Dns::response_to_frame(tun(&built(response))).is_none(), "it is no query");
    assert!(Dns::response_to_frame(tun(&built(Tcp::new().dport(53)))).is_none());
}

#[test]
fn wrong_counts_and_raw_sections_can_be_built() {
    let short = Dns::query("example.test", RecordType::A).qdcount(2);
    let octets = built(short);
    let frame = Dissection::new(tun(&octets));
    assert_eq!(frame.error().unwrap().to_string(), "DNS at octet 28: a name is malformed or cut");
    assert!(frame.find_payload());
    let loops = built(Dns::query(".", RecordType::A).qdcount(1).sections(b"\xc0\x0c\x00\x01\x00\x01"));
    assert!(Dissection::new(tun(&loops)).find_payload());
    let two = Dns::new().qdcount(2).sections(b"\x01a\x00\x00\x01\x00\x01\x01b\xc0\x0e\x00\x1c\x00\x01");
    let octets = built(two.clone());
    assert!(two.into_packet().matches(tun(&octets)));
    assert_eq!(line(Dns::new().qdcount(1).sections(b"\x01a\x00\x00\x01\x00\x01")), line(Dns::query("a", 1)));
}

trait FindPayload {
    fn find_payload(&self) -> bool;
}

impl FindPayload for Dissection<'_> {
    fn find_payload(&self) -> bool {
        self.kinds().any(|kind| kind == LayerKind::Payload) && self.header(LayerKind::Dns).is_none()
    }
}

#[test]
fn what_is_not_dns_stays_a_payload() {
    let query = message(&built(Dns::query("example.test", RecordType::A))).to_vec();
    for stranger in [
        Udp::new().dport(53) / b"hi",
        Udp::new().dport(53) / [0; 12],
        Udp::new().dport(53) / "GET / HTTP/1.1\r\n\r\n",
        Udp::new().dport(54) / &query,
        Tcp::new().dport(53) / &query,
    ] {
        let octets = built(stranger);
        let frame = Dissection::new(tun(&octets));
        assert!(frame.find_payload() && frame.error().is_none(), "{frame:?}");
    }
    for port in [53, 5353, 5355] {
        for packet in [Udp::new().dport(port) / &query, Udp::new().sport(port) / &query] {
            assert!(Dns::query("example.test", RecordType::A).into_packet().matches(tun(&built(packet))));
        }
    }
}

#[test]
fn hickory_reads_what_is_built_here() {
    let octets = built(everything());
    assert_eq!(Message::from_vec(message(&octets)).unwrap(), everything_by_hickory());
}

#[test]
fn what_hickory_makes_matches_here_through_its_compression() {
    let octets = everything_by_hickory().to_vec().unwrap();
    assert!(octets.len() < message(&built(everything())).len(), "it is compressed");
    let frame = carrying(&octets);
    assert!(everything().into_packet().matches(tun(&frame)), "{}", tun(&frame).explain());
    assert_eq!(message(&frame), octets);
    let without = everything_by_hickory();
    for missing in 0..8 {
        let mut message = without.clone();
        message.answers.remove(missing);
        let frame = carrying(&message.to_vec().unwrap());
        assert!(!everything().ancount(7).into_packet().matches(tun(&frame)), "answer {missing}");
    }
    let mut error = Message::error_msg(7, OpCode::Query, ResponseCode::NXDomain);
    error.add_query(Query::query(name("example.test."), hickory_proto::rr::RecordType::AAAA));
    let frame = carrying(&error.to_vec().unwrap());
    assert!(Dns::response().nxdomain().question("example.test").into_packet().matches(tun(&frame)));
}

#[test]
fn what_simple_dns_makes_is_built_the_same() {
    let octets = message(&built(everything())).to_vec();
    let message = simple_dns::Packet::parse(&octets).unwrap();
    let again = built(Dns::try_from(&message).unwrap());
    // simple-dns writes the pseudo-record last, as it stands here.
    assert_eq!(self::message(&again), octets);
    let compressed = carrying(&message.build_bytes_vec_compressed().unwrap());
    assert!(everything().into_packet().matches(tun(&compressed)));
    let record = DnsRecord::try_from(&message.answers[5]).unwrap();
    assert_eq!(record.to_string(), "example.test 6 MX 10 mail.example.test");
    assert!(Dns::new().answer(record).into_packet().matches(tun(&compressed)));
    let two = [("a.test", simple_dns::TYPE::A), ("b.test", simple_dns::TYPE::AAAA)];
    let mut several = simple_dns::Packet::new_query(9);
    several.questions.extend(two.map(|(name, kind)| {
        simple_dns::Question::new(name.try_into().unwrap(), kind.into(), simple_dns::CLASS::IN.into(), false)
    }));
    let octets = built(Dns::try_from(&several).unwrap());
    assert_eq!(self::message(&octets), several.build_bytes_vec().unwrap());
}

/// Multicast DNS has flags in the class.
#[test]
fn the_flags_of_multicast_dns_are_in_the_class() {
    let announced = DnsRecord::a("host.local", 120, HOST).class(0x8001);
    let response = Dns::response().rd(false).aa(true).answer(announced);
    let octets = built(Ipv4::new().dst([224, 0, 0, 251]) / Udp::new().sport(5353).dport(5353) / response);
    let parsed = simple_dns::Packet::parse(message(&octets)).unwrap();
    assert!(parsed.answers[0].cache_flush);
    assert!(!Dns::new().a("host.local", 120, HOST).into_packet().matches(tun(&octets)));
    let any = DnsRecord::a("host.local", 120, HOST).class(Field::masked(1, 0x7fff));
    assert_eq!(format!("{any}"), "host.local 120 class 0x1 under the mask 0x7fff A 192.0.2.7");
    assert!(Dns::new().answer(any).into_packet().matches(tun(&octets)));
}

#[test]
#[ignore = "needs tshark: apt-get install tshark"]
fn tshark_reads_what_is_built_here() {
    let compressed = carrying(&everything_by_hickory().to_vec().unwrap());
    let nothing = built(Dns::response().id(1).nxdomain());
    let told = tshark_fields::fields(
        &[built(everything()), compressed, nothing],
        &[
            "dns.id",
            "dns.flags",
            "dns.qry.name",
            "dns.qry.type",
            "dns.resp.name",
            "dns.resp.ttl",
            "dns.a",
            "dns.aaaa",
            "dns.cname",
            "dns.txt",
            "dns.ptr.domain_name",
            "dns.mx.mail_exchange",
            "dns.srv.port",
            "dns.soa.serial_number",
            "dns.rr.udp_payload_size",
        ],
    );
    // The service's name is in other fields.
    let owners = "example.test|example.test|www.example.test|example.test|7.2.0.192.in-addr.arpa|example.test|\
                  example.test|example.test|example.test|<Root>";
    let all = [
        "0xbeef",
        "0x8490",
        "example.test",
        "255",
        owners,
        "1|2|3|4|5|6|7|8|9|15",
        "192.0.2.7",
        "2001:db8::7",
        "example.test",
        "v=spf1 -all",
        "example.test",
        "mail.example.test",
        "5060",
        "10",
        "1232",
    ];
    assert_eq!(told[0], all);
    assert_eq!(told[1], told[0], "compressed or not");
    assert_eq!(told[2][..3], ["0x0001", "0x8103", ""]);
}
