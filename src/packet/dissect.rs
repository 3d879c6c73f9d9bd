//! Takes a frame apart into layers, on any octets, without allocating.
//!
//! Layer: `packet`. etherparse reads the headers (each protocol's file asks it for lengths); this walks from one to the
//! next and remembers where each stands. What cannot be read is payload, and the dissection says why.
//!
//! ```text
//!  frame   | header | header | header | payload                | trailer |
//!  spans   Ethernet   IPv4     UDP     Payload                   padding: no layer's
//! ```

use std::error::Error;
use std::fmt;
use std::ops::Range;

use super::layer::{LayerKind, Protocol};
use super::view::{IpAround, View};
use super::{PAYLOAD, protocol};
use crate::device::{FrameRef, Mode};

/// The most layers of a frame that are told apart; what is inside of more is payload.
pub(crate) const MOST_LAYERS: usize = 16;

/// Why a layer's header could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LengthError {
    /// It needs so many octets.
    Truncated { needed: usize },
    /// It says something that no such header can.
    Malformed(&'static str),
}

/// What a protocol says of the octets that begin with its header.
pub(crate) struct Dissected {
    /// Octets of the header.
    pub(crate) header: usize,
    /// Octets of header and content together, as the header's length says; `None` when it says nothing.
    pub(crate) length: Option<usize>,
    pub(crate) next: Next,
}

/// What comes behind a header.
#[derive(Clone, Copy)]
pub(crate) enum Next {
    Payload,
    Layer(LayerKind),
    /// A datagram that is quoted or tunnelled: it is not searched and not verified.
    Nested(LayerKind),
}

impl Next {
    pub(crate) const fn ip_number(number: u8) -> Self {
        Self::Layer(match number {
            0 => LayerKind::HopByHop,
            1 => LayerKind::Icmpv4,
            2 => LayerKind::Igmp,
            4 => return Self::Nested(LayerKind::Ipv4),
            6 => LayerKind::Tcp,
            17 => LayerKind::Udp,
            41 => return Self::Nested(LayerKind::Ipv6),
            43 => LayerKind::Routing,
            44 => LayerKind::Fragment,
            58 => LayerKind::Icmpv6,
            60 => LayerKind::DestinationOptions,
            _ => return Self::Payload,
        })
    }

    pub(crate) const fn ether_type(number: u16) -> Self {
        Self::Layer(match number {
            0x0800 => LayerKind::Ipv4,
            0x0806 => LayerKind::Arp,
            0x8100 | 0x88a8 | 0x9100 => LayerKind::Vlan,
            0x86dd => LayerKind::Ipv6,
            _ => return Self::Payload,
        })
    }

    /// The datagram whose first octet this is.
    pub(crate) fn quoted(octets: &[u8]) -> Self {
        match octets.first().map(|first| first >> 4) {
            Some(4) => Self::Nested(LayerKind::Ipv4),
            Some(6) => Self::Nested(LayerKind::Ipv6),
            _ => Self::Payload,
        }
    }
}

/// Why the innermost layer of a frame could not be read: everything from its header on counts as payload.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DissectError {
    /// The layer.
    pub layer: LayerKind,
    /// Where its header begins, in octets from the frame's start.
    pub offset: usize,
    /// How many octets it needs; 0 when length is not what is wrong.
    pub needed: usize,
    /// How many octets there are from `offset` on.
    pub available: usize,
    /// What it says that no such header can, when length is not what is wrong.
    pub reason: Option<&'static str>,
}

impl fmt::Display for DissectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layer, offset, needed, available, reason } = self;
        match reason {
            Some(reason) => write!(f, "{layer} at octet {offset}: {reason}"),
            None => write!(f, "{layer} at octet {offset} needs {needed} octets, there are {available}"),
        }
    }
}

impl fmt::Debug for DissectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for DissectError {}

#[derive(Clone, Copy)]
struct Span {
    protocol: &'static Protocol,
    start: usize,
    header_end: usize,
    end: usize,
    available_end: usize,
    nesting: u8,
    /// The index of the IP layer around it, plus one; 0 for none.
    ip: u8,
    fragment: bool,
}

/// A frame taken apart. Borrows the frame; nothing is allocated.
#[derive(Clone)]
pub struct Dissection<'a> {
    frame: &'a [u8],
    spans: [Span; MOST_LAYERS],
    count: usize,
    trailer: usize,
    error: Option<DissectError>,
}

impl<'a> Dissection<'a> {
    /// Takes a frame apart, whatever its octets are.
    #[must_use]
    pub fn new(frame: FrameRef<'a>) -> Self {
        let first = match (frame.mode, frame.octets.first().map(|octet| octet >> 4)) {
            (Mode::Tap, _) => Next::Layer(LayerKind::Ethernet),
            (Mode::Tun, Some(4)) => Next::Layer(LayerKind::Ipv4),
            (Mode::Tun, Some(6)) => Next::Layer(LayerKind::Ipv6),
            (Mode::Tun, _) => Next::Payload,
        };
        Self::from(frame.octets, first)
    }

    pub(crate) fn from(frame: &'a [u8], first: Next) -> Self {
        let nothing = Span {
            protocol: &PAYLOAD,
            start: 0,
            header_end: 0,
            end: 0,
            available_end: 0,
            nesting: 0,
            ip: 0,
            fragment: false,
        };
        let mut dissection = Self { frame, spans: [nothing; MOST_LAYERS], count: 0, trailer: frame.len(), error: None };
        dissection.walk(first);
        dissection
    }

    fn walk(&mut self, mut next: Next) {
        let (mut at, mut end) = (0, self.frame.len());
        let (mut nesting, mut ip, mut fragment) = (0, 0, false);
        loop {
            let kind = match next {
                Next::Layer(kind) => kind,
                Next::Nested(kind) => {
                    nesting += 1;
                    (ip, fragment) = (0, false);
                    kind
                }
                Next::Payload => LayerKind::Payload,
            };
            let octets = self.frame.get(at..end).unwrap_or_default();
            let protocol = protocol(kind);
            let dissected = if kind == LayerKind::Payload || self.count + 1 == MOST_LAYERS {
                None
            } else {
                match (protocol.behaviour.dissect)(octets) {
                    Ok(dissected) => Some(dissected),
                    Err(error) => {
                        self.fail(error, kind, at, octets.len(), nesting);
                        None
                    }
                }
            };
            let Some(Dissected { header, length, next: following }) = dissected else {
                // Nothing behind a header is no layer.
                if at < end {
                    self.push(Span {
                        protocol: &PAYLOAD,
                        start: at,
                        header_end: at,
                        end,
                        available_end: end,
                        nesting,
                        ip,
                        fragment,
                    });
                }
                return;
            };
            let header_end = (at + header).min(end);
            let content_end = length.map_or(end, |length| at.saturating_add(length)).clamp(header_end, end);
            if kind == LayerKind::Fragment {
                fragment |= super::ipv6_extensions::is_fragment(octets);
            }
            self.push(Span {
                protocol,
                start: at,
                header_end,
                end: content_end,
                available_end: end,
                nesting,
                ip,
                fragment,
            });
            if kind.is_ip() {
                ip = u8::try_from(self.count).unwrap_or(0);
                fragment = kind == LayerKind::Ipv4 && super::ipv4::is_fragment(octets);
            }
            if nesting == 0 && (kind.is_ip() || kind == LayerKind::Arp) {
                self.trailer = content_end;
            }
            (at, end, next) = (header_end, content_end, following);
        }
    }

    fn push(&mut self, span: Span) {
        if let Some(place) = self.spans.get_mut(self.count) {
            *place = span;
            self.count += 1;
        }
    }

    fn fail(&mut self, error: LengthError, layer: LayerKind, offset: usize, available: usize, nesting: u8) {
        // What is quoted is cut as a rule.
        if nesting > 0 {
            return;
        }
        let (needed, reason) = match error {
            LengthError::Truncated { needed } => (needed, None),
            LengthError::Malformed(reason) => (0, Some(reason)),
        };
        self.error = Some(DissectError { layer, offset, needed, available, reason });
    }

    /// Why the innermost layer could not be read, if it could not.
    #[must_use]
    pub const fn error(&self) -> Option<DissectError> {
        self.error
    }

    /// The kinds of the layers, from the outside in. What is quoted or tunnelled follows at the end.
    pub fn kinds(&self) -> impl Iterator<Item = LayerKind> {
        self.spans.iter().take(self.count).map(|span| span.protocol.kind)
    }

    /// The first layer of that kind that is neither quoted nor tunnelled: the octets of its header.
    #[must_use]
    pub fn header(&self, kind: LayerKind) -> Option<&'a [u8]> {
        self.find(kind).map(|view| view.header)
    }

    /// The octets behind the last header: what no layer takes apart. Not what is quoted.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.views().take_while(|view| view.nesting == 0).last().map_or(self.frame, |view| {
            if view.protocol.kind == LayerKind::Payload { view.message() } else { view.content }
        })
    }

    /// The octets behind the end of the packet: an Ethernet frame's padding.
    #[must_use]
    pub fn trailer(&self) -> &'a [u8] {
        self.frame.get(self.trailer..).unwrap_or_default()
    }

    /// The whole frame.
    #[must_use]
    pub const fn frame(&self) -> &'a [u8] {
        self.frame
    }

    /// How many layers there are, the payload included.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether the frame has no octets.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The datagram that an ICMP error quotes, or that is tunnelled: an IP packet, cut as a rule.
    #[must_use]
    pub fn quoted(&self) -> Option<FrameRef<'a>> {
        let view = self.views().find(|view| view.nesting == 1)?;
        Some(FrameRef::new(Mode::Tun, view.frame.get(view.start..view.start + view.available)?))
    }

    pub(crate) fn find(&self, kind: LayerKind) -> Option<View<'a>> {
        self.views().take_while(|view| view.nesting == 0).find(|view| view.protocol.kind == kind)
    }

    pub(crate) fn views(&self) -> impl Iterator<Item = View<'a>> {
        (0..self.count).filter_map(|index| self.view(index))
    }

    pub(crate) fn view(&self, index: usize) -> Option<View<'a>> {
        let span = self.spans.get(..self.count)?.get(index)?;
        Some(View {
            protocol: span.protocol,
            frame: self.frame,
            start: span.start,
            header: self.octets(span.start..span.header_end),
            content: self.octets(span.header_end..span.end),
            available: span.available_end - span.start,
            ip: self.ip_around(index, span),
            nesting: span.nesting,
        })
    }

    /// A layer's kind, and how deep it is; cheaper than its view.
    #[inline]
    pub(crate) fn kind(&self, index: usize) -> Option<(LayerKind, u8)> {
        let span = self.spans.get(..self.count)?.get(index)?;
        Some((span.protocol.kind, span.nesting))
    }

    /// Where a layer's header begins in the frame, and its octets; cheaper than its view.
    #[inline]
    pub(crate) fn header_at(&self, index: usize) -> (usize, &'a [u8]) {
        self.spans.get(index).map_or((0, &[]), |span| (span.start, self.octets(span.start..span.header_end)))
    }

    #[inline]
    fn octets(&self, range: Range<usize>) -> &'a [u8] {
        self.frame.get(range).unwrap_or_default()
    }

    fn ip_around(&self, index: usize, span: &Span) -> Option<IpAround<'a>> {
        let at = usize::from(span.ip).checked_sub(1)?;
        let ip = self.spans.get(at)?;
        let is_v6 = ip.protocol.kind == LayerKind::Ipv6;
        let between = self.spans.get(at + 1..index).unwrap_or_default();
        let final_destination = between
            .iter()
            .filter(|span| span.protocol.kind == LayerKind::Routing)
            .find_map(|span| super::ipv6_extensions::final_destination(self.octets(span.start..span.header_end)));
        Some(IpAround {
            header: self.octets(ip.start..ip.header_end),
            is_v6,
            fragment: span.fragment,
            final_destination,
        })
    }
}

impl fmt::Debug for Dissection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.kinds()).finish()
    }
}
