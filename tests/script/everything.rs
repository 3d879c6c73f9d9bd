//! A script with a step of every kind, and every variant of each.

use std::net::Shutdown;
use std::time::Duration;

use tuntap_test::codec::TunPi;
use tuntap_test::fault::{Call, CallFault, FrameFault, LinkFault, Towards};
use tuntap_test::fuzz::{Answer, Fault, Script, SocketCall, Step};
use tuntap_test::packet::*;

/// A script with a step of every kind, and every variant of each.
pub(crate) fn everything() -> Script {
    let second = Duration::from_secs(1);
    let mut script = Script::new()
        .silent_host()
        .send(Ipv4::new() / Tcp::new().sport(40_000).dport(80).syn())
        .send_raw([0xff])
        .send_raw([])
        .answer(Answer::peer())
        .answer(Answer::mirror().to(3))
        .answer(Answer::segment(TcpFlags::PSH | TcpFlags::ACK, b"GET /").off_by(-1, i32::MAX).to(1))
        .answer(Answer::datagram(b"answer").with(Ipv4::new().ttl(1) / Udp::new().checksum(0)))
        .answer(Answer::error(3, 4).with(Ipv4::new().src([198, 51, 100, 1])))
        .answer(Answer::peer().with(Payload::new().octets(b"other")))
        .advance(second)
        .advance(Duration::from_nanos(1))
        .down()
        .up()
        .mtu(1280)
        .step(Step::Link(LinkFault::QueueLength(3)))
        .step(Step::Link(LinkFault::Removed))
        .observed(b"E\0");
    for fault in [
        FrameFault::Drop,
        FrameFault::Corrupt { octet: 23, xor: 4, repair: true },
        FrameFault::Truncate { to: 19 },
        FrameFault::Duplicate { after: second },
        FrameFault::Hold { behind: 2, at_most: second },
        FrameFault::Delay { by: second },
    ] {
        script = script.fault(Fault::frame(Towards::Host, fault)).fault(Fault::frame(Towards::Device, fault));
    }
    for fault in [CallFault::Eagain, CallFault::Eintr, CallFault::Eio, CallFault::Enobufs, CallFault::Ebadfd] {
        script = script.fault(Fault::call(Call::Transmit, fault)).fault(Fault::call(Call::Receive, fault));
    }
    let pi = TunPi::for_ip_packet(&[0x60]).unwrap();
    for fault in [CallFault::ShortRead { octets: 9 }, CallFault::PacketInfo(pi)] {
        script = script.fault(Fault::call(Call::Receive, fault));
    }
    for call in [
        SocketCall::UdpBind { slot: 0, v6: false, port: 53 },
        SocketCall::UdpSend { slot: 0, port: 1053, octets: b"query".to_vec() },
        SocketCall::TcpListen { slot: 1, v6: true, port: 80 },
        SocketCall::TcpConnect { slot: 2, v6: false, port: 81 },
        SocketCall::Accept { slot: 1, into: 3 },
        SocketCall::Write { slot: 3, octets: b"hello".to_vec() },
        SocketCall::Read { slot: 3, most: 100 },
        SocketCall::Shutdown { slot: 3, how: Shutdown::Write },
        SocketCall::Shutdown { slot: 3, how: Shutdown::Read },
        SocketCall::Shutdown { slot: 3, how: Shutdown::Both },
        SocketCall::Close { slot: 3 },
        SocketCall::Ping { slot: 4, v6: true, sequence: 9, octets: b"ping".to_vec() },
    ] {
        script = script.socket(call);
    }
    script
}
