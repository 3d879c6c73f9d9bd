//! Bodies of targets that fuzz other people's code: examples of how to, and what the mutator is measured on
//! (`../benches/mutator.py`). Those of the library's own code are in `../src/fuzz/targets`.

mod smoltcp_tcp;

pub use smoltcp_tcp::{Host, smoltcp_tcp};
