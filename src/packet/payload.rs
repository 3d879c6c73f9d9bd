//! Octets that no layer takes apart.

use std::fmt;
use std::ops::Range;

use super::build::Completing;
use super::dissect::{Dissected, LengthError, Next};
use super::field::{IntoField, Octets, octets_such_that};
use super::layer::{Behaviour, layer, octets};
use super::verify::Defect;
use super::view::View;

const BEHAVIOUR: Behaviour = Behaviour { fixed: |_| 0, align: 1, dissect, complete, verify, summary };

layer! {
    /// Octets behind the last header. `b"octets"`, a `Vec<u8>` or a `&str` in a stack of layers is one.
    ///
    /// A template without a payload matches any; [`Payload::empty`] matches only none. Octets alone, with no layer
    /// below, are a whole frame.
    ///
    /// ```
    /// use tuntap_test::packet::{Payload, Udp};
    ///
    /// let any = Udp::new();
    /// let none = Udp::new() / Payload::empty();
    /// let some = Udp::new() / Payload::starting_with(b"GET ");
    /// assert_eq!(format!("{some:?}"), r#"UDP / payload (starting with "GET ")"#);
    /// # let _ = (any, none);
    /// ```
    Payload, PAYLOAD = Payload "payload", BEHAVIOUR;
    /// The octets.
    octets: Octets = octets(all, append);
}

fn all(octets: &[u8]) -> Option<Range<usize>> {
    Some(0..octets.len())
}

fn append(octets: &[u8], header: &mut Vec<u8>) {
    header.extend_from_slice(octets);
}

impl Payload {
    /// No octets: as a template it matches only an empty payload.
    pub fn empty() -> Self {
        Self::new().octets(b"")
    }

    /// Matches octets that begin with these.
    pub fn starting_with(start: impl AsRef<[u8]>) -> Self {
        let start = start.as_ref().to_vec();
        let what = format!("starting with {:?}", String::from_utf8_lossy(&start));
        Self::new().octets(octets_such_that(&what, move |octets| octets.starts_with(&start)))
    }

    /// Matches octets that have these somewhere.
    pub fn containing(part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref().to_vec();
        let what = format!("containing {:?}", String::from_utf8_lossy(&part));
        Self::new().octets(octets_such_that(&what, move |octets| {
            part.is_empty() || octets.windows(part.len()).any(|window| window == part)
        }))
    }

    /// Matches so many octets, whatever they are: a number, a range, one of several.
    pub fn of_length(octets: impl IntoField<u64>) -> Self {
        let constraint = octets.into_field().constraint;
        let what = format!("of {constraint:?} octets");
        Self::new().octets(octets_such_that(&what, move |octets| {
            constraint.holds(u128::try_from(octets.len()).ok().map(super::field::Value::Bits))
        }))
    }
}

fn dissect(octets: &[u8]) -> Result<Dissected, LengthError> {
    Ok(Dissected { header: octets.len(), length: None, next: Next::Payload })
}

const fn complete(_: &mut Vec<u8>, _: &Completing<'_>) {}

fn verify(_: &View<'_>, _: &mut dyn FnMut(Defect)) {}

fn summary(view: &View<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{} octets", view.header.len() + view.content.len())
}
