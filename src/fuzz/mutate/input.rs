//! How an input of a fuzz target holds its frames.
//!
//! ```text
//!  Tun, Tap    | frame |
//!  FirstOctet  | 0 even: TUN, odd: TAP | frame |
//!  Frames      | length 2, big-endian | frame | length 2 | frame | …
//! ```

use std::ops::Range;

pub use super::script::Scripts;

use super::Mutator;
use super::draw::Draw;
use super::octets::{Octets, call, havoc};
use crate::device::Mode;

/// What an input is made of, so that it can be mutated. [`fuzz_mutator!`](crate::fuzz_mutator) takes a value of it.
///
/// An input that holds frames among other things finds them, and calls
/// [`Mutator::mutate_with`] or [`Mutator::splice`] on each that it wants changed.
///
/// ```
/// use tuntap_test::fuzz::mutate::{Input, Mutator};
///
/// /// A frame behind two octets of options, which stay.
/// struct WithOptions;
///
/// impl Input for WithOptions {
///     fn mutate(
///         &self,
///         mutator: &mut Mutator,
///         input: &mut Vec<u8>,
///         most: usize,
///         octets: &mut dyn FnMut(&mut [u8], usize, usize) -> usize,
///     ) {
///         let mut frame = input.split_off(input.len().min(2));
///         mutator.mutate_with(&mut frame, most.saturating_sub(2), octets);
///         input.extend(frame);
///     }
///
///     fn splice(&self, mutator: &mut Mutator, one: &[u8], other: &[u8], into: &mut Vec<u8>, most: usize) {
///         let (Some((options, one)), Some((_, other))) = (one.split_at_checked(2), other.split_at_checked(2)) else {
///             return;
///         };
///         let mut frame = Vec::new();
///         mutator.splice(one, other, &mut frame, most.saturating_sub(2));
///         *into = [options, &frame].concat();
///     }
/// }
///
/// let mut input = b"..frame".to_vec();
/// WithOptions.mutate(&mut Mutator::new(1), &mut input, 64, &mut |_, length, _| length);
/// assert!(input.starts_with(b".."));
/// ```
pub trait Input {
    /// Changes an input, to at most so many octets. `octets` is as in [`Mutator::mutate_with`].
    fn mutate(
        &self,
        mutator: &mut Mutator,
        input: &mut Vec<u8>,
        most: usize,
        octets: &mut dyn FnMut(&mut [u8], usize, usize) -> usize,
    );

    /// Makes one input of two, of at most so many octets, in the place of what is in `into`.
    fn splice(&self, mutator: &mut Mutator, one: &[u8], other: &[u8], into: &mut Vec<u8>, most: usize);
}

/// The input is a frame of a TUN.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a name and nothing else")]
pub struct Tun;

/// The input is a frame of a TAP.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a name and nothing else")]
pub struct Tap;

/// The input's first octet says whether the others are a frame of a TUN (even) or of a TAP (odd), as in
/// [`targets::frame`](crate::fuzz::targets::frame).
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a name and nothing else")]
pub struct FirstOctet;

/// The input is a sequence of frames, each behind its length: 2 octets, big-endian. A length that is larger than what is
/// left counts for what is left; a single octet at the end is no frame.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whose frames they are and nothing else")]
pub struct Frames(
    /// Whose frames they are.
    pub Mode,
);

impl Input for Mode {
    fn mutate(&self, mutator: &mut Mutator, input: &mut Vec<u8>, most: usize, octets: &mut Octets<'_>) {
        mutator.mode = *self;
        mutator.change(input, most, Some(octets));
    }

    fn splice(&self, mutator: &mut Mutator, one: &[u8], other: &[u8], into: &mut Vec<u8>, most: usize) {
        mutator.mode = *self;
        mutator.splice(one, other, into, most);
    }
}

macro_rules! as_mode {
    ($($name:ident)*) => {$(
        impl Input for $name {
            fn mutate(&self, mutator: &mut Mutator, input: &mut Vec<u8>, most: usize, octets: &mut Octets<'_>) {
                Mode::$name.mutate(mutator, input, most, octets);
            }

            fn splice(&self, mutator: &mut Mutator, one: &[u8], other: &[u8], into: &mut Vec<u8>, most: usize) {
                Mode::$name.splice(mutator, one, other, into, most);
            }
        }
    )*};
}
as_mode!(Tun Tap);

const fn mode_of(first: u8) -> Mode {
    if first.is_multiple_of(2) { Mode::Tun } else { Mode::Tap }
}

impl Input for FirstOctet {
    fn mutate(&self, mutator: &mut Mutator, input: &mut Vec<u8>, most: usize, octets: &mut Octets<'_>) {
        input.truncate(most);
        let Some(first) = input.first().copied() else {
            havoc(input, most, &mut mutator.draw);
            return;
        };
        let mut frame = input.split_off(1);
        mode_of(first).mutate(mutator, &mut frame, most - 1, octets);
        input.append(&mut frame);
    }

    fn splice(&self, mutator: &mut Mutator, one: &[u8], other: &[u8], into: &mut Vec<u8>, most: usize) {
        into.clear();
        let (Some((first, one)), Some((_, other)), true) = (one.split_first(), other.split_first(), most > 0) else {
            return;
        };
        let mut frame = Vec::with_capacity(one.len() + other.len());
        mode_of(*first).splice(mutator, one, other, &mut frame, most - 1);
        into.push(*first);
        into.append(&mut frame);
    }
}

/// The octets of a length.
const LENGTH: usize = 2;

/// The most frames of an input that are told apart; what follows stays.
const MOST_FRAMES: usize = 256;

impl Frames {
    /// The frames of an input.
    ///
    /// ```
    /// use tuntap_test::fuzz::mutate::input::Frames;
    ///
    /// let frames: Vec<&[u8]> = Frames::of(b"\0\x01a\0\0\0\x05bc").collect();
    /// assert_eq!(frames, [&b"a"[..], b"", b"bc"]);
    /// ```
    pub fn of(input: &[u8]) -> impl Iterator<Item = &[u8]> {
        places(input).map(|place| input.get(place.start + LENGTH..place.end).unwrap_or_default())
    }

    /// Appends a frame. One that is too long for its length, 65535 octets, is cut.
    pub fn push(input: &mut Vec<u8>, frame: &[u8]) {
        let length = u16::try_from(frame.len()).unwrap_or(u16::MAX);
        input.extend_from_slice(&length.to_be_bytes());
        input.extend_from_slice(frame.get(..usize::from(length)).unwrap_or_default());
    }
}

/// Where the frames stand, lengths included.
fn places(input: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let length = u16::from_be_bytes(*input.get(at..)?.first_chunk()?);
        let place = at..(at + LENGTH + usize::from(length)).min(input.len());
        at = place.end;
        Some(place)
    })
}

/// One of the places, later ones more often: what was sent first decides whether the rest is listened to.
fn one_of(places: &[Range<usize>], draw: &mut Draw) -> Option<Range<usize>> {
    let at = draw.below(places.len()).max(draw.below(places.len()));
    places.get(if draw.one_in(2) { at } else { draw.below(places.len()) }).cloned()
}

impl Input for Frames {
    fn mutate(&self, mutator: &mut Mutator, input: &mut Vec<u8>, most: usize, octets: &mut Octets<'_>) {
        input.truncate(most);
        let places: Vec<_> = places(input).take(MOST_FRAMES).collect();
        let Some(place) = one_of(&places, &mut mutator.draw) else {
            call(input, most, octets);
            return;
        };
        let other = one_of(&places, &mut mutator.draw).unwrap_or(place.clone());
        // What is put in stands in front of a frame, or at the end.
        let at = if mutator.draw.one_in(2) { input.len() } else { other.start };
        let frame = input.get(place.start + LENGTH..place.end).unwrap_or_default().to_vec();
        let room = most - input.len();
        match mutator.draw.below(32) {
            0 => call(input, most, octets),
            // Nothing may be left.
            1 | 2 if places.len() > 1 => drop(input.drain(place)),
            3 if room >= LENGTH => put(input, at..at, &[]),
            4 | 5 if room >= LENGTH + frame.len() => put(input, at..at, &frame),
            6..11 if room >= LENGTH + frame.len() => {
                let mut frame = frame;
                mutator.mode = self.0;
                let before = input.get(other.start + LENGTH..other.end).unwrap_or_default().to_vec();
                if mutator.follow(&mut frame, &before) && mutator.draw.one_in(2) {
                    self.0.mutate(mutator, &mut frame, room - LENGTH, octets);
                }
                // Behind what it follows, or at the end.
                let at = if mutator.draw.one_in(2) { other.end } else { input.len() };
                put(input, at..at, &frame);
            }
            11..17 if room >= LENGTH + frame.len() => {
                let mut frame = frame;
                self.0.mutate(mutator, &mut frame, room - LENGTH, octets);
                put(input, at..at, &frame);
            }
            17 | 18 if place != other => swap(input, place, other),
            _ => {
                let mut frame = frame;
                let most = frame.len() + room;
                self.0.mutate(mutator, &mut frame, most, octets);
                put(input, place, &frame);
            }
        }
        input.truncate(most);
    }

    /// The first frames of the one and the last of the other, or the one with a frame spliced.
    fn splice(&self, mutator: &mut Mutator, one: &[u8], other: &[u8], into: &mut Vec<u8>, most: usize) {
        into.clear();
        into.extend_from_slice(one);
        let (ones, others): (Vec<_>, Vec<_>) = (places(one).collect(), places(other).collect());
        let from = one_of(&others, &mut mutator.draw).unwrap_or(0..0);
        match one_of(&ones, &mut mutator.draw) {
            Some(place) if mutator.draw.one_in(2) => {
                let frame = |input: &[u8], place: &Range<usize>| {
                    input.get(place.start + LENGTH..place.end).unwrap_or_default().to_vec()
                };
                let mut spliced = Vec::new();
                let room = most.saturating_sub(one.len().min(most)) + place.len().saturating_sub(LENGTH);
                self.0.splice(mutator, &frame(one, &place), &frame(other, &from), &mut spliced, room);
                put(into, place, &spliced);
            }
            place => {
                into.truncate(place.map_or(0, |place| place.end));
                into.extend_from_slice(other.get(from.start..).unwrap_or_default());
            }
        }
        into.truncate(most);
    }
}

/// Puts a frame, behind its length, in that place.
fn put(input: &mut Vec<u8>, place: Range<usize>, frame: &[u8]) {
    let length = u16::try_from(frame.len()).unwrap_or(u16::MAX);
    let frame = frame.iter().copied().take(usize::from(length));
    input.splice(place, length.to_be_bytes().into_iter().chain(frame));
}

/// Two frames change places.
fn swap(input: &mut Vec<u8>, one: Range<usize>, other: Range<usize>) {
    let (first, second) = if one.start < other.start { (one, other) } else { (other, one) };
    let part = |range: Range<usize>| input.get(range).unwrap_or_default();
    let swapped = [
        part(0..first.start),
        part(second.clone()),
        part(first.end..second.start),
        part(first),
        part(second.end..input.len()),
    ]
    .concat();
    *input = swapped;
}
