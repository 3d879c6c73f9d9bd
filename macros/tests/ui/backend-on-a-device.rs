use tuntap_test::{Tun, tuntap_test};

#[tuntap_test]
fn t(#[device(kernel, hast = "b")] _: Tun) {}

fn main() {}
