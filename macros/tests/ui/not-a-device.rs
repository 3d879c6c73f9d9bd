use tuntap_test::{Tun, tuntap_test};

#[tuntap_test]
fn t(_: Tun, number: u32) {}

fn main() {}
