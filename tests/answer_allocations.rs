//! Answering allocates nothing once its buffers have grown. Alone in its test program, because the count is the whole
//! program's.
#![cfg(unix)]
#![expect(clippy::indexing_slicing, reason = "the test device slices what it has just measured")]

#[expect(dead_code, reason = "this program needs no failing device")]
mod memory;

use std::alloc::System;

use memory::{MemoryDevice, PATIENCE};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tuntap_test::answer::{self, IcmpEcho, Until};
use tuntap_test::codec::Framing;
use tuntap_test::device::Mode;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn a_warm_machine_answers_without_allocating() {
    let mut requests = Vec::new();
    for data in [&b"hello"[..], &[0x5a; 1400]] {
        let mut request = vec![0, 0, 0x08, 0x00];
        etherparse::PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
            .icmpv4_echo_request(7, 1)
            .write(&mut request, data)
            .unwrap();
        requests.push(request);
        let mut request = vec![0, 0, 0x86, 0xdd];
        etherparse::PacketBuilder::ipv6([0x20; 16], [0x21; 16], 64)
            .icmpv6_echo_request(7, 1)
            .write(&mut request, data)
            .unwrap();
        requests.push(request);
    }
    let device = MemoryDevice::new(Mode::Tun, Framing::TunPi);
    let answering = answer::on(device.clone(), IcmpEcho::any_address().on_reply(|_| {})).unwrap();
    let mut reply = Vec::new();
    let mut echo_all = || {
        for request in &requests {
            device.inject(request);
            device.take(&mut reply);
            assert_eq!(reply.len(), request.len());
        }
    };
    for _ in 0..20 {
        echo_all();
    }
    let region = Region::new(ALLOCATOR);
    for _ in 0..250 {
        echo_all();
    }
    let change = region.change();
    assert_eq!((change.allocations, change.reallocations), (0, 0));
    assert_eq!(answering.wait_for(Until::replies(270 * 4).within(PATIENCE)), 270 * 4);
}
