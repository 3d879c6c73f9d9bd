use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test(multi_queue)]
fn bare(_tun: Tun) {}

#[tuntap_test(mtu =)]
fn nothing(_tun: Tun) {}

#[tuntap_test(mtu(1280))]
fn parentheses(_tun: Tun) {}

#[tuntap_test(crate = "tuntap_test")]
fn quotes(_tun: Tun) {}

#[tuntap_test("mock")]
fn no_word(_tun: Tun) {}

#[tuntap_test]
fn empty(#[device] _tap: Tap) {}

fn main() {}
