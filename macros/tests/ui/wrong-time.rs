use tuntap_test::{Tun, tuntap_test};

#[tuntap_test(time = rael)]
fn close(_tun: Tun) {}

#[tuntap_test(time = "real")]
fn quoted(_tun: Tun) {}

#[tuntap_test(time)]
fn nothing(_tun: Tun) {}

#[tuntap_test]
fn of_an_argument(#[device(time = real)] _tun: Tun) {}

fn main() {}
