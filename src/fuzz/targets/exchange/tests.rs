//! That the target fails where something is broken.

use super::*;
use crate::fault::{CallFault, LinkFault};
use crate::packet::{Ipv4, Udp};

/// Broken on purpose: each is found.
const BROKEN: &[(&str, Reflect, &str)] = &[
    (
        "loses a frame of five octets",
        |end, now, log| {
            let mut end = Broken { end, spoil: |octets| if octets.len() == 5 { None } else { Some(octets.to_vec()) } };
            reflect(&mut end, now, log);
        },
        "what it sends arrives as the model says",
    ),
    (
        "turns over an octet",
        |end, now, log| {
            let mut end = Broken { end, spoil: |octets| Some(octets.iter().map(|octet| octet ^ 1).collect()) };
            reflect(&mut end, now, log);
        },
        "what it sends arrives as the model says",
    ),
];

struct Broken<'a> {
    end: &'a mut dyn End,
    spoil: fn(&[u8]) -> Option<Vec<u8>>,
}

impl End for Broken<'_> {
    fn receive(&mut self) -> Result<Vec<u8>, i32> {
        self.end.receive()
    }

    fn transmit(&mut self, octets: &[u8]) -> Result<(), i32> {
        (self.spoil)(octets).map_or(Ok(()), |octets| self.end.transmit(&octets))
    }
}

fn message(body: impl FnOnce()) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_err();
    panic.downcast::<String>().map_or_else(|_| String::new(), |text| *text)
}

/// Numbers that look like chance, the same each time (Steele, Lea, Flood: SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn octets(&mut self, most: u64) -> Vec<u8> {
        let first = [0x45, 0x60, 0x45, 0x12][usize::try_from(self.below(4)).unwrap()];
        let length = self.below(most);
        std::iter::once(first).chain((0..length).map(|_| u8::try_from(self.below(256)).unwrap())).collect()
    }

    /// A step as octets: its kind, its length and its value.
    fn step(&mut self) -> Vec<u8> {
        let small = |number: u64| number.to_be_bytes();
        let (kind, value) = match self.below(12) {
            0..=4 => (1, self.octets(90)),
            5 => (2, vec![u8::try_from(self.below(3)).unwrap(), u8::try_from(self.below(2)).unwrap()]),
            6 => (3, small(self.below(8)).to_vec()),
            7 | 8 => {
                let head = vec![u8::try_from(self.below(2)).unwrap(), u8::try_from(self.below(6)).unwrap()];
                (4, [head, small(self.below(7)).to_vec(), small(self.below(7)).to_vec()].concat())
            }
            9 => {
                let head = vec![u8::try_from(self.below(2)).unwrap(), u8::try_from(self.below(7)).unwrap()];
                (5, [head, small(self.below(30)).to_vec()].concat())
            }
            10 => {
                let fault = [0, 1, 1, 1, 2, 2, 3, 3, 4][usize::try_from(self.below(9)).unwrap()];
                let a = u32::try_from(self.below(100)).unwrap();
                (6, [vec![fault], a.to_be_bytes().to_vec()].concat())
            }
            _ => (3, small(self.below(1 << 40)).to_vec()),
        };
        let length = u8::try_from(value.len()).unwrap();
        [vec![kind, 0, 0, length], value].concat()
    }
}

#[test]
fn the_mock_does_as_the_model() {
    for seed in 0..300 {
        let mut numbers = Numbers(seed);
        let mut octets = vec![u8::try_from(numbers.below(2)).unwrap()];
        for _ in 0..numbers.below(30) {
            octets.extend(numbers.step());
        }
        exchange(&octets);
    }
}

#[test]
fn broken_code_is_found() {
    let script = Script::new().send_raw([0x45, 1, 2, 3, 4]).encode();
    exchange(&script);
    for (what, code, rule) in BROKEN {
        let told = message(|| exchanged(&script, *code));
        assert!(told.contains(rule), "{what}: {told}");
    }
}

/// Code that is slow, as seen by who reads two frames at once.
#[test]
fn code_that_leaves_a_frame_is_found() {
    let copied = Fault::frame(Towards::Device, FrameFault::Duplicate { after: Duration::ZERO });
    let script = Script::new().fault(copied).send_raw([0x45; 20]).encode();
    exchange(&script);
    let told = message(|| {
        exchanged(&script, |end, now, log| {
            let mut end = Broken { end, spoil: |octets| Some(octets.to_vec()) };
            if let Ok(octets) = end.receive() {
                log.push((now, Ok(octets.clone()), end.transmit(&octets).err()));
            }
        });
    });
    assert!(told.contains("the code under test sees what the model says: number 1"), "{told}");
}

/// A link on which one step does nothing, where the model does it.
#[test]
fn a_mock_that_forgets_a_step_is_found() {
    let second = Duration::from_secs(1);
    let faults = [
        FrameFault::Drop,
        FrameFault::Corrupt { octet: 30, xor: 1, repair: false },
        FrameFault::Truncate { to: 25 },
        FrameFault::Duplicate { after: Duration::ZERO },
        FrameFault::Duplicate { after: second },
        FrameFault::Hold { behind: 1, at_most: second },
        FrameFault::Delay { by: second },
    ];
    let both = [Towards::Host, Towards::Device];
    let frames = both.into_iter().flat_map(|towards| faults.map(|fault| Fault::frame(towards, fault)));
    let calls = [
        Fault::call(Call::Receive, CallFault::Eintr),
        Fault::call(Call::Receive, CallFault::ShortRead { octets: 22 }),
        Fault::call(Call::Transmit, CallFault::Eio),
    ];
    let links = [LinkFault::Down, LinkFault::Mtu(68), LinkFault::QueueLength(0), LinkFault::Removed];
    let steps = frames.chain(calls).map(Step::Fault).chain(links.map(Step::Link));
    for step in steps.chain([Step::Advance(second)]) {
        let datagram = |number: u8| Ipv4::new() / Udp::new().dport(7) / [number; 60];
        let script = |step: Step| {
            let script = Script::new().silent_host().step(step);
            script.send_as_host(datagram(1)).send_as_host(datagram(2)).advance(2 * second)
        };
        let (with, without) = (script(step.clone()), script(Step::Observed(Vec::new())));
        let judge = |played: &Script| {
            let mut rules = Rules::new();
            as_modelled(&with, &play(played, reflect), &mut rules);
            rules.judge(&with.encode());
        };
        judge(&with);
        let told = message(|| judge(&without));
        assert!(told.starts_with("broken rule: "), "{step:?}: {told}");
    }
}
