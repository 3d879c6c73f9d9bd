//! ICMP for IPv4.

use etherparse::checksum::Sum16BitWords;
use etherparse::{Icmpv4Slice, Icmpv4Type, SlicedPacket, TransportSlice};
use tuntap_test::packet::{Dissection, Icmpv4, IntoPacket, Ipv4, LayerKind, Udp};

use crate::{built, check, tun};

fn etherparse(octets: &[u8]) -> Icmpv4Slice<'_> {
    let packet = SlicedPacket::from_ip(octets).unwrap();
    let Some(TransportSlice::Icmpv4(message)) = packet.transport else { panic!("{octets:02x?}") };
    assert_eq!(Sum16BitWords::new().add_slice(message.slice()).ones_complement(), 0);
    message
}

#[test]
fn timestamps_have_three_times() {
    let request = Icmpv4::timestamp_request(7, 1, 43_200_000);
    let others = [
        Icmpv4::timestamp_reply(7, 1, 43_200_000).into(),
        Icmpv4::timestamp_request(8, 1, 43_200_000).into(),
        Icmpv4::timestamp_request(7, 1, ..=43_199_999).into(),
        Icmpv4::timestamp_request(7, 1, 0..).receive_timestamp(1).into(),
    ];
    let octets = check(request, &others, "192.0.2.2 > 192.0.2.1 ICMPv4 timestamp request id 7 seq 1 at 43200000");
    assert_eq!(octets.len(), 40);
    let Icmpv4Type::TimestampRequest(message) = etherparse(&octets).icmp_type() else { panic!("{octets:02x?}") };
    assert_eq!((message.id, message.seq, message.originate_timestamp), (7, 1, 43_200_000));

    let reply = Icmpv4::timestamp_reply(7, 1, 5).receive_timestamp(6).transmit_timestamp(7);
    let others = [Icmpv4::timestamp_reply(7, 1, 5).transmit_timestamp(8..).into()];
    let line = "192.0.2.2 > 192.0.2.1 ICMPv4 timestamp reply id 7 seq 1 at 5 received 6 sent 7";
    let octets = check(reply, &others, line);
    let Icmpv4Type::TimestampReply(message) = etherparse(&octets).icmp_type() else { panic!("{octets:02x?}") };
    assert_eq!((message.receive_timestamp, message.transmit_timestamp), (6, 7));
    // What is cut is none.
    let cut = built(Icmpv4::new().icmp_type(8) / [0; 4]);
    let mut cut = cut[..32].to_vec();
    cut[20] = 13;
    let error = Dissection::new(tun(&cut)).error().unwrap();
    assert_eq!((error.layer, error.needed, error.available), (LayerKind::Icmpv4, 20, 12));
}

#[test]
fn errors_have_their_own_second_word() {
    let quoted = || Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 2, 2]) / Udp::new().dport(53);
    let about = "about (192.0.2.1:0 > 192.0.2.2:53 UDP 0 octets)";
    let all = [
        (
            Icmpv4::fragmentation_needed(1280).length(7),
            [0, 7, 5, 0],
            "destination unreachable (fragmentation needed, mtu 1280)",
        ),
        (Icmpv4::time_exceeded().length(7).unused(9).unused_2(0x0102), [9, 7, 1, 2], "time exceeded"),
        (Icmpv4::parameter_problem(20).length(7), [20, 7, 0, 0], "parameter problem code 0 at octet 20"),
        (Icmpv4::redirect([192, 0, 2, 9]), [192, 0, 2, 9], "redirect code 1 to 192.0.2.9"),
        (Icmpv4::new().icmp_type(4).rest(0x0102_0304), [1, 2, 3, 4], "source quench"),
    ];
    for (message, second, line) in all {
        let others = [
            message.clone().code(9).into(),
            message.clone().id(0).into(),
            message.clone().quoting(Ipv4::new() / Udp::new().dport(54)),
        ];
        let line = format!("192.0.2.2 > 192.0.2.1 ICMPv4 {line} {about}");
        let octets = check(message.clone().quoting(quoted()), &others, &line);
        assert_eq!(octets[24..28], second, "{message:?}");
        assert_eq!(etherparse(&octets).bytes5to8(), second);
    }
    assert!(!Icmpv4::time_exceeded().rest(0).into_packet().matches(tun(&built(Icmpv4::time_exceeded()))));
}
