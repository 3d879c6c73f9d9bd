//! Captures as seeds of fuzz targets, one for each class of what they cover.
//!
//! Layer: `fuzz`. A [`CoverageClass`] says which code a frame or a script is likely to reach: its layers, flags and options, its
//! sizes by powers of two, what is wrong in it. Of several with the same class the first is enough.
//!
//! ```
//! use tuntap_test::device::{FrameRef, Mode};
//! use tuntap_test::fuzz::corpus::CoverageClass;
//! use tuntap_test::packet::*;
//!
//! let syn = (Ipv4::new() / Tcp::new().syn().window(64_240).mss(1460).window_scale(7)).build()?;
//! assert_eq!(CoverageClass::of(FrameRef::new(Mode::Tun, &syn)).to_string(), "tun-ipv4-tcp-syn-mss-wscale");
//! # Ok::<(), BuildError>(())
//! ```
//!
//! Seeds have three forms ([`SeedForm`]):
//!
//! ```text
//!  script  what Script::encode gives: a whole exchange
//!  frame   | 0 TUN or 1 TAP, 1 | a frame |
//!  frames  | octets 2 | a frame | octets 2 | a frame | …       what is sent, lengths in network byte order
//! ```

mod class;
mod seed;

pub use class::CoverageClass;
pub use seed::{Seed, SeedError, SeedForm, seeds};
