//! Captures as scripts, and scripts as captures.

use std::net::IpAddr;
use std::time::Duration;

use super::words::StepOn;
use super::{Script, Step};
use crate::capture::{Capture, CapturedFrame, Direction, Interface, PcapngWriter};
use crate::to_test::{Side, recorded, sides};

/// When the first frame of a script that becomes a capture was sent: 2000-01-01, as the mock's captures begin.
const BEGIN: Duration = Duration::from_secs(946_684_800);

/// The last moment that nanoseconds in 64 bits tell, in the year 2554: what a script sends later is sent then.
const END: Duration = Duration::from_nanos(u64::MAX);

/// Turns captures into scripts. No frame, no order and no gap between two frames is lost: what one side sent is
/// sent, what the other sent is [observed](Step::Observed), and the time between goes by.
///
/// Which side sends is decided as [`capture::ToTest`](crate::capture::ToTest) does: what comes from the addresses given
/// by [`sent_by`](Self::sent_by); else what the capture calls inbound; else whoever sent the first frame. A frame that no link
/// can carry is left out, one that the capture cut is sent as far as it is there, and one whose time lies before the
/// frame ahead of it follows at once.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct CaptureToScript {
    sent_by: Vec<IpAddr>,
    exchanged: bool,
}

impl CaptureToScript {
    /// Told nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The script sends what comes from that address, and observes all else of its family. May be given several times.
    pub fn sent_by(mut self, address: impl Into<IpAddr>) -> Self {
        self.sent_by.push(address.into());
        self
    }

    /// The other side sends: of a test's own capture what the host sent, for a script that is played at the host end.
    pub const fn other_side(mut self) -> Self {
        self.exchanged = true;
        self
    }

    /// A script for each interface that has frames, with the interface's name where it has one.
    #[must_use]
    pub fn convert(&self, capture: &Capture<'_>) -> Vec<(Option<String>, Script)> {
        let (frames, _) = recorded::frames(capture);
        let sides = sides::sides(&frames, &self.sent_by);
        let mut scripts: Vec<(usize, Script)> = Vec::new();
        for (recorded, side) in frames.iter().zip(sides) {
            let at = scripts.iter().position(|(interface, _)| *interface == recorded.interface);
            let at = at.unwrap_or_else(|| {
                scripts.push((recorded.interface, Script::on(recorded.frame.mode)));
                scripts.len() - 1
            });
            let Some((_, script)) = scripts.get_mut(at) else { continue };
            if let Some(gap) = recorded.gap.filter(|gap| !gap.is_zero()) {
                script.steps.push(Step::Advance(gap));
            }
            let octets = recorded.frame.octets.to_vec();
            script.steps.push(match (side == Side::Test) != self.exchanged {
                true => Step::Frame(octets),
                false => Step::Observed(octets),
            });
        }
        let name = |interface: usize| capture.interfaces.get(interface)?.name.clone();
        scripts.into_iter().map(|(interface, script)| (name(interface), script)).collect()
    }
}

impl Script {
    /// The script of the first interface of a capture; an empty one when the capture has no frame. As
    /// [`CaptureToScript`] makes it that was told nothing.
    ///
    /// ```
    /// use tuntap_test::capture::Capture;
    /// use tuntap_test::fuzz::Script;
    /// use tuntap_test::packet::*;
    ///
    /// let script = Script::new().send(Icmpv4::echo_request(7, 1)).observed(Icmpv4::echo_reply(7, 1).into_packet().build()?);
    /// let file = script.to_pcapng();
    /// assert_eq!(Script::from_capture(&Capture::from_octets(&file)?), script);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_capture(capture: &Capture<'_>) -> Self {
        CaptureToScript::new().convert(capture).into_iter().next().map_or_else(Self::new, |(_, script)| script)
    }

    /// The frames of the script as a pcapng file: what it sends is inbound, what was observed outbound. Steps that are no
    /// frames are comments of the next frame: what answers will be, only playing tells. Times begin in the year 2000, and
    /// stop in 2554, behind which the file cannot tell any.
    #[must_use]
    pub fn to_pcapng(&self) -> Vec<u8> {
        let mut file = Vec::new();
        // Writing to memory does not fail.
        let written = self.write_pcapng(&mut file);
        debug_assert!(written.is_ok(), "{written:?}");
        file
    }

    fn write_pcapng(&self, file: &mut Vec<u8>) -> std::io::Result<()> {
        let mut writer = PcapngWriter::new(file)?;
        let interface = writer.add_interface(&Interface::new("script", self.mode))?;
        let (mut now, mut words) = (BEGIN, Vec::new());
        for step in &self.steps {
            let (octets, direction) = match step {
                Step::Frame(octets) => (octets, Direction::Inbound),
                Step::Observed(octets) => (octets, Direction::Outbound),
                Step::Advance(by) => {
                    now = now.saturating_add(*by).min(END);
                    continue;
                }
                step => {
                    words.push(StepOn { mode: self.mode, step }.to_string());
                    continue;
                }
            };
            let mut frame = CapturedFrame::new(interface, now, octets).with_direction(direction);
            for word in words.drain(..) {
                frame = frame.with_comment(word);
            }
            writer.write_frame(&frame)?;
        }
        Ok(())
    }
}
