use tuntap_test::{Tun, tuntap_test};

#[tuntap_test(colour = 3, adress = "192.0.2.1/24")]
fn t(_: Tun) {}

fn main() {}
