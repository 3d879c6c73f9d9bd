use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test(kernal)]
fn close(_tun: Tun) {}

#[tuntap_test(loopback)]
fn far(_tap: Tap) {}

fn main() {}
