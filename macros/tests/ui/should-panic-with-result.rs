use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test]
#[should_panic]
fn test(_tun: Tun) -> Result<(), Option<Tap>> {
    Ok(())
}

fn main() {}
