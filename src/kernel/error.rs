//! The error of everything that talks to the kernel: which step failed, with which errno, and what cures it.

use std::borrow::Cow;
use std::{error, fmt, io};

use super::Obstacle;

/// A step that the kernel refused.
///
/// Displays as `step: errno text (os error N); cure`. Converts into [`io::Error`] with the errno's kind, so `?` works
/// in tests that return `io::Result`.
#[derive(Debug)]
pub struct KernelError {
    step: Cow<'static, str>,
    source: io::Error,
    cure: Option<Cow<'static, str>>,
}

impl KernelError {
    /// `step` completes "failed to …", such as `set the MTU of tun0 to 20`.
    #[must_use]
    pub fn new(step: impl Into<Cow<'static, str>>, source: io::Error) -> Self {
        Self { step: step.into(), source, cure: None }
    }

    /// Adds the likely cause and what to do about it, a full sentence or two.
    #[must_use]
    pub fn with_cure(mut self, cure: impl Into<Cow<'static, str>>) -> Self {
        self.cure = Some(cure.into());
        self
    }

    /// What was tried; completes "failed to …".
    #[must_use]
    pub fn step(&self) -> &str {
        &self.step
    }

    /// The errno.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        self.source.raw_os_error()
    }

    /// The likely cause and its cure, where they are known.
    #[must_use]
    pub fn cure(&self) -> Option<&str> {
        self.cure.as_deref()
    }
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {}: {}", self.step, self.source)?;
        match &self.cure {
            Some(cure) => write!(f, ". {cure}"),
            None => Ok(()),
        }
    }
}

impl error::Error for KernelError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.source)
    }
}

impl From<KernelError> for io::Error {
    fn from(error: KernelError) -> Self {
        Self::new(error.source.kind(), error)
    }
}

/// Why a namespace or a device could not be set up.
#[derive(Debug)]
#[non_exhaustive]
pub enum SetupError {
    /// This process can have no kernel device here; says what is in the way and what removes it.
    Obstacle(Obstacle),
    /// A step failed that needs no more rights than there are.
    Kernel(KernelError),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Obstacle(obstacle) => obstacle.fmt(f),
            Self::Kernel(error) => error.fmt(f),
        }
    }
}

impl error::Error for SetupError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Obstacle(_) => None,
            Self::Kernel(error) => error.source(),
        }
    }
}

impl From<Obstacle> for SetupError {
    fn from(obstacle: Obstacle) -> Self {
        Self::Obstacle(obstacle)
    }
}

impl From<KernelError> for SetupError {
    fn from(error: KernelError) -> Self {
        Self::Kernel(error)
    }
}

impl From<io::Error> for SetupError {
    fn from(error: io::Error) -> Self {
        Self::Kernel(KernelError::new("start a thread", error))
    }
}

impl From<SetupError> for io::Error {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Obstacle(obstacle) => obstacle.into(),
            SetupError::Kernel(error) => error.into(),
        }
    }
}
