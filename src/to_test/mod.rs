//! Captures turned into tests: the source of a `#[tuntap_test]` that sends what one side of a capture sent, and expects
//! what the other side sent.
//!
//! Layer: above [`capture`](crate::capture), [`packet`](crate::packet) and the flows of [`exchange`](crate::exchange);
//! nothing else uses it. Public as `capture::to_test`, where a reader looks for it.
//!
//! ```text
//!  pcap, pcapng ──► recorded ──► sides ──► link        which frames, who sends them, what the attribute says
//!                                            │
//!                     each frame:  normal ──► connection   a flow's verb or reply   ─┐
//!                                         └─► datagram     captured ports and ids    ├─► script ──► layout ──► source
//!                                         └─► template     a packet, or its octets  ─┘
//! ```

mod body;
mod connection;
mod constants;
mod datagram;
mod error;
mod heading;
mod layout;
mod link;
mod name;
mod normal;
pub(crate) mod recorded;
mod script;
mod segment;
pub(crate) mod sides;
mod source;
mod template;

use std::net::IpAddr;
use std::path::Path;

pub use error::ToTestError;

use constants::Constants;
use error::Cause;
use heading::{Heading, Made};
pub(crate) use recorded::Side;
use script::Script;

use crate::capture::Capture;

/// The source of a test made from a pcap or pcapng file, as [`ToTest`] makes it that was told nothing.
///
/// ```no_run
/// let source = tuntap_test::capture::to_test("target/tuntap-test/echo.host_answers_ping.mock/exchange.pcapng")?;
/// std::fs::write("tests/host_answers_ping.rs", source)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`ToTest::read`].
pub fn to_test(path: impl AsRef<Path>) -> Result<String, ToTestError> {
    ToTest::new().read(path)
}

/// Turns captures into tests: what one side sent becomes lines that send, what the other sent becomes expectations.
///
/// The result is a whole file, formatted as rustfmt does with its defaults, that compiles with this crate as a
/// dev-dependency. `cargo run --example capture_to_test FILE` prints it.
///
/// # Which side is sent
///
/// * What comes from an address given by [`sent_by`](Self::sent_by), and nothing else of its family, IPv4 or IPv6, where one
///   was given.
/// * Else what the capture calls inbound, where it tells directions: the interface received it. Captures of this crate
///   do, and there inbound is what the test sent.
/// * Else what comes from the source of the interface's first frame (its hardware address on Ethernet).
///
/// # What becomes of numbers
///
/// * A TCP connection becomes a [`TcpFlow`](crate::exchange::TcpFlow) with its verbs and replies. Initial numbers, and the
///   port of a host that connects, are captured; our port stays. Windows are left out where they do not hold the host
///   back, and so are options other than MSS and window scale: a comment says so. Of a connection that began before the
///   capture, expectations leave the numbers out.
/// * A source port from 1024 on that the code under test uses first, the identifier of its pings and that of its DNS queries
///   are captured into variables, where a later line needs them. Numbers that the test sends stay.
/// * Left out: IPv4's identification in whole datagrams (RFC 6864) and, in expectations, everywhere, with the flag that
///   forbids fragments; IPv6's flow label; a checksum that was left to hardware.
/// * What the code under test sends holds otherwise as it was captured, octet for octet, lengths and checksums included.
///
/// # What becomes of the rest
///
/// * Interfaces are arguments of one test, in which all frames stand in the order of the capture.
/// * Addresses become the attribute's `address`, `peer` and `mtu`, unless they are the defaults. Hardware addresses are the
///   link's; on a `Tap` the Ethernet layer stands only where it says more.
/// * A frame that came 200 ms or more after the one before may take twice that time (`within`). Sending does not wait.
/// * What is malformed is sent and expected by its octets. A frame of which the capture holds a part only cannot be sent,
///   and is expected as any frame. What no link can carry is left out. Comments say all of that.
/// * The test runs on the kernel (`#[tuntap_test(kernel)]`), or on the mock where this crate recorded it there.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ToTest {
    sent_by: Vec<IpAddr>,
    name: Option<String>,
    start: Option<String>,
}

impl ToTest {
    /// Told nothing.
    pub const fn new() -> Self {
        Self { sent_by: Vec::new(), name: None, start: None }
    }

    /// The test sends what comes from that address, and expects all else of its family, whatever the capture says of
    /// directions. May be given several times.
    pub fn sent_by(mut self, address: impl Into<IpAddr>) -> Self {
        self.sent_by.push(address.into());
        self
    }

    /// The name of the test's function. Otherwise it is the file's, or that of the test that recorded it.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Statements that start the code under test, such as `let _server = serve(&tun);`. They stand in front of the first
    /// frame, as they are; without them a comment stands there where something has to be started.
    pub fn start(mut self, statements: impl Into<String>) -> Self {
        self.start = Some(statements.into());
        self
    }

    /// The source of a test made from a pcap or pcapng file.
    ///
    /// # Errors
    /// The file cannot be read, is no capture to its end, holds no frame, or none that a link can carry.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<String, ToTestError> {
        let path = path.as_ref();
        let capture = Capture::read(path).map_err(|error| ToTestError::new(path, Cause::Read(error)))?;
        self.convert(&capture, path)
    }

    /// The same from a capture in memory, which is called so. Takes what a lossy reader could read.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tuntap_test::capture::{Capture, CapturedFrame, Interface, PcapngWriter, ToTest};
    /// use tuntap_test::device::Mode;
    /// use tuntap_test::packet::{Icmpv4, Ipv4};
    ///
    /// let mut writer = PcapngWriter::new(Vec::new())?;
    /// let tun0 = writer.add_interface(&Interface::new("tun0", Mode::Tun))?;
    /// let request = (Icmpv4::echo_request(7, 1) / b"hello").build()?;
    /// let reply = (Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 2, 2]) / Icmpv4::echo_reply(7, 1) / b"hello").build()?;
    /// for frame in [&request, &reply] {
    ///     writer.write_frame(&CapturedFrame::new(tun0, Duration::ZERO, frame))?;
    /// }
    ///
    /// let octets = writer.into_inner();
    /// let source = ToTest::new().convert(&Capture::from_octets(&octets)?, "ping.pcapng")?;
    /// assert!(source.ends_with(
    ///     r#"
    /// #[tuntap_test(kernel)]
    /// fn ping(tun: Tun) {
    ///     tun.send(Icmpv4::echo_request(7, 1) / b"hello");
    ///     tun.expect(
    ///         Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()) / Icmpv4::echo_reply(7, 1) / b"hello",
    ///     );
    ///     tun.expect_nothing_else();
    /// }
    /// "#
    /// ));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn convert(&self, capture: &Capture<'_>, path: impl AsRef<Path>) -> Result<String, ToTestError> {
        let path = path.as_ref();
        let error = |cause| Err(ToTestError::new(path, cause));
        if capture.frames.is_empty() {
            return error(capture.truncated.map_or(Cause::Empty, Cause::Content));
        }
        let (frames, others) = recorded::frames(capture);
        if frames.is_empty() {
            return error(Cause::NoLink(others.len(), others.first().map(|(_, why)| *why)));
        }
        let sides = sides::sides(&frames, &self.sent_by);
        let (constants, mut script) = (Constants::default(), Script::default());
        let (links, ends) = link::links(&capture.interfaces, &frames, &sides, &mut script.names);
        let mut states: Vec<body::State> = ends.iter().map(|_| body::State::default()).collect();
        let mut others = others.into_iter().peekable();
        for (recorded, side) in frames.iter().zip(&sides) {
            while let Some((number, why)) = others.next_if(|(number, _)| *number < recorded.number) {
                script.comment(format!("Frame {number} is left out: {why}."));
            }
            let Some(at) = ends.iter().position(|end| end.interface == recorded.interface) else { continue };
            if let (Some(end), Some(state)) = (ends.get(at), states.get_mut(at))
                && let Some(link) = links.get(end.link)
            {
                body::line(recorded, *side, (link, end), state, &constants, &mut script);
            }
        }
        for (number, why) in others {
            script.comment(format!("Frame {number} is left out: {why}."));
        }
        for end in &ends {
            script.call(layout::Code::text(&end.name).then(".expect_nothing_else()"));
        }
        let (links, ends) = (&*links, &*ends);
        let made = Made { capture, path, frames: &frames, sides: &sides, links, ends, states: &states };
        let heading = Heading::of(self, &made);
        Ok(source::file(&heading, links, ends, &constants, &script))
    }
}
