//! `#[tuntap_test]` under rstest: rstest above, the device handed through with `#[ignore]` on the argument.

use rstest::{fixture, rstest};
use tuntap_test::{Tap, Tun};

#[rstest]
#[case::smallest(68, "68")]
#[case::usual(1500, "1500")]
#[tuntap_test::test]
fn cases(#[ignore] tun: Tun, #[case] mtu: u32, #[case] text: &str) {
    assert_eq!(tun.mtu(), 1500);
    assert_eq!(mtu.to_string(), text);
}

#[rstest]
#[tuntap_test::test(mock, mtu = 1280)]
fn values(#[ignore] tap: Tap, #[values(1, 64, 255)] hops: u8, #[values(true, false)] _flag: bool) {
    assert_eq!(tap.mtu(), 1280);
    assert_ne!(hops, 0);
}

#[fixture]
fn payload() -> Vec<u8> {
    b"hello".to_vec()
}

#[rstest]
#[tuntap_test::test]
fn fixtures(#[ignore] tun: Tun, payload: Vec<u8>) -> Result<(), std::num::ParseIntError> {
    let five: usize = "5".parse()?;
    assert_eq!(payload.len(), five);
    assert!(!tun.name().is_empty());
    Ok(())
}

#[rstest]
#[case(1)]
#[case(2)]
#[tuntap_test::test]
#[tokio::test]
async fn cases_on_tokio(#[ignore] tun: Tun, #[case] number: u32) {
    tokio::task::yield_now().await;
    assert_eq!(tun.mtu() % number, 0);
}

#[rstest]
#[case(0)]
#[should_panic(expected = "as it should")]
#[case(1)]
#[tuntap_test::test(mock)]
fn one_case_panics(#[ignore] _tun: Tun, #[case] number: u32) {
    assert_eq!(number, 0, "as it should");
}
