use tuntap_test::{Tun, tuntap_test};

#[tuntap_test(bogus, mtu = 20, colour = 3, mock = true)]
const fn t<T>(_: Tun) {}

fn main() {}
