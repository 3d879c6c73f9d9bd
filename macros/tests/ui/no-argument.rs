use tuntap_test::{Tun, tuntap_test};

#[tuntap_test]
fn t() {}

fn main() {}
