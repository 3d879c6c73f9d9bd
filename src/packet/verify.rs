//! Lengths and checksums of a frame, checked against its octets.
//!
//! Layer: `packet`. Used by matching (unless a template is `unverified`) and by the monitors of an exchange.

use std::fmt;
use std::ops::Range;

use super::dissect::Dissection;
use super::layer::LayerKind;
use super::view::View;

/// A length or a checksum that is not what it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Defect {
    /// The layer that is wrong.
    pub layer: LayerKind,
    /// The field.
    pub field: &'static str,
    /// Checksum or length.
    pub kind: DefectKind,
    /// What it has to be.
    pub wanted: u32,
    /// What it is.
    pub got: u32,
    /// The field's octets in the frame.
    pub octets: Range<usize>,
    /// Where that is written.
    pub rule: &'static str,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "these two are what is verified")]
pub enum DefectKind {
    /// A checksum.
    Checksum,
    /// A length.
    Length,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layer, field, kind, wanted, got, octets, rule } = self;
        let Range { start, end } = octets;
        match kind {
            DefectKind::Checksum => {
                write!(f, "{layer} {field} is {got:#06x}, must be {wanted:#06x} @ octets {start}..{end} ({rule})")
            }
            DefectKind::Length => {
                write!(f, "{layer} {field} is {got}, must be {wanted} @ octets {start}..{end} ({rule})")
            }
        }
    }
}

impl Dissection<'_> {
    /// Tells every length and checksum that is wrong, of what is neither quoted nor tunnelled.
    pub fn verify(&self, mut defect: impl FnMut(Defect)) {
        for view in self.views().take_while(|view| view.nesting == 0) {
            (view.protocol.behaviour.verify)(&view, &mut defect);
        }
    }

    /// Whether all lengths and checksums are right.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let mut sound = true;
        self.verify(|_| sound = false);
        sound
    }
}

impl View<'_> {
    /// Tells that a length is not what it has to be.
    pub(crate) fn check_length(
        &self,
        field: &'static str,
        wanted: usize,
        rule: &'static str,
        defect: &mut dyn FnMut(Defect),
    ) {
        let got = self.number(field);
        if u128::try_from(wanted) != Ok(got) {
            self.report(field, DefectKind::Length, u32::try_from(wanted).unwrap_or(u32::MAX), got, rule, defect);
        }
    }

    /// Tells that a number of things is larger than that of those which are there.
    pub(crate) fn check_number(
        &self,
        field: &'static str,
        present: usize,
        rule: &'static str,
        defect: &mut dyn FnMut(Defect),
    ) {
        let got = self.number(field);
        if u128::try_from(present).is_ok_and(|present| got > present) {
            self.report(field, DefectKind::Length, u32::try_from(present).unwrap_or(u32::MAX), got, rule, defect);
        }
    }

    /// Tells that a checksum is not right. `sum` is the checksum computed over the field as it stands: 0 when right.
    pub(crate) fn check_sum(&self, field: &'static str, sum: u16, rule: &'static str, defect: &mut dyn FnMut(Defect)) {
        let got = self.number(field);
        // Zero has two forms in ones' complement (RFC 1624 section 3). A message of nothing but zeros, an echo reply
        // with identifier and sequence number 0 say, has 0xffff by RFC 1071; Linux sends 0x0000.
        if sum == 0 || (sum == 0xffff && got == 0) {
            return;
        }
        // What the sum lacks, added in ones' complement, is what the field has to be.
        let got_16 = u16::try_from(got).unwrap_or_default();
        let (added, carried) = got_16.overflowing_add(sum);
        let wanted = added.wrapping_add(u16::from(carried));
        self.report(field, DefectKind::Checksum, wanted.into(), got, rule, defect);
    }

    fn report(
        &self,
        field: &'static str,
        kind: DefectKind,
        wanted: u32,
        got: u128,
        rule: &'static str,
        defect: &mut dyn FnMut(Defect),
    ) {
        let range = self.protocol.index(field).and_then(|index| self.protocol.fields.get(index)?.range(self.header));
        let octets = range.map_or(self.start..self.start, |range| self.start + range.start..self.start + range.end);
        let got = u32::try_from(got).unwrap_or(u32::MAX);
        defect(Defect { layer: self.protocol.kind, field, kind, wanted, got, octets, rule });
    }
}
