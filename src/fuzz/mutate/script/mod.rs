//! Mutates scripts: step by step, and each step in its own words.
//!
//! ```text
//!  octets ── decode ──► | step | step | step |      put in, taken out, twice, exchanged; or one of them changed:
//!                           │                        frames by the frame mutator, answers, times, faults, sockets
//!  octets ◄── encode ───────┘                        at times octets without regard to what they are
//! ```

mod change;
mod new_step;

use super::Mutator;
use super::draw::Draw;
use super::input::Input;
use super::octets::{Octets, call, havoc};
use crate::fuzz::script::Script;

/// The input is a [`Script`], encoded. What [`fuzz_exchange!`](crate::fuzz_exchange) uses.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a name and nothing else")]
pub struct Scripts;

/// Octets instead of steps: once in so many mutations.
const OCTETS_ONE_IN: u32 = 16;

/// The other kind of link, or a host that was silent and is not: once in so many.
const ABOUT_ONE_IN: u32 = 48;

impl Input for Scripts {
    fn mutate(&self, mutator: &mut Mutator, input: &mut Vec<u8>, most: usize, octets: &mut Octets<'_>) {
        if mutator.draw.one_in(OCTETS_ONE_IN) {
            return call(input, most, octets);
        }
        // Bits that a script ignores may say something to a body.
        let ignored = input.first().map_or(0, |about| about & !3);
        let mut script = Script::decode(input);
        let mut rounds = 1;
        while rounds < 4 && mutator.draw.one_in(3) {
            rounds += 1;
        }
        for _ in 0..rounds {
            change(&mut script, mutator, most, octets);
        }
        write(script, most, input, &mut mutator.draw);
        if let Some(about) = input.first_mut() {
            *about |= ignored;
        }
    }

    fn splice(&self, mutator: &mut Mutator, one: &[u8], other: &[u8], into: &mut Vec<u8>, most: usize) {
        let (mut one, other) = (Script::decode(one), Script::decode(other));
        let Mutator { draw, .. } = mutator;
        let taken = draw.within(other.steps().len());
        let at = draw.below(one.steps_mut().len() + 1);
        let taken = other.steps().get(taken).unwrap_or_default().iter().cloned();
        if draw.one_in(2) {
            // Its end in the place of this one's.
            one.steps_mut().truncate(at);
            one.steps_mut().extend(taken);
        } else {
            one.steps_mut().splice(at..at, taken);
        }
        write(one, most, into, draw);
    }
}

/// Encodes it into so many octets at most: steps that find no room are left out.
fn write(mut script: Script, most: usize, into: &mut Vec<u8>, draw: &mut Draw) {
    let mut octets = script.encode();
    while octets.len() > most && !script.steps().is_empty() {
        let at = draw.below(script.steps().len());
        script.steps_mut().remove(at);
        octets = script.encode();
    }
    octets.truncate(most);
    *into = octets;
}

fn change(script: &mut Script, mutator: &mut Mutator, most: usize, octets: &mut Octets<'_>) {
    if mutator.draw.one_in(ABOUT_ONE_IN) {
        return script.change_about(mutator.draw.one_in(2));
    }
    let count = script.steps().len();
    let at = mutator.draw.below(count);
    match mutator.draw.below(16) {
        _ if count == 0 => insert(script, 0, mutator),
        0..4 => insert(script, mutator.draw.below(count + 1), mutator),
        4 => {
            let range = mutator.draw.within(count);
            script.steps_mut().drain(range);
        }
        5 => {
            let step = script.steps().get(at).cloned();
            let to = mutator.draw.below(count + 1);
            script.steps_mut().splice(to..to, step);
        }
        6 => {
            let other = mutator.draw.below(count);
            script.steps_mut().swap(at, other);
        }
        _ => {
            let mode = script.mode();
            if let Some(step) = script.steps_mut().get_mut(at) {
                change::change(step, mode, mutator, most, octets);
            }
        }
    }
}

fn insert(script: &mut Script, at: usize, mutator: &mut Mutator) {
    let step = new_step::new_step(script, &mut mutator.draw);
    script.steps_mut().insert(at, step);
}

/// Changes octets that nobody reads: with libFuzzer's own means, or without.
fn payload(octets: &mut Vec<u8>, most: usize, draw: &mut Draw, other: &mut Octets<'_>) {
    if draw.one_in(2) {
        call(octets, most.min(octets.len() + 64), other);
    } else {
        havoc(octets, most, draw);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::mem::{Discriminant, discriminant};

    use super::*;
    use crate::device::{FrameRef, Mode};
    use crate::fuzz::script::Step;
    use crate::packet::{Dissection, Ipv4, Tcp, Udp};

    fn seed() -> Script {
        Script::new().send(Ipv4::new() / Tcp::new().dport(80).syn()).send(Ipv4::new() / Udp::new().dport(53) / b"query")
    }

    fn mutants(of: &Script, count: u64) -> impl Iterator<Item = Script> {
        let octets = of.encode();
        (0..count).map(move |seed| {
            let mut input = octets.clone();
            Scripts.mutate(&mut Mutator::new(seed), &mut input, 2048, &mut |_, length, _| length);
            assert!(input.len() <= 2048);
            Script::decode(&input)
        })
    }

    #[test]
    fn every_kind_of_step_is_made() {
        let mut kinds: BTreeSet<String> = BTreeSet::new();
        for mutant in mutants(&seed(), 3_000) {
            kinds.extend(mutant.steps().iter().map(|step| format!("{step:?}").chars().take(22).collect()));
        }
        for kind in
            ["Frame", "Answer", "Advance", "Fault(Fault(Frame", "Fault(Fault(Call", "Link(Down", "Link(Up", "Link(Mtu"]
        {
            assert!(kinds.iter().any(|found| found.starts_with(kind)), "{kind}: {kinds:?}");
        }
        for call in
            ["UdpBind", "UdpSend", "TcpListen", "TcpConnect", "Accept", "Write", "Read", "Shutdown", "Close", "Ping"]
        {
            let call = format!("Socket({call}").chars().take(22).collect::<String>();
            assert!(kinds.iter().any(|found| found.starts_with(&call)), "{call}: {kinds:?}");
        }
    }

    #[test]
    fn most_frames_stay_sound() {
        let (mut sound, mut all) = (0, 0);
        for mutant in mutants(&seed(), 2_000) {
            for step in mutant.steps() {
                if let Step::Frame(octets) = step {
                    let dissection = Dissection::new(FrameRef::new(mutant.mode(), octets));
                    all += 1;
                    sound += u32::from(dissection.is_sound() && dissection.error().is_none());
                }
            }
        }
        assert!(sound * 10 > all * 8, "{sound} of {all}");
    }

    #[test]
    fn the_same_seed_gives_the_same_mutant_and_another_another() {
        let twice: Vec<Vec<Script>> = (0..2).map(|_| mutants(&seed(), 200).collect()).collect();
        assert_eq!(twice[0], twice[1]);
        let different = twice[0].iter().map(Script::encode).collect::<BTreeSet<_>>().len();
        assert!(different > 120, "{different}");
    }

    #[test]
    fn bits_that_a_script_ignores_stay() {
        for seed in 0..100 {
            let mut input = self::seed().encode();
            input[0] |= 0b1010_1000;
            Scripts.mutate(&mut Mutator::new(seed), &mut input, 2048, &mut |_, length, _| length);
            assert_eq!(input[0] & !3, 0b1010_1000);
        }
    }

    #[test]
    fn there_is_no_room_for_more_than_was_given() {
        for most in 0..80 {
            for seed in 0..40 {
                let mut input = self::seed().encode();
                input.truncate(most);
                Scripts.mutate(&mut Mutator::new(seed), &mut input, most, &mut |_, length, _| length);
                assert!(input.len() <= most);
                let mut into = Vec::new();
                Scripts.splice(&mut Mutator::new(seed), &input, &self::seed().encode(), &mut into, most);
                assert!(into.len() <= most);
            }
        }
    }

    #[test]
    fn a_splice_has_steps_of_both() {
        let one = seed().encode();
        let other = Script::on(Mode::Tun).down().up().mtu(68).encode();
        let kinds = |script: &Script| -> Vec<Discriminant<Step>> { script.steps().iter().map(discriminant).collect() };
        let both = (0..200).filter(|seed| {
            let mut into = Vec::new();
            Scripts.splice(&mut Mutator::new(*seed), &one, &other, &mut into, 2048);
            let kinds = kinds(&Script::decode(&into));
            kinds.contains(&discriminant(&Step::Frame(Vec::new()))) && kinds.len() > 2
        });
        assert!(both.count() > 50);
    }
}
