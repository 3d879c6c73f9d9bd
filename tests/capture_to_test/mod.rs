//! The captures that become tests, and the tests that they become.

use std::fs;
use std::path::{Path, PathBuf};

use tuntap_test::capture::{Capture, ToTest};

/// A capture of `fixtures/captures`, and how its test is made.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) extension: &'static str,
    /// What starts the code under test, in `tests/capture_to_test/host.rs`.
    pub(crate) start: Option<&'static str>,
}

const fn case(name: &'static str, start: Option<&'static str>) -> Case {
    Case { name, extension: "pcapng", start }
}

/// All of them; each has a golden source in `tests/capture_to_test/golden`.
pub(crate) const CASES: &[Case] = &[
    Case { extension: "pcap", ..case("addresses", None) },
    case("both_ends", Some("super::host::play(&tun);")),
    case("closed_port", None),
    case("conversation", Some("super::host::play(&tun);")),
    case("dns_forwarder", Some("super::host::forward_dns(&tun);")),
    case("fragments", None),
    case("icmp_error", Some("super::host::ask(&tun);")),
    case("neighbours", Some("super::host::say_hello(&tap);")),
    case("ping", Some("super::host::ping(&tun);")),
    case("retransmission", Some("super::host::serve(&tun);")),
    case("tcp_client", Some("super::host::fetch(&tun);")),
    case("tcp_server", Some("super::host::serve(&tun);")),
    case("two_links", None),
];

pub(crate) fn of(name: &str) -> &'static Case {
    CASES.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no capture is called {name}"))
}

impl Case {
    /// The capture that is checked in.
    pub(crate) fn capture(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures/captures")
            .join(format!("{}.{}", self.name, self.extension))
    }

    /// The source that it has to become.
    pub(crate) fn golden(&self) -> PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/capture_to_test/golden");
        folder.join(format!("{}.rs", self.name))
    }

    /// How it is turned into a test.
    pub(crate) fn to_test(&self) -> ToTest {
        self.start.map_or_else(ToTest::new, |start| ToTest::new().start(start))
    }

    /// Holds a capture of that exchange to the golden source. What it became instead is in `target/tmp/capture_to_test`.
    #[track_caller]
    pub(crate) fn check(&self, octets: &[u8]) {
        let capture = Capture::from_octets(octets).unwrap();
        let source = self.to_test().convert(&capture, self.capture()).unwrap();
        let golden = fs::read_to_string(self.golden()).unwrap_or_default();
        if source != golden {
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("capture_to_test");
            // Another user may not write there; the message tells all the same.
            let _ = fs::create_dir_all(&folder);
            let file = folder.join(format!("{}.rs", self.name));
            let _ = fs::write(&file, &source);
            let at = source.lines().zip(golden.lines()).position(|(source, golden)| source != golden);
            panic!("{}, line {at:?} from 0, is not {}:\n{source}", file.display(), self.golden().display());
        }
    }
}
