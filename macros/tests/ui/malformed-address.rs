use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test(address = "192.0.2.1")]
fn no_prefix(_tun: Tun) {}

#[tuntap_test(address = "192.0.2.1/33")]
fn long_prefix(_tun: Tun) {}

#[tuntap_test(address = "192.0.2.256/24")]
fn no_address(_tun: Tun) {}

#[tuntap_test(address = "2001:db8::1/x")]
fn no_number(_tun: Tun) {}

#[tuntap_test(peer = "192.0.2.2/24")]
fn peer_with_prefix(_tap: Tap) {}

#[tuntap_test(peer = "neighbour")]
fn peer_by_name(_tap: Tap) {}

fn main() {}
