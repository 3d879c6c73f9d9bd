use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test(packet_info = Keep)]
fn case(_tun: Tun) {}

#[tuntap_test(packet_info = "keep")]
fn quotes(_tun: Tun) {}

#[tuntap_test(packet_info = hide)]
fn word(_tap: Tap) {}

fn main() {}
