use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test(bogus, mtu = 9, colour = 1, address = "192.0.2.1", packet_info = maybe)]
#[should_panic]
async fn test<T>(#[device(mtu = 9)] _left: &Tun, _right: Tap) -> std::io::Result<()> {
    Ok(())
}

fn main() {}
