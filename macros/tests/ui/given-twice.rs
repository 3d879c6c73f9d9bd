use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test(mock)]
#[tuntap_test(kernel)]
fn same_name(_tun: Tun) {}

#[tuntap_test(mock)]
#[tuntap_test::test(kernel)]
fn other_name(_tap: Tap) {}

fn main() {}
