//! What a test waits for: a template with a name, a time window and a count; and lists of those.

use std::fmt;
use std::ops::{RangeFrom, RangeInclusive};
use std::time::Duration;

use crate::packet::{Dissection, IntoPacket, Packet};

/// A template with what surrounds it: how it is called in reports, when it may come, how often.
///
/// Made from anything that is a packet, by [`named`](IntoExpectation::named), [`within`](IntoExpectation::within),
/// [`not_before`](IntoExpectation::not_before), [`one_of`], [`optional`] and [`times`].
#[derive(Clone)]
#[must_use]
pub struct Expectation {
    pub(crate) patterns: Vec<Packet>,
    pub(crate) name: Option<String>,
    pub(crate) within: Option<Duration>,
    pub(crate) not_before: Option<Duration>,
    pub(crate) least: usize,
    pub(crate) most: usize,
}

impl Expectation {
    fn new(patterns: Vec<Packet>) -> Self {
        Self { patterns, name: None, within: None, not_before: None, least: 1, most: 1 }
    }

    /// It says what, and not how often: where that would be forgotten.
    #[track_caller]
    fn assert_uncounted(&self, of: &str) {
        assert!((self.least, self.most) == (1, 1), "{of} of what has a count already: {self}");
    }

    /// It says what, and neither when nor how often.
    #[track_caller]
    pub(crate) fn assert_plain(&self, of: &str) {
        let untimed = self.within.is_none() && self.not_before.is_none();
        assert!(untimed, "{of} of what has a time window, which would not be looked at: {self}");
        self.assert_uncounted(of);
    }

    /// The first of the alternatives that a frame matches.
    pub(crate) fn matching(&self, frame: &Dissection<'_>) -> Option<&Packet> {
        self.patterns.iter().find(|pattern| pattern.matches_dissection(frame))
    }

    /// How reports call it: its name, or what it wants.
    pub(crate) fn title(&self) -> String {
        self.called().unwrap_or_else(|| self.to_string())
    }

    /// Its name, in quotes.
    pub(crate) fn called(&self) -> Option<String> {
        self.name.as_ref().map(|name| format!("\"{name}\""))
    }

    /// One of its alternatives, with how often and when it may come.
    pub(crate) fn wish(&self, pattern: &Packet) -> String {
        format!("{}{pattern}{}", Often(self), When(self))
    }

    /// `2 to 4`, `1`, `2 or more`.
    pub(crate) fn count(&self) -> String {
        match (self.least, self.most) {
            (least, usize::MAX) => format!("{least} or more"),
            (least, most) if least == most => least.to_string(),
            (least, most) => format!("{least} to {most}"),
        }
    }
}

/// How often it may come, in front of what it wants.
struct Often<'a>(&'a Expectation);

impl fmt::Display for Often<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.least, self.0.most) {
            (1, 1) => Ok(()),
            (0, 1) => f.write_str("optionally "),
            _ => write!(f, "{} times ", self.0.count()),
        }
    }
}

/// When it may come, behind what it wants.
struct When<'a>(&'a Expectation);

impl fmt::Display for When<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(early) = self.0.not_before {
            write!(f, ", not before {early:?}")?;
        }
        self.0.within.map_or(Ok(()), |late| write!(f, ", within {late:?}"))
    }
}

/// What it wants, in one line.
impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Often(self))?;
        for (at, pattern) in self.patterns.iter().enumerate() {
            if at > 0 {
                f.write_str(" | ")?;
            }
            write!(f, "{pattern}")?;
        }
        write!(f, "{}", When(self))
    }
}

impl fmt::Debug for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What can be expected: a layer, a packet, an etherparse header, octets, or one of those with a name and a window.
pub trait IntoExpectation: Sized {
    /// The expectation.
    fn into_expectation(self) -> Expectation;

    /// The same under a name, which the report uses.
    fn named(self, name: impl Into<String>) -> Expectation {
        Expectation { name: Some(name.into()), ..self.into_expectation() }
    }

    /// It must come within that time after the last event of the exchange: the last frame that the test sent or an
    /// expectation matched. The frame's own time counts, not the moment at which the test asks. Not scaled by
    /// `TUNTAP_TEST_TIMEOUT_SCALE`: it is a claim about the protocol.
    fn within(self, time: Duration) -> Expectation {
        Expectation { within: Some(time), ..self.into_expectation() }
    }

    /// It must not come before that time after the last event of the exchange: a protocol's timer.
    fn not_before(self, time: Duration) -> Expectation {
        Expectation { not_before: Some(time), ..self.into_expectation() }
    }
}

impl IntoExpectation for Expectation {
    fn into_expectation(self) -> Expectation {
        self
    }
}

impl<P: IntoPacket> IntoExpectation for P {
    fn into_expectation(self) -> Expectation {
        Expectation::new(vec![self.into_packet()])
    }
}

/// Any one of several: the first that a frame matches. Where each has a name, it is called by all of them.
///
/// ```
/// use tuntap_test::exchange::one_of;
/// use tuntap_test::packet::{Icmpv4, Tcp};
///
/// let refused = one_of((Tcp::new().rst().ack(1..), Icmpv4::port_unreachable()));
/// assert!(refused.to_string().starts_with("TCP (flags R., acknowledgement 1..) | ICMPv4"));
/// ```
///
/// # Panics
/// When there is none, or when one has a time window or a count of its own: `one_of(…).within(d)` and
/// `times(2, one_of(…))` hold for whichever comes.
#[track_caller]
pub fn one_of(alternatives: impl Expectations) -> Expectation {
    let alternatives = alternatives.into_list();
    assert!(!alternatives.is_empty(), "one_of needs an alternative");
    for alternative in &alternatives {
        alternative.assert_plain("one_of");
    }
    let names: Option<Vec<&str>> = alternatives.iter().map(|alternative| alternative.name.as_deref()).collect();
    let name = names.map(|names| names.join(" or "));
    let patterns = alternatives.into_iter().flat_map(|alternative| alternative.patterns).collect();
    Expectation { name, ..Expectation::new(patterns) }
}

/// It may come or not. In a sequence what follows may come instead.
///
/// # Panics
/// When it has a count already: `times(0..=3, …)` says both.
#[track_caller]
pub fn optional(expected: impl IntoExpectation) -> Expectation {
    let expected = expected.into_expectation();
    expected.assert_uncounted("optional");
    Expectation { least: 0, most: 1, ..expected }
}

/// It must come that often, one after the other.
///
/// ```
/// use tuntap_test::exchange::times;
/// use tuntap_test::packet::Icmpv4;
///
/// let replies = times(2..=4, Icmpv4::echo_reply(7, 1..));
/// assert!(replies.to_string().starts_with("2 to 4 times ICMPv4"));
/// ```
///
/// # Panics
/// When no count is in the range, as in `5..=2`, or when it has a count already.
#[track_caller]
pub fn times(count: impl Count, expected: impl IntoExpectation) -> Expectation {
    let ((least, most), expected) = (count.bounds(), expected.into_expectation());
    assert!(least <= most, "times({least}..={most}): no count is that");
    expected.assert_uncounted("times");
    Expectation { least, most, ..expected }
}

/// How often: `3`, `2..=4`, `1..`.
pub trait Count {
    /// At least and at most.
    fn bounds(&self) -> (usize, usize);
}

impl Count for usize {
    fn bounds(&self) -> (usize, usize) {
        (*self, *self)
    }
}

impl Count for RangeInclusive<usize> {
    fn bounds(&self) -> (usize, usize) {
        (*self.start(), *self.end())
    }
}

impl Count for RangeFrom<usize> {
    fn bounds(&self) -> (usize, usize) {
        (self.start, usize::MAX)
    }
}

/// Several expectations: an array or a `Vec` of one type, or a tuple of different ones.
pub trait Expectations {
    /// The list, in order.
    fn into_list(self) -> Vec<Expectation>;
}

impl<E: IntoExpectation, const N: usize> Expectations for [E; N] {
    fn into_list(self) -> Vec<Expectation> {
        self.into_iter().map(IntoExpectation::into_expectation).collect()
    }
}

impl<E: IntoExpectation> Expectations for Vec<E> {
    fn into_list(self) -> Vec<Expectation> {
        self.into_iter().map(IntoExpectation::into_expectation).collect()
    }
}

macro_rules! tuples {
    ($($($name:ident)*;)*) => {$(
        impl<$($name: IntoExpectation),*> Expectations for ($($name,)*) {
            fn into_list(self) -> Vec<Expectation> {
                #[expect(non_snake_case, reason = "one name for the type and its value")]
                let ($($name,)*) = self;
                vec![$($name.into_expectation()),*]
            }
        }
    )*};
}
tuples! {
    A; A B; A B C; A B C D; A B C D E; A B C D E F; A B C D E F G; A B C D E F G H;
}
