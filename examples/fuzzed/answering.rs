//! An answering machine of this crate as the code under test: [`IcmpEcho`] on the link, with whatever a script sends it.
//!
//! Whatever comes from the device end is an echo reply to a request that reached it: with the identifier, the number and
//! the data of that request, and its addresses exchanged.

use std::net::IpAddr;

use tuntap_test::Tun;
use tuntap_test::answer::IcmpEcho;
use tuntap_test::device::{Direction, FrameRef};
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
        let (from, to, message) = match (frame.ipv4(), frame.ipv6()) {
            (Ok(ip), _) => (ip.source_addr().into(), ip.destination_addr().into(), frame.icmpv4().ok()?.slice()),
            (_, Ok(ip)) => (ip.source_addr().into(), ip.destination_addr().into(), frame.icmpv6().ok()?.slice()),
            _ => return None,
        };
        // Whatever the code is: hosts do not look at it (Linux), and it comes back.
        let [kind, _, _, _, id_high, id_low, high, low, data @ ..] = message else { return None };
        let is_reply = match (frame.ipv4().is_ok(), kind) {
            (true, 8) | (false, 128) => false,
            (true, 0) | (false, 129) => true,
            _ => return None,
        };
        let numbers = (u16::from_be_bytes([*id_high, *id_low]), u16::from_be_bytes([*high, *low]));
        Some(Self { is_reply, from, to, numbers, data: data.to_vec() })
    }

    fn answers(&self, request: &Self) -> bool {
        let turned = (self.to, self.from) == (request.from, request.to);
        !request.is_reply && turned && self.numbers == request.numbers && self.data == request.data
    }
}
