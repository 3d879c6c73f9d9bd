use tuntap_test::{Tun, tuntap_test};

#[tuntap_test(kernal)]
fn t(_: Tun) {}

fn main() {}
