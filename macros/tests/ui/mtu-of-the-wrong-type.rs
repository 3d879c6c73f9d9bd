use tuntap_test::{Tun, tuntap_test};

#[tuntap_test(mtu = "big")]
fn t(_: Tun) {}

fn main() {}
