//! TCP connections of a capture as flows of the test: each gets one when it opens, and its segments become the flow's
//! verbs and replies, so that initial numbers and the host's ports are captured and not written down.
//!
//! Layer: `to_test`.

use std::net::SocketAddr;
use std::time::Duration;

use super::constants::Constants;
use super::layout::{Code, Method};
use super::link::{End, Link};
use super::normal::Normal;
use super::script::{Binding, FlowId, Script};
use super::segment::{ACK, Details, RST, SYN, Segment, Sent, reply, sent};
use super::template::{self, Words};
use crate::device::FrameRef;
use crate::exchange::TcpFlow;
use crate::packet::{Layer, LayerKind, Packet, Tcp};

/// Below are the ports of services (RFC 6335 section 6).
const FIRST_EPHEMERAL: u16 = 1024;
/// The window that a flow has of itself.
const USUAL_WINDOW: u16 = u16::MAX;
/// A receiver of less than that holds segments back (RFC 9293 section 3.7.1: the MSS that all take).
const SMALL_WINDOW: u32 = 536;

/// Where a segment goes and what the script needs to say so.
pub(super) struct Place<'a> {
    pub(super) link: &'a Link,
    pub(super) end: &'a End,
    pub(super) constants: &'a Constants,
}

/// The connections of one end.
#[derive(Default)]
pub(super) struct Connections {
    all: Vec<Connection>,
    /// Ends of connections that began before the capture, once that was said.
    older: Vec<(SocketAddr, SocketAddr)>,
    /// Ports at which the code under test took a connection.
    pub(super) services: Vec<u16>,
}

struct Connection {
    own: SocketAddr,
    other: SocketAddr,
    flow: TcpFlow,
    /// Its variable, once it is declared.
    id: Option<FlowId>,
    /// The frame with which the code under test opened it.
    opened_by: Option<(Binding, Vec<u8>)>,
    initial: Option<u32>,
    scale: u8,
    mss: bool,
}

impl Connections {
    /// The newest connection between those ends.
    fn find(&mut self, own: SocketAddr, other: SocketAddr) -> Option<&mut Connection> {
        self.all.iter_mut().rev().find(|connection| connection.own == own && connection.other == other)
    }

    /// Writes what sends the segment. Gives false where that is not this module's affair.
    pub(super) fn send(
        &mut self,
        normal: &Normal,
        frame: FrameRef<'_>,
        gap: Option<Duration>,
        place: &Place<'_>,
        script: &mut Script,
    ) -> bool {
        let Some((segment, details)) = Segment::read(frame) else { return false };
        if segment.opens() {
            let known = self.find(segment.from, segment.to).is_some_and(|known| known.initial == Some(segment.seq));
            if !known {
                self.all.push(Connection::open(&segment, &details, place, script));
            }
        }
        let Some(connection) = self.find(segment.from, segment.to) else {
            if self.is_first_of_older(&segment) {
                script.blank();
                script.comment("This connection began before the capture: its numbers stand as they were.");
            }
            return false;
        };
        if let Some(gap) = gap {
            script.comment(format!("{:.3} s after the frame before.", gap.as_secs_f64()));
        }
        let id = connection.begin(&segment, &details, place, script);
        let wrong = normal.packet.layers.iter().find(|layer| layer.kind() == LayerKind::Tcp);
        let wrong = wrong.and_then(|layer| layer.number("checksum"));
        let small = connection.small_window(&segment, &details);
        let mut with = Vec::new();
        with.extend(wrong.map(|sum| format!(".checksum({sum:#06x})")));
        with.extend(small.map(|window| format!(".window({window})")));
        let with = (!with.is_empty()).then(|| format!(".with(Tcp::new(){})", with.concat()));
        // What the host will not count is sent by a flow of its own.
        let (tcp, mut stray) = match wrong {
            Some(_) => (
                script.declare("let mut ", "stray", Code::text(script.flow_name(id)).then(".fork()")),
                Some(connection.flow.fork()),
            ),
            None => (script.flow_mut(id), None),
        };
        let flow = stray.as_mut().unwrap_or(&mut connection.flow);
        match sent(flow, &tcp, &segment, place.constants) {
            Sent::Verb(verb) => {
                let code = with.into_iter().fold(Code::text(tcp).then(verb), Code::then);
                script.verb(&place.end.name, "send", code);
            }
            Sent::Segment { calls, payload, why } => {
                if let Some(why) = why {
                    script.comment(why);
                }
                let mut layers = vec![calls.into_iter().fold(Code::text("Tcp::new()"), Code::then)];
                layers.extend(payload.map(Code::text));
                let segment = Code::text(tcp).call(Method::With("segment", Code::stack(layers)));
                let segment = script.declare("let ", "segment", segment);
                let code = with.into_iter().fold(Code::text(segment), Code::then);
                script.verb(&place.end.name, "send", code);
            }
        }
        true
    }

    /// The template of a segment that is expected, and what is to be said of it; `None` where that is not this module's
    /// affair.
    pub(super) fn expect(&mut self, frame: FrameRef<'_>, place: &Place<'_>, script: &mut Script) -> Option<Code> {
        let (segment, details) = Segment::read(frame)?;
        let (own, other) = (segment.to, segment.from);
        if segment.opens() && self.find(own, other).is_none_or(|known| !known.is_opened_by(&segment)) {
            return None;
        }
        let Some(connection) = self.find(own, other) else {
            if self.is_first_of_older(&segment) {
                script.blank();
                script.comment("This connection began before the capture: no number of it is known.");
            }
            return None;
        };
        let Some((calls, why)) = reply(&connection.flow, &segment, frame, place.constants) else {
            script.comment("No reply of the flow: told without its numbers.");
            return None;
        };
        if let Some(why) = why {
            script.comment(why);
        }
        let id = connection.declare(place, script);
        let tcp = script.flow_name(id);
        let mut code = calls.into_iter().fold(Code::text(tcp).then(".reply()"), Code::then);
        if segment.has(SYN) && segment.has(ACK) {
            if let Some(mss) = segment.mss {
                code = code.then(format!(".with(Tcp::new().mss({mss}))"));
            }
            if !self.services.contains(&other.port()) {
                self.services.push(other.port());
            }
        } else if details.window == 0 && !segment.has(SYN) && !segment.has(RST) {
            code = code.then(".with(Tcp::new().window(0))");
        }
        Some(code)
    }

    /// The template of a SYN with which the code under test opens a connection.
    pub(super) fn opening(&self, frame: FrameRef<'_>, mut packet: Packet, place: &Place<'_>) -> Option<Code> {
        let (segment, _) = Segment::read(frame).filter(|(segment, _)| segment.opens())?;
        let words: Words = vec![(0, "flags", "TcpFlags::SYN & !TcpFlags::ACK".to_owned())];
        let layer = packet.layers.iter_mut().find(|layer| layer.kind() == LayerKind::Tcp)?;
        if segment.from.port() >= FIRST_EPHEMERAL && segment.from.port() != segment.to.port() {
            layer.unset("sport");
        }
        if let Some(mss) = segment.mss {
            layer.merge(&Layer::from(Tcp::new().mss(mss)));
        }
        template::code(&packet, place.link, place.constants, &words)
    }

    /// A SYN of the code under test was expected.
    pub(super) fn opened(&mut self, frame: FrameRef<'_>, binding: Binding) {
        let (Some((segment, _)), Ok(flow)) = (Segment::read(frame), TcpFlow::opened_by(frame)) else { return };
        self.all.push(Connection {
            own: segment.to,
            other: segment.from,
            flow,
            id: None,
            opened_by: Some((binding, frame.octets.to_vec())),
            initial: None,
            scale: 0,
            mss: false,
        });
    }

    fn is_first_of_older(&mut self, segment: &Segment) -> bool {
        let ends = (segment.from.min(segment.to), segment.from.max(segment.to));
        let is_first = !self.older.contains(&ends);
        if is_first {
            self.older.push(ends);
        }
        is_first
    }
}

impl Connection {
    /// The test opens it.
    fn open(segment: &Segment, details: &Details, place: &Place<'_>, script: &mut Script) -> Self {
        let (own, other) = (segment.from, segment.to);
        let flow = TcpFlow::new(own.ip(), own.port(), other.ip(), other.port()).initial_sequence(segment.seq);
        let defaults = place.link.defaults(place.end);
        let tun = &place.end.name;
        let code = if place.link.is_pair(place.end, own.ip(), other.ip()) {
            let verb = if own.is_ipv6() && defaults.v4.is_some() { "tcp_flow_v6" } else { "tcp_flow" };
            Code::text(tun).then(format!(".{verb}({}, {})", own.port(), other.port()))
        } else {
            let [own_ip, other_ip] = [own, other].map(|end| address(end, place));
            let arguments = vec![own_ip, own.port().to_string(), other_ip, other.port().to_string()];
            Code::Call { name: "TcpFlow::new", arguments }
        };
        script.blank();
        if details.others {
            script.comment("Its SYN had options that a flow does not have, such as SACK and timestamps.");
        }
        let id = script.flow(code);
        let mut connection =
            Self { own, other, flow, id: Some(id), opened_by: None, initial: Some(segment.seq), scale: 0, mss: false };
        connection.offer(segment, details, id, script);
        connection
    }

    /// The segment is the same SYN again.
    fn is_opened_by(&self, segment: &Segment) -> bool {
        self.opened_by.is_some() && self.flow.host_initial_sequence() == Some(segment.seq)
    }

    /// What our SYN offers.
    fn offer(&mut self, segment: &Segment, details: &Details, id: FlowId, script: &mut Script) {
        let flow = std::mem::replace(&mut self.flow, TcpFlow::new([0; 4], 0, [0; 4], 0));
        let mut flow = flow.window(details.window);
        if details.window != USUAL_WINDOW {
            script.refine_flow(id, format!(".window({})", details.window));
        }
        if let Some(mss) = segment.mss {
            flow = flow.mss(mss);
            self.mss = true;
            script.refine_flow(id, format!(".mss({mss})"));
        }
        if let Some(shift) = segment.window_scale {
            flow = flow.window_scale(shift);
            self.scale = shift.min(14);
            script.refine_flow(id, format!(".window_scale({shift})"));
        }
        self.flow = flow;
    }

    /// The test's first segment tells its initial number and options, where the code under test opened the connection.
    fn begin(&mut self, segment: &Segment, details: &Details, place: &Place<'_>, script: &mut Script) -> FlowId {
        let id = self.declare(place, script);
        if self.initial.is_none()
            && let Some((_, syn)) = &self.opened_by
            && let Ok(flow) = TcpFlow::opened_by(FrameRef::new(place.link.mode, syn))
        {
            self.initial = Some(segment.seq);
            self.flow = flow.initial_sequence(segment.seq);
            if segment.has(SYN) {
                self.offer(segment, details, id, script);
            }
        }
        id
    }

    /// The flow's variable, which is declared where it is first needed.
    fn declare(&mut self, _place: &Place<'_>, script: &mut Script) -> FlowId {
        match (self.id, &self.opened_by) {
            (Some(id), _) => id,
            (None, Some((binding, _))) => {
                let syn = script.frame(*binding);
                let code = Code::text(format!("TcpFlow::opened_by({syn}.as_ref())")).then(".unwrap()");
                *self.id.insert(script.flow(code))
            }
            // A connection is declared or opened by somebody.
            (None, None) => *self.id.insert(script.flow(Code::text("TcpFlow::new([0; 4], 0, [0; 4], 0)"))),
        }
    }

    /// The window, where it is so small that it holds the code under test back.
    fn small_window(&self, segment: &Segment, details: &Details) -> Option<u16> {
        let is_small = u32::from(details.window) << self.scale < SMALL_WINDOW;
        (is_small && !segment.has(SYN) && !segment.has(RST)).then_some(details.window)
    }
}

/// The address as the test writes it.
fn address(end: SocketAddr, place: &Place<'_>) -> String {
    use crate::packet::layer::Show;
    use std::net::IpAddr;

    let (show, bits) = match end.ip() {
        IpAddr::V4(address) => (Show::Ipv4, address.to_bits().into()),
        IpAddr::V6(address) => (Show::Ipv6, address.to_bits()),
    };
    let literal = || match end.ip() {
        IpAddr::V4(address) => format!("{:?}", address.octets()),
        IpAddr::V6(address) => {
            let segments = address.segments().map(|segment| format!("{segment:#x}"));
            format!("[{}]", segments.join(", "))
        }
    };
    place.link.word(show, bits, place.constants).unwrap_or_else(literal)
}
