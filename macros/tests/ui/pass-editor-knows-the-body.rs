use tuntap_test::{Tun, tuntap_test};

// What is emitted without --test is checked too: the body, the types, the options.
#[tuntap_test(mtu = 1280)]
fn t(tun: Tun) {
    tun.send([0x45]);
}

fn main() {}
