use tuntap_test::{Tun, tuntap_test};

#[tuntap_test(mock, mock, mtu = 1280, mtu = 1281)]
fn t(_: Tun) {}

fn main() {}
