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
    fn payload<'a>(dissection: &Dissection<'a>) -> &'a [u8] {
        dissection.payload()
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
/// * the layers: payload and trailer are parts of the frame;
/// * the defects: what is sound has none, and what an ICMP error quotes, to which the same rules apply, is shorter;
/// * the text: summary, explanation, hexdump, Rust expression and every accessor are total, for what is quoted as well;
///   the explanation tells every defect;
/// * the template: the frame's own builds the frame again, and matches it; verified, it does exactly when the lengths
///   and checksums of the frame are right.
///
/// # Panics
/// When a rule is broken.
pub fn frame(data: &[u8]) {
    rules::<Library>(data, Extent::All).judge(data);
}

/// The same for fuzzers: every input's layers, the defects of one in 8, everything of one in 256.
///
/// To print a frame and make its template takes a hundred times as long as the fuzzer does to think of one, and half of
/// that is the fuzzer counting what ran. Which inputs it is a hash of all their octets says: it is always the same for the
/// same input, so that a finding replays, and nothing that a fuzzer could prefer. What breaks a rule here breaks it in
/// [`frame`]; the target `frame_all` fuzzes that.
///
/// # Panics
/// When a rule is broken.
pub fn frame_by_shares(data: &[u8]) {
    rules::<Library>(data, Extent::of(data)).judge(data);
}

/// Which rules an input is held against.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Extent {
    Layers,
    Defects,
    All,
}

impl Extent {
    fn of(data: &[u8]) -> Self {
        match hash(data) % 256 {
            0 => Self::All,
            share if share.is_multiple_of(8) => Self::Defects,
            _ => Self::Layers,
        }
    }
}

/// Any of the many that mix every octet into the lowest bits will do; this is one with few branches.
fn hash(data: &[u8]) -> u64 {
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    let (words, rest) = data.as_chunks::<8>();
    let hash = words.iter().fold(0, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    mix(rest.iter().fold(hash, |hash, octet| mix(hash, u64::from(*octet))), 0)
}

#[inline]
fn rules<C: Code>(data: &[u8], extent: Extent) -> Rules {
    let mut rules = Rules::new();
    let Some(frame) = split_mode(data) else { return rules };
    let dissection = Dissection::new(frame);
    layers::<C>(&dissection, &mut rules);
    if extent >= Extent::Defects {
        defects::<C>(frame, &dissection, 0, extent, &mut rules);
    }
    if extent == Extent::All {
        template::<C>(frame, &dissection, &mut rules);
    }
    rules
}

#[inline]
fn layers<C: Code>(dissection: &Dissection<'_>, rules: &mut Rules) {
    let parts = C::payload(dissection).len() + dissection.trailer().len();
    rules.keep("payload and trailer are parts of the frame", parts <= dissection.frame().len());
}

/// How deep quoted datagrams are followed: more is more of the same.
const DEEPEST: u8 = 4;

fn defects<C: Code>(frame: FrameRef<'_>, dissection: &Dissection<'_>, depth: u8, extent: Extent, rules: &mut Rules) {
    let mut found = 0;
    dissection.verify(|_| found += 1);
    rules.keep("what is sound has no defects", dissection.is_sound() == (found == 0));
    if extent == Extent::All {
        text::<C>(frame, dissection, rules);
    }
    if let (Some(quoted), true) = (frame.quoted(), depth < DEEPEST) {
        rules.keep("what is quoted is shorter", quoted.octets.len() < frame.octets.len());
        let inside = Dissection::new(quoted);
        layers::<C>(&inside, rules);
        defects::<C>(quoted, &inside, depth + 1, extent, rules);
    }
}

fn text<C: Code>(frame: FrameRef<'_>, dissection: &Dissection<'_>, rules: &mut Rules) {
    rules.keep("a summary is one line", frame.summary().to_string().lines().count() == 1);
    let lines = frame.hexdump().to_string().lines().count();
    rules.keep("a hexdump has a line for 16 octets", lines == frame.octets.len().div_ceil(16));
    let mut defects = 0;
    dissection.verify(|defect| defects += usize::from(!defect.to_string().is_empty()));
    let told = C::explanation(frame).lines().filter(|line| line.starts_with("wrong: ")).count();
    rules.keep("the explanation tells every defect", told == defects);
    let _ = (frame.ethernet(), frame.vlan(), frame.arp(), frame.ipv4(), frame.ipv6());
    let _ = (frame.icmpv4(), frame.icmpv6(), frame.udp(), frame.tcp(), frame.payload(), frame.layers().count());
}

fn template<C: Code>(frame: FrameRef<'_>, dissection: &Dissection<'_>, rules: &mut Rules) {
    let template = C::template(frame);
    rules.keep("a frame's template builds the frame", C::build(&template).as_deref() == Some(frame.octets));
    let matches = template.matches_dissection(dissection);
    rules.keep("a verified template matches what is sound", matches == dissection.is_sound());
    rules.keep("a frame's template is printed", template.as_rust().is_some());
    rules.keep("a frame matches its template", template.unverified().matches_dissection(dissection));
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

    struct TakesThePaddingForPayload;

    impl Code for TakesThePaddingForPayload {
        fn payload<'a>(dissection: &Dissection<'a>) -> &'a [u8] {
            dissection.frame()
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

    fn all<C: Code>(data: &[u8]) -> Rules {
        rules::<C>(data, Extent::All)
    }

    /// Of inputs that differ in two octets, wherever those stand.
    #[test]
    fn the_shares_are_as_large_as_they_are_said_to_be() {
        for (at, length) in [(0, 2), (0, 33), (6, 33), (31, 33), (1, 1500), (1498, 1500)] {
            let mut data = vec![0; length];
            let (mut defects, mut all) = (0, 0);
            for value in 0..25_600_u16 {
                data[at..at + 2].copy_from_slice(&value.to_be_bytes());
                defects += usize::from(Extent::of(&data) == Extent::Defects);
                all += usize::from(Extent::of(&data) == Extent::All);
            }
            assert!((2900..3300).contains(&defects), "{defects} of 25600 at {at} of {length}");
            assert!((60..140).contains(&all), "{all} of 25600 at {at} of {length}");
        }
    }

    #[test]
    fn broken_code_is_caught() {
        caught("frame", all::<TakesThePaddingForPayload>, "payload and trailer are parts of the frame");
        caught("frame", all::<LosesTheTrailer>, "a frame's template builds the frame");
        caught("frame", all::<WritesTheLengthOneTooLong>, "a frame's template builds the frame");
        caught("frame", all::<TellsNoDefect>, "the explanation tells every defect");
    }
}
