use tuntap_test::{Tun, tuntap_test};

#[tuntap_test(packet_info = drop)]
fn t(_: Tun) {}

fn main() {}
