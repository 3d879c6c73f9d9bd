//! A plan and a seed from the environment: to run again what failed, or what else there is.
//!
//! Layer: `fault`. The functions take the value of a variable; the caller reads the environment. Nothing is
//! guessed: what cannot be read is an error that names the cure.

use std::error::Error;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::plans::FaultPlans;
use super::toml::PlanError;

/// The variable whose value is the path of a plan.
const FAULTS: &str = "TUNTAP_TEST_FAULTS";
/// The variable whose value is a seed.
const SEED: &str = "TUNTAP_TEST_SEED";
/// What a plan is called in the folder of a failed test.
const FILE: &str = "fault-plan.toml";

/// Why a variable says nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReplayError {
    /// The file cannot be read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// What is in the file is no plan.
    NoPlan {
        /// Which file.
        path: PathBuf,
        /// What is wrong in it.
        error: PlanError,
    },
    /// It is no seed.
    NoSeed {
        /// What it is instead.
        value: String,
    },
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, error } => write!(
                f,
                "{FAULTS}={}: {error}; give the {FILE} of a failed test, or its folder below target/tuntap-test, as an \
                 absolute path: tests run in the folder of their package",
                path.display()
            ),
            Self::NoPlan { path, error } => {
                write!(f, "{FAULTS}={}: {error}; mend the line, or take it out", path.display())
            }
            Self::NoSeed { value } => write!(f, "{SEED}={value}: give a number, such as 7 or 0x1f"),
        }
    }
}

impl Error for ReplayError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreadable { error, .. } => Some(error),
            Self::NoPlan { error, .. } => Some(error),
            Self::NoSeed { .. } => None,
        }
    }
}

/// The plans that the value of `TUNTAP_TEST_FAULTS` names: the path of a `fault-plan.toml`, or of a folder that holds
/// one. They take the place of what a test plans. `None` when the variable is unset or empty.
///
/// # Errors
/// The file cannot be read, or holds no plan.
///
/// ```
/// use tuntap_test::fault::plans_from;
///
/// assert!(plans_from(None)?.is_none());
/// let error = plans_from(Some("no/such/plan.toml".as_ref())).unwrap_err();
/// assert!(error.to_string().starts_with("TUNTAP_TEST_FAULTS=no/such/plan.toml: "), "{error}");
/// # Ok::<(), tuntap_test::fault::ReplayError>(())
/// ```
pub fn plans_from(value: Option<&OsStr>) -> Result<Option<FaultPlans>, ReplayError> {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
    let mut path = Path::new(value).to_path_buf();
    if path.is_dir() {
        path.push(FILE);
    }
    match fs::read_to_string(&path).map(|text| FaultPlans::from_toml(&text)) {
        Ok(Ok(plan)) => Ok(Some(plan)),
        Ok(Err(error)) => Err(ReplayError::NoPlan { path, error }),
        Err(error) => Err(ReplayError::Unreadable { path, error }),
    }
}

/// The seed that the value of `TUNTAP_TEST_SEED` is: a number, as 7 or 0x1f. It takes the place of a plan's seed. `None`
/// when the variable is unset or empty.
///
/// # Errors
/// It is no number of 64 bits.
///
/// ```
/// use tuntap_test::fault::seed_from;
///
/// assert_eq!(seed_from(Some("0x1f".as_ref()))?, Some(31));
/// let error = seed_from(Some("seven".as_ref())).unwrap_err();
/// assert_eq!(error.to_string(), "TUNTAP_TEST_SEED=seven: give a number, such as 7 or 0x1f");
/// # Ok::<(), tuntap_test::fault::ReplayError>(())
/// ```
pub fn seed_from(value: Option<&OsStr>) -> Result<Option<u64>, ReplayError> {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
    let text = value.to_string_lossy();
    let digits = text.trim();
    let is_plain = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let seed = match digits.strip_prefix("0x") {
        Some(digits) if is_plain(digits) => u64::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None => Some(digits).filter(|digits| is_plain(digits)).and_then(|digits| digits.parse().ok()),
    };
    seed.map(Some).ok_or_else(|| ReplayError::NoSeed { value: text.clone().into_owned() })
}
