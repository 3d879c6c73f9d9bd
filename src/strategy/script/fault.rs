//! Faults for what comes next.

use proptest::prelude::*;

use crate::fault::FrameFault;
use crate::fuzz::Fault;
use crate::strategy::fault::{call, call_fault, frame_fault_of, towards};

/// Any fault of a script: of a frame mostly, of a call.
pub fn fault() -> BoxedStrategy<Fault> {
    let frame = (towards(), frame_fault_of(0)).prop_map(|(towards, fault)| {
        // A script counts no frames.
        let fault = match fault {
            FrameFault::Swap { with, at_most } => FrameFault::Hold { behind: with, at_most },
            fault => fault,
        };
        Fault::frame(towards, fault)
    });
    let call = call().prop_flat_map(|call| call_fault(call).prop_map(move |fault| Fault::call(call, fault)));
    prop_oneof![3 => frame, 2 => call].boxed()
}
