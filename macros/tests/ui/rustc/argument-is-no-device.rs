use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test]
fn test(_tun: Tun, number: u32, _tap: Tap) {
    let _ = number;
}

fn main() {}
