//! What a test's file says besides its body: its name, whose capture it is, what has to be started.
//!
//! Layer: `to_test`.

use std::path::Path;

use super::ToTest;
use super::body::State;
use super::link::{End, Link};
use super::name::snake_case;
use super::recorded::{Recorded, Side};
use crate::capture::Capture;

/// What the file says besides its body.
pub(super) struct Heading {
    /// The test's name.
    pub(super) name: String,
    /// The capture's.
    pub(super) capture: String,
    /// What the doc comment says of it.
    pub(super) sides: String,
    /// Whether this crate recorded it on the mock.
    pub(super) is_mock: bool,
    /// What starts the code under test.
    pub(super) start: Option<String>,
}

/// What a test was made from, and what it was made into.
pub(super) struct Made<'a> {
    pub(super) capture: &'a Capture<'a>,
    pub(super) path: &'a Path,
    pub(super) frames: &'a [Recorded<'a>],
    pub(super) sides: &'a [Side],
    pub(super) links: &'a [Link],
    pub(super) ends: &'a [End],
    pub(super) states: &'a [State],
}

impl Heading {
    pub(super) fn of(asked: &ToTest, made: &Made<'_>) -> Self {
        let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let name = asked.name.as_deref().or_else(|| made.test());
        Self {
            name: snake_case(name.unwrap_or(&text(made.path.file_stem())), "capture"),
            capture: text(made.path.file_name()),
            sides: made.told(),
            is_mock: made.is_mock(),
            start: asked.start.clone().or_else(|| made.to_start()),
        }
    }
}

impl Made<'_> {
    /// The function's name of the test that recorded it, where one did.
    fn test(&self) -> Option<&str> {
        let comments = self.capture.sections.iter().flat_map(|section| &section.comments);
        comments
            .filter_map(|comment| comment.strip_prefix("test "))
            .find_map(|test| test.strip_suffix("::kernel").or_else(|| test.strip_suffix("::mock"))?.rsplit("::").next())
    }

    fn is_mock(&self) -> bool {
        let used = |at: &usize| self.frames.iter().any(|recorded| recorded.interface == *at);
        (0..self.capture.interfaces.len()).filter(used).all(|at| {
            let interface = self.capture.interfaces.get(at);
            let description = interface.and_then(|interface| interface.description.as_deref());
            description.is_some_and(|text| text.contains(" on the mock"))
        })
    }

    /// Who sends and who is expected, for people.
    fn told(&self) -> String {
        let [peers, hosts] = [0, 1].map(|side| {
            let addresses = self.links.iter().flat_map(|link| link.people().into_iter().nth(side).unwrap_or_default());
            addresses.map(|address| address.to_string()).collect::<Vec<_>>().join(" and ")
        });
        if peers.is_empty() {
            return String::new();
        }
        format!("The test plays {peers}; what {hosts} sent is expected.")
    }

    /// A comment on what has to be started first, where something has.
    fn to_start(&self) -> Option<String> {
        if let Some(link) = self.links.iter().find(|link| !link.is_held) {
            let name = &link.name;
            let calls = format!("`{name}.into_fd(true)`, `{name}.hand_over()`");
            return Some(format!("// Hand the device to the code under test here: {calls}."));
        }
        if self.ends.iter().any(|end| end.is_host) {
            // The test plays both ends.
            return None;
        }
        let tcp =
            self.states.iter().flat_map(|state| &state.connections.services).map(|port| format!("TCP port {port}"));
        let udp = self.states.iter().flat_map(|state| &state.datagrams.services).map(|port| format!("UDP port {port}"));
        let mut what: Vec<String> = tcp.chain(udp).collect();
        if self.sides.first() == Some(&Side::Code) {
            what.insert(0, "it sends first".to_owned());
        }
        (!what.is_empty()).then(|| format!("// Start the code under test here: {}.", what.join(", ")))
    }
}
