//! The throwaway kernel link, through the public surface.
#![cfg(target_os = "linux")]

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use tuntap_test::context::{Backend, TestContext};
use tuntap_test::device::DeviceConfig;
use tuntap_test::{Tap, Tun};

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_socket_of_the_test_reaches_the_device_end() -> std::io::Result<()> {
    let mut context = TestContext::new(Backend::Kernel, "socket")?;
    let tun: Tun = context.argument(DeviceConfig::new())?;
    let socket = UdpSocket::bind((tun.host_v4(), 0))?;
    socket.send_to(b"hello", (tun.peer_v4(), 9))?;
    let frame = tun.receive();
    assert_eq!(&frame[28..], b"hello");
    let socket = UdpSocket::bind((tun.host_v6(), 0))?;
    socket.send_to(b"hello", (tun.peer_v6(), 9))?;
    assert_eq!(&tun.receive()[48..], b"hello");
    Ok(())
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn timing() -> std::io::Result<()> {
    for (what, tap) in [("tun", false), ("tap", true), ("tun", false)] {
        let start = Instant::now();
        let mut slices = [Duration::ZERO; 3];
        for _ in 0..200 {
            let t = Instant::now();
            let mut context = TestContext::new(Backend::Kernel, "timing")?;
            let u = Instant::now();
            slices[0] += u - t;
            if tap {
                let _tap: Tap = context.argument(DeviceConfig::new())?;
                slices[1] += u.elapsed();
            } else {
                let _tun: Tun = context.argument(DeviceConfig::new())?;
                slices[1] += u.elapsed();
            }
            let v = Instant::now();
            drop(context);
            slices[2] += v.elapsed();
        }
        println!(
            "{what}: {:?} each; context {:?} link {:?} drop {:?}",
            start.elapsed() / 200,
            slices[0] / 200,
            slices[1] / 200,
            slices[2] / 200
        );
    }
    Ok(())
}
