//! Seeds: octets that a target takes, and the script that they are.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;

use super::CoverageClass;
use crate::capture::Capture;
use crate::device::{FrameRef, Mode};
use crate::fuzz::{CaptureToScript, Script, Step};

/// What the octets of a seed are. The [module](super) shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SeedForm {
    /// A whole exchange: what [`Script::encode`] gives.
    Script,
    /// One frame behind an octet that says whether it is a TUN's (even) or a TAP's (odd).
    Frame,
    /// The frames that one side sent, each behind its length: two octets in network byte order.
    Frames,
}

/// A seed, and what it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seed {
    /// What it covers.
    pub class: CoverageClass,
    /// What the target is given.
    pub octets: Vec<u8>,
}

impl Seed {
    /// The name of its file: the class and `.bin`.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}.bin", self.class)
    }
}

/// The octets end in the middle of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeedError {
    /// Where the frame's length, or its first octet, stands: octets from the beginning.
    pub offset: usize,
    /// How many octets there would have to be from there on.
    pub needed: usize,
    /// How many there are.
    pub available: usize,
}

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, needed, available } = self;
        write!(f, "frame at octet {offset} needs {needed} octets, there are {available}")
    }
}

impl Error for SeedError {}

/// The seeds that a capture holds, the first of each class: a script for each interface, or each of its frames, or the frames
/// that are sent on it. `how` says which those are. A frame of more than 65,535 octets is left out of
/// [`Frames`](SeedForm::Frames).
#[must_use]
pub fn seeds(capture: &Capture<'_>, how: &CaptureToScript, form: SeedForm) -> Vec<Seed> {
    let mut known = HashSet::new();
    let scripts = how.convert(capture).into_iter().map(|(_, script)| script);
    let seeds = scripts.flat_map(|script| match form {
        SeedForm::Script => vec![Seed { class: CoverageClass::of_script(&script), octets: script.encode() }],
        SeedForm::Frame => frames(&script),
        SeedForm::Frames => sent(&script).into_iter().collect(),
    });
    seeds.filter(|seed| known.insert(seed.class.clone())).collect()
}

fn frames(script: &Script) -> Vec<Seed> {
    let octets = script.steps().iter().filter_map(|step| match step {
        Step::Frame(octets) | Step::Observed(octets) => Some(octets),
        _ => None,
    });
    let seed = |octets: &Vec<u8>| Seed {
        class: CoverageClass::of(FrameRef::new(script.mode(), octets)),
        octets: [&[u8::from(script.mode() == Mode::Tap)][..], octets].concat(),
    };
    octets.map(seed).collect()
}

fn sent(script: &Script) -> Option<Seed> {
    let (mut octets, mut steps) = (Vec::new(), Vec::new());
    for step in script.steps() {
        if let Step::Frame(frame) = step
            && let Ok(length) = u16::try_from(frame.len())
        {
            octets.extend_from_slice(&length.to_be_bytes());
            octets.extend_from_slice(frame);
            steps.push(step.clone());
        }
    }
    let class = CoverageClass::of_script(&script.with_steps(steps));
    (!octets.is_empty()).then_some(Seed { class, octets })
}

impl SeedForm {
    /// The script that a seed is. `mode` is that of [`Frames`](Self::Frames), which do not say it.
    ///
    /// # Errors
    /// The octets end in the middle of a frame. A script's never do.
    pub fn script(self, octets: &[u8], mode: Mode) -> Result<Script, SeedError> {
        match self {
            Self::Script => Ok(Script::decode(octets)),
            Self::Frame => match octets.split_first() {
                Some((about, frame)) => {
                    let mode = if about % 2 == 0 { Mode::Tun } else { Mode::Tap };
                    Ok(Script::on(mode).send_raw(frame))
                }
                None => Err(SeedError { offset: 0, needed: 1, available: 0 }),
            },
            Self::Frames => {
                let (mut script, mut offset) = (Script::on(mode), 0);
                while let Some(rest) = octets.get(offset..).filter(|rest| !rest.is_empty()) {
                    let short = |needed| SeedError { offset, needed, available: rest.len() };
                    let (length, behind) = rest.split_first_chunk::<2>().ok_or(short(2))?;
                    let length = usize::from(u16::from_be_bytes(*length));
                    script = script.send_raw(behind.get(..length).ok_or(short(2 + length))?);
                    offset += 2 + length;
                }
                Ok(script)
            }
        }
    }
}
