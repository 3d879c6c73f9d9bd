//! IGMP.

use std::net::Ipv4Addr;

use etherparse::IgmpSlice;
use tuntap_test::packet::group_record::{CHANGE_TO_EXCLUDE_MODE, MODE_IS_INCLUDE};
use tuntap_test::packet::{Dissection, Igmp, IntoPacket, Ipv4};

use crate::{GROUP_V4 as GROUP, built, check, tun};

const OTHER: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const A: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);
const B: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 8);

/// The message as etherparse reads it, behind a header of 20 octets whose TTL is 1.
fn etherparse(octets: &[u8]) -> IgmpSlice<'_> {
    assert_eq!((octets[0], octets[8], octets[9]), (0x45, 1, 2));
    IgmpSlice::from_slice(&octets[20..]).unwrap()
}

#[test]
fn queries_of_versions_1_and_2_have_8_octets() {
    let general = Igmp::membership_query(Ipv4Addr::UNSPECIFIED).max_response(100);
    let others = [
        Igmp::membership_query(GROUP).into(),
        Igmp::membership_query(Ipv4Addr::UNSPECIFIED).max_response(99).into(),
        Igmp::membership_query_v3(Ipv4Addr::UNSPECIFIED).into(),
    ];
    let octets = check(general, &others, "192.0.2.2 > 224.0.0.1 IGMP v2 query for all groups");
    let IgmpSlice::MembershipQuery(query) = etherparse(&octets) else { panic!("{octets:02x?}") };
    assert_eq!(query.group_address().octets, [0; 4]);
    let octets = check(Igmp::membership_query(GROUP), &[], "192.0.2.2 > 239.1.2.3 IGMP v1 query 239.1.2.3");
    let IgmpSlice::MembershipQuery(query) = etherparse(&octets) else { panic!("{octets:02x?}") };
    assert_eq!(query.group_address().octets, GROUP.octets());
}

#[test]
fn a_query_of_version_3_has_its_sources() {
    let message = Igmp::membership_query_v3(GROUP).max_response(50).suppress(true).qrv(2).qqic(125).sources([A, B]);
    let other = || Igmp::membership_query_v3(GROUP);
    let others = [
        Igmp::membership_query(GROUP).into(),
        other().into(),
        other().sources([A]).into(),
        other().sources([A, B]).qrv(1).into(),
        other().sources([A, B]).qqic(1).into(),
        other().sources([A, B]).suppress(false).into(),
        Igmp::new().number_of_sources(3..).into(),
    ];
    let octets = check(message, &others, "192.0.2.2 > 239.1.2.3 IGMP v3 query 239.1.2.3 2 sources");
    let IgmpSlice::MembershipQueryWithSources(query) = etherparse(&octets) else { panic!("{octets:02x?}") };
    assert_eq!((query.group_address().octets, query.max_response_code().0), (GROUP.octets(), 50));
    assert_eq!((query.s_flag(), query.qrv().value(), query.qqic(), query.num_of_sources()), (true, 2, 125, 2));
    assert_eq!(query.source_addrs_bytes(), [A.octets(), B.octets()].concat());
    let octets =
        check(other(), &[Igmp::membership_query(GROUP).into()], "192.0.2.2 > 239.1.2.3 IGMP v3 query 239.1.2.3");
    assert!(matches!(etherparse(&octets), IgmpSlice::MembershipQueryWithSources(_)));
}

#[test]
fn reports_and_leave_have_their_group() {
    let all = [
        (Igmp::membership_report_v1(GROUP), "192.0.2.2 > 239.1.2.3 IGMP v1 report 239.1.2.3"),
        (Igmp::membership_report_v2(GROUP), "192.0.2.2 > 239.1.2.3 IGMP v2 report 239.1.2.3"),
        (Igmp::leave_group(GROUP), "192.0.2.2 > 224.0.0.2 IGMP leave 239.1.2.3"),
    ];
    for (at, (message, line)) in all.iter().enumerate() {
        let mut others: Vec<_> = all
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != at)
            .map(|(_, (other, _))| other.clone().into_packet())
            .collect();
        others.push(message.clone().group(OTHER).into());
        let octets = check(message.clone(), &others, line);
        let (group, kind) = match etherparse(&octets) {
            IgmpSlice::MembershipReportV1(report) => (report.group_address(), 0),
            IgmpSlice::MembershipReportV2(report) => (report.group_address(), 1),
            IgmpSlice::LeaveGroup(leave) => (leave.group_address(), 2),
            other => panic!("{other:?}"),
        };
        assert_eq!((group.octets, kind), (GROUP.octets(), at));
    }
}

#[test]
fn a_report_of_version_3_has_its_records() {
    let report = Igmp::membership_report_v3;
    let message = report().record(CHANGE_TO_EXCLUDE_MODE, GROUP, []).record(MODE_IS_INCLUDE, OTHER, [A, B]);
    let others = [
        report().record(CHANGE_TO_EXCLUDE_MODE, GROUP, []).into(),
        report().number_of_records([1, 3]).into(),
        report().record_type(MODE_IS_INCLUDE).into(),
        report().record_group(OTHER).into(),
        report().with_record(MODE_IS_INCLUDE, GROUP).into(),
        Igmp::new().group(Ipv4Addr::new(0, 0, 0, 2)).into(),
        Igmp::membership_report_v2(GROUP).into(),
    ];
    let line = "192.0.2.2 > 224.0.0.22 IGMP v3 report 2 records, first 239.1.2.3 (change to exclude)";
    let octets = check(message, &others, line);
    let IgmpSlice::MembershipReportV3(slice) = etherparse(&octets) else { panic!("{octets:02x?}") };
    let records: Vec<_> = slice.group_records().collect::<Result<_, _>>().unwrap();
    let [first, second] = &records[..] else { panic!("{records:?}") };
    assert_eq!((first.record_type().0, first.multicast_address(), first.num_of_sources()), (4, GROUP.octets(), 0));
    assert_eq!((second.record_type().0, second.multicast_address()), (1, OTHER.octets()));
    assert_eq!(second.source_addrs_bytes(), [A.octets(), B.octets()].concat());
    assert!(report().with_record(1..=2, OTHER).with_record(4, GROUP).into_packet().matches(tun(&octets)));
    let by_fields = built(report().record_type(4).record_group(GROUP));
    assert_eq!(by_fields, built(report().record(4, GROUP, [])));
    let line = "192.0.2.2 > 224.0.0.22 IGMP v3 report 1 record: 239.1.2.3 (change to exclude)";
    assert_eq!(tun(&by_fields).summary().to_string(), line);
}

#[test]
fn more_sources_or_records_than_there_are_is_a_defect() {
    for (message, told) in [
        (
            Igmp::membership_report_v3().record(4, GROUP, []).number_of_records(2),
            "IGMP number_of_records is 2, must be 1 @ octets 26..28 (RFC 3376 section 4.2)",
        ),
        (
            Igmp::membership_query_v3(GROUP).sources([A]).number_of_sources(2),
            "IGMP number_of_sources is 2, must be 1 @ octets 30..32 (RFC 3376 section 4.1)",
        ),
    ] {
        let octets = built(&message.into_packet());
        let mut defects = Vec::new();
        Dissection::new(tun(&octets)).verify(|defect| defects.push(defect.to_string()));
        assert_eq!(defects, [told]);
    }
}

#[test]
fn what_is_given_is_not_replaced() {
    let octets = built(Ipv4::new().ttl(7).dst([192, 0, 2, 1]).router_alert() / Igmp::leave_group(GROUP));
    assert_eq!((octets[8], &octets[16..24]), (7, &[192, 0, 2, 1, 148, 4, 0, 0][..]));
    // A message that is quoted says nothing of the packet around it.
    let quoting = tuntap_test::packet::Icmpv4::time_exceeded() / Ipv4::new() / Igmp::leave_group(GROUP);
    assert_eq!(built(quoting)[8], 64);
}
