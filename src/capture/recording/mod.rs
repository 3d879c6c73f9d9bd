//! The file of a running test: written as it happens, kept when the test fails, gone when it passes.
//!
//! ```text
//!  target/tuntap-test/                                  or TUNTAP_TEST_DIR
//!    echo.host_answers_ping.mock/                       one folder a test: its path, with dots for `::`
//!      exchange.4711.18a2b3c4d5e6f708-0.0.pcapng        while it runs: two segments at most, the last frames in them
//!      exchange.4711.18a2b3c4d5e6f708-0.1.pcapng
//!      exchange.pcapng                                  kept after a failure, with comments
//!      report.txt
//! ```

mod folder;
mod owner;
mod segment;

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use folder::Folder;
use segment::Segments;

use super::{Capture, CapturedFrame, Interface, InterfaceId, PcapngWriter, Section};

/// Records the frames of a running test, so that they survive whatever ends it.
///
/// [`frame`](Self::frame) hands the frame to the kernel at once, by one `write(2)`: a test that aborts or is killed leaves
/// its last frames in files that Wireshark opens. [`frame_later`](Self::frame_later) lets many share one `write(2)`.
/// Those of a test that fails are replaced by one file with comments ([`keep`](Self::keep)); a test that passes leaves
/// nothing ([`discard`](Self::discard), which is also what dropping does).
///
/// * **Where**: in a folder of the test's own in `tuntap-test` in cargo's target folder, which is found from the test
///   program's own path: the innermost folder around it that holds `CACHEDIR.TAG` or is named `target`, else `target` in
///   the working directory. The environment variable `TUNTAP_TEST_DIR` names another folder than `target/tuntap-test`; it
///   is made when it is missing, and read once a process. The test's folder is named after the test's path, with dots for
///   `::`.
/// * **How much**: at least the last 5,000 frames or 8 MiB, at most 10,000 or 16 MiB, in two segments of which the older
///   goes when the younger is full. The rest is counted ([`forgotten`](Self::forgotten)).
/// * **What is made when**: nothing before the first frame. What an earlier run of the same test left is removed at the
///   start when its process is gone (where that cannot be told, that is anywhere but on Linux: when it is older than a
///   day). `exchange.pcapng` and `report.txt` of an earlier run stay. Folders are removed when they are empty.
/// * **Errors** of the file system never fail a test: the first one ends the recording and is kept
///   ([`error`](Self::error)). Only [`keep`](Self::keep), [`write_report`](Self::write_report) and
///   [`recorded`](Self::recorded) return theirs.
///
/// ```
/// use std::time::Duration;
/// use tuntap_test::capture::{Capture, CapturedFrame, Direction, Interface, Recording};
/// use tuntap_test::device::Mode;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let base = std::env::temp_dir().join(format!("tuntap-test-doc.{}", std::process::id()));
/// let mut recording = Recording::below(&base, "echo::host_answers_ping::mock");
/// let tun0 = recording.add_interface(Interface::new("tun0", Mode::Tun));
/// recording.frame(&CapturedFrame::new(tun0, Duration::from_secs(1), &[0x45, 0x00]).with_direction(Direction::Inbound));
///
/// // The test failed: say so at the frame.
/// let recorded = recording.recorded()?;
/// let kept = recording.keep("exchange.pcapng", |writer| {
///     recorded.frames.iter().try_for_each(|frame| writer.write_frame(&frame.clone().with_comment("no reply")))
/// })?;
/// assert_eq!(kept, base.join("echo.host_answers_ping.mock/exchange.pcapng"));
/// assert_eq!(Capture::read(&kept)?.frames[0].comments, ["no reply"]);
/// # std::fs::remove_dir_all(&base)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Recording {
    segments: Segments,
    /// The process that records: another one, forked off, removes nothing.
    process: u32,
    error: Option<io::Error>,
    /// Whether an error has ended it.
    ended: bool,
    /// Frames that were not written because of an error.
    lost: u64,
    /// Whether the segments stay where they are.
    leave: bool,
}

impl Recording {
    /// The recording of the test of that path, such as `echo::host_answers_ping::mock`. Makes nothing yet.
    #[must_use]
    pub fn for_test(test_path: &str) -> Self {
        Self::new(Folder::for_test(test_path), test_path)
    }

    /// The same below a folder of the caller's choice, whatever the environment says.
    #[must_use]
    pub fn below(folder: impl AsRef<Path>, test_path: &str) -> Self {
        Self::new(Folder::below(folder.as_ref(), test_path), test_path)
    }

    fn new(folder: Folder, test_path: &str) -> Self {
        if owner::remove_stale(folder.path()) {
            folder.remove_if_empty();
        }
        let section = Section::new().with_comment(format!("test {test_path}"));
        Self {
            segments: Segments::new(folder, owner::stem(), section),
            process: owner::process(),
            error: None,
            ended: false,
            lost: 0,
            leave: false,
        }
    }

    /// The test's folder, which may not exist.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.segments.folder.path()
    }

    /// Adds an interface, at any time before its first frame.
    pub fn add_interface(&mut self, interface: Interface) -> InterfaceId {
        let id = self.segments.add_interface(interface);
        if !self.ended
            && let Err(error) = self.segments.write_interface()
        {
            self.note(error);
        }
        id
    }

    /// Writes a frame, so that it outlives this process. Allocates nothing, but for the first frame and where a new
    /// segment begins.
    pub fn frame(&mut self, frame: &CapturedFrame<'_>) {
        self.frame_later(frame);
        self.flush();
    }

    /// As [`frame`](Self::frame), but leaves the frame in this process until [`flush`](Self::flush), or until 64 KiB
    /// wait: for frames that nobody has seen yet.
    pub fn frame_later(&mut self, frame: &CapturedFrame<'_>) {
        if self.ended {
            self.lost += 1;
        } else if let Err(error) = self.segments.write(frame) {
            self.lost += 1;
            self.note(error);
        }
    }

    /// Hands the frames that wait to the kernel.
    pub fn flush(&mut self) {
        if let (false, Err(error)) = (self.ended, self.segments.flush()) {
            self.note(error);
        }
    }

    fn note(&mut self, error: io::Error) {
        // A frame that cannot be written, of an unknown interface say, has done no harm to the file.
        self.ended |= error.kind() != io::ErrorKind::InvalidInput;
        self.error.get_or_insert(error);
    }

    /// The first error of the file system, which ended the recording, or of a frame that could not be written.
    #[must_use]
    pub const fn error(&self) -> Option<&io::Error> {
        self.error.as_ref()
    }

    /// How many frames are not in the segments: those before the ones that are kept, and those lost to an error.
    #[must_use]
    pub const fn forgotten(&self) -> u64 {
        self.segments.forgotten + self.lost
    }

    /// Reads back what is in the segments, flushed before: the last frames, in order.
    ///
    /// # Errors
    /// A segment cannot be read.
    pub fn recorded(&mut self) -> io::Result<Capture<'static>> {
        let mut all = Capture::default();
        self.flush();
        for path in self.segments.paths() {
            // Lossy: a write that failed may have left a part of a block.
            let segment = Capture::read_lossy(path)?;
            all.truncated = segment.truncated;
            all.frames.extend(segment.frames);
        }
        all.sections.push(self.segments.section.clone());
        all.interfaces.clone_from(&self.segments.interfaces);
        Ok(all)
    }

    /// Keeps the evidence: makes a file of that name in the test's folder in place of the segments. `write` gets a writer
    /// that has this recording's interfaces, under the same numbers, and writes frames with what has become of them. The
    /// file appears at once and complete; one of that name is replaced.
    ///
    /// # Errors
    /// Those of `write` and of the file system, and `InvalidInput` when `name` is no plain file name. The segments stay
    /// then: they are the evidence there is.
    pub fn keep(
        mut self,
        name: &str,
        write: impl FnOnce(&mut PcapngWriter<BufWriter<File>>) -> io::Result<()>,
    ) -> io::Result<PathBuf> {
        self.leave = true;
        let kept = self.replace(name, |file| {
            let mut writer = self.segments.begin(BufWriter::new(file))?;
            write(&mut writer)?;
            writer.flush()
        })?;
        self.segments.remove();
        Ok(kept)
    }

    /// Writes `report.txt` into the test's folder, in place of one that is there. Returns its path.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write_report(&self, text: &str) -> io::Result<PathBuf> {
        self.write_beside("report.txt", text)
    }

    /// Writes another text into the test's folder, in place of one that is there. Returns its path.
    ///
    /// # Errors
    /// Those of the file system, and `InvalidInput` when `name` is no plain file name.
    pub fn write_beside(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        self.replace(name, |mut file| io::Write::write_all(&mut file, text.as_bytes()))
    }

    /// Makes a file beside the segments and moves it to its name when it is complete.
    fn replace(&self, name: &str, write: impl FnOnce(File) -> io::Result<()>) -> io::Result<PathBuf> {
        if Path::new(name).file_name().is_none_or(|plain| plain != name) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{name}` is no plain file name")));
        }
        let Segments { folder, stem, .. } = &self.segments;
        let (unfinished, file) = folder.make(|folder| {
            let path = folder.join(format!("{stem}.{name}"));
            File::create_new(&path).map(|file| (path, file))
        })?;
        let path = folder.path().join(name);
        let done = write(file).and_then(|()| fs::rename(&unfinished, &path));
        if done.is_err() {
            // The first error is the one to tell.
            let _ = fs::remove_file(&unfinished);
        }
        done.map(|()| path)
    }

    /// The test passed: nothing of the recording is left.
    pub fn discard(self) {}
}

impl Drop for Recording {
    fn drop(&mut self) {
        if !self.leave && self.process == owner::process() {
            self.segments.remove();
            self.segments.folder.remove_if_empty();
        }
    }
}
