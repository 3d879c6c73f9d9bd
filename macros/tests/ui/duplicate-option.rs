use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test(mock, mtu = 1280, mock, mtu = 1400)]
fn of_the_attribute(_tun: Tun) {}

#[tuntap_test]
fn of_an_argument(#[device(name = "a", name = "b")] _tap: Tap) {}

#[tuntap_test]
fn whole_attribute(#[device(name = "a")] #[device(mtu = 1280)] _tap: Tap) {}

#[tuntap_test(peer = "192.0.2.2", peer = "192.0.2.3")]
fn family_of_the_peer(_tun: Tun) {}

#[tuntap_test(peer = "192.0.2.2", peer = "2001:db8::2", peer = "2001:db8::3")]
fn third_peer(_tun: Tun) {}

fn main() {}
