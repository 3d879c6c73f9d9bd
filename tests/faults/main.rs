//! Each fault does what its name says, to the frames and calls that are meant and to no others.
//!
//! The counts for seed 7 were computed by a second implementation of the numbers, in Python.

mod device;
mod exact;
mod file;
#[path = "../injecting/mod.rs"]
mod injecting;
mod limits;
mod rates;
mod report;

use std::collections::BTreeSet;
use std::time::Duration;

use injecting::{Arrived, Sent, run};
use tuntap_test::codec::{EtherType, TunPi};
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::fault::{
    Call, CallFault, Calls, ExactFault, FaultPlan, FaultPlans, FrameFault, FrameFaults, Injector, LinkFault, Towards,
    When, plans_from, seed_from,
};
use tuntap_test::packet::{Dissection, Ethernet, Icmpv4, IntoPacket, Ipv4, Ipv6, Packet, Tcp, Udp};
use tuntap_test::shrink::Shrinker;

const FRAMES: u64 = 1000;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn to_host(octets: Vec<u8>, at: Duration) -> Sent {
    Sent { towards: Towards::Host, mode: Mode::Tun, octets, at }
}

/// UDP datagrams that carry their number, one a millisecond from 1 ms on.
fn datagrams(count: u64) -> Vec<Sent> {
    let datagram = |n: u64| Ipv4::new() / Udp::new().sport(9).dport(53) / n.to_be_bytes().to_vec();
    (1..=count).map(|n| to_host(datagram(n).build().unwrap(), ms(n))).collect()
}

/// What becomes of 1000 datagrams with seed 7.
fn with(plan: impl FnOnce(FrameFaults) -> FrameFaults) -> (Vec<Arrived>, Injector) {
    run(FaultPlan::new().seed(7).to_host(plan), &datagrams(FRAMES))
}

fn numbers(arrived: &[Arrived]) -> Vec<u64> {
    arrived.iter().map(|frame| frame.number).collect()
}

/// The same for the first `count` datagrams, without times.
fn order(count: u64, plan: impl FnOnce(FrameFaults) -> FrameFaults) -> Vec<u64> {
    numbers(&run(FaultPlan::new().to_host(plan), &datagrams(count)).0)
}

fn is_sound(octets: &[u8]) -> bool {
    Dissection::new(FrameRef::new(Mode::Tun, octets)).is_sound()
}

/// How many bits are not the same.
fn differing_bits(one: &[u8], other: &[u8]) -> u32 {
    one.iter().zip(other).map(|(one, other)| (one ^ other).count_ones()).sum()
}

fn octets_of(sent: &[Sent], arrived: &Arrived) -> Vec<u8> {
    let index = usize::try_from(arrived.number).unwrap() - 1;
    sent.get(index).unwrap().octets.clone()
}
