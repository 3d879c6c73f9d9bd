use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test]
fn body(tun: Tun) {
    let _: Tap = tun;
}

#[tuntap_test(mock, bogus)]
fn body_below_a_mistake_of_the_attribute(tun: Tun) {
    tun.no_such_method();
}

fn main() {}
