//! The files that a running test writes: two segments that rotate, so that the last frames are kept in bounded room.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::folder::Folder;
use crate::capture::{CapturedFrame, Interface, InterfaceId, PcapngWriter, Section};

/// Half of the 10,000 frames that are kept.
const MOST_FRAMES: u64 = 5_000;
/// What waits in this process until it is flushed, octets.
const BUFFER: usize = 64 << 10;
/// Half of the 16 MiB that are kept.
const MOST_OCTETS: u64 = 8 << 20;

/// The segment that is written and the one before it. Nothing is made until the first frame.
#[derive(Debug)]
pub(super) struct Segments {
    pub(super) folder: Folder,
    pub(super) stem: String,
    pub(super) section: Section,
    pub(super) interfaces: Vec<Interface>,
    current: Option<Segment>,
    older: Option<Closed>,
    next: u64,
    /// Frames of segments that are gone.
    pub(super) forgotten: u64,
}

#[derive(Debug)]
struct Segment {
    path: PathBuf,
    writer: PcapngWriter<BufWriter<File>>,
    frames: u64,
}

#[derive(Debug)]
struct Closed {
    path: PathBuf,
    frames: u64,
}

impl Segments {
    pub(super) const fn new(folder: Folder, stem: String, section: Section) -> Self {
        Self { folder, stem, section, interfaces: Vec::new(), current: None, older: None, next: 0, forgotten: 0 }
    }

    /// Adds an interface to those that every segment begins with.
    pub(super) fn add_interface(&mut self, interface: Interface) -> InterfaceId {
        let id = InterfaceId(u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX));
        self.interfaces.push(interface);
        id
    }

    /// Writes the newest interface into the segment that has begun without it.
    pub(super) fn write_interface(&mut self) -> io::Result<()> {
        match (&mut self.current, self.interfaces.last()) {
            (Some(segment), Some(interface)) => {
                segment.writer.add_interface(interface)?;
                segment.writer.flush()
            }
            _ => Ok(()),
        }
    }

    /// Writes a frame, into a new segment when there is none or it is full.
    pub(super) fn write(&mut self, frame: &CapturedFrame<'_>) -> io::Result<()> {
        if let Some(segment) = self.current.as_mut().filter(|segment| segment.has_room_for(frame)) {
            return segment.write(frame);
        }
        self.flush()?;
        let mut segment = self.create()?;
        let written = segment.write(frame);
        let full = self.current.replace(segment).map(|full| Closed { path: full.path, frames: full.frames });
        let oldest = if full.is_some() { std::mem::replace(&mut self.older, full) } else { None };
        let Some(oldest) = oldest else { return written };
        self.forgotten += oldest.frames;
        written.and(fs::remove_file(oldest.path))
    }

    /// Hands what waits in this process to the kernel.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.current.as_mut().map_or(Ok(()), |segment| segment.writer.flush())
    }

    fn create(&mut self) -> io::Result<Segment> {
        let name = format!("{}.{}.pcapng", self.stem, self.next);
        let (path, file) = self.folder.make(|folder| {
            let path = folder.join(&name);
            File::create_new(&path).map(|file| (path, file))
        })?;
        self.next += 1;
        let begun = self.begin(BufWriter::with_capacity(BUFFER, file)).inspect_err(|_| {
            // The first error is the one to tell.
            let _ = fs::remove_file(&path);
        });
        Ok(Segment { writer: begun?, path, frames: 0 })
    }

    /// Begins a file with the section and all interfaces, so that it can be read alone.
    pub(super) fn begin<W: Write>(&self, out: W) -> io::Result<PcapngWriter<W>> {
        let mut writer = PcapngWriter::with_section(out, &self.section)?;
        for interface in &self.interfaces {
            writer.add_interface(interface)?;
        }
        Ok(writer)
    }

    /// The files, the older first.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let older = self.older.iter().map(|segment| segment.path.as_path());
        older.chain(self.current.iter().map(|segment| segment.path.as_path()))
    }

    /// Closes and removes them.
    pub(super) fn remove(&mut self) {
        // What cannot be removed now is stale when the test runs again.
        if let Some(Closed { path, .. }) = self.older.take() {
            let _ = fs::remove_file(path);
        }
        if let Some(Segment { path, writer, .. }) = self.current.take() {
            // What was not flushed need not be written any more.
            let (file, _) = writer.into_inner().into_parts();
            drop(file);
            let _ = fs::remove_file(path);
        }
    }
}

impl Segment {
    fn has_room_for(&self, frame: &CapturedFrame<'_>) -> bool {
        self.frames < MOST_FRAMES && self.writer.octets().saturating_add(most_octets(frame)) <= MOST_OCTETS
    }

    fn write(&mut self, frame: &CapturedFrame<'_>) -> io::Result<()> {
        self.writer.write_frame(frame)?;
        self.frames += 1;
        Ok(())
    }
}

/// How many octets a frame's block has at most: its fields, the frame, and its options with their padding.
fn most_octets(frame: &CapturedFrame<'_>) -> u64 {
    let comments: usize = frame.comments.iter().map(|comment| comment.len().saturating_add(8)).sum();
    u64::try_from(frame.octets.len().saturating_add(comments).saturating_add(64)).unwrap_or(u64::MAX)
}
