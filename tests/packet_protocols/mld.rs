//! Multicast listener discovery.

use std::net::Ipv6Addr;

use tuntap_test::packet::group_record::{CHANGE_TO_EXCLUDE_MODE, CHANGE_TO_INCLUDE_MODE, MODE_IS_INCLUDE};
use tuntap_test::packet::{Dissection, HopByHop, Icmpv6, IntoPacket, Ipv6};

use crate::{GROUP, HOST, PEER, built, check, tun};

const OTHER: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

#[test]
fn a_query_of_version_1_has_24_octets() {
    let general = Icmpv6::multicast_listener_query(Ipv6Addr::UNSPECIFIED).max_response(10_000);
    let others = [
        Icmpv6::multicast_listener_query(GROUP).into(),
        Icmpv6::multicast_listener_query(Ipv6Addr::UNSPECIFIED).max_response(1000).into(),
        Icmpv6::multicast_listener_query_v2(Ipv6Addr::UNSPECIFIED).into(),
    ];
    let line = "2001:db8::2 > ff02::1 hop-by-hop ICMPv6 multicast listener query for all groups";
    let octets = check(HopByHop::router_alert(0) / general, &others, line);
    assert_eq!(octets.len(), 40 + 8 + 24);
    assert_eq!((octets[7], octets[48], &octets[52..54]), (1, 130, &10_000_u16.to_be_bytes()[..]));

    let line = "2001:db8::2 > ff02::1:3 ICMPv6 multicast listener query ff02::1:3";
    check(Icmpv6::multicast_listener_query(GROUP), &[], line);
}

#[test]
fn a_query_of_version_2_has_its_sources() {
    let message = Icmpv6::multicast_listener_query_v2(GROUP).suppress(true).qrv(2).qqic(125).sources([HOST, PEER]);
    let other = || Icmpv6::multicast_listener_query_v2(GROUP);
    let others = [
        Icmpv6::multicast_listener_query(GROUP).into(),
        other().into(),
        other().sources([HOST]).into(),
        other().sources([PEER, HOST]).into(),
        other().sources([HOST, PEER]).qrv(3).into(),
        other().sources([HOST, PEER]).suppress(false).into(),
        other().sources([HOST, PEER]).qqic(124).into(),
        Icmpv6::new().number_of_sources(1).into(),
    ];
    let line = "2001:db8::2 > ff02::1:3 ICMPv6 multicast listener query v2 ff02::1:3 2 sources";
    let octets = check(message, &others, line);
    assert_eq!(octets[40 + 24..40 + 28], [0x0a, 125, 0, 2]);
    assert_eq!(octets[68..], [HOST.octets(), PEER.octets()].concat());
    assert_eq!(octets[7], 1);
    assert!(Icmpv6::new().number_of_sources(2).into_packet().matches(tun(&octets)));

    let line = "2001:db8::2 > ff02::1 ICMPv6 multicast listener query v2 for all groups";
    assert_eq!(check(Icmpv6::multicast_listener_query_v2(Ipv6Addr::UNSPECIFIED), &[], line).len(), 40 + 28);
}

#[test]
fn a_report_of_version_1_goes_to_its_group_and_done_to_the_routers() {
    let others = [
        Icmpv6::multicast_listener_report(OTHER).into(),
        Icmpv6::multicast_listener_done(GROUP).into(),
        Icmpv6::multicast_listener_report_v2().into(),
    ];
    let line = "2001:db8::2 > ff02::1:3 ICMPv6 multicast listener report ff02::1:3";
    let octets = check(Icmpv6::multicast_listener_report(GROUP), &others, line);
    assert_eq!((octets.len(), octets[7]), (64, 1));
    let line = "2001:db8::2 > ff02::2 ICMPv6 multicast listener done ff02::1:3";
    check(Icmpv6::multicast_listener_done(GROUP), &[Icmpv6::multicast_listener_report(GROUP).into()], line);
}

#[test]
fn a_report_of_version_2_has_its_records() {
    let report = Icmpv6::multicast_listener_report_v2;
    let message = report().record(CHANGE_TO_EXCLUDE_MODE, GROUP, []).record(MODE_IS_INCLUDE, OTHER, [HOST, PEER]);
    let others = [
        report().record(CHANGE_TO_EXCLUDE_MODE, GROUP, []).into(),
        report().record(MODE_IS_INCLUDE, OTHER, [HOST, PEER]).record(CHANGE_TO_EXCLUDE_MODE, GROUP, []).into(),
        report().number_of_records(1).into(),
        report().record_type(CHANGE_TO_INCLUDE_MODE).into(),
        report().record_group(OTHER).into(),
        report().with_record(CHANGE_TO_EXCLUDE_MODE, OTHER).into(),
        report().with_record(1.., HOST).into(),
        report().with_record(4, GROUP).with_record(2, OTHER).into(),
        Icmpv6::multicast_listener_report(GROUP).into(),
    ];
    let line = "2001:db8::2 > ff02::16 hop-by-hop ICMPv6 multicast listener report v2 2 records, first ff02::1:3 (change to exclude)";
    let octets = check(Ipv6::new() / HopByHop::router_alert(0) / message, &others, line);
    assert_eq!(octets[40..48], [58, 0, 5, 2, 0, 0, 1, 0]);
    assert_eq!(octets[54..60], [0, 2, 4, 0, 0, 0]);
    for template in [
        report().with_record(CHANGE_TO_EXCLUDE_MODE, GROUP),
        report().with_record([1, 2], OTHER).with_record(4, GROUP),
        report().number_of_records(2..).record_type(4).record_group(GROUP),
    ] {
        assert!(template.clone().into_packet().matches(tun(&octets)), "{template:?}");
    }
    // The first record by its fields.
    let by_fields = built(report().record_group(GROUP).record_type(4));
    assert_eq!(by_fields, built(report().record(4, GROUP, [])));
    let line = "2001:db8::2 > ff02::16 ICMPv6 multicast listener report v2 1 record: ff02::1:3 (change to exclude)";
    assert_eq!(tun(&by_fields).summary().to_string(), line);
    let line = "2001:db8::2 > ff02::16 ICMPv6 multicast listener report v2 0 records";
    assert_eq!(tun(&built(report())).summary().to_string(), line);
}

#[test]
fn more_sources_or_records_than_there_are_is_a_defect() {
    let records = Icmpv6::multicast_listener_report_v2().record(4, GROUP, []).number_of_records(2);
    let sources = Icmpv6::multicast_listener_query_v2(GROUP).sources([HOST]).number_of_sources(7);
    for (message, told) in [
        (records, "ICMPv6 number_of_records is 2, must be 1 @ octets 46..48 (RFC 3810 section 5.2)"),
        (sources, "ICMPv6 number_of_sources is 7, must be 1 @ octets 66..68 (RFC 3810 section 5.1)"),
    ] {
        let packet = message.into_packet();
        let octets = built(&packet);
        let mut defects = Vec::new();
        Dissection::new(tun(&octets)).verify(|defect| defects.push(defect.to_string()));
        assert_eq!(defects, [told]);
        assert!(!packet.matches(tun(&octets)));
        assert!(packet.unverified().matches(tun(&octets)));
    }
    // Octets behind the records are ignored (RFC 3810 section 5.2.11).
    let more = Icmpv6::multicast_listener_report_v2().record(4, GROUP, []) / b"more";
    assert!(Dissection::new(tun(&built(&more))).is_sound());
}
