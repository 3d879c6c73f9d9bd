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
        if let (Ok(ip), Ok(icmp)) = (frame.ipv4(), frame.icmpv4()) {
            let ends = (ip.source_addr().into(), ip.destination_addr().into());
            return Self::read(ends, icmp.slice(), [8, 0]);
        }
        let (ip, icmp) = (frame.ipv6().ok()?, frame.icmpv6().ok()?);
        let ends = (ip.source_addr().into(), ip.destination_addr().into());
        Self::read(ends, icmp.slice(), [128, 129])
    }

    /// `types` are those of request and reply. The code of a request says nothing, and comes back.
    fn read((from, to): (IpAddr, IpAddr), message: &[u8], types: [u8; 2]) -> Option<Self> {
        let (&[kind, _, _, _, id, id_low, number, number_low], data) = message.split_first_chunk()?;
        let is_reply = types.iter().position(|echo| *echo == kind)? == 1;
        let numbers = (u16::from_be_bytes([id, id_low]), u16::from_be_bytes([number, number_low]));
        Some(Self { is_reply, from, to, numbers, data: data.to_vec() })
    }

    fn answers(&self, request: &Self) -> bool {
        let turned = (self.to, self.from) == (request.from, request.to);
        !request.is_reply && turned && self.numbers == request.numbers && self.data == request.data
    }
}
