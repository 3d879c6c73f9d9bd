//! Recording a frame allocates nothing once its buffer has grown. Alone in its test program, because the count is the
//! whole program's.

use std::alloc::System;
use std::time::Duration;
use std::{env, fs, process};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tuntap_test::capture::{CapturedFrame, Direction, Interface, Recording};
use tuntap_test::device::Mode;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn a_frame_is_recorded_without_allocating() {
    let base = env::temp_dir().join(format!("tuntap-test-allocations.{}", process::id()));
    let mut recording = Recording::below(&base, "allocations");
    let tun0 = recording.add_interface(Interface::new("tun0", Mode::Tun));
    let octets = [0x45; 1_500];
    let mut record = |frames| {
        for number in 0..frames {
            let frame = CapturedFrame::new(tun0, Duration::from_nanos(number), &octets[..]);
            recording.frame(&frame.with_direction(Direction::Outbound).with_drop_count(number));
        }
    };
    record(10);
    let region = Region::new(ALLOCATOR);
    record(1_000);
    let change = region.change();
    assert_eq!((change.allocations, change.reallocations), (0, 0));
    assert!(recording.error().is_none());
    assert_eq!(recording.recorded().unwrap().frames.len(), 1_010);
    recording.discard();
    assert!(!fs::exists(base).unwrap());
}
