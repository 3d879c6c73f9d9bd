use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test(host = "b")]
fn host_of_the_test(_tun: Tun) {}

#[tuntap_test]
fn crate_of_an_argument(#[device(crate = tuntap_test)] _tap: Tap) {}

#[tuntap_test]
fn backend_of_an_argument(#[device(mock)] _tap: Tap) {}

#[tuntap_test(mock = true)]
fn value_of_a_backend(_tap: Tap) {}

fn main() {}
