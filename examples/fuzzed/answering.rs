//! An answering machine of this crate as the code under test: [`IcmpEcho`] on the link, with whatever a script sends it.
//!
//! Whatever comes from the device end is an echo reply to a request that reached it: with the identifier, the number and
//! the data of that request, and its addresses exchanged.

use std::net::IpAddr;

use tuntap_test::Tun;
use tuntap_test::answer::IcmpEcho;
use tuntap_test::device::{Direction, FrameRef};
use tuntap_test::etherparse::{Icmpv4Type, Icmpv6Type};
use tuntap_test::fuzz::{Player, Script};

/// The body.
pub(crate) fn answering(tun: Tun, script: Script) {
    let machine = tun.answer(IcmpEcho::for_addresses([IpAddr::from(tun.peer_v4()), tun.peer_v6().into()]));
    let mut replies = Vec::new();
    let player = Player::at_host_end(&tun).check("the machine sends echo replies only", |frame| {
        let echo = Echo::of(frame).filter(|echo| echo.is_reply).ok_or("this is none")?;
        replies.push(echo);
        Ok(())
    });
    player.play(&script, |_| ());

    let received = tun.frames().into_iter().filter(|frame| frame.direction() == Direction::Received);
    let requests: Vec<_> = received.filter_map(|frame| Echo::of(frame.as_ref())).collect();
    for reply in &replies {
        assert!(requests.iter().any(|request| reply.answers(request)), "nobody asked for {reply:?}: {requests:?}");
    }
    drop(machine);
}

/// An echo request or reply, of either version.
#[derive(Debug, PartialEq, Eq)]
struct Echo {
    is_reply: bool,
    from: IpAddr,
    to: IpAddr,
    /// Identifier and sequence number.
    numbers: (u16, u16),
    data: Vec<u8>,
}

impl Echo {
    fn of(frame: FrameRef<'_>) -> Option<Self> {
        if let (Ok(ip), Ok(icmp)) = (frame.ipv4(), frame.icmpv4()) {
            let (is_reply, echo) = match icmp.icmp_type() {
                Icmpv4Type::EchoRequest(echo) => (false, echo),
                Icmpv4Type::EchoReply(echo) => (true, echo),
                _ => return None,
            };
            let (from, to) = (ip.source_addr().into(), ip.destination_addr().into());
            return Some(Self { is_reply, from, to, numbers: (echo.id, echo.seq), data: icmp.payload().to_vec() });
        }
        let (ip, icmp) = (frame.ipv6().ok()?, frame.icmpv6().ok()?);
        let (is_reply, echo) = match icmp.icmp_type() {
            Icmpv6Type::EchoRequest(echo) => (false, echo),
            Icmpv6Type::EchoReply(echo) => (true, echo),
            _ => return None,
        };
        let (from, to) = (ip.source_addr().into(), ip.destination_addr().into());
        Some(Self { is_reply, from, to, numbers: (echo.id, echo.seq), data: icmp.payload().to_vec() })
    }

    fn answers(&self, request: &Self) -> bool {
        let turned = (self.to, self.from) == (request.from, request.to);
        !request.is_reply && turned && self.numbers == request.numbers && self.data == request.data
    }
}
