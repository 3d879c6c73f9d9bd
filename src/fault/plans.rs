//! The plans of all links of a test: what one `fault-plan.toml` holds.
//!
//! Layer: `fault`.

use std::collections::BTreeMap;

use super::plan::FaultPlan;
use super::toml::{self, PlanError};

/// What a `fault-plan.toml` says: a plan for each link by its number, or one for whatever link there is.
///
/// Links are counted from 1 as the test makes them; its arguments are made in their order.
///
/// ```text
/// seed = 7                                   [link.1] # TUN tun0 on the mock, host 192.0.2.1/24
///                                            seed = 7
/// to_host = [                                to_host = [{ frame = 3, fault = "drop" }]
///     { frame = 3, fault = "drop" },
/// ]                                          [link.2] # TUN tun1 on the mock, host 198.51.100.1/24
///                                            device = [{ at = "20ms", fault = "down" }]
///  one link                                   several
/// ```
///
/// ```
/// use tuntap_test::fault::FaultPlans;
///
/// let plans = FaultPlans::from_toml("[link.2]\nseed = 7\nto_host = [{ frame = 3, fault = \"drop\" }]\n")?;
/// assert_eq!(plans.plan_of(1), None);
/// assert_eq!(plans.plan_of(2).unwrap().to_string(), "seed 7; to host: #3 dropped");
/// # Ok::<(), tuntap_test::fault::PlanError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct FaultPlans {
    pub(super) whole: Option<FaultPlan>,
    pub(super) links: BTreeMap<usize, FaultPlan>,
}

impl FaultPlans {
    /// Reads a file: with a section for each link, or without sections.
    ///
    /// # Errors
    /// What is wrong first, with its line.
    pub fn from_toml(text: &str) -> Result<Self, PlanError> {
        toml::read(text)
    }

    /// The plan of the link of that number, counted from 1. A file without sections has the same for every link.
    #[must_use]
    pub fn plan_of(&self, link: usize) -> Option<&FaultPlan> {
        self.whole.as_ref().or_else(|| self.links.get(&link))
    }

    /// The numbers of the links that have a section, in order.
    pub fn links(&self) -> impl Iterator<Item = usize> {
        self.links.keys().copied()
    }
}

/// For every link.
impl From<FaultPlan> for FaultPlans {
    fn from(plan: FaultPlan) -> Self {
        Self { whole: Some(plan), links: BTreeMap::new() }
    }
}
