use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test]
fn typo(#[devise(mtu = 1280)] _tun: Tun) {}

#[tuntap_test]
fn conditional(#[cfg(unix)] _tap: Tap) {}

#[tuntap_test]
fn of_rstest(#[ignore] _tap: Tap) {}

fn main() {}
