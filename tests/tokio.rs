//! `#[tuntap_test]` together with tokio's runner, in either order.

use std::io;
use std::time::Duration;

use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_runner_below(tun: Tun) -> io::Result<()> {
    tokio::task::yield_now().await;
    let name = tokio::spawn(async move { tun.name() }).await?;
    assert!(!name.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[tuntap_test]
async fn the_runner_above(tun: Tun) {
    tokio::task::yield_now().await;
    assert_eq!(tun.mtu(), 1500);
}

#[tokio::test]
#[tuntap_test::test(mock, mtu = 1280)]
async fn the_runner_above_the_other_name(tun: Tun) -> io::Result<()> {
    tokio::task::yield_now().await;
    assert_eq!(tun.mtu(), 1280);
    Ok(())
}

#[tuntap_test(mtu = 1280)]
#[tokio::test(flavor = "current_thread")]
async fn options_and_several_devices(left: Tun, #[device(mtu = 1400)] right: Tap) {
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!((left.mtu(), right.mtu()), (1280, 1400));
}

#[tuntap_test(mock)]
#[tokio::test]
#[should_panic(expected = "inside the runner")]
async fn a_panic_comes_through_the_runner(_tun: Tun) {
    tokio::task::yield_now().await;
    panic!("inside the runner");
}

#[tuntap_test(mock)]
#[ignore = "a reason of its own"]
#[tokio::test]
async fn ignored_with_a_reason(_tun: Tun) {
    // Passes when it is asked for, as the kernel tests are.
}

#[tuntap_test(mock)]
fn a_runtime_of_ones_own(tun: Tun) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        tokio::task::yield_now().await;
        assert_eq!(tun.mtu(), 1500);
    });
    Ok(())
}
