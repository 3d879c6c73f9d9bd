use tuntap_test::{Tun, tuntap_test};

struct S;

impl S {
    #[tuntap_test]
    fn t(&self, _: Tun) {}
}

fn main() {}
