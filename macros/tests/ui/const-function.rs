use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test]
const fn test(_tun: Tun) {
    let _: Option<Tap> = None;
}

fn main() {}
