//! The macro that makes a mutator libFuzzer's, and what it expands to. `libfuzzer_sys` is named in the crate that uses
//! the macro; it is no dependency of this one.

use super::input::Input;
use super::{Mutator, Octets};

/// Makes [`fuzz::mutate`](crate::fuzz::mutate) the mutator and the crossover of a libFuzzer target
/// (`libfuzzer_sys::fuzz_mutator!`, `libfuzzer_sys::fuzz_crossover!`), whose input is what the argument says:
/// [`Tun`](crate::fuzz::mutate::input::Tun), [`Tap`](crate::fuzz::mutate::input::Tap),
/// [`FirstOctet`](crate::fuzz::mutate::input::FirstOctet),
/// [`Frames(Mode::Tun)`](crate::fuzz::mutate::input::Frames), or any expression whose type is an
/// [`Input`](crate::fuzz::mutate::Input). The names of `fuzz::mutate::input` need no import.
///
/// A second argument sets the mutator up. libFuzzer's own mutation is what changes octets that nobody reads, so that a
/// dictionary and what the code under test compared are of use.
///
/// ```text
/// libfuzzer_sys::fuzz_target!(|frame: &[u8]| my_stack::receive(frame));
/// tuntap_test::fuzz_mutator!(Tun);
/// // Or: hardware checks TCP's checksums, so leave them alone.
/// tuntap_test::fuzz_mutator!(Tun, |mutator| mutator.repairs(Repairs::ALL.without(Repair::TcpChecksum)));
/// ```
#[macro_export]
macro_rules! fuzz_mutator {
    ($input:expr) => {
        $crate::fuzz_mutator!($input, |mutator| mutator);
    };
    ($input:expr, $set_up:expr) => {
        ::libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
            #[allow(unused_imports, reason = "an input of the user's own needs none")]
            use $crate::fuzz::mutate::{input::*, *};
            let set_up: fn(Mutator) -> Mutator = $set_up;
            let mut mutator = set_up(Mutator::new(seed.into()));
            $crate::fuzz::mutate::mutate(&$input, &mut mutator, data, size, most, &mut ::libfuzzer_sys::fuzzer_mutate)
        });
        ::libfuzzer_sys::fuzz_crossover!(|one: &[u8], other: &[u8], out: &mut [u8], seed: u32| {
            #[allow(unused_imports, reason = "an input of the user's own needs none")]
            use $crate::fuzz::mutate::{input::*, *};
            let set_up: fn(Mutator) -> Mutator = $set_up;
            let mut mutator = set_up(Mutator::new(seed.into()));
            $crate::fuzz::mutate::crossover(&$input, &mut mutator, one, other, out, &mut ::libfuzzer_sys::fuzzer_mutate)
        });
    };
}

/// Crossing over is one of two that libFuzzer draws from as soon as there is one. A splice is worth less than that:
/// once in so many it is one, else a mutation.
const SPLICE_ONE_IN: u32 = 4;

/// The body of libFuzzer's mutator: `data` has room for `most` octets, the first `size` of them count.
pub fn mutate(
    input: &impl Input,
    mutator: &mut Mutator,
    data: &mut [u8],
    size: usize,
    most: usize,
    octets: &mut Octets<'_>,
) -> usize {
    let mut mutant = Vec::with_capacity(most.min(data.len()));
    mutant.extend_from_slice(data.get(..size).unwrap_or_default());
    input.mutate(mutator, &mut mutant, most.min(data.len()), octets);
    copy(&mutant, data)
}

/// The body of libFuzzer's crossover.
pub fn crossover(
    input: &impl Input,
    mutator: &mut Mutator,
    one: &[u8],
    other: &[u8],
    out: &mut [u8],
    octets: &mut Octets<'_>,
) -> usize {
    let mut mutant = Vec::with_capacity(out.len());
    if mutator.draw.one_in(SPLICE_ONE_IN) {
        input.splice(mutator, one, other, &mut mutant, out.len());
    } else {
        mutant.extend_from_slice(one.get(..out.len()).unwrap_or(one));
        input.mutate(mutator, &mut mutant, out.len(), octets);
    }
    copy(&mutant, out)
}

fn copy(mutant: &[u8], to: &mut [u8]) -> usize {
    let length = mutant.len().min(to.len());
    if let (Some(place), Some(mutant)) = (to.get_mut(..length), mutant.get(..length)) {
        place.copy_from_slice(mutant);
    }
    length
}
