use tuntap_test::{Tap, Tun, tuntap_test};

struct Base;

#[tuntap_test(mtu = "big")]
fn mtu(_tun: Tun) {}

#[tuntap_test(address = 24)]
fn address(_tun: Tun) {}

#[tuntap_test(config = Base, mtu = 1280)]
fn config(_tap: Tap) {}

fn main() {}
