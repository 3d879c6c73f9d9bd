use tuntap_test::{Tun, tuntap_test};

#[tuntap_test]
async fn t(_: Tun) {}

fn main() {}
