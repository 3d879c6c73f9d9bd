//! `#[tuntap_test]` together with other crates' attributes: tokio's runner, rstest's cases, proptest's closures.

#![expect(clippy::indexing_slicing, reason = "the test fails where the slice is too short")]

use std::net::{IpAddr, Ipv4Addr};

use etherparse::Ipv4HeaderSlice;
use proptest::prelude::*;
use rstest::rstest;
use tuntap_test::{Tun, tuntap_test};

#[tuntap_test]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokio_below(tun: Tun) -> std::io::Result<()> {
    let kernel = tun.mock().is_none();
    let host = tun.host_v4();
    // A worker thread of the runtime: on the kernel backend it must be in the test's namespace, where this address is.
    let socket = tokio::spawn(async move { tokio::net::UdpSocket::bind((host, 0)).await }).await?;
    assert_eq!(socket.is_ok(), kernel, "only the test's namespace has {host}");
    if let Ok(socket) = socket {
        let peer = tun.peer_v4();
        tokio::spawn(async move { socket.send_to(b"from a worker", (peer, 9)).await }).await??;
        assert!(tun.receive().ends_with(b"from a worker"));
    }
    Ok(())
}

#[tokio::test]
#[tuntap_test]
async fn tokio_above(tun: Tun) {
    tokio::task::yield_now().await;
    assert_eq!(tun.mtu(), 1500);
}

#[tuntap_test]
#[tokio::test]
#[should_panic(expected = "from the runtime")]
async fn tokio_panics(tun: Tun) {
    tokio::task::yield_now().await;
    drop(tun);
    panic!("from the runtime");
}

#[rstest]
#[case::smallest(68)]
#[case::ethernet(1500)]
#[tuntap_test::test]
fn cases(#[ignore] tun: Tun, #[case] mtu: u32) {
    tun.set_mtu(mtu);
    assert_eq!(tun.mtu(), mtu);
}

#[rstest]
#[tuntap_test::test(mock)]
fn values(#[ignore] tun: Tun, #[values(1, 64, 255)] ttl: u8) {
    let mut packet = [0; 20];
    packet[0] = 0x45;
    packet[8] = ttl;
    tun.send(packet);
}

/// rstest's fixtures and ours side by side.
#[rstest::fixture]
fn elsewhere() -> IpAddr {
    Ipv4Addr::new(203, 0, 113, 77).into()
}

#[rstest]
#[tuntap_test::test]
fn fixtures(#[ignore] tun: Tun, elsewhere: IpAddr) {
    assert!(!tun.addresses().iter().any(|host| host.contains(elsewhere)));
}

#[tuntap_test]
fn properties(tun: Tun) {
    let config = ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(octets in prop::collection::vec(any::<u8>(), 0..64))| {
        tun.case(|| {
            let refused = !matches!(octets.first(), Some(0x40..=0x4f | 0x60..=0x6f));
            prop_assert_eq!(tun.try_send(&octets).is_err(), refused, "{:02x?}", &octets);
            Ok(())
        })?;
    });
}

/// Only the minimal case is reported: proptest's panic names it, and the report shows its frames and no others'.
#[tuntap_test]
#[should_panic(expected = "minimal failing input: first = 66")]
fn the_minimal_case_fails(tun: Tun) {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(first in 0x40_u8..0x50)| {
        tun.case(|| {
            tun.send([first]);
            prop_assert!(first < 66);
            Ok(())
        })?;
    });
}

/// A case begins with nothing of the case before, also when a reader runs in the background.
#[tuntap_test]
fn a_case_is_isolated(tun: Tun) {
    let mut request = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0];
    request.extend(tun.peer_v4().octets());
    request.extend(tun.host_v4().octets());
    request.extend([8, 0, 0xf7, 0xff, 0, 0, 0, 0]);
    let checksum = Ipv4HeaderSlice::from_slice(&request).unwrap().to_header().calc_header_checksum();
    request[10..12].copy_from_slice(&checksum.to_be_bytes());
    let _reader = tun.answer(tuntap_test::answer::IcmpEcho::for_addresses([Ipv4Addr::UNSPECIFIED]));
    for _ in 0..100 {
        tun.case(|| {
            let nothing = tun.try_receive(tuntap_test::device::Deadline::Now);
            assert_eq!(nothing.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
            tun.send(&request);
        });
    }
}
