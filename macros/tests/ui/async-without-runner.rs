use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test]
async fn test(tun: Tun) -> std::io::Result<()> {
    let _: (Tun, Option<Tap>) = (tun, None);
    Ok(())
}

fn main() {}
