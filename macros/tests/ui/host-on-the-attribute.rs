use tuntap_test::{Tun, tuntap_test};

#[tuntap_test(host = "b")]
fn t(_: Tun) {}

fn main() {}
