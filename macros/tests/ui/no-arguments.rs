use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test]
fn test() {
    let _: Option<(Tun, Tap)> = None;
}

fn main() {}
