//! Parity: what a user can rely on in the mock, said by the same body on both backends (DESIGN's settled choice 13).
//!
//! A behaviour is a sentence, a group, and a function of a link (and its host) to a short text: what was observed. Each has
//! two tests, `group::name::mock` and `group::name::kernel`; each holds what it observes against `src/mock/parity.md`, which is
//! the record and, as `tuntap_test::mock::parity`, the documentation. Where the two backends say different things, the table
//! in `differences.rs` has the reason, and nothing else is in there. After a change:
//!
//! ```text
//! INSTA_UPDATE=always cargo test --test parity -- --include-ignored
//! ```
//!
//! and read what changed. No other crate's file format is written: the variable is the one that our snapshots have.
#![cfg(target_os = "linux")]

mod behaviour;
mod differences;
mod page;
mod seen;
#[path = "../scenario/settings.rs"]
mod settings;
mod world;

mod descriptor;
mod device;
mod flow;
mod fragments;
mod icmp;
mod icmp_errors;
mod mtu;
mod neighbours;
mod packet_information;
mod sockets;
mod tcp_close;
mod tcp_closed;
mod tcp_data;
mod tcp_open;
mod udp;

use std::collections::BTreeSet;

use behaviour::Behaviour;

/// All groups, in the page's order.
const GROUPS: &[&[Behaviour]] = &[
    device::GROUP,
    packet_information::GROUP,
    neighbours::GROUP,
    icmp::GROUP,
    icmp_errors::GROUP,
    udp::GROUP,
    tcp_closed::GROUP,
    tcp_open::GROUP,
    tcp_data::GROUP,
    tcp_close::GROUP,
    sockets::GROUP,
    fragments::GROUP,
    mtu::GROUP,
    descriptor::GROUP,
];

fn all() -> impl Iterator<Item = &'static Behaviour> {
    GROUPS.iter().copied().flatten()
}

#[test]
fn the_page_holds_each_behaviour_and_no_other() {
    page::hold_page();
}

#[test]
fn each_sentence_stands_once() {
    let mut sentences = BTreeSet::new();
    for behaviour in all() {
        assert!(sentences.insert(behaviour.sentence), "twice: {}", behaviour.sentence);
    }
}
