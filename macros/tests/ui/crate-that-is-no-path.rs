use tuntap_test::{Tun, tuntap_test};

#[tuntap_test(crate = "tuntap_test")]
fn t(_: Tun) {}

fn main() {}
