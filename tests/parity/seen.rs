//! Observations as short texts that say the same each time.

use std::fmt::{Display, Write as _};
use std::io;
use std::net::{IpAddr, SocketAddr};

use nix::errno::Errno;
use tuntap_test::Link;
use tuntap_test::device::{Deadline, Device, FrameRef, Mode};
use tuntap_test::packet::Defaults;
use tuntap_test::prelude::*;

/// A call's result: what it gave, or the name of its errno.
pub(crate) fn outcome<T: Display>(result: io::Result<T>) -> String {
    match result {
        Ok(value) => value.to_string(),
        Err(error) => errno(&error),
    }
}

/// The same for a call that gives nothing.
pub(crate) fn done(result: io::Result<()>) -> String {
    outcome(result.map(|()| "done"))
}

pub(crate) fn errno(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => format!("{:?}", Errno::from_raw(number)),
        // The host's sockets say in words what they waited for.
        None if error.kind() == io::ErrorKind::WouldBlock => "EAGAIN".to_owned(),
        None if error.kind() == io::ErrorKind::TimedOut => "nothing in time".to_owned(),
        None => format!("{:?}", error.kind()),
    }
}

pub(crate) fn hex(octets: &[u8]) -> String {
    let mut text = String::new();
    for octet in octets {
        let _ = write!(text, "{}{octet:02x}", if text.is_empty() { "" } else { " " });
    }
    text
}

/// One read that does not wait.
pub(crate) fn read(device: &dyn Device, room: usize) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0xee; room];
    device.receive(&mut buffer, Deadline::Now).map(|length| buffer.drain(..length).collect())
}

/// How many octets one read gives that does not wait.
pub(crate) fn read_length(device: &dyn Device, room: usize) -> String {
    outcome(read(device, room).map(|octets| octets.len()))
}

/// Items, with a count where several in a row are the same.
pub(crate) fn list(items: impl IntoIterator<Item = String>) -> String {
    let mut runs: Vec<(usize, String)> = Vec::new();
    for item in items {
        let item = if item.is_empty() { "nothing".to_owned() } else { item };
        match runs.last_mut() {
            Some((count, last)) if *last == item => *count += 1,
            _ => runs.push((1, item)),
        }
    }
    let texts: Vec<String> = runs
        .into_iter()
        .map(|(count, text)| match (count, text.contains(' ')) {
            (1, _) => text,
            (_, true) => format!("{count} × ({text})"),
            (_, false) => format!("{count} × {text}"),
        })
        .collect();
    if texts.is_empty() { "nothing".to_owned() } else { texts.join("; ") }
}

/// A frame in one line: its summary, without the addresses and ports where it goes from the host to its peer, and with a
/// word for the host's MAC, which the kernel draws.
pub(crate) fn line(link: &Link, frame: FrameRef<'_>) -> String {
    let mut summary = frame.summary().to_string();
    if let Some(mac) = link.host_mac() {
        let mac: Vec<String> = mac.iter().map(|octet| format!("{octet:02x}")).collect();
        summary = summary.replace(&mac.join(":"), "the host's MAC");
    }
    let is_of = |endpoint: &str, address: IpAddr| {
        endpoint.parse() == Ok(address) || endpoint.parse().is_ok_and(|endpoint: SocketAddr| endpoint.ip() == address)
    };
    let v4 = link.defaults().v4.map(|(peer, host)| (IpAddr::from(peer), IpAddr::from(host)));
    let v6 = link.defaults().v6.map(|(peer, host)| (IpAddr::from(peer), IpAddr::from(host)));
    let rest = summary.split_once(" > ").and_then(|(from, rest)| {
        let (to, rest) = rest.split_once(' ')?;
        [v4, v6].iter().flatten().any(|(peer, host)| is_of(from, *host) && is_of(to, *peer)).then_some(rest)
    });
    rest.map_or_else(|| summary.clone(), str::to_owned)
}

/// Who asks whether all answers are there: somebody else than the peer.
const ASKER: [u8; 4] = [192, 0, 2, 250];
const ASKERS_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0xfa];

/// All frames that the host has sent up to now, what is sent before included: an echo on TUN, who-has on TAP, whose
/// answer is the last.
pub(crate) fn arrived(link: &Link) -> Vec<Frame> {
    let last = match link.mode() {
        Mode::Tun => {
            let ip = Ipv4::new().src(ASKER).dst(link.host_v4());
            link.send(ip / Icmpv4::echo_request(0xfefe, 1));
            Ipv4::new().dst(ASKER) / Icmpv4::echo_reply(0xfefe, 1)
        }
        Mode::Tap => {
            let ethernet = Ethernet::new().src(ASKERS_MAC).dst([0xff; 6]);
            link.send(ethernet / Arp::who_has(link.host_v4()).sender(ASKER).sender_mac(ASKERS_MAC));
            Ethernet::new().dst(ASKERS_MAC) / Arp::new().operation(2)
        }
    };
    let mut frames = Vec::new();
    loop {
        let frame = link.receive();
        if last.matches(frame.as_ref()) {
            return frames;
        }
        frames.push(frame);
    }
}

/// The lines of what has arrived.
pub(crate) fn lines(link: &Link) -> String {
    list(arrived(link).iter().map(|frame| line(link, frame.as_ref())))
}

/// What the host answers to that.
pub(crate) fn answer(link: &Link, packet: impl IntoPacket) -> String {
    link.send(packet);
    lines(link)
}

/// What the host answers to these, sent in one go.
pub(crate) fn answers<P: IntoPacket>(link: &Link, packets: impl IntoIterator<Item = P>) -> String {
    for packet in packets {
        link.send(packet);
    }
    lines(link)
}

/// A packet of the peer's in a frame to the host.
pub(crate) fn framed(link: &Link, packet: impl IntoPacket) -> Packet {
    Ethernet::new().src(Defaults::PEER_MAC).dst(link.host_mac().unwrap_or_default()) / packet.into_packet()
}

/// What the host sends in that time after some packets: each line with its times since then, rounded down to that unit.
/// Timers are never early, and late by less than a unit.
pub(crate) fn in_time(link: &Link, packets: &[Packet], time: Duration, unit: Duration) -> String {
    let begin = link.clock().now();
    for packet in packets {
        link.send(packet);
    }
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    for frame in link.sniff(Packet::any(), time) {
        let since = frame.time().saturating_duration_since(begin).as_millis();
        let (line, at) = (line(link, frame.as_ref()), (since / unit.as_millis()).to_string());
        match lines.iter_mut().find(|(other, _)| *other == line) {
            Some((_, times)) => times.push(at),
            None => lines.push((line, vec![at])),
        }
    }
    list(lines.into_iter().map(|(line, times)| format!("{line} after {} s", times.join(", "))))
}
