use tuntap_test::{Tun, tuntap_test};

#[tuntap_test(mtu, name)]
fn t(_: Tun) {}

fn main() {}
