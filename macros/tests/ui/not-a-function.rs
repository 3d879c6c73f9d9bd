use tuntap_test::{Tun, tuntap_test};

#[tuntap_test]
struct T;

fn main() {}
