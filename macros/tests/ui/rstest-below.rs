use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test]
#[rstest::rstest]
#[case::one(1)]
fn cases(_tun: Tun, #[case] _number: u32) {}

#[tuntap_test]
#[test_case(1)]
fn another_crate(_tap: Tap) {}

fn main() {}
