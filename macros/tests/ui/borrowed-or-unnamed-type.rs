use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test]
fn borrowed(_tun: &mut Tun) {}

#[tuntap_test]
fn implementor(_tap: impl Into<Tap>) {}

fn main() {}
