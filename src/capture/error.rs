//! Why a capture could not be read.

use std::path::{Path, PathBuf};
use std::{error, fmt, io};

use super::BlockType;

/// Octets are not a capture, or not to their end. Names the block and where it stands.
///
/// ```
/// use tuntap_test::capture::Capture;
///
/// let error = Capture::from_octets(&[0xd4, 0xc3, 0xb2, 0xa1, 0x02, 0x00]).unwrap_err();
/// assert_eq!(error.to_string(), "pcap file header needs 24 octets at offset 0, 6 available");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CaptureError {
    /// The block or record that is wrong.
    pub block: BlockType,
    /// Where the wrong part begins, in octets from the start of the file.
    pub offset: usize,
    /// What is wrong.
    pub problem: CaptureProblem,
}

/// What is wrong with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaptureProblem {
    /// It ends too early: a file cut by a kill, or a length that reaches beyond its block.
    #[non_exhaustive]
    Truncated {
        /// How many octets the part at the offset has.
        needed: usize,
        /// How many there are.
        available: usize,
    },
    /// The first octets are those of no known format.
    #[non_exhaustive]
    UnknownFormat {
        /// What the file begins with.
        magic: [u8; 4],
    },
    /// A version whose layout may be another: pcap 2.x and pcapng 1.0 and 1.2 are known.
    #[non_exhaustive]
    UnknownVersion {
        /// The major version.
        major: u16,
        /// The minor version.
        minor: u16,
    },
    /// A block total length that is below twelve or no multiple of four.
    #[non_exhaustive]
    WrongLength {
        /// The length in octets.
        length: u32,
    },
    /// The length at a block's end is not the one at its beginning.
    #[non_exhaustive]
    LengthsDiffer {
        /// The length at the beginning, in octets.
        first: u32,
        /// The length at the end, in octets.
        last: u32,
    },
    /// A frame or statistics of an interface that its section has not described before.
    #[non_exhaustive]
    UnknownInterface {
        /// The interface's number within its section.
        interface: u32,
        /// How many interfaces the section has described.
        described: usize,
    },
    /// An option of a fixed length has another.
    #[non_exhaustive]
    OptionLength {
        /// The option's code.
        option: u16,
        /// The length that it must have, in octets.
        needed: usize,
        /// The length that it has, in octets.
        available: usize,
    },
    /// A time before 1970, or one beyond what a `Duration` holds.
    TimeOutOfRange,
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { block, offset, problem } = self;
        match problem {
            CaptureProblem::Truncated { needed, available } => {
                write!(f, "{block} needs {needed} octets at offset {offset}, {available} available")
            }
            CaptureProblem::UnknownFormat { magic: [a, b, c, d] } => {
                write!(
                    f,
                    "{block} is neither pcap nor pcapng: at offset {offset} stands {a:02x} {b:02x} {c:02x} {d:02x}"
                )
            }
            CaptureProblem::UnknownVersion { major, minor } => {
                write!(f, "{block} at offset {offset} has version {major}.{minor}, which is not known")
            }
            CaptureProblem::WrongLength { length } => write!(
                f,
                "{block} at offset {offset} has the length {length}: a block has at least 12 octets and a multiple of 4"
            ),
            CaptureProblem::LengthsDiffer { first, last } => {
                write!(f, "{block} begins with the length {first} and ends with {last} at offset {offset}")
            }
            CaptureProblem::UnknownInterface { interface, described } => {
                write!(
                    f,
                    "{block} at offset {offset} is of interface {interface}, its section has described {described}"
                )
            }
            CaptureProblem::OptionLength { option, needed, available } => {
                write!(f, "{block}: option {option} needs {needed} octets at offset {offset}, {available} available")
            }
            CaptureProblem::TimeOutOfRange => {
                write!(f, "{block} at offset {offset} has a time before 1970 or beyond all bounds")
            }
        }
    }
}

impl error::Error for CaptureError {}

/// A file could not be read as a capture: it could not be read at all, or its content is none.
#[derive(Debug)]
pub struct ReadError {
    path: PathBuf,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Io(io::Error),
    Content(CaptureError),
}

impl ReadError {
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        Self { path: path.to_owned(), cause: Cause::Io(error) }
    }

    pub(super) fn content(path: &Path, error: CaptureError) -> Self {
        Self { path: path.to_owned(), cause: Cause::Content(error) }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is wrong with the content, unless the file could not even be read.
    #[must_use]
    pub const fn content_error(&self) -> Option<CaptureError> {
        match self.cause {
            Cause::Io(_) => None,
            Cause::Content(error) => Some(error),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Io(error) => write!(f, "{}: {error}", self.path.display()),
            Cause::Content(error) => write!(f, "{}: {error}", self.path.display()),
        }
    }
}

impl error::Error for ReadError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(match &self.cause {
            Cause::Io(error) => error,
            Cause::Content(error) => error,
        })
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        let kind = match &error.cause {
            Cause::Io(error) => error.kind(),
            Cause::Content(_) => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}
