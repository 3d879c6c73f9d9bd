//! Why a capture does not become a test.

use std::path::{Path, PathBuf};
use std::{error, fmt, io};

use crate::capture::{CaptureError, LinkTypeError, ReadError};

/// A capture cannot become a test. Names the file.
#[derive(Debug)]
pub struct ToTestError {
    path: PathBuf,
    cause: Cause,
}

#[derive(Debug)]
pub(super) enum Cause {
    Read(ReadError),
    Content(CaptureError),
    /// There is no frame.
    Empty,
    /// So many frames, and none is one of a link; the first says why.
    NoLink(usize, Option<LinkTypeError>),
}

impl ToTestError {
    pub(super) fn new(path: &Path, cause: Cause) -> Self {
        Self { path: path.to_owned(), cause }
    }

    /// The capture, as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the capture is sound and holds no frame.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        matches!(self.cause, Cause::Empty)
    }
}

impl fmt::Display for ToTestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.cause {
            Cause::Read(error) => fmt::Display::fmt(error, f),
            Cause::Content(error) => write!(f, "{path}: {error}"),
            Cause::Empty => write!(f, "{path}: the capture is empty: it holds no frame to make a test from"),
            Cause::NoLink(frames, why) => {
                write!(f, "{path}: none of its {frames} frames can travel on a link")?;
                why.map_or(Ok(()), |why| write!(f, "; the first: {why}"))
            }
        }
    }
}

impl error::Error for ToTestError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.cause {
            Cause::Read(error) => error.source(),
            Cause::Content(error) => Some(error),
            Cause::NoLink(_, Some(error)) => Some(error),
            Cause::Empty | Cause::NoLink(_, None) => None,
        }
    }
}

impl From<ToTestError> for io::Error {
    fn from(error: ToTestError) -> Self {
        match error.cause {
            Cause::Read(error) => error.into(),
            Cause::Content(_) | Cause::Empty | Cause::NoLink(..) => Self::new(io::ErrorKind::InvalidData, error),
        }
    }
}
