//! What a failing test says of its faults: the seed, the plan, and what was done, in a few lines.
//!
//! Layer: `fault`.

use std::collections::BTreeMap;
use std::fmt;

use super::event::Event;
use super::exact::{ExactFault, FrameFault};
use super::plan::FaultPlan;

/// How many events are told one by one.
const MOST_TOLD: usize = 4;

/// What the faults of a link were to do and did, for a failure's report. At most six lines; no line end at the end.
///
/// ```text
/// faults: seed 7; to device: loss 0.3
///   0.000 s  dropped #3 to device: 192.0.2.1:9 > 192.0.2.2:53 UDP 5 octets (loss 0.3)
///   0.013 s  dropped #7 to device: 192.0.2.1:9 > 192.0.2.2:53 UDP 5 octets (loss 0.3)
///   …
///   and 40 more: 31 dropped, 9 delayed
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Report<'a> {
    pub(super) plan: &'a FaultPlan,
    pub(super) events: &'a [Event],
    pub(super) unrecorded: u64,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faults: {}", self.plan)?;
        if self.events.is_empty() {
            return f.write_str(if self.plan.is_empty() { "" } else { "\n  nothing was done" });
        }
        for event in self.events.iter().take(MOST_TOLD) {
            write!(f, "\n  {:.3} s  {event}", event.at.as_secs_f64())?;
        }
        let rest = self.events.get(MOST_TOLD..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(());
        }
        let mut kinds = BTreeMap::<&str, usize>::new();
        for event in rest {
            *kinds.entry(kind(&event.what)).or_default() += 1;
        }
        write!(f, "\n  and {} more: ", rest.len())?;
        for (at, (kind, count)) in kinds.into_iter().enumerate() {
            write!(f, "{}{count} {kind}", if at > 0 { ", " } else { "" })?;
        }
        match self.unrecorded {
            0 => Ok(()),
            unrecorded => write!(f, "; {unrecorded} behind those were only counted, and are in no exact plan"),
        }
    }
}

const fn kind(what: &ExactFault) -> &'static str {
    match what {
        ExactFault::Frame { fault, .. } => match fault {
            FrameFault::Drop => "dropped",
            FrameFault::Corrupt { .. } => "corrupted",
            FrameFault::Truncate { .. } => "truncated",
            FrameFault::Duplicate { .. } => "duplicated",
            FrameFault::Hold { .. } => "held",
            FrameFault::Swap { .. } => "swapped",
            FrameFault::Delay { .. } => "delayed",
        },
        ExactFault::Call { .. } => "of calls",
        ExactFault::Link { .. } => "of the link",
    }
}
