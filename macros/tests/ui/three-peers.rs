use tuntap_test::{Tun, tuntap_test};

#[tuntap_test(peer = "192.0.2.2", peer = "2001:db8::2", peer = "192.0.2.3")]
fn t(_: Tun) {}

fn main() {}
