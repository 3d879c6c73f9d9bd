use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test(colour = "blue")]
fn far(_tun: Tun) {}

#[tuntap_test(adress = "192.0.2.1/24")]
fn close(_tap: Tap) {}

#[tuntap_test]
fn of_an_argument(#[device(mut = 1280)] _tun: Tun) {}

fn main() {}
