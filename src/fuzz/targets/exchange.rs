//! Scripts on links in memory, on any octets, against a model of queues.

mod model;

use std::fmt::Debug;
use std::time::Duration;

use super::Rules;
use crate::context::{Backend, Link, Tap, TestContext, Tun};
use crate::device::{Deadline, Device, DeviceConfig, Mode};
use crate::exchange::Monitor;
use crate::fault::{Call, FrameFault, Towards};
use crate::fuzz::script::NextFault;
use crate::fuzz::{Event, Fault, Player, Script, Step, Transcript};
use crate::mock::Statistics;
use model::Model;

/// More steps are more of the same.
const MOST_STEPS: usize = 48;
/// The host's timers go off at most so long: a script may let 584 years go by in a step.
const LONGEST: Duration = Duration::from_secs(3_600);
/// How many frames the device's queue holds.
const QUEUE: u32 = 20;

/// The rules that hold for any octets, taken as a script:
///
/// * the script's octets decode to it, and what it encodes to is encoded to itself;
/// * it goes the same way each time it is played: frames, errors and times;
/// * whatever code sends back what it gets, against a model: every frame arrives in order and at its time, unless a fault
///   of the script's drops, copies, holds, delays, cuts or corrupts it, or the queue is full; every error is the errno that
///   the mock's pages name; the link's statistics and the exchange's account agree with what was seen;
/// * the mock's own host, too, sends nothing that breaks a [`Monitor`]'s rule, and the account of what passed agrees;
/// * times never go back, and go on by what the script says; an answer follows a frame that was sent.
///
/// # Panics
/// When a rule is broken.
pub fn exchange(data: &[u8]) {
    exchanged(data, reflect);
}

/// A device end, as the code under test and the model see it.
trait End {
    fn receive(&mut self) -> Result<Vec<u8>, i32>;
    fn transmit(&mut self, octets: &[u8]) -> Result<(), i32>;
}

/// What the code under test noticed.
type Log = Vec<(Duration, Result<Vec<u8>, i32>, Option<i32>)>;

/// The code under test: sends back what it gets, until it gets two errors in a row.
fn reflect(end: &mut dyn End, now: Duration, log: &mut Log) {
    let mut errors = 0;
    while errors < 2 {
        let got = end.receive();
        errors = if got.is_err() { errors + 1 } else { 0 };
        let refused = got.as_ref().ok().and_then(|octets| end.transmit(octets).err());
        // That there is nothing is no news.
        if got != Err(model::errno::AGAIN) {
            log.push((now, got, refused));
        }
    }
}

type Reflect = fn(&mut dyn End, Duration, &mut Log);

fn exchanged(data: &[u8], code: Reflect) {
    let mut rules = Rules::new();
    let decoded = Script::decode(data);
    let octets = decoded.encode();
    rules.keep("a script decodes to itself", Script::decode(&octets) == decoded);
    rules.keep("what is encoded is canonical", Script::decode(&octets).encode() == octets);
    let script = reflected_script(&decoded);
    let (played, again) = (play(&script, code), play(&script, code));
    rules.keep("a script goes the same way each time", played == again);
    as_modelled(&script, &played, &mut rules);
    at_the_host(&decoded, &mut rules);
    rules.judge(data);
}

/// What was played.
#[derive(PartialEq, Eq)]
struct Played {
    transcript: Transcript,
    log: Log,
    statistics: Statistics,
    /// Frames that the account says the code under test read and wrote.
    account: (u64, u64),
    took: Duration,
}

/// The script without sockets and without a host behind the link, so that nobody else sends. Checksums are not
/// repaired: the model knows none.
fn reflected_script(script: &Script) -> Script {
    let steps = script.steps().iter().filter(|step| !matches!(step, Step::Socket(_))).take(MOST_STEPS);
    steps.fold(Script::on(script.mode()).silent_host(), |script, step| {
        script.step(match step {
            Step::Fault(fault) => match *fault.next() {
                NextFault::Frame(towards, FrameFault::Corrupt { octet, xor, .. }) => {
                    Step::Fault(Fault::frame(towards, FrameFault::Corrupt { octet, xor, repair: false }))
                }
                _ => step.clone(),
            },
            _ => step.clone(),
        })
    })
}

/// A link of that mode, and what is done with it.
fn on_a_link<T>(mode: Mode, body: impl FnOnce(&Link) -> T) -> T {
    let config = DeviceConfig::new().queue_length(QUEUE);
    let context = TestContext::unrecorded(Backend::Mock);
    let made = context.and_then(|mut context| {
        Ok(match mode {
            Mode::Tun => body(&*context.argument::<Tun>(config)?),
            Mode::Tap => body(&*context.argument::<Tap>(config)?),
        })
    });
    made.unwrap_or_else(|error| panic!("no link: {error}"))
}

fn unjudged(player: Player<'_>) -> Player<'_> {
    Monitor::ALL.into_iter().fold(player, Player::without).most_frames(usize::MAX)
}

struct DeviceEnd<'a> {
    device: &'a dyn Device,
    buffer: &'a mut [u8],
}

impl End for DeviceEnd<'_> {
    fn receive(&mut self) -> Result<Vec<u8>, i32> {
        let octets = self.device.receive(self.buffer, Deadline::Now).map_err(|error| number_of(&error))?;
        Ok(self.buffer.get(..octets).unwrap_or_default().to_vec())
    }

    fn transmit(&mut self, octets: &[u8]) -> Result<(), i32> {
        self.device.transmit(octets).map(drop).map_err(|error| number_of(&error))
    }
}

fn number_of(error: &std::io::Error) -> i32 {
    error.raw_os_error().unwrap_or(-1)
}

fn play(script: &Script, code: Reflect) -> Played {
    on_a_link(script.mode(), |link| {
        let (mut log, mut buffer) = (Log::new(), vec![0; crate::device::LARGEST_FRAME]);
        let begin = link.clock().now();
        let transcript = unjudged(Player::at_host_end(link)).play(script, |turn| {
            code(&mut DeviceEnd { device: link.device(), buffer: &mut buffer }, turn.now(), &mut log);
        });
        let account = link.accounting();
        Played {
            transcript,
            log,
            statistics: link.mock().map(crate::mock::Cable::statistics).unwrap_or_default(),
            account: (account.delivered, account.written),
            took: link.clock().now().saturating_duration_since(begin),
        }
    })
}

impl End for Model {
    fn receive(&mut self) -> Result<Vec<u8>, i32> {
        self.receive()
    }

    fn transmit(&mut self, octets: &[u8]) -> Result<(), i32> {
        self.transmit(octets)
    }
}

/// A turn of the code under test, and what the script's end takes then.
fn turn(model: &mut Model, log: &mut Log, sent: &mut Vec<(usize, Duration, Vec<u8>)>, step: usize) {
    let now = model.now;
    reflect(model, now, log);
    sent.extend(std::mem::take(&mut model.at_host).into_iter().map(|octets| (step, now, octets)));
}

/// Plays the script on the model, and compares.
fn as_modelled(script: &Script, played: &Played, rules: &mut Rules) {
    let mut model = Model::new(script.mode(), usize::try_from(QUEUE).unwrap_or(usize::MAX));
    let (mut log, mut sent, mut all) = (Log::new(), Vec::new(), Duration::ZERO);
    turn(&mut model, &mut log, &mut sent, 0);
    for (index, step) in script.steps().iter().enumerate() {
        let number = index + 1;
        let mut happened = played.transcript.happened().iter().filter(|happened| happened.step == number);
        let said = happened.find_map(|happened| match &happened.event {
            Event::Put(octets) => Some((octets.clone(), Ok(()))),
            Event::Refused(octets, refusal) => Some((octets.clone(), Err(refusal.errno.unwrap_or(-1)))),
            Event::Link(refusal) => Some((Vec::new(), Err(refusal.errno.unwrap_or(-1)))),
            _ => None,
        });
        match step {
            Step::Frame(octets) => {
                let wanted = Some((octets.clone(), model.put(octets)));
                rules.keep("a frame is taken or refused as the model does", said == wanted);
            }
            Step::Answer(answer) => {
                // Its octets are the Player's business; that there is something to answer is ours.
                let known = sent.len() > usize::from(answer.earlier());
                rules.keep("an answer follows a frame that was sent", known || said.is_none());
                if let Some((octets, result)) = said {
                    rules.keep("an answer is taken or refused as the model does", model.put(&octets) == result);
                }
            }
            Step::Link(fault) => {
                let wanted = model.link(*fault).err().map(|errno| (Vec::new(), Err(errno)));
                rules.keep("the link does as the model does", said == wanted);
            }
            Step::Fault(fault) => match *fault.next() {
                NextFault::Frame(Towards::Host, fault) => model.to_host.planned.push(fault),
                NextFault::Frame(Towards::Device, fault) => model.to_device.planned.push(fault),
                NextFault::Call(Call::Receive, fault) => model.plan_receive(fault),
                NextFault::Call(Call::Transmit, fault) => model.plan_transmit(fault),
            },
            Step::Advance(by) => {
                all += *by;
                // A turn whenever something is due, and none where no time goes by.
                while model.now < all {
                    let due = model.next_due().filter(|due| *due < all);
                    model.pass_to(due.unwrap_or(all));
                    turn(&mut model, &mut log, &mut sent, number);
                }
                continue;
            }
            Step::Socket(_) | Step::Observed(_) => {}
        }
        turn(&mut model, &mut log, &mut sent, number);
    }
    let events = played.transcript.happened().iter().filter_map(|happened| match &happened.event {
        Event::Sent(octets) => Some((happened.step, happened.at, octets.clone())),
        _ => None,
    });
    let events: Vec<_> = events.collect();
    same("the code under test sees what the model says", &played.log, &log, played, script);
    same("what it sends arrives as the model says", &events, &sent, played, script);
    rules.keep("the link counts as the model does", played.statistics == model.statistics);
    let read = u64::try_from(log.iter().filter(|(_, got, _)| got.is_ok()).count()).unwrap_or(u64::MAX);
    rules.keep("the account tells what was read and written", played.account == (read, model.statistics.rx_packets));
    rules.keep("time goes on by what the script says", played.took == all);
    in_order(&played.transcript, script, all, rules);
}

/// Panics at the first difference of two lists, with the script and what happened.
fn same<T: PartialEq + Debug>(rule: &str, is: &[T], wanted: &[T], played: &Played, script: &Script) {
    if is != wanted {
        let first = is.iter().zip(wanted).take_while(|(is, wanted)| is == wanted).count();
        let (is, wanted) = (is.get(first), wanted.get(first));
        panic!("broken rule: {rule}: number {first} is {is:x?}, not {wanted:x?}\n{script}\n{}", played.transcript);
    }
}

fn in_order(transcript: &Transcript, script: &Script, all: Duration, rules: &mut Rules) {
    let happened = transcript.happened();
    let pairs = happened.iter().zip(happened.iter().skip(1));
    let forwards = pairs.into_iter().all(|(one, next)| one.at <= next.at && one.step <= next.step);
    rules.keep("times and steps never go back", forwards);
    let last = happened.last().is_none_or(|last| last.at <= all && last.step <= script.steps().len() + 1);
    rules.keep("nothing happens behind the end", last);
}

/// The script against the mock's host, whose sockets are used: judged by the rules that hold for any host.
fn at_the_host(decoded: &Script, rules: &mut Rules) {
    let steps = decoded.steps().iter().take(MOST_STEPS).map(|step| match step {
        Step::Advance(by) => Step::Advance((*by).min(LONGEST)),
        step => step.clone(),
    });
    let script = steps.fold(Script::on(decoded.mode()), Script::step);
    let play = || {
        on_a_link(script.mode(), |link| {
            let begin = link.clock().now();
            let transcript = Player::at_device_end(link).most_frames(usize::MAX).play(&script, |_| ());
            (transcript, link.accounting(), link.clock().now().saturating_duration_since(begin))
        })
    };
    let ((transcript, account, took), again) = (play(), play());
    rules.keep("a host goes the same way each time", again == (transcript.clone(), account, took));
    let count = |is: fn(&Event) -> bool| {
        u64::try_from(transcript.happened().iter().filter(|happened| is(&happened.event)).count()).unwrap_or(u64::MAX)
    };
    let (put, sent) = (count(|event| matches!(event, Event::Put(_))), count(|event| matches!(event, Event::Sent(_))));
    // Its sockets are closed when the script has been played, and the host may say so.
    let told = account.sent == put && account.received >= sent;
    rules.keep("the account tells what was sent and received", told);
    let all = script.steps().iter().map(|step| if let Step::Advance(by) = step { *by } else { Duration::ZERO }).sum();
    rules.keep("time at a host goes on by what the script says", took == all);
    in_order(&transcript, &script, all, rules);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Broken on purpose: each is found.
    const BROKEN: &[(&str, Reflect, &str)] = &[
        (
            "loses a frame of five octets",
            |end, now, log| {
                let mut end =
                    Broken { end, spoil: |octets| if octets.len() == 5 { None } else { Some(octets.to_vec()) } };
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
        let scripts = std::env::var("SCRIPTS").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
        for seed in 0..scripts {
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
}
