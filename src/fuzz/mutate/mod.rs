//! A mutator for frames: changes fields, options, layers and payload, and puts lengths, checksums and protocol numbers
//! right behind it, so that a mutant gets past the checks that octets changed at random do not.
//!
//! Layer: `fuzz`; reads frames with [`packet`](crate::packet)'s tables. Works on the wire format: captures are seeds.
//!
//! ```text
//!  frame ── read ──► | Ethernet | IPv4 | TCP | payload |          what stands where
//!                          one mutation, at times more            fields · options · layers · payload · fragments
//!        ◄─ mend ──  from the inside out: numbers, lengths, checksums ([`Repairs`]), at times one wrong on purpose
//! ```
//!
//! * [`Mutator`]: mutates and splices frames, a function of its seed and of what it is given.
//! * [`Input`]: how an input holds its frames: it is one ([`input::Tun`], [`input::Tap`]), its first octet tells which
//!   ([`input::FirstOctet`]), it holds several ([`input::Frames`]); anybody's type can be one.
//! * [`input::Scripts`]: the input is a [`Script`](crate::fuzz::Script).
//! * [`fuzz_mutator!`](crate::fuzz_mutator): both as libFuzzer's custom mutator and crossover.

mod draw;
mod fields;
pub mod input;
mod layers;
mod libfuzzer;
mod mend;
mod octets;
mod options;
mod payload;
mod repairs;
mod script;
mod splice;
mod stack;

pub use input::Input;
#[doc(hidden)]
pub use libfuzzer::{crossover, mutate};
pub use repairs::{Repair, Repairs};

use self::draw::Draw;
use self::mend::Mending;
use self::octets::Octets;
use self::stack::Stack;
use crate::device::Mode;

/// What a mutator did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Mutation {
    /// A field of a header has another value.
    Field,
    /// An option was put in.
    OptionInserted,
    /// An option was taken out.
    OptionRemoved,
    /// An option is there twice.
    OptionDuplicated,
    /// Two options changed places.
    OptionsReordered,
    /// The length octet of an option says something else: the list may be malformed.
    OptionLength,
    /// The value of an option is another.
    OptionValue,
    /// A VLAN tag or an extension header of IPv6 was put in.
    LayerInserted,
    /// A header was taken out.
    LayerRemoved,
    /// Two headers changed places.
    LayersSwapped,
    /// A header is there twice.
    LayerDuplicated,
    /// An IP header was put around an IP header.
    Tunnelled,
    /// An ICMP error was put around a datagram.
    Quoted,
    /// The transport is another.
    TransportReplaced,
    /// Octets of the payload are others.
    PayloadOctets,
    /// The payload is longer or shorter.
    PayloadLength,
    /// The packet is a fragment, another fragment, or whole again.
    Fragmentation,
    /// Octets of the frame were changed without regard to what they are.
    Octets,
}

/// At most so many mutations at a time.
const MOST_MUTATIONS: usize = 4;

/// How often another mutation is drawn where one cannot be: no options, no room.
const TRIES: usize = 8;

/// Octets instead of fields: once in so many mutations of a frame that can be read.
const OCTETS_ONE_IN: u32 = 24;

/// Mutates frames.
///
/// What it does is a function of the seed and of what it is given. A mutant of a sound frame is sound (see
/// [`Dissection::is_sound`](crate::packet::Dissection::is_sound)) but for one in 16, whose repair is
/// [left out](Self::leave_out_one_in) on purpose, and but for those that
///
/// * have the length octet of a neighbour discovery option changed, or the type of a message to one whose options or
///   records are malformed now,
/// * had octets changed that say where headers are, or became a frame with another reading: a port that makes a message
///   of the payload, a payload that an IP header inside begins,
/// * are longer than a length field can tell.
///
/// ```
/// use tuntap_test::fuzz::mutate::Mutator;
/// use tuntap_test::packet::{Dissection, Ipv4, Tcp};
/// use tuntap_test::{FrameRef, Mode};
///
/// let syn = (Ipv4::new() / Tcp::new().dport(80).syn().mss(1460)).build()?;
/// let mut frame = syn.clone();
/// Mutator::new(7).mode(Mode::Tun).leave_out_one_in(0).mutate(&mut frame, 1500);
/// assert_ne!(frame, syn);
/// assert!(Dissection::new(FrameRef::new(Mode::Tun, &frame)).is_sound());
/// # Ok::<(), tuntap_test::packet::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Mutator {
    draw: Draw,
    mode: Mode,
    repairs: Repairs,
    leave_out_one_in: u32,
    applied: [Option<Mutation>; MOST_MUTATIONS],
    left_out: Option<Repair>,
}

impl Mutator {
    /// A mutator of a TUN's frames, with all repairs.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            draw: Draw::new(seed),
            mode: Mode::Tun,
            repairs: Repairs::ALL,
            leave_out_one_in: 16,
            applied: [None; MOST_MUTATIONS],
            left_out: None,
        }
    }

    /// Whose frames they are.
    #[must_use]
    pub const fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// What is put right. What is not stays as it was before the mutation.
    #[must_use]
    pub const fn repairs(mut self, repairs: Repairs) -> Self {
        self.repairs = repairs;
        self
    }

    /// Once in so many mutants one of the repairs writes something wrong, so that this is explored as well: 16 unless
    /// set, 0 for never, 1 for always.
    #[must_use]
    pub const fn leave_out_one_in(mut self, mutants: u32) -> Self {
        self.leave_out_one_in = mutants;
        self
    }

    /// What the last mutation did, in order.
    pub fn applied(&self) -> impl Iterator<Item = Mutation> {
        self.applied.iter().copied().flatten()
    }

    /// What the last mutation put wrong on purpose, where the frame has it.
    #[must_use]
    pub const fn left_out(&self) -> Option<Repair> {
        self.left_out
    }

    /// Changes a frame, to at most so many octets. Any octets will do.
    pub fn mutate(&mut self, frame: &mut Vec<u8>, most: usize) {
        self.change(frame, most, None);
    }

    /// The same, with another mutator for octets that nobody reads: libFuzzer's own, which knows the dictionary and what
    /// the code under test compared. It is given a buffer, how many octets of it count, and how many may; it gives how
    /// many do then.
    pub fn mutate_with(
        &mut self,
        frame: &mut Vec<u8>,
        most: usize,
        mut octets: impl FnMut(&mut [u8], usize, usize) -> usize,
    ) {
        self.change(frame, most, Some(&mut octets));
    }

    /// Makes a frame of the outer headers of one and the inside of another, of at most so many octets. Where no header
    /// of the one can carry a layer of the other, it is the one, mutated.
    pub fn splice(&mut self, one: &[u8], other: &[u8], into: &mut Vec<u8>, most: usize) {
        into.clear();
        into.extend_from_slice(one.get(..most).unwrap_or(one));
        let mut other = other.to_vec();
        let length = other.len();
        self.begin();
        let mut stack = Stack::read(self.mode, into, most);
        let other = Stack::read(self.mode, &mut other, length);
        if (0..TRIES).any(|_| splice::splice(&mut stack, &other, &mut self.draw)) {
            Mending { repairs: self.repairs, spoil: self.left_out, draw: &mut self.draw }.mend(&mut stack);
        } else {
            self.mutate(into, most);
        }
    }

    fn begin(&mut self) {
        self.applied = [None; MOST_MUTATIONS];
        self.left_out = None;
        if self.draw.one_in(self.leave_out_one_in) {
            self.left_out = self.draw.of(&Repair::ALL).filter(|repair| self.repairs.contains(*repair));
        }
    }

    /// As [`mutate_with`](Self::mutate_with), for callers that may have no other mutator.
    pub(crate) fn change(&mut self, frame: &mut Vec<u8>, most: usize, mut octets: Option<&mut Octets<'_>>) {
        self.begin();
        frame.truncate(most);
        let mut rounds = 1;
        while rounds < MOST_MUTATIONS && self.draw.one_in(4) {
            rounds += 1;
        }
        for round in 0..rounds {
            let last = round + 1 == rounds;
            let done = self.change_once(frame, most, octets.as_deref_mut(), last);
            if let Some(place) = self.applied.get_mut(round) {
                *place = Some(done);
            }
        }
        frame.truncate(most);
    }

    fn change_once(
        &mut self,
        frame: &mut Vec<u8>,
        most: usize,
        mut octets: Option<&mut Octets<'_>>,
        last: bool,
    ) -> Mutation {
        let mut stack = Stack::read(self.mode, frame, most);
        let mut done = None;
        if !stack.pieces().is_empty() && !self.draw.one_in(OCTETS_ONE_IN) {
            done = (0..TRIES).find_map(|_| one(&mut stack, &mut self.draw, octets.as_deref_mut()));
        }
        if done.is_none() {
            match octets {
                Some(mutate) => octets::call(frame, most, mutate),
                None => octets::havoc(frame, most, &mut self.draw),
            }
            stack = Stack::read(self.mode, frame, most);
        }
        let spoil = self.left_out.filter(|_| last);
        Mending { repairs: self.repairs, spoil, draw: &mut self.draw }.mend(&mut stack);
        done.unwrap_or(Mutation::Octets)
    }
}

/// One mutation of a frame that can be read; `None` where there is nothing to mutate so.
fn one(stack: &mut Stack<'_>, draw: &mut Draw, octets: Option<&mut Octets<'_>>) -> Option<Mutation> {
    match draw.below(16) {
        0..7 => fields::set(stack, draw).then_some(Mutation::Field),
        7..10 => options::change(stack, draw),
        10 | 11 => layers::change(stack, draw),
        12..15 => payload::change(stack, draw, octets),
        _ => payload::fragment(stack, draw),
    }
}
