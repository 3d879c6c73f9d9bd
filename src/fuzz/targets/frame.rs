//! Frames as packets: read, matched, explained, written as templates and as Rust, on any octets.

use super::{Rules, split_mode};
use crate::device::FrameRef;
use crate::packet::{Dissection, IntoPacket, Packet};

/// The code under test.
trait Code {
    #[inline]
    fn template(frame: FrameRef<'_>) -> Packet {
        Packet::from_frame(frame)
    }

    #[inline]
    fn build(template: &Packet) -> Option<Vec<u8>> {
        template.build().ok()
    }

    #[inline]
    fn explanation(frame: FrameRef<'_>) -> String {
        frame.explain().to_string()
    }
}

struct Library;

impl Code for Library {}

/// The rules that hold for any octets, of which the first says whether the others are a frame of a TUN (even) or of a
/// TAP (odd):
///
/// * the summary, the explanation, the hexdump, the Rust expression, verification and every accessor are total, for
///   what an ICMP error quotes as well;
/// * the frame's own template builds the frame again, and matches it; verified, it does exactly when the lengths and
///   checksums of the frame are right.
///
/// # Panics
/// When a rule is broken.
pub fn frame(data: &[u8]) {
    rules::<Library>(data).judge(data);
}

#[inline]
fn rules<C: Code>(data: &[u8]) -> Rules {
    let mut rules = Rules::new();
    let Some(frame) = split_mode(data) else { return rules };
    total::<C>(frame, 0, &mut rules);
    template::<C>(frame, &mut rules);
    rules
}

/// How deep quoted datagrams are followed: more is more of the same.
const DEEPEST: u8 = 4;

fn total<C: Code>(frame: FrameRef<'_>, depth: u8, rules: &mut Rules) {
    rules.keep("a summary is one line", matches!(frame.summary().to_string().lines().count(), 1));
    let lines = frame.hexdump().to_string().lines().count();
    rules.keep("a hexdump has a line for 16 octets", lines == frame.octets.len().div_ceil(16));
    let mut defects = 0;
    Dissection::new(frame).verify(|defect| defects += usize::from(!defect.to_string().is_empty()));
    let told = C::explanation(frame).lines().filter(|line| line.starts_with("wrong: ")).count();
    rules.keep("the explanation tells every defect", told == defects);
    rules.keep("what is sound has no defects", Dissection::new(frame).is_sound() == (defects == 0));
    let _ = (frame.ethernet(), frame.vlan(), frame.arp(), frame.ipv4(), frame.ipv6());
    let _ = (frame.icmpv4(), frame.icmpv6(), frame.udp(), frame.tcp(), frame.payload(), frame.layers().count());
    if let (Some(quoted), true) = (frame.quoted(), depth < DEEPEST) {
        rules.keep("what is quoted is shorter", quoted.octets.len() < frame.octets.len());
        total::<C>(quoted, depth + 1, rules);
    }
}

fn template<C: Code>(frame: FrameRef<'_>, rules: &mut Rules) {
    let template = C::template(frame);
    rules.keep("a frame's template builds the frame", C::build(&template).as_deref() == Some(frame.octets));
    let sound = Dissection::new(frame).is_sound();
    rules.keep("a verified template matches what is sound", template.matches(frame) == sound);
    rules.keep("a frame's template is printed", template.as_rust() == Some(frame.as_rust()));
    rules.keep("a frame matches its template", template.unverified().matches(frame));
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::caught;
    use super::*;

    struct LosesTheTrailer;

    impl Code for LosesTheTrailer {
        fn template(frame: FrameRef<'_>) -> Packet {
            Packet { trailer: Vec::new(), ..Library::template(frame) }
        }
    }

    struct WritesTheLengthOneTooLong;

    impl Code for WritesTheLengthOneTooLong {
        fn build(template: &Packet) -> Option<Vec<u8>> {
            let mut octets = Library::build(template)?;
            if let [0x40..=0x4f, _, _, low, ..] = &mut *octets {
                *low = low.wrapping_add(1);
            }
            Some(octets)
        }
    }

    struct TellsNoDefect;

    impl Code for TellsNoDefect {
        fn explanation(frame: FrameRef<'_>) -> String {
            Library::explanation(frame).replace("wrong: ", "right: ")
        }
    }

    #[test]
    fn broken_code_is_caught() {
        caught("frame", rules::<LosesTheTrailer>, "a frame's template builds the frame");
        caught("frame", rules::<WritesTheLengthOneTooLong>, "a frame's template builds the frame");
        caught("frame", rules::<TellsNoDefect>, "the explanation tells every defect");
    }
}
