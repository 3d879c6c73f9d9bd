//! Faults: what a link does to frames and calls, planned, seeded and replayable.
//!
//! Layer: above [`packet`](crate::packet), whose templates say which frames are meant. Pure, but for
//! [`FaultyDevice`]: nothing else here asks a clock, waits, or starts a thread; time is an argument. Frames are in network byte order and without packet
//! information. Total on any octets.
//!
//! ```text
//!  FaultPlan ──► Injector        the same plan, the same frames at the same times: the same deliveries
//!   seed            │
//!   to host         ├─ frame, due ──► Delivery: at which time, which octets, what was done
//!   to device       ├─ on_call, link_due ──► CallFaults, LinkFault
//!   device          ├─ happened ──► Event: what was done to which frame, when, and why
//!                   └─ exact_plan, to_toml ──► a plan of exact faults: replayed, shrunk
//! ```
//!
//! What is random is drawn from one seed. Each fault of each direction has numbers of its own, by the number of the
//! frame: to switch one fault off changes nothing of what the others do.
//!
//! What was done is itself a plan, of exact faults, and does the same again whatever the rates were. As
//! `fault-plan.toml` it looks like this, one line a fault:
//!
//! ```text
//! seed = 7
//!
//! to_host = [
//!     { frame = 3, fault = "drop" }, # 192.0.2.2:9 > 192.0.2.1:53 UDP 5 octets (loss 0.3)
//!     { frame = 5, fault = "delay", by = "13ms" },
//! ]
//!
//! device = [
//!     { transmit = 3, fault = "EAGAIN" },
//!     { at = "20ms", fault = "down" },
//! ]
//! ```
//!
//! In a test with several links each has a section of its own, `[link.1]`, `[link.2]` ([`FaultPlans`]).
//!
//! On the mock the cable has an injector; in front of any other device, the kernel's say, stands a [`FaultyDevice`].
//!
//! [`shrink`](crate::shrink) finds the few faults of such a plan that make a test fail.

mod at_work;
mod calls;
mod decide;
mod device_faults;
mod display;
mod event;
mod exact;
mod faulty;
mod frame_faults;
mod injector;
mod lane;
mod pattern;
mod plan;
mod plans;
pub(crate) mod random;
mod repair;
mod replay;
mod report;
mod toml;

pub use at_work::Faults;
pub use calls::CallFaults;
pub use device_faults::{Calls, DeviceFaults};
pub use event::Event;
pub use exact::{Call, CallFault, ExactFault, FrameFault, LinkFault, Towards, When};
pub use frame_faults::{DelayRange, FrameFaults};
pub use injector::{Delivery, Injector};
pub use plan::FaultPlan;
pub use plans::FaultPlans;
pub use replay::{ReplayError, plans_from, seed_from};
pub use report::Report;
pub use toml::PlanError;
pub(crate) use toml::plan_file;

pub(crate) use faulty::{Faulty, Passed, packet_info, refusal};
pub use faulty::{FaultyDevice, LinkControl};
