//! TCP's options: where each stands in a header, and how it is appended to one.
//!
//! ```text
//!  kind  length
//!   0             end            4  2          SACK permitted (RFC 2018)
//!   1             no operation   5  2 + 8 n    SACK blocks: left edge, right edge
//!   2    4  mss   (RFC 9293)     8  10  value, echo   timestamps (RFC 7323)
//!   3    3  shift (RFC 7323)
//! ```

use std::fmt;
use std::ops::Range;

/// Where the fixed header ends.
const START: usize = 20;

/// Each option: its kind and the octets that it takes in the header, the kind's included. Ends at what is malformed.
fn each(header: &[u8]) -> impl Iterator<Item = (u8, Range<usize>)> {
    let mut at = START;
    std::iter::from_fn(move || {
        let kind = *header.get(at)?;
        let length = match kind {
            0 => return None,
            1 => 1,
            _ => usize::from(*header.get(at + 1)?).max(2),
        };
        let range = at..at + length;
        at = range.end;
        (range.end <= header.len()).then_some((kind, range))
    })
}

/// The octets behind kind and length of the first option of that kind, if there are so many from there on.
fn value(header: &[u8], kind: u8, octets: Range<usize>) -> Option<Range<usize>> {
    let (_, range) = each(header).find(|(present, _)| *present == kind)?;
    let value = range.start + octets.start..range.start + octets.end;
    (value.end <= range.end).then_some(value)
}

pub(crate) fn mss(header: &[u8]) -> Option<Range<usize>> {
    value(header, 2, 2..4)
}

pub(crate) fn window_scale(header: &[u8]) -> Option<Range<usize>> {
    value(header, 3, 2..3)
}

/// The kind itself: the option has no value.
pub(crate) fn sack_permitted(header: &[u8]) -> Option<Range<usize>> {
    value(header, 4, 0..1)
}

pub(crate) fn timestamp_value(header: &[u8]) -> Option<Range<usize>> {
    value(header, 8, 2..6)
}

pub(crate) fn timestamp_echo(header: &[u8]) -> Option<Range<usize>> {
    value(header, 8, 6..10)
}

pub(crate) fn sack(header: &[u8]) -> Option<Range<usize>> {
    let (_, range) = each(header).find(|(kind, _)| *kind == 5)?;
    Some(range.start + 2..range.end)
}

pub(crate) fn all(header: &[u8]) -> Option<Range<usize>> {
    (header.len() > START).then_some(START..header.len())
}

/// The lowest octets of a number, most significant first.
fn lowest<const N: usize>(bits: u128) -> [u8; N] {
    let octets = bits.to_be_bytes();
    octets.last_chunk().copied().unwrap_or([0; N])
}

pub(crate) fn append_mss(bits: u128, header: &mut Vec<u8>) {
    header.extend_from_slice(&[2, 4]);
    header.extend_from_slice(&lowest::<2>(bits));
}

pub(crate) fn append_window_scale(bits: u128, header: &mut Vec<u8>) {
    header.extend_from_slice(&[3, 3]);
    header.extend_from_slice(&lowest::<1>(bits));
}

pub(crate) fn append_sack_permitted(_: u128, header: &mut Vec<u8>) {
    header.extend_from_slice(&[4, 2]);
}

pub(crate) fn append_timestamp_value(bits: u128, header: &mut Vec<u8>) {
    header.extend_from_slice(&[8, 10]);
    header.extend_from_slice(&lowest::<4>(bits));
    header.extend_from_slice(&[0; 4]);
}

/// Into the option that is there, or a new one.
pub(crate) fn append_timestamp_echo(bits: u128, header: &mut Vec<u8>) {
    if timestamp_echo(header).is_none() {
        append_timestamp_value(0, header);
    }
    if let Some(place) = timestamp_echo(header).and_then(|range| header.get_mut(range)) {
        place.copy_from_slice(&lowest::<4>(bits));
    }
}

pub(crate) fn append_sack(blocks: &[u8], header: &mut Vec<u8>) {
    header.push(5);
    header.push(u8::try_from(blocks.len() + 2).unwrap_or(u8::MAX));
    header.extend_from_slice(blocks);
}

pub(crate) fn append_raw(octets: &[u8], header: &mut Vec<u8>) {
    header.extend_from_slice(octets);
}

/// What one line says of the options.
pub(crate) fn summary(header: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let number = |range: Range<usize>| {
        header.get(range).unwrap_or_default().iter().fold(0_u64, |number, octet| number << 8 | u64::from(*octet))
    };
    let mut between = " <";
    for (kind, range) in each(header).filter(|(kind, _)| *kind != 1) {
        f.write_str(between)?;
        between = ",";
        match kind {
            2 => write!(f, "mss {}", number(range.start + 2..range.end))?,
            3 => write!(f, "wscale {}", number(range.start + 2..range.end))?,
            4 => f.write_str("sackOK")?,
            5 => write!(f, "sack {}", (range.len() - 2) / 8)?,
            8 => f.write_str("ts")?,
            _ => write!(f, "option {kind}")?,
        }
    }
    if between == "," { f.write_str(">") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_found_where_they_were_appended() {
        let mut header = vec![0; START];
        append_mss(1460, &mut header);
        header.push(1);
        append_window_scale(7, &mut header);
        append_sack_permitted(4, &mut header);
        append_timestamp_value(0x0102_0304, &mut header);
        append_timestamp_echo(0x0506_0708, &mut header);
        assert_eq!(mss(&header), Some(22..24));
        assert_eq!(window_scale(&header), Some(27..28));
        assert_eq!(sack_permitted(&header), Some(28..29));
        assert_eq!(header[timestamp_value(&header).unwrap()], [1, 2, 3, 4]);
        assert_eq!(header[timestamp_echo(&header).unwrap()], [5, 6, 7, 8]);
        assert_eq!(sack(&header), None);
    }

    #[test]
    fn malformed_options_end_the_list() {
        for rest in [&[2][..], &[2, 4, 5], &[2, 0], &[8, 255, 0, 0], &[3, 1, 0, 0]] {
            let mut header = vec![0; START];
            header.extend_from_slice(rest);
            assert_eq!(mss(&header), None, "{rest:?}");
            assert!(each(&header).count() <= rest.len());
        }
    }
}
