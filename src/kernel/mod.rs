//! Kernel devices (Linux).
//!
//! Layer: implements [`crate::device::Device`]; may use `codec` and `device`.

mod error;

pub use error::KernelError;
