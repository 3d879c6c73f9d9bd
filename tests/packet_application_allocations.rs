//! Matching DNS and DHCP messages allocates nothing. Alone in its test program, because the count is the whole
//! program's.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::packet::{Dhcp, Dns, DnsRecord, IntoPacket, Packet, RecordType, Udp};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn a_match_allocates_nothing() {
    let query = Dns::query("www.example.test", RecordType::A).id(7);
    let reply = || Dns::response_to(&query).cname("www.example.test", 60, "a.test").a("a.test", 60, [192, 0, 2, 7]);
    let offer = || Dhcp::offer().xid(7).yiaddr([192, 0, 2, 7]).router([192, 0, 2, 1]).option(43, b"vendor");
    let compressed = {
        let message = reply().into_packet().build().unwrap();
        let message = hickory_proto::op::Message::from_vec(&message[28..]).unwrap().to_vec().unwrap();
        (Udp::new().sport(53) / message).build().unwrap()
    };
    let frames = [compressed, offer().into_packet().build().unwrap()];
    let templates: [(Packet, [bool; 2]); 5] = [
        (Udp::new() / reply(), [true, false]),
        (reply().answer(DnsRecord::mx("www.example.test", 60, 10, "a.test")).into(), [false, false]),
        (Udp::new() / Dns::new().question("www.example.tesT").ancount(2), [true, false]),
        (Udp::new() / offer(), [false, true]),
        (offer().option(60, b"none").into(), [false, false]),
    ];
    let region = Region::new(ALLOCATOR);
    for (template, wanted) in &templates {
        for (octets, wanted) in frames.iter().zip(wanted) {
            assert_eq!(template.matches(FrameRef::new(Mode::Tun, octets)), *wanted);
        }
    }
    let change = region.change();
    assert_eq!((change.allocations, change.reallocations), (0, 0));
}
