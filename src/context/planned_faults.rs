//! What the environment says about faults, read once a test: `TUNTAP_TEST_FAULTS` and `TUNTAP_TEST_SEED`.

use std::env::var_os;
use std::io;
use std::sync::{Arc, OnceLock};

use crate::mock::fault::{FaultPlan, FaultPlans, ReplayError, plans_from, seed_from};

/// The two variables, as they were when somebody first asked. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct PlannedFaults(Arc<OnceLock<Environment>>);

/// A mistake in one of them fails whoever needs that one.
struct Environment {
    plans: Result<Option<FaultPlans>, String>,
    seed: Result<Option<u64>, String>,
}

impl PlannedFaults {
    fn environment(&self) -> &Environment {
        let text = |error: ReplayError| error.to_string();
        self.0.get_or_init(|| Environment {
            plans: plans_from(var_os("TUNTAP_TEST_FAULTS").as_deref()).map_err(text),
            seed: seed_from(var_os("TUNTAP_TEST_SEED").as_deref()).map_err(text),
        })
    }

    fn plans(&self) -> io::Result<Option<&FaultPlans>> {
        self.environment().plans.as_ref().map(Option::as_ref).map_err(|error| io::Error::other(error.clone()))
    }

    /// Whether a plan stands in place of what the test plans.
    pub(super) fn replay(&self) -> io::Result<bool> {
        Ok(self.plans()?.is_some())
    }

    /// The plan of the link of that number, counted from 1.
    pub(super) fn plan_of(&self, link: usize) -> io::Result<Option<&FaultPlan>> {
        Ok(self.plans()?.and_then(|plans| plans.plan_of(link)))
    }

    /// The seed that stands in place of those of plans.
    pub(super) fn seed(&self) -> io::Result<Option<u64>> {
        self.environment().seed.clone().map_err(io::Error::other)
    }
}
