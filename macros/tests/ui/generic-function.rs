use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test]
fn generic<T: Clone>(_tun: Tun) {}

#[tuntap_test]
fn bounded(_tun: Tun)
where
    Tap: Sized,
{
}

fn main() {}
