use tuntap_test::{Tun, tuntap_test};

#[tuntap_test]
#[should_panic]
fn t(_: Tun) -> Result<(), ()> {
    Ok(())
}

fn main() {}
