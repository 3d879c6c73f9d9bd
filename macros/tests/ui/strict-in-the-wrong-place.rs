use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test(strict, kernel, strict)]
fn twice(_tun: Tun) {}

#[tuntap_test(strict = true)]
fn with_a_value(_tun: Tun) {}

#[tuntap_test(strict(mock))]
fn with_parentheses(_tun: Tun) {}

#[tuntap_test(stict)]
fn misspelt(_tun: Tun) {}

#[tuntap_test]
fn on_an_argument(#[device(strict)] _tap: Tap) {}

#[tuntap_test]
fn on_an_argument_with_a_value(#[device(strict = true)] _tap: Tap) {}

fn main() {}
