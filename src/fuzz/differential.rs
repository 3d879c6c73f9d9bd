//! Two that should do the same: two stacks, or the mock and the kernel, with the same script.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::resume_unwind;
use std::thread;
use std::time::Duration;

use super::player::flows::{Seen, Way, back};
use super::player::{Event, Happened, Transcript};
use super::script::StepOn;
use super::{Script, run};
use crate::context::{Backend, FromTestContext, TestContext};
use crate::device::{DeviceConfig, FrameRef, Mode};
use crate::packet::field::{Constraint, Value};
use crate::packet::layer::{At, FieldInfo};
use crate::packet::{Dissection, Layer, LayerKind, Packet, View, protocol};

/// A body whose transcript is compared.
pub type Played<T> = fn(T, Script) -> Transcript;

/// Plays a script for two and compares what they sent, what was refused, and what sockets read.
///
/// Frames are compared octet by octet, but for checksums that are right (what they cover is compared), the initial sequence
/// numbers of TCP (others are counted from them), and the fields that are [left out](Self::ignoring): those that two
/// correct stacks choose for themselves. Steps are compared one by one, so that what comes in another order within one step, or at
/// another step, is a difference. Times are not compared, unless [`with_times`](Self::with_times) says so.
///
/// ```
/// use tuntap_test::fuzz::{Differential, Script, Transcript};
/// use tuntap_test::prelude::*;
///
/// fn host(tun: Tun, script: Script) -> Transcript {
///     script.play_at_device_end(&tun, |_| ())
/// }
/// fn host_behind_one_hop(tun: Tun, script: Script) -> Transcript {
///     tun.faults().to_host(|frames| frames.drop_nth(2, Icmpv4::new()));
///     script.play_at_device_end(&tun, |_| ())
/// }
///
/// let script = Script::new().send(Icmpv4::echo_request(7, 1)).send(Icmpv4::echo_request(7, 2));
/// let differential = Differential::between("one", host, "other", host_behind_one_hop);
/// let told = differential.compare(&script).unwrap_err().to_string();
/// assert!(told.starts_with("one and other part in step 2 of 2: send"), "{told}");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Differential<T> {
    one: (&'static str, Backend, Played<T>),
    other: (&'static str, Backend, Played<T>),
    ignored: Vec<(LayerKind, &'static str)>,
    times: Option<Duration>,
}

impl<T: FromTestContext + 'static> Differential<T> {
    /// Two bodies, both on the mock, with the names by which a difference calls them.
    pub fn between(one: &'static str, body: Played<T>, other: &'static str, other_body: Played<T>) -> Self {
        Self {
            one: (one, Backend::Mock, body),
            other: (other, Backend::Mock, other_body),
            ignored: Vec::new(),
            times: None,
        }
    }

    /// One body on the mock and on a kernel device, in a network namespace of its own.
    /// Time there is the system's: what the script lets go by is waited for.
    pub fn mock_and_kernel(body: Played<T>) -> Self {
        Self { other: ("kernel", Backend::Kernel, body), ..Self::between("mock", body, "kernel", body) }
    }

    /// Does not compare that field. `field` is its setter's name: IPv4's identification is `"id"`.
    ///
    /// # Panics
    /// When the layer has no such field.
    #[track_caller]
    pub fn ignoring(mut self, layer: LayerKind, field: &'static str) -> Self {
        assert!(protocol(layer).index(field).is_some(), "{layer} has no field `{field}`");
        self.ignored.push((layer, field));
        self
    }

    /// Compares times, too: they may differ by so much.
    pub const fn with_times(mut self, by: Duration) -> Self {
        self.times = Some(by);
        self
    }

    /// Plays the script for both, and gives the first difference.
    ///
    /// # Errors
    /// The first difference.
    ///
    /// # Panics
    /// When a body does; when there is no kernel device, with the obstacle.
    #[track_caller]
    pub fn compare(&self, script: &Script) -> Result<(), Box<Divergence>> {
        let played = [self.one, self.other].map(|(_, backend, body)| play(backend, body, script.clone()));
        let [one, other] = &played;
        let longest = one.happened().len().max(other.happened().len());
        let mut numbers = [Initial::default(), Initial::default()];
        for at in 0..longest {
            let pair = [one, other].map(|transcript| transcript.happened().get(at));
            let Some(difference) = self.difference(one.mode(), pair, &mut numbers) else { continue };
            let step = pair.into_iter().flatten().map(|happened| happened.step).min().unwrap_or(0);
            return Err(Box::new(Divergence {
                names: [self.one.0, self.other.0],
                script: script.clone(),
                step,
                happened: pair.map(Option::<&Happened>::cloned),
                difference,
                transcripts: played,
            }));
        }
        Ok(())
    }

    /// What is different, in words; nothing where nothing is.
    fn difference(&self, mode: Mode, pair: [Option<&Happened>; 2], numbers: &mut [Initial; 2]) -> Option<Vec<String>> {
        let only = |what: &str| Some(vec![what.to_owned()]);
        let [Some(a), Some(b)] = pair else { return only("only one of them did something more") };
        if a.step != b.step {
            return only("they did it in different steps");
        }
        if let Some(by) = self.times.filter(|by| a.at.abs_diff(b.at) > *by) {
            return Some(vec![format!("{:?} and {:?} are more than {by:?} apart", a.at, b.at)]);
        }
        match (&a.event, &b.event) {
            // An answer of the script's differs where the frame did that it answers, and that was compared.
            (Event::Put(a), Event::Put(b)) => {
                [a, b].into_iter().zip(numbers).for_each(|(octets, initial)| initial.note(FrameRef::new(mode, octets)));
                None
            }
            (Event::Sent(a), Event::Sent(b)) => {
                let [of_one, of_other] = numbers;
                let [a, b] = [(a, of_one), (b, of_other)].map(|(octets, initial)| {
                    let frame = FrameRef::new(mode, octets);
                    initial.note(frame);
                    self.comparable(frame, initial)
                });
                if a == b { None } else { Some(differences(mode, &a, &b)) }
            }
            (Event::Refused(_, a), Event::Refused(_, b)) if a == b => None,
            (a, b) if a == b => None,
            _ => only("what happened is of another kind, or another error"),
        }
    }

    fn is_ignored(&self, layer: LayerKind, field: &str) -> bool {
        self.ignored.iter().any(|(kind, name)| *kind == layer && *name == field)
    }

    /// The octets with zeros for the fields that are left out and for checksums that are right, and with TCP's numbers
    /// counted from the initial ones.
    fn comparable(&self, frame: FrameRef<'_>, initial: &Initial) -> Comparable {
        let dissection = Dissection::new(frame);
        let mut octets = frame.octets.to_vec();
        let (mut wrong, mut right) = (Vec::new(), Vec::new());
        dissection.verify(|defect| wrong.push(defect.octets.start));
        for view in dissection.views() {
            for info in view.protocol.fields {
                let Some(range) = info.range(view.header) else { continue };
                let at = view.start + range.start;
                if self.is_ignored(view.protocol.kind, info.name) {
                    overwrite(info, &view, 0, &mut octets);
                } else if info.name == "checksum" && is_verified(&view) && !wrong.contains(&at) {
                    overwrite(info, &view, 0, &mut octets);
                    right.push(at);
                } else if let Some(number) = initial.relative(frame, &view, info.name) {
                    overwrite(info, &view, number.into(), &mut octets);
                }
            }
        }
        Comparable { octets, right }
    }
}

/// A frame as it is compared.
#[derive(PartialEq, Eq)]
struct Comparable {
    octets: Vec<u8>,
    /// Where the checksums begin that are right, which are zeros.
    right: Vec<usize>,
}

/// Whether a checksum of that layer was looked at: not that of a quoted packet, nor of a part of one, nor one that was
/// not computed (RFC 768).
fn is_verified(view: &View<'_>) -> bool {
    let is_whole = view.protocol.kind == LayerKind::Ipv4 || view.ip.is_none_or(|ip| !ip.fragment);
    let is_there = view.protocol.kind != LayerKind::Udp || view.number("checksum") != 0;
    view.nesting == 0 && is_whole && is_there
}

/// The initial sequence numbers of a transcript's connections, each way.
#[derive(Default)]
struct Initial(BTreeMap<Way, u32>);

impl Initial {
    fn note(&mut self, frame: FrameRef<'_>) {
        let (Some(seen), Ok(tcp)) = (Seen::of(frame), frame.tcp()) else { return };
        // Nobody chooses the number of another segment: a reset has that of what it resets (RFC 9293 section 3.5.2).
        if tcp.syn() {
            self.0.insert(seen.way, tcp.sequence_number());
        }
    }

    /// The number in that field, counted from the initial one; `None` for other fields, and where there is no initial one.
    fn relative(&self, frame: FrameRef<'_>, view: &View<'_>, field: &str) -> Option<u32> {
        if view.protocol.kind != LayerKind::Tcp || view.nesting > 0 {
            return None;
        }
        let (seen, tcp) = (Seen::of(frame)?, frame.tcp().ok()?);
        match field {
            "seq" => Some(tcp.sequence_number().wrapping_sub(*self.0.get(&seen.way)?)),
            "acknowledgement" if tcp.ack() || tcp.acknowledgment_number() != 0 => {
                Some(tcp.acknowledgment_number().wrapping_sub(*self.0.get(&back(seen.way))?))
            }
            _ => None,
        }
    }
}

/// The layers and fields that differ.
fn differences(mode: Mode, one: &Comparable, other: &Comparable) -> Vec<String> {
    if one.octets == other.octets {
        return vec!["a checksum is right in the one, and not in the other".to_owned()];
    }
    let [one, other] = [one, other].map(|frame| Dissection::new(FrameRef::new(mode, &frame.octets)));
    let mut lines = Vec::new();
    for (one, other) in one.views().zip(other.views()) {
        if one.protocol.kind != other.protocol.kind {
            lines.push(format!("{} in the one, {} in the other", one.protocol.kind, other.protocol.kind));
            break;
        }
        lines.extend((0..one.protocol.fields.len()).filter_map(|index| different(&one, &other, index)));
    }
    if lines.is_empty() {
        lines.push(format!("{} octets and {} octets", one.frame().len(), other.frame().len()));
    }
    lines
}

/// Writes a number into a field, and leaves the others in its octets as they are; octets of any number become zeros.
fn overwrite(info: &FieldInfo, view: &View<'_>, number: u128, octets: &mut [u8]) {
    let Some(range) = info.range(view.header) else { return };
    let place = octets.get_mut(view.start..view.start + view.header.len()).unwrap_or_default();
    match info.at {
        At::Bits { .. } => info.put_bits(number, place),
        _ => place.get_mut(range).into_iter().flatten().for_each(|octet| *octet = 0),
    }
}

/// How a field differs, as templates are written.
fn different(one: &View<'_>, other: &View<'_>, index: usize) -> Option<String> {
    let [a, b] = [one, other].map(|view| view.value(index));
    if a == b {
        return None;
    }
    let info = one.protocol.fields.get(index)?;
    let written = |value: Option<Value<'_>>| {
        let mut layer = Layer::new(one.protocol);
        match value {
            Some(Value::Bits(bits)) => layer.set(info.name, Constraint::Exact(bits)),
            Some(Value::Octets(octets)) => layer.set(info.name, Constraint::Octets(octets.into())),
            Some(Value::Parts(_)) => return format!("{} ({} other)", one.protocol.kind, info.name),
            None => return format!("{} (no {})", one.protocol.kind, info.name),
        }
        Packet::from_layer(layer).to_string()
    };
    Some(format!("{} in the one, {} in the other", written(a), written(b)))
}

/// Plays it on a link of its own. The kernel's thread cannot leave its namespace, so it is one of its own.
fn play<T: FromTestContext + 'static>(backend: Backend, body: Played<T>, script: Script) -> Transcript {
    let played = move || match TestContext::unrecorded(backend) {
        Ok(mut context) => {
            let link = T::from_test_context(&mut context, DeviceConfig::new());
            let transcript = body(link, script);
            run::judge(&context);
            transcript
        }
        Err(error) => panic!("{error}"),
    };
    match backend {
        Backend::Mock => played(),
        Backend::Kernel => thread::spawn(played).join().unwrap_or_else(|panic| resume_unwind(panic)),
    }
}

/// Where two parted.
#[derive(Clone)]
pub struct Divergence {
    names: [&'static str; 2],
    script: Script,
    step: usize,
    happened: [Option<Happened>; 2],
    difference: Vec<String>,
    transcripts: [Transcript; 2],
}

impl Divergence {
    /// The step, counted from 1; 0 before the first, one more than there are steps behind the last.
    #[must_use]
    pub const fn step(&self) -> usize {
        self.step
    }

    /// What each of them did: the first that differs.
    #[must_use]
    pub const fn happened(&self) -> &[Option<Happened>; 2] {
        &self.happened
    }

    /// Both transcripts.
    #[must_use]
    pub const fn transcripts(&self) -> &[Transcript; 2] {
        &self.transcripts
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [one, other] = self.names;
        let steps = self.script.steps();
        write!(f, "{one} and {other} part ")?;
        match self.step.checked_sub(1).map(|index| steps.get(index)) {
            None => write!(f, "before the first step")?,
            Some(None) => write!(f, "behind the last of {} steps", steps.len())?,
            Some(Some(step)) => {
                let on = StepOn { mode: self.script.mode(), step };
                write!(f, "in step {} of {}: {on}", self.step, steps.len())?;
            }
        }
        let width = one.len().max(other.len()) + 1;
        for ((name, happened), transcript) in self.names.iter().zip(&self.happened).zip(&self.transcripts) {
            let what = happened.as_ref().map_or_else(|| "nothing".to_owned(), |what| transcript.describe(what));
            write!(f, "\n  {:<width$} {what}", format!("{name}:"))?;
        }
        self.difference.iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}

/// As it is displayed: what `unwrap` shows is to be read.
impl fmt::Debug for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Divergence {}
