//! Exchanges: what a test sends on a link, and what it expects there.
//!
//! Layer: above [`packet`](crate::packet).

pub mod flow;

pub use flow::TcpFlow;
