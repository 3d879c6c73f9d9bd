use tuntap_test::{Tun, tuntap_test};

#[tuntap_test(address = "192.0.2.1")]
fn t(_: Tun) {}

fn main() {}
