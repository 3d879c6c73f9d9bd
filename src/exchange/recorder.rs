//! The evidence of one test: every frame of its links, written as it happens, kept when the test fails.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use super::accounting::Fate;
use super::report;
use super::timeline::Entry;
use super::{Record, lock};
use crate::capture::{CapturedFrame, Direction as Way, Interface, InterfaceId, Recording};
use crate::device::{Clock, Direction, Mode};

/// The name of the capture that a failed test leaves.
const CAPTURE: &str = "exchange.pcapng";

/// What faults did, beside it.
const FAULT_PLAN: &str = "fault-plan.toml";

/// When virtual time begins: 2000-01-01T00:00:00Z, since 1970.
const VIRTUAL_EPOCH: Duration = Duration::from_secs(946_684_800);

/// The recording of a test, shared by its links. Clones are the same.
#[derive(Clone)]
pub(crate) struct Recorder {
    shared: Arc<Mutex<Option<Recording>>>,
    /// One moment on both clocks: frames are timed by the monotonic one, a capture tells the time of day.
    epoch: (Instant, Duration),
}

impl Recorder {
    /// The recording of the test of that path. Makes nothing before the first frame.
    pub(crate) fn new(test_path: &str, clock: &Clock) -> Self {
        let since_1970 = if clock.is_virtual() {
            // Virtual time has a date of its own, so that the same test writes the same octets.
            VIRTUAL_EPOCH
        } else {
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
        };
        Self { shared: Arc::new(Mutex::new(Some(Recording::for_test(test_path)))), epoch: (clock.now(), since_1970) }
    }

    /// Records nothing.
    pub(crate) fn none() -> Self {
        Self { shared: Arc::default(), epoch: (Instant::now(), Duration::ZERO) }
    }

    /// One more interface of the test.
    /// `sends` is which way frames go that the test sends there.
    pub(crate) fn track(&self, name: &str, mode: Mode, link: &str, sends: Way) -> Option<Track> {
        let interface = Interface::new(name, mode).with_description(link);
        let id = lock(&self.shared).as_mut()?.add_interface(interface);
        Some(Track { recorder: self.clone(), id, sends })
    }

    fn time(&self, at: Instant) -> Duration {
        let (instant, since_1970) = self.epoch;
        match at.checked_duration_since(instant) {
            Some(later) => since_1970 + later,
            None => since_1970.saturating_sub(instant.duration_since(at)),
        }
    }

    /// The test failed, or its capture is wanted: the frames with what became of them, and the report beside them.
    /// Gives the paths of what was written; nothing when there was no frame. `fault_plan` is what faults did on all links.
    pub(crate) fn keep(
        &self,
        records: &[Arc<Record>],
        failed: bool,
        fault_plan: Option<&str>,
    ) -> io::Result<Vec<PathBuf>> {
        let Some(recording) = lock(&self.shared).take() else { return Ok(Vec::new()) };
        let mut frames: Vec<(&Track, Entry)> = Vec::new();
        for record in records {
            if let Some(track) = record.timeline.track() {
                frames.extend(record.timeline.entries().0.into_iter().map(|entry| (track, entry)));
            }
        }
        if frames.is_empty() {
            recording.discard();
            return Ok(Vec::new());
        }
        frames.sort_by_key(|(_, entry)| (entry.at, entry.round));
        let mut paths = Vec::new();
        if failed {
            let text: Vec<String> = records.iter().map(|record| report::whole(record)).collect();
            paths.push(recording.write_report(&text.join("\n"))?);
            if let Some(plan) = fault_plan {
                paths.push(recording.write_beside(FAULT_PLAN, plan)?);
            }
        }
        let capture = recording.keep(CAPTURE, |writer| {
            for (track, entry) in &frames {
                let frame = CapturedFrame::new(track.id, self.time(entry.at), &*entry.octets)
                    .with_direction(track.way(entry.direction()))
                    .with_comment(comment(&entry.fate));
                writer.write_frame(&frame)?;
            }
            for record in records {
                if let Some(track) = record.timeline.track() {
                    let account = record.timeline.accounting();
                    let mut statistics =
                        crate::capture::Statistics::new(track.id, self.time(record.timeline.clock.now()));
                    let handed = record.timeline.hand_over();
                    let seen = handed.as_ref().map_or(0, |handed| handed.to_program + handed.from_program);
                    let unseen = handed.map_or(0, |handed| handed.lost.unwrap_or(0));
                    statistics.received = Some(account.received + seen);
                    statistics.dropped = Some(account.dropped + unseen);
                    writer.write_statistics(&statistics)?;
                }
            }
            Ok(())
        })?;
        paths.insert(0, capture);
        Ok(paths)
    }

    /// The test passed: nothing is left.
    pub(crate) fn discard(&self) {
        let Some(recording) = lock(&self.shared).take() else { return };
        let folder = recording.folder().to_owned();
        // What an earlier, failed run left is no evidence any more. That it is not there is the rule.
        for earlier in [CAPTURE, FAULT_PLAN, "report.txt"] {
            let _ = std::fs::remove_file(folder.join(earlier));
        }
        recording.discard();
        let _ = std::fs::remove_dir(folder);
    }
}

/// One link's part of a recording.
#[derive(Clone)]
pub(crate) struct Track {
    recorder: Recorder,
    id: InterfaceId,
    sends: Way,
}

impl Track {
    /// Adds a frame to the file of the running test. What was received may wait in this process until somebody is about
    /// to see it, or until the reader has nothing to do: [`flush`](Self::flush).
    pub(super) fn frame(&self, octets: &[u8], at: Instant, direction: Direction) {
        let frame = CapturedFrame::new(self.id, self.recorder.time(at), octets).with_direction(self.way(direction));
        if let Some(recording) = lock(&self.recorder.shared).as_mut() {
            recording.frame_later(&frame);
        }
    }

    /// As the interface sees it: what the test sends at the device end comes in from the network.
    const fn way(&self, direction: Direction) -> Way {
        match (direction, self.sends) {
            (Direction::Sent, way) => way,
            (Direction::Received, Way::Inbound) => Way::Outbound,
            (Direction::Received, Way::Outbound) => Way::Inbound,
        }
    }

    /// Hands the frames that wait to the kernel, so that they outlive this process.
    pub(super) fn flush(&self) {
        if let Some(recording) = lock(&self.recorder.shared).as_mut() {
            recording.flush();
        }
    }
}

/// What became of a frame, and where in the test.
fn comment(fate: &Fate) -> String {
    let text = report::fate(fate);
    match fate {
        Fate::Matched { line, .. } | Fate::Skipped { line, .. } | Fate::Unexpected { line, .. } => {
            format!("{text} at {line}")
        }
        _ => text,
    }
}
