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

use super::field::FieldValue;
use super::options::{Found, Framing, OptionList};

/// Where the fixed header ends.
const START: usize = 20;

/// The list, and which fields of TCP's table read it.
pub(crate) static OPTIONS: OptionList = OptionList {
    framing: Framing::Ip,
    start: |_| Some(START),
    named: &[
        ("mss", 2),
        ("window_scale", 3),
        ("sack_permitted_kind", 4),
        ("sack_blocks", 5),
        ("timestamp_value", 8),
        ("timestamp_echo", 8),
    ],
};

pub(crate) fn mss(header: &[u8]) -> Option<Range<usize>> {
    OPTIONS.part(header, 2, 2..4)
}

pub(crate) fn window_scale(header: &[u8]) -> Option<Range<usize>> {
    OPTIONS.part(header, 3, 2..3)
}

/// The kind itself: the option has no value.
pub(crate) fn sack_permitted(header: &[u8]) -> Option<Range<usize>> {
    OPTIONS.part(header, 4, 0..1)
}

pub(crate) fn timestamp_value(header: &[u8]) -> Option<Range<usize>> {
    OPTIONS.part(header, 8, 2..6)
}

pub(crate) fn timestamp_echo(header: &[u8]) -> Option<Range<usize>> {
    OPTIONS.part(header, 8, 6..10)
}

pub(crate) fn sack(header: &[u8]) -> Option<Range<usize>> {
    OPTIONS.value(header, 5, 0)
}

pub(crate) fn all(header: &[u8]) -> Option<Range<usize>> {
    (header.len() > START).then_some(START..header.len())
}

pub(crate) fn append_mss(bits: u128, header: &mut Vec<u8>) {
    Framing::Ip.append(2, &u16::from_bits(bits).to_be_bytes(), header);
}

pub(crate) fn append_window_scale(bits: u128, header: &mut Vec<u8>) {
    Framing::Ip.append(3, &[u8::from_bits(bits)], header);
}

pub(crate) fn append_sack_permitted(_: u128, header: &mut Vec<u8>) {
    Framing::Ip.append(4, &[], header);
}

pub(crate) fn append_timestamp_value(bits: u128, header: &mut Vec<u8>) {
    OPTIONS.fill(header, 8, 8, 2..6, bits);
}

/// Into the option that is there, or a new one.
pub(crate) fn append_timestamp_echo(bits: u128, header: &mut Vec<u8>) {
    OPTIONS.fill(header, 8, 8, 6..10, bits);
}

pub(crate) fn append_sack(blocks: &[u8], header: &mut Vec<u8>) {
    Framing::Ip.append(5, blocks, header);
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
    for Found { kind, value, .. } in OPTIONS.each(header).filter(|option| option.kind != 1) {
        f.write_str(between)?;
        between = ",";
        match kind {
            2 => write!(f, "mss {}", number(value))?,
            3 => write!(f, "wscale {}", number(value))?,
            4 => f.write_str("sackOK")?,
            5 => write!(f, "sack {}", value.len() / 8)?,
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
            assert_eq!(OPTIONS.each(&header).count(), 0, "{rest:?}");
        }
    }
}
