//! What the TCP groups share: connections that the test plays the peer of, and their segments as texts.

use std::io::{self, Read};
use std::time::Instant;

use tuntap_test::Link;
use tuntap_test::device::Deadline;
use tuntap_test::host::TcpStream;
use tuntap_test::prelude::*;

use crate::seen::{arrived, errno, line, list};

pub(crate) const PORT: u16 = 80;

/// The peer's side of a connection to the host's port 80.
pub(crate) fn flow(link: &Link) -> TcpFlow {
    link.tcp_flow(40_000, PORT).mss(1460)
}

/// A connection that the peer opened and the host accepted. Nobody listens any more.
pub(crate) fn open(link: &Link, host: &Host) -> io::Result<(TcpFlow, TcpStream)> {
    open_as(link, host, flow(link))
}

/// The same, and the host's segments have time stamps.
pub(crate) fn open_stamped(link: &Link, host: &Host) -> io::Result<(TcpFlow, TcpStream)> {
    let mut flow = link.tcp_flow(40_000, PORT);
    let syn = flow.segment(Tcp::new().syn().mss(1460).timestamps(1, 0));
    finish(link, host, flow, syn)
}

pub(crate) fn open_as(link: &Link, host: &Host, mut flow: TcpFlow) -> io::Result<(TcpFlow, TcpStream)> {
    let syn = flow.syn();
    finish(link, host, flow, syn)
}

fn finish(link: &Link, host: &Host, mut flow: TcpFlow, syn: Packet) -> io::Result<(TcpFlow, TcpStream)> {
    let listener = host.tcp_listen((link.host_v4(), PORT))?;
    link.send(syn);
    link.expect(flow.reply().syn_ack());
    link.send(flow.ack());
    let (stream, _) = listener.accept()?;
    stream.set_timeout(Deadline::Now);
    Ok((flow, stream))
}

/// A segment of the host's, its numbers counted from the initial ones: `[.] 1..6 ack 1`. Of other frames, their line.
/// Without PSH: which segments of one write have it depends on the kernel's timing.
fn segment(link: &Link, flow: &TcpFlow, frame: &Frame) -> String {
    let first = flow.host_initial_sequence();
    flow.learn(frame.as_ref());
    let Ok(tcp) = frame.tcp() else { return line(link, frame.as_ref()) };
    let header = tcp.to_header();
    let first = first.or_else(|| flow.host_initial_sequence()).unwrap_or_default();
    let from = header.sequence_number.wrapping_sub(first);
    let octets = u32::try_from(tcp.payload().len()).unwrap();
    let mut text = String::from("[");
    for (is_set, letter) in [(header.syn, 'S'), (header.fin, 'F'), (header.rst, 'R'), (header.ack, '.')] {
        if is_set {
            text.push(letter);
        }
    }
    text.push_str(&format!("] {from}"));
    if octets > 0 {
        text.push_str(&format!("..{}", from.wrapping_add(octets)));
    }
    if header.ack {
        text.push_str(&format!(" ack {}", header.acknowledgment_number.wrapping_sub(flow.peer_sequence(0))));
    }
    text
}

/// The segments that the host has sent up to now.
pub(crate) fn told(link: &Link, flow: &TcpFlow) -> String {
    list(arrived(link).iter().map(|frame| segment(link, flow, frame)))
}

/// What the host answers to a segment.
pub(crate) fn reply(link: &Link, flow: &TcpFlow, packet: impl IntoPacket) -> String {
    link.send(packet);
    told(link, flow)
}

/// When a frame was sent: by its own time stamp, in milliseconds, or by the clock when it was read.
#[derive(Clone, Copy)]
enum Moment {
    Sent(u32),
    Read(Instant),
    /// Before what caused it.
    Begin(Instant),
}

fn moment(frame: &Frame) -> Moment {
    let header = frame.tcp().map(|tcp| tcp.to_header());
    let stamp = header.ok().and_then(|header| {
        header.options_iterator().find_map(|option| match option {
            Ok(etherparse::TcpOptionElement::Timestamp(value, _)) => Some(value),
            _ => None,
        })
    });
    stamp.map_or(Moment::Read(frame.time()), Moment::Sent)
}

/// What the host sends in that time: each segment with the time since the one before, or since `begin`, told by the timers'
/// grid: the greatest of the first interval, twice that, and so on that it is not shorter than. A kernel's timer is never
/// early, and late by a fifth at most.
pub(crate) fn doubling(link: &Link, flow: &TcpFlow, begin: Instant, first: f64, time: Duration) -> String {
    let mut last = Moment::Begin(begin);
    list(link.sniff(Packet::any(), time).iter().map(|frame| {
        let now = moment(frame);
        // What was read late makes the next gap shorter than it was.
        let (gap, least) = match (last, now) {
            (Moment::Sent(last), Moment::Sent(now)) => (f64::from(now.wrapping_sub(last)) / 1000.0, 0.95),
            (Moment::Begin(last), _) => (frame.time().saturating_duration_since(last).as_secs_f64(), 0.95),
            (Moment::Read(last), _) => (frame.time().saturating_duration_since(last).as_secs_f64(), 0.75),
            (Moment::Sent(_), _) => panic!("a segment without a time stamp behind one with it"),
        };
        last = now;
        let text = segment(link, flow, frame);
        let interval = std::iter::successors(Some(first), |interval| Some(interval * 2.0));
        match interval.take_while(|interval| gap >= interval * least).last() {
            Some(interval) => format!("{text} after {interval} s"),
            None => format!("{text} at once"),
        }
    }))
}

/// The segments that the host sends within 0.3 s, a delayed acknowledgement among them.
pub(crate) fn soon(link: &Link, flow: &TcpFlow) -> String {
    within(link, flow, Duration::from_millis(300))
}

/// The segments that the host sends in that time.
pub(crate) fn within(link: &Link, flow: &TcpFlow, time: Duration) -> String {
    let frames = link.sniff(Packet::any(), time);
    list(frames.iter().map(|frame| segment(link, flow, frame)))
}

/// The host opens a connection to the peer's port 80, on a thread of its own, while the test plays the peer. Gives what
/// that saw and what the call gave.
pub(crate) fn connecting(
    link: &Link,
    host: &Host,
    play: impl FnOnce(&mut TcpFlow, &Frame) -> String,
) -> io::Result<(String, String)> {
    host.clock().scope(|scope| {
        let client = scope.spawn("client", || host.tcp_connect((link.peer_v4(), PORT)));
        let syn = link.expect(Tcp::new().dport(PORT).flags(TcpFlags::SYN));
        let mut flow = TcpFlow::opened_by(syn.as_ref()).map_err(io::Error::other)?;
        let text = play(&mut flow, &syn);
        let connected = client.join().expect("the host's thread does not panic");
        let given = connected.map_or_else(|error| errno(&error), |_| "connected".to_owned());
        Ok((text, given))
    })
}

/// What one read gives that does not wait: the octets, or how many; the end; or an errno.
pub(crate) fn read(stream: &TcpStream) -> String {
    let mut buffer = vec![0; 1 << 20];
    match (&mut &*stream).read(&mut buffer) {
        Ok(0) => "the end".to_owned(),
        Ok(length @ 1..=16) => format!("{:?}", String::from_utf8_lossy(buffer.get(..length).unwrap_or_default())),
        Ok(length) => format!("{length} octets"),
        Err(error) => errno(&error),
    }
}
