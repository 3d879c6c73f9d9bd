//! Mutations of octets that nobody reads: of payloads, values of options, frames that are no frames.

use super::draw::Draw;

/// libFuzzer's own mutation, or what stands for it: changes the first octets (so many) of a buffer, may use as many as
/// the third argument says, and gives how many there are then.
pub(super) type Octets<'a> = dyn FnMut(&mut [u8], usize, usize) -> usize + 'a;

/// Changes octets in place. At least one differs, but for draws that hit what was there.
pub(super) fn overwrite(octets: &mut [u8], draw: &mut Draw) {
    let range = draw.within(octets.len());
    let choice = draw.below(6);
    let from = draw.below(octets.len());
    match choice {
        0 => {
            if let Some(octet) = octets.get_mut(range.start) {
                *octet ^= 1 << draw.below(8);
            }
        }
        1 => {
            if let (Some(octet), Some(value)) =
                (octets.get_mut(range.start), draw.of(&[0, 1, 0x0f, 0x40, 0x7f, 0x80, 0xff]))
            {
                *octet = value;
            }
        }
        2 => {
            if let Some(octet) = octets.get_mut(range.start) {
                *octet = octet.wrapping_add(draw.octet() % 33).wrapping_sub(16);
            }
        }
        3 => octets.get_mut(range).unwrap_or_default().iter_mut().for_each(|octet| *octet = draw.octet()),
        4 => {
            let length = range.len().min(octets.len() - from);
            octets.copy_within(range.start..range.start + length, from);
        }
        _ => octets.get_mut(range).unwrap_or_default().reverse(),
    }
}

/// Puts in, takes out, or changes octets, at most so many in the end.
pub(super) fn havoc(octets: &mut Vec<u8>, most: usize, draw: &mut Draw) {
    match draw.below(4) {
        0 if octets.len() < most => {
            let at = draw.below(octets.len() + 1);
            let count = draw.small((most - octets.len()).min(64));
            let value = if draw.one_in(2) { 0 } else { draw.octet() };
            octets.splice(at..at, std::iter::repeat_n(value, count));
        }
        1 if octets.len() > 1 => {
            let range = draw.within(octets.len());
            octets.drain(range);
        }
        _ if octets.is_empty() => {
            if most > 0 {
                octets.push(draw.octet());
            }
        }
        _ => overwrite(octets, draw),
    }
}

/// Calls libFuzzer's mutation on a vector. Gives whether that changed anything.
pub(super) fn call(octets: &mut Vec<u8>, most: usize, mutate: &mut Octets<'_>) {
    let length = octets.len().min(most);
    octets.resize(most, 0);
    let length = mutate(octets, length, most).min(most);
    octets.truncate(length);
}
