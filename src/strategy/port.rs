//! Strategies for ports of TCP and UDP by class (RFC 6335 section 6). They shrink towards the ports that a person would
//! write: 80, 8080, 50000.
//!
//! Layer: `strategy`.
//!
//! ```
//! use proptest::prelude::*;
//! use tuntap_test::strategy::port;
//!
//! proptest!(|(from in port::dynamic(), to in port::well_known())| {
//!     prop_assert!(from >= 49_152 && (1..1024).contains(&to));
//! });
//! ```

use std::fmt;

use proptest::prelude::*;
use proptest::sample;

use super::simpler::{choose, shrinking, smaller};
use crate::packet::FieldValue;

/// Which range a port is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PortClass {
    /// 1 to 1023: of services that the system runs.
    WellKnown,
    /// 1024 to 49151: of the other services.
    Registered,
    /// 49152 to 65534: chosen by who connects.
    Dynamic,
    /// 0, which no service has, and 65535, the last one.
    Edge,
}

impl PortClass {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::WellKnown, Self::Registered, Self::Dynamic, Self::Edge];

    /// The class of a port.
    #[must_use]
    pub const fn of(port: u16) -> Self {
        match port {
            0 | u16::MAX => Self::Edge,
            1..=1023 => Self::WellKnown,
            1024..=49_151 => Self::Registered,
            _ => Self::Dynamic,
        }
    }

    /// Those that a person would write, the first one first.
    const fn written(self) -> &'static [u16] {
        match self {
            Self::WellKnown => &[80, 443, 53, 22, 25, 123, 67, 68],
            Self::Registered => &[8080, 5353, 3389, 4500, 40_000],
            Self::Dynamic => &[50_000, 49_152],
            Self::Edge => &[0, u16::MAX],
        }
    }

    const fn least(self) -> u16 {
        match self {
            Self::WellKnown => 1,
            Self::Registered => 1024,
            Self::Dynamic => 49_152,
            Self::Edge => 0,
        }
    }
}

impl fmt::Display for PortClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WellKnown => "well-known",
            Self::Registered => "registered",
            Self::Dynamic => "dynamic",
            Self::Edge => "0 or 65535",
        })
    }
}

/// The simpler ports of the same class.
fn simpler(port: u16) -> Vec<u16> {
    let class = PortClass::of(port);
    let written = class.written();
    match written.iter().position(|known| *known == port) {
        Some(at) => written.iter().take(at).copied().collect(),
        None => {
            let smaller = smaller(port.into(), class.least().into()).into_iter().map(u16::from_bits);
            written.iter().copied().chain(smaller).collect()
        }
    }
}

fn of_class(class: PortClass, all: impl Strategy<Value = u16> + 'static) -> BoxedStrategy<u16> {
    shrinking(choose![1 => sample::select(class.written()), 1 => all], |port| simpler(*port))
}

/// 1 to 1023; one in two such as a person would write. Shrinks to 80.
pub fn well_known() -> BoxedStrategy<u16> {
    of_class(PortClass::WellKnown, 1_u16..=1023)
}

/// 1024 to 49151; one in two such as a person would write. Shrinks to 8080.
pub fn registered() -> BoxedStrategy<u16> {
    of_class(PortClass::Registered, 1024_u16..=49_151)
}

/// 49152 to 65534; one in two such as a person would write. Shrinks to 50000.
pub fn dynamic() -> BoxedStrategy<u16> {
    of_class(PortClass::Dynamic, 49_152_u16..=65_534)
}

/// 0 or 65535. Shrinks to 0.
pub fn edge() -> BoxedStrategy<u16> {
    sample::select(PortClass::Edge.written()).boxed()
}

/// The ports that are simpler than one, whatever the class: the classes in that order.
fn simpler_of_any(port: u16, order: [PortClass; 4]) -> Vec<u16> {
    let before = order.into_iter().take_while(|class| *class != PortClass::of(port));
    before.flat_map(|class| class.written().iter().copied()).chain(simpler(port)).collect()
}

/// Any port: well-known in 6 of 20 cases, registered and dynamic in 6 each, 0 or 65535 in 2. Shrinks to 80, or to the
/// plainest of its class.
pub fn any_port() -> BoxedStrategy<u16> {
    let all = choose![3 => well_known(), 3 => registered(), 3 => dynamic(), 1 => edge()];
    shrinking(all, |port| simpler_service(*port))
}

/// A port that a client sends from: dynamic in two of three cases, else registered. Shrinks to 50000, or to the plainest
/// of its class.
pub fn source() -> BoxedStrategy<u16> {
    shrinking(choose![2 => dynamic(), 1 => registered()], |port| simpler_source(*port))
}

/// What is simpler than a port that is sent from.
pub(super) fn simpler_source(port: u16) -> Vec<u16> {
    simpler_of_any(port, [PortClass::Dynamic, PortClass::Registered, PortClass::WellKnown, PortClass::Edge])
}

/// A port that a server listens on: well-known in two of three cases, else registered. Shrinks to 80, or to the plainest
/// of its class.
pub fn service() -> BoxedStrategy<u16> {
    shrinking(choose![2 => well_known(), 1 => registered()], |port| simpler_service(*port))
}

/// What is simpler than a port that is sent to.
pub(super) fn simpler_service(port: u16) -> Vec<u16> {
    simpler_of_any(port, PortClass::ALL)
}
