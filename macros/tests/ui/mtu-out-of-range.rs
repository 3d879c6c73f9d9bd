use tuntap_test::{Tun, tuntap_test};

#[tuntap_test(mtu = 65536)]
fn t(_: Tun) {}

fn main() {}
