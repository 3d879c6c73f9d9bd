//! Capture files, on any octets.

use std::borrow::Cow;
use std::ops::Range;

use super::Rules;
use crate::capture::{Capture, CaptureError, CaptureProblem, CapturedFrame, LinkTypeError};

/// The code under test.
trait Code {
    #[inline]
    fn read(octets: &[u8]) -> Result<Capture<'_>, CaptureError> {
        Capture::from_octets(octets)
    }

    #[inline]
    fn write(capture: &Capture<'_>, octets: &mut Vec<u8>) -> bool {
        capture.write_to(octets).is_ok()
    }
}

struct Library;

impl Code for Library {}

/// The rules that hold for any octets, taken as a pcap or pcapng file:
///
/// * reading ends, with frames up to the end or to an error that lies inside the input and can be told;
/// * the strict reader gives the same frames, or that error;
/// * the octets of each frame, and of the link's frame in it, lie inside the input; none has more octets than it had;
/// * what was read, written again and read again, is the same, unless a time lies beyond what pcapng's nanoseconds hold.
///
/// # Panics
/// When a rule is broken.
pub fn capture(data: &[u8]) {
    rules::<Library>(data).judge(data);
}

#[inline]
fn rules<C: Code>(data: &[u8]) -> Rules {
    let mut rules = Rules::new();
    let capture = Capture::from_octets_lossy(data);
    match (C::read(data), capture.truncated) {
        (Ok(strict), None) => rules.keep("the strict reader reads the same", strict == capture),
        (Err(error), Some(same)) => {
            rules.keep("both readers fail alike", error == same);
            told(&error, data, &mut rules);
        }
        _ => rules.keep("both readers agree on the end", false),
    }
    for frame in &capture.frames {
        one_frame(&capture, frame, data, &mut rules);
    }
    written_again::<C>(&capture, &mut rules);
    rules
}

fn told(error: &CaptureError, data: &[u8], rules: &mut Rules) {
    rules.keep("an error lies inside the input", error.offset <= data.len());
    if let CaptureProblem::Truncated { needed, available } = error.problem {
        rules.keep("what is truncated needs more than there is", needed > available);
        rules.keep("what is available is there", available <= data.len() - error.offset.min(data.len()));
    }
    rules.keep("an error can be told", !error.to_string().is_empty());
}

fn one_frame(capture: &Capture<'_>, frame: &CapturedFrame<'_>, data: &[u8], rules: &mut Rules) {
    let borrowed = matches!(frame.octets, Cow::Borrowed(_));
    rules.keep("a frame lies inside the input", borrowed && is_inside(&frame.octets, data));
    let length = usize::try_from(frame.original_length).unwrap_or(usize::MAX);
    rules.keep("a frame had at least the octets it has", length >= frame.octets.len());
    match capture.frame(frame) {
        Ok(link) => rules.keep("the frame of a link ends as the recorded one", frame.octets.ends_with(link.octets)),
        Err(error) => rules.keep("a frame's interface is known", error != LinkTypeError::NoInterface),
    }
}

fn written_again<C: Code>(capture: &Capture<'_>, rules: &mut Rules) {
    let times = capture.frames.iter().map(|frame| frame.time);
    let mut times = times.chain(capture.statistics.iter().map(|statistics| statistics.time));
    let fits = times.all(|time| u64::try_from(time.as_nanos()).is_ok());
    let mut octets = Vec::new();
    let written = C::write(capture, &mut octets);
    rules.keep("all but a time beyond 2554 can be written", written == fits);
    if !written {
        return;
    }
    let Ok(again) = C::read(&octets) else {
        return rules.keep("what was written can be read", false);
    };
    rules.keep("written and read, frames are the same", again.frames == capture.frames);
    rules.keep("written and read, interfaces are the same", again.interfaces == capture.interfaces);
    rules.keep("written and read, statistics are the same", again.statistics == capture.statistics);
    let first = |capture: &Capture<'_>| capture.sections.first().cloned();
    rules.keep(
        "written and read, the first section is the same",
        capture.sections.is_empty() || first(&again) == first(capture),
    );
}

/// Whether `part` is borrowed from `data`.
fn is_inside(part: &[u8], data: &[u8]) -> bool {
    let Range { start, end } = data.as_ptr_range();
    let part = part.as_ptr_range();
    start <= part.start && part.end <= end
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::caught;
    use super::*;

    struct LosesTheLastFrame;

    impl Code for LosesTheLastFrame {
        fn read(octets: &[u8]) -> Result<Capture<'_>, CaptureError> {
            let mut capture = Library::read(octets)?;
            capture.frames.pop();
            Ok(capture)
        }
    }

    struct WritesTheCutLength;

    impl Code for WritesTheCutLength {
        fn write(capture: &Capture<'_>, octets: &mut Vec<u8>) -> bool {
            let mut capture = capture.clone();
            for frame in &mut capture.frames {
                frame.original_length = u32::try_from(frame.octets.len()).unwrap_or(u32::MAX);
            }
            Library::write(&capture, octets)
        }
    }

    #[test]
    fn broken_code_is_caught() {
        caught("capture", rules::<LosesTheLastFrame>, "the strict reader reads the same");
        caught("capture", rules::<WritesTheCutLength>, "written and read, frames are the same");
    }
}
