use tuntap_test::{Tun, tuntap_test};

#[tuntap_test(address = "192.0.2.256/24", address = "192.0.2.1/33", peer = "192.0.2.2/24")]
fn t(_: Tun) {}

fn main() {}
