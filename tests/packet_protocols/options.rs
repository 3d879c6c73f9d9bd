//! Options of TCP and IPv4 by their kind.

use etherparse::{Ipv4HeaderSlice, TcpHeaderSlice};
use tuntap_test::packet::{Field, IntoPacket, Ipv4, Tcp, Udp, octets_such_that};

use crate::{built, check, tun};

#[test]
fn tcp_options_are_built_in_the_order_of_the_calls() {
    let syn = Tcp::new()
        .syn()
        .mss(1460)
        .nop()
        .nop()
        .option(253, [0xf9, 0x89, 1])
        .timestamps(7, 9)
        .option(254, [])
        .option(253, [2]);
    let others = [
        Tcp::new().option(253, [0xf9, 0x89]).into(),
        Tcp::new().option(253, Field::absent()).into(),
        Tcp::new().option(254, [0]).into(),
        Tcp::new().option(252, octets_such_that("whatever", |_| true)).into(),
        Tcp::new().option(253, octets_such_that("whatever", |_| true)).option(253, [3]).into(),
        Tcp::new().nop().nop().nop().into(),
        Tcp::new().mss(1460).option(2, [5, 0xb4]).into(),
    ];
    let line = "192.0.2.2:0 > 192.0.2.1:0 TCP [S] seq 0 win 0 <mss 1460,option 253,ts,option 254,option 253>";
    let octets = check(syn, &others, line);
    let options = TcpHeaderSlice::from_slice(&octets[20..]).unwrap().options().to_vec();
    let wanted = [
        &[2, 4, 5, 0xb4][..],
        &[1, 1],
        &[253, 5, 0xf9, 0x89, 1],
        &[8, 10, 0, 0, 0, 7, 0, 0, 0, 9],
        &[254, 2],
        &[253, 3, 2],
        &[0, 0],
    ];
    assert_eq!(options, wanted.concat());
    for template in [
        Tcp::new().option(253, octets_such_that("an experiment", |value| value.starts_with(&[0xf9, 0x89]))),
        Tcp::new().option(2, [5, 0xb4]).nop().nop(),
        Tcp::new().option(254, []).option(252, Field::absent()),
    ] {
        assert!(template.clone().into_packet().matches(tun(&octets)), "{template:?}");
    }
    let explained = tun(&octets).explain().to_string();
    assert_eq!(explained.matches("option 253").count(), 2, "{explained}");
    assert_eq!(explained.matches("option 254").count(), 1, "{explained}");
    assert_eq!(explained.matches("option 1 ").count(), 0, "{explained}");
}

#[test]
fn an_option_that_is_no_value_cannot_be_built() {
    let error = Tcp::new().option(253, octets_such_that("odd", |_| true)).into_packet().build().unwrap_err();
    assert_eq!(error.to_string(), "TCP option 253 is odd: give one value to build the packet");
}

#[test]
fn ipv4_options_by_name_and_by_kind() {
    let packet = Ipv4::new().record_route(3).router_alert().option(136, [0, 7]) / Udp::new().dport(9);
    let octets = built(&packet);
    let options = Ipv4HeaderSlice::from_slice(&octets).unwrap().options().to_vec();
    assert_eq!(options, [&[7, 15, 4][..], &[0; 12], &[148, 4, 0, 0], &[136, 4, 0, 7], &[0]].concat());
    assert!(packet.matches(tun(&octets)));
    let yes = |packet: Ipv4| assert!(packet.clone().into_packet().matches(tun(&octets)), "{packet:?}");
    let no = |packet: Ipv4| assert!(!packet.clone().into_packet().matches(tun(&octets)), "{packet:?}");
    yes(Ipv4::new().router_alert());
    yes(Ipv4::new().recorded_route([]));
    yes(Ipv4::new().option(136, octets_such_that("two octets", |value| value.len() == 2)));
    no(Ipv4::new().option(136, [0, 8]));
    no(Ipv4::new().recorded_route([[192, 0, 2, 9].into()]));
    no(Ipv4::new().option(68, octets_such_that("a timestamp", |_| true)));

    let recorded = [7, 15, 12, 192, 0, 2, 9, 192, 0, 2, 10, 0, 0, 0, 0];
    let octets = built(Ipv4::new().options(recorded) / Udp::new());
    let template = |last| Ipv4::new().recorded_route([[192, 0, 2, 9].into(), [192, 0, 2, last].into()]);
    assert!(template(10).into_packet().matches(tun(&octets)));
    assert!(!template(11).into_packet().matches(tun(&octets)));
    assert!(!Ipv4::new().recorded_route([[192, 0, 2, 9].into()]).into_packet().matches(tun(&octets)));
}
