//! Lists of options in a header: where each stands, and how one is appended. What no field of a protocol's table names
//! is an option by its kind.
//!
//! Layer: `packet`. A list ends at its end mark, at the end of its header, or at the first option that is malformed.
//!
//! ```text
//!  IPv4, TCP   | kind | octets of all three | value |         kind 0 ends the list, kind 1 is one octet
//!  IPv6        | kind | octets of the value | value |         kind 0 (Pad1) is one octet, kind 1 is PadN
//!  NDP         | kind | all three in 8s     | value |
//! ```

use std::ops::Range;

use etherparse::icmpv6::NdpOptionHeader;

use super::field::{Constraint, FieldValue};
use super::layer::{At, FieldInfo, Layer, LayerKind, Show, octets};
use super::view::View;

/// How the options of a list are told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// IPv4 (RFC 791 section 3.1) and TCP (RFC 9293 section 3.2).
    Ip,
    /// Hop-by-hop and destination options of IPv6 (RFC 8200 section 4.2).
    Ipv6,
    /// Neighbour discovery (RFC 4861 section 4.6).
    Ndp,
}

/// The list of options of a protocol.
pub(crate) struct OptionList {
    pub(crate) framing: Framing,
    /// Where the list begins in a header; `None` where such a header has none.
    pub(crate) start: fn(&[u8]) -> Option<usize>,
    /// The fields of the table that read the first option of a kind.
    pub(crate) named: &'static [(&'static str, u8)],
}

/// The list of options of that protocol, if it has one.
pub(crate) const fn list(kind: LayerKind) -> Option<&'static OptionList> {
    match kind {
        LayerKind::Ipv4 => Some(&super::ipv4::OPTIONS),
        LayerKind::Tcp => Some(&super::tcp_options::OPTIONS),
        LayerKind::HopByHop => Some(&super::ipv6_extensions::HOP_BY_HOP_OPTIONS),
        LayerKind::DestinationOptions => Some(&super::ipv6_extensions::OPTIONS),
        LayerKind::Icmpv6 => Some(&super::ndp_options::OPTIONS),
        _ => None,
    }
}

/// An option in a header: its octets, and those of its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) kind: u8,
    pub(crate) whole: Range<usize>,
    pub(crate) value: Range<usize>,
}

/// Goes from option to option.
pub(crate) struct Each<'a> {
    framing: Framing,
    header: &'a [u8],
    /// Where the next begins; at the end, where what is no option begins.
    pub(crate) at: usize,
}

impl Iterator for Each<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        let rest = self.header.get(self.at..)?;
        let kind = *rest.first()?;
        let (front, length) = self.framing.measure(rest)?;
        let end = self.at + length;
        if length < front || end > self.header.len() {
            return None;
        }
        let found = Found { kind, whole: self.at..end, value: self.at + front..end };
        self.at = end;
        Some(found)
    }
}

impl Framing {
    /// The octets in front of the value, and those of the whole option; `None` where these octets begin none.
    fn measure(self, rest: &[u8]) -> Option<(usize, usize)> {
        match (self, rest) {
            (Self::Ip, [0, ..]) => None,
            (Self::Ip, [1, ..]) | (Self::Ipv6, [0, ..]) => Some((1, 1)),
            (Self::Ip, [_, length, ..]) => Some((2, usize::from(*length))),
            (Self::Ipv6, [_, length, ..]) => Some((2, 2 + usize::from(*length))),
            (Self::Ndp, _) => NdpOptionHeader::from_slice(rest).ok().map(|(header, _)| (2, header.byte_len())),
            _ => None,
        }
    }

    /// The octets of the longest value that a length octet can tell.
    pub(crate) const fn longest_value(self) -> usize {
        match self {
            Self::Ip => 253,
            Self::Ipv6 => 255,
            Self::Ndp => 255 * 8 - 2,
        }
    }

    /// Kinds that fill up or end a list and say nothing.
    pub(crate) const fn is_padding(self, kind: u8) -> bool {
        match self {
            Self::Ip | Self::Ipv6 => kind < 2,
            Self::Ndp => false,
        }
    }

    /// Appends an option. What has no length octet has no value; a value that is too long gets the largest length.
    pub(crate) fn append(self, kind: u8, value: &[u8], header: &mut Vec<u8>) {
        let octet = |length: usize| u8::try_from(length).unwrap_or(u8::MAX);
        header.push(kind);
        match self {
            Self::Ip if kind < 2 => {}
            Self::Ipv6 if kind == 0 => {}
            Self::Ip => {
                header.push(octet(value.len() + 2));
                header.extend_from_slice(value);
            }
            Self::Ipv6 => {
                header.push(octet(value.len()));
                header.extend_from_slice(value);
            }
            Self::Ndp => {
                let whole = (value.len() + 2).next_multiple_of(8);
                header.push(octet(whole / 8));
                header.extend_from_slice(value);
                header.resize(header.len() + whole - 2 - value.len(), 0);
            }
        }
    }
}

impl OptionList {
    pub(crate) fn each<'a>(&self, header: &'a [u8]) -> Each<'a> {
        let at = (self.start)(header).unwrap_or(header.len());
        Each { framing: self.framing, header, at }
    }

    /// The first option of that kind.
    pub(crate) fn first(&self, header: &[u8], kind: u8) -> Option<Found> {
        self.each(header).find(|option| option.kind == kind)
    }

    /// Those octets of the first option of that kind, counted from the option's first; `None` where it has fewer.
    pub(crate) fn part(&self, header: &[u8], kind: u8, octets: Range<usize>) -> Option<Range<usize>> {
        let whole = self.first(header, kind)?.whole;
        let part = whole.start + octets.start..whole.start + octets.end;
        (part.end <= whole.end).then_some(part)
    }

    /// Writes a number into those octets of the first option of that kind. Where it has not so many, an option with a
    /// value of that many zeros is appended first.
    pub(crate) fn fill(&self, header: &mut Vec<u8>, kind: u8, value: usize, octets: Range<usize>, bits: u128) {
        if self.part(header, kind, octets.clone()).is_none() {
            self.framing.append(kind, &vec![0; value], header);
        }
        let part = self.part(header, kind, octets).and_then(|part| header.get_mut(part));
        for (at, octet) in part.into_iter().flatten().rev().enumerate() {
            *octet = u8::from_bits(bits.checked_shr(u32::try_from(at * 8).unwrap_or(u32::MAX)).unwrap_or(0));
        }
    }

    /// Fills a header up to its alignment, with so many octets.
    pub(crate) fn pad(&self, octets: usize, header: &mut Vec<u8>) {
        match (self.framing, octets) {
            (_, 0) => {}
            // RFC 8200 section 4.2: PadN, not several Pad1.
            (Framing::Ipv6, 2..) => self.framing.append(1, &vec![0; octets - 2], header),
            _ => header.resize(header.len() + octets, 0),
        }
    }

    /// The value of an option: of several of that kind the one that so many precede.
    pub(crate) fn value(&self, header: &[u8], kind: u8, nth: usize) -> Option<Range<usize>> {
        self.each(header).filter(|option| option.kind == kind).nth(nth).map(|option| option.value)
    }

    /// The same as a field.
    pub(crate) fn field(&'static self, kind: u8, nth: usize) -> FieldInfo {
        let show = if self.framing == Framing::Ndp { Show::Padded(8) } else { Show::Octets };
        FieldInfo {
            name: NAMES.get(usize::from(kind)).copied().unwrap_or("option"),
            at: At::Option { list: self, kind, nth },
            show,
            ..octets(|_| None, |_, _| {})
        }
    }

    /// The options of a header that no field of the table reads.
    pub(crate) fn unnamed(&'static self, header: &[u8]) -> impl Iterator<Item = FieldInfo> {
        self.each(header).filter_map(move |option| {
            let before = self.each(header).take_while(|other| other.whole.start < option.whole.start);
            let nth = before.filter(|other| other.kind == option.kind).count();
            let named = nth == 0 && self.named.iter().any(|(_, kind)| *kind == option.kind);
            (!named && !self.framing.is_padding(option.kind)).then(|| self.field(option.kind, nth))
        })
    }
}

impl View<'_> {
    /// The kinds of the options in the header, and which of them are padding only.
    pub(crate) fn options(&self) -> impl Iterator<Item = (u8, bool)> {
        list(self.protocol.kind)
            .into_iter()
            .flat_map(|list| list.each(self.header).map(|option| (option.kind, list.framing.is_padding(option.kind))))
    }
}

impl Layer {
    /// The same with one more option: in a template it stands for the option of that kind which as many of its kind
    /// precede as were given before.
    pub(crate) fn with_option(mut self, list: &'static OptionList, kind: u8, constraint: Constraint) -> Self {
        let named = list.named.iter().any(|(field, named)| *named == kind && self.get(field).is_some());
        let before = self.constraints().filter(|(_, info, _)| info.is_option(kind)).count();
        self.set_option(list.field(kind, before + usize::from(named)), constraint);
        self
    }
}

macro_rules! names {
    ($($kind:literal)*) => { [$(concat!("option ", $kind)),*] };
}

/// What each kind is called where nothing names it.
const NAMES: [&str; 256] = names![
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41
    42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79 80
    81 82 83 84 85 86 87 88 89 90 91 92 93 94 95 96 97 98 99 100 101 102 103 104 105 106 107 108 109 110 111 112 113 114
    115 116 117 118 119 120 121 122 123 124 125 126 127 128 129 130 131 132 133 134 135 136 137 138 139 140 141 142 143
    144 145 146 147 148 149 150 151 152 153 154 155 156 157 158 159 160 161 162 163 164 165 166 167 168 169 170 171 172
    173 174 175 176 177 178 179 180 181 182 183 184 185 186 187 188 189 190 191 192 193 194 195 196 197 198 199 200 201
    202 203 204 205 206 207 208 209 210 211 212 213 214 215 216 217 218 219 220 221 222 223 224 225 226 227 228 229 230
    231 232 233 234 235 236 237 238 239 240 241 242 243 244 245 246 247 248 249 250 251 252 253 254 255
];

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMINGS: [Framing; 3] = [Framing::Ip, Framing::Ipv6, Framing::Ndp];

    fn whole(framing: Framing) -> OptionList {
        OptionList { framing, start: |_| Some(0), named: &[] }
    }

    #[test]
    fn an_option_is_found_where_it_was_appended() {
        for framing in FRAMINGS {
            let list = whole(framing);
            let mut header = Vec::new();
            for (kind, value) in [(253, &[1, 2, 3, 4, 5, 6][..]), (254, &[]), (253, &[7, 8, 9, 10, 11, 12])] {
                framing.append(kind, value, &mut header);
            }
            assert_eq!(header[list.value(&header, 253, 0).unwrap()], [1, 2, 3, 4, 5, 6]);
            assert_eq!(header[list.value(&header, 253, 1).unwrap()], [7, 8, 9, 10, 11, 12]);
            assert_eq!(list.value(&header, 253, 2), None);
            assert!(list.value(&header, 254, 0).is_some());
            assert_eq!(list.each(&header).last().unwrap().whole.end, header.len());
        }
    }

    #[test]
    fn a_malformed_option_ends_the_list() {
        for framing in FRAMINGS {
            for rest in [&[5][..], &[5, 200], &[5, 200, 1, 2, 3, 4, 5, 6], &[5, 31, 0, 0, 0]] {
                let mut header = Vec::new();
                framing.append(7, &[0; 6], &mut header);
                let end = header.len();
                header.extend_from_slice(rest);
                let list = whole(framing);
                let mut each = list.each(&header);
                assert_eq!(each.by_ref().map(|option| option.kind).collect::<Vec<_>>(), [7], "{rest:?}");
                assert_eq!(each.at, end);
            }
        }
        for octets in [&[2, 0][..], &[2, 1, 0, 0], &[0, 2, 4, 5, 6]] {
            assert_eq!(whole(Framing::Ip).each(octets).count(), 0, "{octets:?}");
        }
        assert_eq!(whole(Framing::Ndp).each(&[1, 0, 0, 0, 0, 0, 0, 0]).count(), 0);
    }

    #[test]
    fn a_number_is_filled_into_the_option_that_is_there() {
        let list = whole(Framing::Ndp);
        let mut header = Vec::new();
        list.fill(&mut header, 5, 6, 4..8, 1280);
        assert_eq!(header, [5, 1, 0, 0, 0, 0, 5, 0]);
        list.fill(&mut header, 5, 6, 2..4, 0x0102_0304);
        assert_eq!(header, [5, 1, 3, 4, 0, 0, 5, 0]);
    }

    #[test]
    fn padding_is_one_option() {
        let list = &super::super::ipv6_extensions::OPTIONS;
        for octets in 0..8 {
            let mut header = vec![0, 0];
            list.pad(octets, &mut header);
            assert_eq!(header.len(), 2 + octets);
            assert_eq!(list.each(&header).count(), usize::from(octets > 0));
            assert_eq!(list.unnamed(&header).count(), 0);
        }
    }

    #[test]
    fn every_kind_has_its_name() {
        for kind in 0..=u8::MAX {
            assert_eq!(NAMES[usize::from(kind)], format!("option {kind}"));
        }
    }
}
