use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test]
struct Suite {
    _tun: Tun,
    _tap: Tap,
}

trait Tests {
    #[tuntap_test]
    fn without_a_body(tun: Tun);
}

fn main() {}
