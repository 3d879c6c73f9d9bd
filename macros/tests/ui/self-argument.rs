use tuntap_test::{Tap, Tun, tuntap_test};

struct Suite;

impl Suite {
    #[tuntap_test]
    fn test(&self, _tun: Tun, _tap: Tap) {}
}

fn main() {}
