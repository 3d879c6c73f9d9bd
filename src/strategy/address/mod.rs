//! Strategies for addresses by class: what an address is for decides what a stack does with it.
//!
//! Layer: `strategy`. Every address is of exactly one [`AddressClass`]; each class is a strategy, and `any_v4`, `any_v6`
//! and `any_mac` mix them. They shrink towards the addresses that a person would write: first those of documentation,
//! `192.0.2.1`, `2001:db8::1` and `02:00:00:00:00:01`, then the first ones of the class, then small numbers in it.
//!
//! | class | IPv4 | IPv6 | hardware (48 bits) |
//! |---|---|---|---|
//! | documentation | RFC 5737 | RFC 3849, RFC 9637 | RFC 9542 section 2.1.4 |
//! | private | RFC 1918 | RFC 4193 | locally administered |
//! | link-local | RFC 3927 | RFC 4291 section 2.5.6 | IEEE 802.1Q: no bridge forwards them |
//! | multicast | RFC 5771 | RFC 4291 section 2.7 | group bit |
//! | special | RFC 6890 | RFC 6890, and what is not assigned | zeros, broadcast |
//! | global | all others | the rest of 2000::/3 | universally administered |
//!
//! ```
//! use proptest::prelude::*;
//! use tuntap_test::strategy::address::{self, AddressClass};
//!
//! proptest!(|(group in address::multicast_v4(), source in address::source_v4())| {
//!     prop_assert!(group.is_multicast());
//!     prop_assert_ne!(AddressClass::of_v4(source), AddressClass::Multicast);
//! });
//! ```

mod class;
mod mac;
mod v4;
mod v6;

use std::fmt::Debug;
use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use proptest::sample;

use super::simpler::{choose, one_of, shrinking};

pub use class::AddressClass;
pub use mac::{
    any_mac, documentation_mac, global_mac, link_local_mac, multicast_mac, private_mac, source_mac, special_mac,
};
pub use v4::{any_v4, documentation_v4, global_v4, link_local_v4, multicast_v4, private_v4, source_v4, special_v4};
pub use v6::{any_v6, documentation_v6, global_v6, link_local_v6, multicast_v6, private_v6, source_v6, special_v6};

use AddressClass::{Documentation, Global, LinkLocal, Multicast, Private, Special};

/// How often `any_v4`, `any_v6` and `any_mac` give an address of each class, in twentieths.
const ANY: [(u32, AddressClass); 6] =
    [(6, Documentation), (4, Private), (2, LinkLocal), (3, Multicast), (2, Special), (3, Global)];

/// The same for a sender's address, which is no group's.
const SOURCE: [(u32, AddressClass); 4] = [(8, Documentation), (5, Private), (3, LinkLocal), (4, Global)];

/// Addresses of one family.
trait Family: Copy + Debug + PartialEq + Send + Sync + 'static {
    /// Its octets.
    const OCTETS: usize;
    /// The class.
    fn class(self) -> AddressClass;
    /// The ones of a class that a person would write, the first one first, and never none.
    fn written(class: AddressClass) -> &'static [Self];
    /// Where the addresses of a class are: some octets, and how many bits of them count.
    fn prefixes(class: AddressClass) -> &'static [(Self, usize)];
    /// The number that its octets spell.
    fn number(self) -> u128;
    /// The address of the lowest octets of a number.
    fn of(number: u128) -> Self;
}

/// Addresses of those classes, as often as they say.
fn of_classes<A: Family>(classes: &[(u32, AddressClass)]) -> BoxedStrategy<A> {
    let each = classes.iter().map(|(weight, class)| (*weight, of_class(*class)));
    let first = classes.first().map_or(Documentation, |(_, class)| *class);
    shrinking(one_of(each), move |address: &A| simpler_of_any(*address, first))
}

/// The addresses that are simpler than one, whatever the class: the plainest class first, then in the order of
/// [`AddressClass::ALL`].
fn simpler_of_any<A: Family>(address: A, plainest: AddressClass) -> Vec<A> {
    let class = address.class();
    let order = [plainest].into_iter().chain(AddressClass::ALL.into_iter().filter(|class| *class != plainest));
    let before: Vec<_> = order.take_while(|plainer| *plainer != class).collect();
    let written = before.iter().flat_map(|class| A::written(*class).iter().copied());
    let moved = before.iter().take(1).filter_map(|class| moved(address, *class));
    written.chain(moved).chain(simpler(address)).collect()
}

/// The address in the first prefix of that class whose remaining bits are the same.
fn moved<A: Family>(address: A, class: AddressClass) -> Option<A> {
    let (prefix, bits) = A::prefixes(class).first()?;
    let address = A::of(prefix.number() | address.number() & host_bits::<A>(*bits));
    (address.class() == class).then_some(address)
}

/// Ones where so many bits of a prefix leave an address open.
fn host_bits<A: Family>(prefix: usize) -> u128 {
    u32::try_from(128 - A::OCTETS * 8 + prefix).ok().and_then(|above| u128::MAX.checked_shr(above)).unwrap_or(0)
}

/// Whether the address is in one of those prefixes.
fn is_in<A: Family>(address: A, prefixes: &[(A, usize)]) -> bool {
    let differ = |prefix: A| address.number() ^ prefix.number();
    prefixes.iter().any(|(prefix, bits)| differ(*prefix) & !host_bits::<A>(*bits) == 0)
}

/// What is simpler than an IPv4 address.
pub(super) fn simpler_v4(address: Ipv4Addr) -> Vec<Ipv4Addr> {
    simpler_of_any(address, Documentation)
}

/// What is simpler than an IPv6 address.
pub(super) fn simpler_v6(address: Ipv6Addr) -> Vec<Ipv6Addr> {
    simpler_of_any(address, Documentation)
}

/// What is simpler than a hardware address.
pub(super) fn simpler_mac(address: [u8; 6]) -> Vec<[u8; 6]> {
    simpler_of_any(address, Private)
}

/// Addresses of a class: one in two such as a person would write.
fn of_class<A: Family>(class: AddressClass) -> BoxedStrategy<A> {
    let prefixes = sample::select(A::prefixes(class));
    let any = (prefixes, any::<u128>())
        .prop_map(|((prefix, bits), host)| A::of(prefix.number() | host & host_bits::<A>(bits)))
        .prop_filter("of another class", move |address| address.class() == class);
    let written = sample::select(A::written(class));
    shrinking(choose![1 => written, 1 => any], |address| simpler(*address))
}

/// The simpler addresses of the same class.
fn simpler<A: Family>(address: A) -> Vec<A> {
    let class = address.class();
    let written = A::written(class);
    if let Some(at) = written.iter().position(|known| *known == address) {
        return written.iter().take(at).copied().collect();
    }
    let number = address.number();
    // What is not in the class's first prefix goes there; downwards only, so that it ends.
    let moved = moved(address, class).filter(|moved| moved.number() < number);
    // Octet by octet, so that what is fixed about one leaves the others free; the class bounds it.
    let smaller = (0..A::OCTETS).flat_map(|octet| {
        let value = number >> (octet * 8) & 0xff;
        super::simpler::smaller(value, 0).into_iter().map(move |less| number - ((value - less) << (octet * 8)))
    });
    let smaller = smaller.map(A::of).filter(|simpler| simpler.class() == class);
    written.iter().copied().chain(moved).chain(smaller).collect()
}

/// Defines the strategies of a family.
macro_rules! strategies {
    ($($(#[$doc:meta])* $name:ident: $address:ty = $classes:expr;)*) => {$(
        $(#[$doc])*
        pub fn $name() -> proptest::strategy::BoxedStrategy<$address> {
            super::of_classes($classes)
        }
    )*};
}
use strategies;
