use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test(mtu = 67)]
fn small(_tun: Tun) {}

#[tuntap_test(mtu = 65_536)]
fn large(_tap: Tap) {}

#[tuntap_test(mtu = -1)]
fn negative(_tap: Tap) {}

#[tuntap_test]
fn of_an_argument(#[device(mtu = 0)] _tap: Tap) {}

fn main() {}
