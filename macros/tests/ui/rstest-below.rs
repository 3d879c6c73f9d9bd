use tuntap_test::{Tun, tuntap_test};

#[tuntap_test]
#[rstest]
fn t(_: Tun) {}

fn main() {}
