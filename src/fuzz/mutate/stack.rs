//! A frame that is being changed: its octets, and where the headers stand in them, whatever their lengths say by now.
//!
//! ```text
//!  octets  | header | header | header | payload                | trailer |
//!  pieces  Ethernet   IPv4     UDP                          end
//! ```

use std::ops::Range;

use super::draw::Draw;
use crate::device::{FrameRef, Mode};
use crate::packet::{Dissection, LayerKind};

/// As many as a dissection tells apart, and those that one mutation adds.
const MOST_PIECES: usize = 20;

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) kind: LayerKind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Quoted by an ICMP error: the datagram may have been longer, so neither its lengths nor its checksums follow from
    /// what is here.
    pub(super) quoted: bool,
}

pub(super) struct Stack<'f> {
    pub(super) octets: &'f mut Vec<u8>,
    pieces: [Piece; MOST_PIECES],
    count: usize,
    /// Where the payload ends.
    pub(super) end: usize,
    /// What follows the last header was another layer's content before: its number has to say that nobody knows it.
    pub(super) is_loose: bool,
    most: usize,
}

impl<'f> Stack<'f> {
    pub(super) fn read(mode: Mode, octets: &'f mut Vec<u8>, most: usize) -> Self {
        let nothing = Piece { kind: LayerKind::Payload, start: 0, end: 0, quoted: false };
        let (mut pieces, mut count) = ([nothing; MOST_PIECES], 0);
        let dissection = Dissection::new(FrameRef::new(mode, octets));
        let mut quoted = false;
        for index in 0..dissection.len() {
            let Some((kind, _)) = dissection.kind(index) else { break };
            let (start, header) = dissection.header_at(index);
            if let (true, Some(place)) = (kind != LayerKind::Payload, pieces.get_mut(count)) {
                *place = Piece { kind, start, end: start + header.len(), quoted };
                count += 1;
            }
            quoted |= matches!(kind, LayerKind::Icmpv4 | LayerKind::Icmpv6);
        }
        let end = octets.len() - dissection.trailer().len();
        Self { octets, pieces, count, end, is_loose: false, most }
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        self.pieces.get(..self.count).unwrap_or_default()
    }

    pub(super) fn piece(&self, index: usize) -> Option<Piece> {
        self.pieces().get(index).copied()
    }

    pub(super) fn kind(&self, index: usize) -> Option<LayerKind> {
        self.pieces().get(index).map(|piece| piece.kind)
    }

    /// The index of one of the headers that are as wanted, inner ones more often.
    pub(super) fn one_of(&self, draw: &mut Draw, wanted: impl Fn(Piece) -> bool) -> Option<usize> {
        let fits = |index: &usize| self.piece(*index).is_some_and(&wanted);
        let count = (0..self.count).filter(fits).count();
        if count == 0 {
            return None;
        }
        let nth = draw.below(count).max(draw.below(count));
        (0..self.count).filter(fits).nth(nth)
    }

    pub(super) fn header(&self, index: usize) -> &[u8] {
        self.piece(index).and_then(|piece| self.octets.get(piece.start..piece.end)).unwrap_or_default()
    }

    pub(super) fn header_mut(&mut self, index: usize) -> &mut [u8] {
        match self.piece(index) {
            Some(piece) => self.octets.get_mut(piece.start..piece.end).unwrap_or_default(),
            None => &mut [],
        }
    }

    /// Where the octets stand that the last header carries.
    pub(super) fn payload(&self) -> Range<usize> {
        let start = self.pieces().last().map_or(0, |piece| piece.end);
        start.min(self.end)..self.end
    }

    /// How many octets more the frame may have.
    pub(super) fn room(&self) -> usize {
        self.most.saturating_sub(self.octets.len())
    }

    /// Puts other octets in that place of a header. Nothing happens where the frame would be too long.
    pub(super) fn replace_in_header(&mut self, index: usize, at: Range<usize>, with: &[u8]) -> bool {
        if !self.edit(&at, with) {
            return false;
        }
        let moved = |place: usize| place + with.len() - at.len();
        for (own, piece) in self.pieces.iter_mut().enumerate().take(self.count).skip(index) {
            piece.end = moved(piece.end);
            if own > index {
                piece.start = moved(piece.start);
            }
        }
        true
    }

    /// The same in the payload.
    pub(super) fn replace_in_payload(&mut self, at: Range<usize>, with: &[u8]) -> bool {
        self.edit(&at, with)
    }

    /// Puts a header in front of that one, or, behind the last, in front of the payload.
    pub(super) fn insert(&mut self, index: usize, kind: LayerKind, header: &[u8]) -> bool {
        let start = self.piece(index).map_or_else(|| self.payload().start, |piece| piece.start);
        let quoted = index.checked_sub(1).and_then(|around| self.piece(around)).is_some_and(|around| {
            around.quoted || (matches!(around.kind, LayerKind::Icmpv4 | LayerKind::Icmpv6) && kind.is_ip())
        });
        if self.count == MOST_PIECES || !self.edit(&(start..start), header) {
            return false;
        }
        for at in (index..self.count).rev() {
            if let Some(piece) = self.piece(at)
                && let Some(place) = self.pieces.get_mut(at + 1)
            {
                *place = Piece { start: piece.start + header.len(), end: piece.end + header.len(), ..piece };
            }
        }
        if let Some(place) = self.pieces.get_mut(index) {
            *place = Piece { kind, start, end: start + header.len(), quoted };
            self.count += 1;
        }
        true
    }

    /// Takes a header out.
    pub(super) fn remove(&mut self, index: usize) -> bool {
        let Some(Piece { start, end, .. }) = self.piece(index) else { return false };
        if !self.edit(&(start..end), &[]) {
            return false;
        }
        self.is_loose |= index + 1 == self.count;
        for at in index + 1..self.count {
            if let Some(piece) = self.piece(at)
                && let Some(place) = self.pieces.get_mut(at - 1)
            {
                *place = Piece { start: piece.start - (end - start), end: piece.end - (end - start), ..piece };
            }
        }
        self.count -= 1;
        true
    }

    /// Says that another header stands behind the last, in what was payload.
    pub(super) fn push(&mut self, piece: Piece) {
        if let Some(place) = self.pieces.get_mut(self.count) {
            *place = piece;
            self.count += 1;
        }
    }

    /// Says that a header is another protocol's now.
    pub(super) fn rename(&mut self, index: usize, kind: LayerKind) {
        if let Some(piece) = self.pieces.get_mut(index) {
            piece.kind = kind;
        }
    }

    /// Takes all headers behind that one for payload.
    pub(super) fn forget_behind(&mut self, index: usize) {
        self.count = self.count.min(index + 1);
    }

    /// Says that those headers, and all inside, are quoted.
    pub(super) fn quote_from(&mut self, index: usize) {
        for piece in self.pieces.iter_mut().take(self.count).skip(index) {
            piece.quoted = true;
        }
    }

    fn edit(&mut self, at: &Range<usize>, with: &[u8]) -> bool {
        let fits = at.start <= at.end && at.end <= self.end && self.end <= self.octets.len();
        if !fits || self.octets.len() - at.len() + with.len() > self.most {
            return false;
        }
        self.octets.splice(at.clone(), with.iter().copied());
        self.end = self.end + with.len() - at.len();
        true
    }
}
