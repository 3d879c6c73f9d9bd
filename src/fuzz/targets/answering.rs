//! Answering machines, on any octets.

use super::{Rules, split_mode};
use crate::answer::{AnsweringMachine, IcmpEcho};
use crate::device::dispatch::{Replies, Verdict};
use crate::device::{FrameRef, Mode};
use crate::packet::{Dissection, LayerKind, MOST_LAYERS};

/// A machine, and what is to be expected of it.
struct Machine {
    make: fn() -> Box<dyn AnsweringMachine>,
    /// Whether a frame that it may answer, so that it must not answer any other.
    may_answer: fn(&Dissection<'_>) -> bool,
    /// Whether a frame that any such machine answers, so that it cannot answer nothing.
    must_answer: fn(&Dissection<'_>) -> bool,
    /// States the rules for one reply.
    reply: fn(&Dissection<'_>, &Dissection<'_>, &mut Rules),
}

/// Every answering machine. Each is given every frame, and every reply of all of them.
const MACHINES: &[Machine] = &[Machine {
    make: || Box::new(IcmpEcho::any_address()),
    may_answer: echo::may_answer,
    must_answer: echo::must_answer,
    reply: echo::reply,
}];

/// The code under test.
trait Code {
    #[inline]
    fn answer(machine: &mut dyn AnsweringMachine, request: FrameRef<'_>, replies: &mut Replies) -> Verdict {
        machine.answer(request, replies)
    }
}

struct Library;

impl Code for Library {}

/// The rules that hold for any octets, of which the first says whether the others are a frame of a TUN (even) or of a
/// TAP (odd), and for each machine:
///
/// * it answers what it matches, with frames or with silence; what it does not match it passes on, and writes nothing;
/// * it answers requests only, and answers plain ones; again the same;
/// * a reply's lengths and checksums are right, and its hardware, IP and transport addresses are the request's, swapped;
/// * a reply is answered by no machine.
///
/// Frames of more layers than a [`Dissection`] tells apart are not judged.
///
/// # Panics
/// When a rule is broken.
pub fn answering(data: &[u8]) {
    rules::<Library>(data).judge(data);
}

#[inline]
fn rules<C: Code>(data: &[u8]) -> Rules {
    let mut rules = Rules::new();
    let Some(frame) = split_mode(data) else { return rules };
    let request = Dissection::new(frame);
    // A request behind more VLAN tags than layers are told apart is one that nobody here sees.
    if request.len() == MOST_LAYERS {
        return rules;
    }
    for machine in MACHINES {
        one_machine::<C>(machine, frame, &request, &mut rules);
    }
    rules
}

fn one_machine<C: Code>(machine: &Machine, frame: FrameRef<'_>, request: &Dissection<'_>, rules: &mut Rules) {
    let mut running = (machine.make)();
    let matches = running.matches(frame);
    let mut replies = Replies::new();
    let taken = C::answer(&mut *running, frame, &mut replies) == Verdict::Taken;
    rules.keep("a machine takes what it matches", taken == matches);
    rules.keep("what is passed on is not answered", taken || replies.is_empty());
    rules.keep("only requests are answered", !taken || (machine.may_answer)(request));
    rules.keep("plain requests are answered", taken || !(machine.must_answer)(request));
    for reply in replies.iter() {
        let reply_frame = FrameRef::new(frame.mode, reply);
        let reply = Dissection::new(reply_frame);
        rules.keep("the lengths and checksums of a reply are right", reply.is_sound() && reply.error().is_none());
        rules.keep("nothing lies behind the end of a reply", reply.trailer().is_empty());
        rules.keep("the addresses of a reply are those of the request, swapped", swapped(request, &reply, frame.mode));
        (machine.reply)(request, &reply, rules);
        for other in MACHINES {
            let mut other = (other.make)();
            let mut further = Replies::new();
            let taken = C::answer(&mut *other, reply_frame, &mut further) == Verdict::Taken;
            rules.keep("a reply is never answered", !taken && further.is_empty());
        }
    }
    if taken {
        let mut again = Replies::new();
        let _ = C::answer(&mut *running, frame, &mut again);
        rules.keep("the same request has the same replies", replies.iter().eq(again.iter()));
    }
}

/// Those octets of the first header of that kind.
fn octets<'a>(frame: &Dissection<'a>, kind: LayerKind, range: std::ops::Range<usize>) -> Option<&'a [u8]> {
    frame.header(kind)?.get(range)
}

fn swapped(request: &Dissection<'_>, reply: &Dissection<'_>, mode: Mode) -> bool {
    let pair = |kind: LayerKind, first: std::ops::Range<usize>, second: std::ops::Range<usize>| {
        octets(request, kind, first.clone()) == octets(reply, kind, second.clone())
            && octets(request, kind, second) == octets(reply, kind, first)
    };
    let link = mode == Mode::Tun || {
        // A group is nobody's address.
        let group =
            octets(request, LayerKind::Ethernet, 0..1).is_none_or(|first| matches!(first, [first] if first & 1 == 1));
        let source = octets(reply, LayerKind::Ethernet, 6..12);
        let unicast = source.is_some_and(|source| source.first().is_some_and(|first| first & 1 == 0));
        let there = octets(reply, LayerKind::Ethernet, 0..6) == octets(request, LayerKind::Ethernet, 6..12);
        there && if group { unicast } else { source == octets(request, LayerKind::Ethernet, 0..6) }
    };
    link && pair(LayerKind::Ipv4, 12..16, 16..20)
        && pair(LayerKind::Ipv6, 8..24, 24..40)
        && pair(LayerKind::Udp, 0..2, 2..4)
        && pair(LayerKind::Tcp, 0..2, 2..4)
}

/// [`IcmpEcho`].
mod echo {
    use super::{IcmpEcho, Rules, octets};
    use crate::packet::{Dissection, LayerKind};

    /// The octets of an echo request from its ICMP type on, and those of the header around it.
    fn request<'a>(frame: &Dissection<'a>) -> Option<(&'a [u8], &'a [u8])> {
        match (frame.header(LayerKind::Icmpv4), frame.header(LayerKind::Icmpv6)) {
            (Some(message @ [8, ..]), _) => Some((message, frame.header(LayerKind::Ipv4)?)),
            (_, Some(message @ [128, ..])) => Some((message, frame.header(LayerKind::Ipv6)?)),
            _ => None,
        }
    }

    pub(super) fn may_answer(frame: &Dissection<'_>) -> bool {
        request(frame).is_some() && frame.is_sound()
    }

    /// Between two hosts, in a packet without options and extension headers that is no fragment, on TAP from one
    /// station.
    pub(super) fn must_answer(frame: &Dissection<'_>) -> bool {
        let one_station =
            octets(frame, LayerKind::Ethernet, 6..7).is_none_or(|first| matches!(first, [first] if first & 1 == 0));
        let plain = match request(frame) {
            Some((_, &[0x45, _, _, _, _, _, 0 | 0x40, 0, _, 1, _, _, from, _, _, _, to, ..])) => {
                [from, to].iter().all(|first| (1..224).contains(first))
            }
            Some((_, ip @ &[0x60..=0x6f, _, _, _, _, _, 58, _, from, ..])) => {
                [from, ip.get(24).copied().unwrap_or(0)].iter().all(|first| (1..0xff).contains(first))
            }
            _ => false,
        };
        plain && one_station && frame.is_sound()
    }

    pub(super) fn reply(request: &Dissection<'_>, reply: &Dissection<'_>, rules: &mut Rules) {
        let v4 = request.header(LayerKind::Icmpv4).is_some();
        let (icmp, ip, wanted, ttl) =
            if v4 { (LayerKind::Icmpv4, LayerKind::Ipv4, 0, 8) } else { (LayerKind::Icmpv6, LayerKind::Ipv6, 129, 7) };
        rules.keep("a reply is an echo reply", octets(reply, icmp, 0..1) == Some(&[wanted]));
        rules.keep("a reply's time to live is a host's", octets(reply, ip, ttl..ttl + 1) == Some(&[IcmpEcho::TTL]));
        let same = |range: std::ops::Range<usize>| octets(reply, icmp, range.clone()) == octets(request, icmp, range);
        rules.keep("code, identifier and sequence number come back", same(1..2) && same(4..8));
        rules.keep("the data comes back", reply.payload() == request.payload());
        rules.keep("a reply is no longer than its request", reply.frame().len() <= request.frame().len());
        let tags = |frame: &Dissection<'_>| frame.kinds().filter(|kind| *kind == LayerKind::Vlan).count();
        rules.keep("the tags come back", tags(reply) == tags(request));
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::caught;
    use super::*;

    /// Answers, then spoils each reply.
    fn spoilt(
        machine: &mut dyn AnsweringMachine,
        request: FrameRef<'_>,
        replies: &mut Replies,
        spoil: impl Fn(&mut Vec<u8>),
    ) -> Verdict {
        let mut right = Replies::new();
        let verdict = machine.answer(request, &mut right);
        for reply in right.iter() {
            let frame = replies.frame();
            frame.extend_from_slice(reply);
            spoil(frame);
        }
        verdict
    }

    struct DoesNotSwap;

    impl Code for DoesNotSwap {
        fn answer(machine: &mut dyn AnsweringMachine, request: FrameRef<'_>, replies: &mut Replies) -> Verdict {
            // The sums stay right: they do not depend on the order.
            spoilt(machine, request, replies, |reply| {
                if request.mode == Mode::Tun && reply.len() >= 20 && reply.first() == Some(&0x45) {
                    let (from, to) = reply.split_at_mut(16);
                    from.iter_mut().skip(12).zip(to).for_each(|(from, to)| std::mem::swap(from, to));
                }
            })
        }
    }

    struct MiscountsTheChecksum;

    impl Code for MiscountsTheChecksum {
        fn answer(machine: &mut dyn AnsweringMachine, request: FrameRef<'_>, replies: &mut Replies) -> Verdict {
            spoilt(machine, request, replies, |reply| {
                if let Some(last) = reply.last_mut() {
                    *last ^= 1;
                }
            })
        }
    }

    struct AnswersEverything;

    impl Code for AnswersEverything {
        fn answer(machine: &mut dyn AnsweringMachine, request: FrameRef<'_>, replies: &mut Replies) -> Verdict {
            let verdict = machine.answer(request, replies);
            if verdict == Verdict::Passed && machine.name() == "icmp echo" && Dissection::new(request).is_sound() {
                replies.frame().extend_from_slice(request.octets);
            }
            verdict
        }
    }

    struct AnswersReplies;

    impl Code for AnswersReplies {
        fn answer(machine: &mut dyn AnsweringMachine, request: FrameRef<'_>, replies: &mut Replies) -> Verdict {
            let dissection = Dissection::new(request);
            match machine.answer(request, replies) {
                Verdict::Passed
                    if octets(&dissection, LayerKind::Icmpv4, 0..1) == Some(&[0]) && !machine.matches(request) =>
                {
                    replies.frame().extend_from_slice(request.octets);
                    Verdict::Taken
                }
                verdict => verdict,
            }
        }
    }

    struct AnswersNothing;

    impl Code for AnswersNothing {
        fn answer(_: &mut dyn AnsweringMachine, _: FrameRef<'_>, _: &mut Replies) -> Verdict {
            Verdict::Passed
        }
    }

    #[test]
    fn broken_code_is_caught() {
        caught("answering", rules::<DoesNotSwap>, "the addresses of a reply are those of the request, swapped");
        caught("answering", rules::<MiscountsTheChecksum>, "the lengths and checksums of a reply are right");
        caught("answering", rules::<AnswersEverything>, "what is passed on is not answered");
        caught("answering", rules::<AnswersReplies>, "a reply is never answered");
        caught("answering", rules::<AnswersNothing>, "a machine takes what it matches");
    }
}
