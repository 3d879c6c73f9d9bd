//! A toy of a VPN: two endpoints that each have a device, and a wire in memory between them. What it lacks in secrecy it has
//! in shape: a counter against replays, a tag against changes, an own MTU, and keys that change.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tuntap_test::device::{Clock, Deadline, Device};
use tuntap_test::packet::{Icmpv4, IntoPacket as _, Ipv4};

/// Octets of a datagram besides the packet: a counter and a tag.
pub(crate) const OVERHEAD: usize = 16;
/// The longest packet that the tunnel carries.
pub(crate) const MTU: usize = 1420;

/// The key of one direction, and what was received with it.
struct Half {
    key: u64,
    sent: u64,
    received: u64,
}

/// One direction of the tunnel: from the device of one endpoint to that of the other.
pub(crate) struct Tunnel {
    state: Mutex<Half>,
    /// All datagrams that were on the wire.
    wire: Mutex<Vec<Vec<u8>>>,
}

impl Tunnel {
    pub(crate) fn new(key: u64) -> Self {
        Self { state: Mutex::new(Half { key, sent: 0, received: 0 }), wire: Mutex::default() }
    }

    fn half(&self) -> std::sync::MutexGuard<'_, Half> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Both endpoints have another key from now on.
    pub(crate) fn rekey(&self, key: u64) {
        *self.half() = Half { key, sent: 0, received: 0 };
    }

    pub(crate) fn wire(&self) -> Vec<Vec<u8>> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn seal(&self, packet: &[u8]) -> Vec<u8> {
        let mut half = self.half();
        half.sent += 1;
        let hidden = keystream(packet, half.key, half.sent);
        let tag = tag(half.key, half.sent, &hidden);
        [half.sent.to_be_bytes().as_slice(), &tag.to_be_bytes(), &hidden].concat()
    }

    /// `None` for what nobody sealed, or what was received before.
    fn open(&self, datagram: &[u8]) -> Option<Vec<u8>> {
        let (counter, rest) = datagram.split_first_chunk::<8>()?;
        let (told, hidden) = rest.split_first_chunk::<8>()?;
        let counter = u64::from_be_bytes(*counter);
        let mut half = self.half();
        if counter <= half.received || u64::from_be_bytes(*told) != tag(half.key, counter, hidden) {
            return None;
        }
        half.received = counter;
        Some(keystream(hidden, half.key, counter))
    }

    /// A datagram arrives at the far endpoint, from whomever: its packet goes to the device, as often as that has no room.
    pub(crate) fn arrive(&self, datagram: &[u8], to: &dyn Device, clock: &Clock) -> io::Result<()> {
        let Some(packet) = self.open(datagram) else { return Ok(()) };
        loop {
            match to.transmit(&packet) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => clock.advance(Duration::from_millis(1)),
                // The interface is down: packets are lost.
                Err(error) if error.raw_os_error() == Some(libc::EIO) => return Ok(()),
                result => return result.map(drop),
            }
        }
    }

    /// Carries packets from one device to the other until somebody interrupts the first.
    pub(crate) fn run(&self, from: &dyn Device, to: &dyn Device, clock: &Clock) -> io::Result<()> {
        let mut buffer = [0; 2000];
        loop {
            let packet = match from.receive(&mut buffer, Deadline::Never) {
                Ok(length) => buffer.get(..length).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
                Err(error) => return Err(error),
            };
            if packet.len() > MTU {
                let _sent = from.transmit(&too_big(packet))?;
                continue;
            }
            let datagram = self.seal(packet);
            self.wire.lock().unwrap_or_else(PoisonError::into_inner).push(datagram.clone());
            self.arrive(&datagram, to, clock)?;
        }
    }
}

/// What a router says to a packet that does not fit (RFC 1191 section 4).
fn too_big(packet: &[u8]) -> Vec<u8> {
    let source: [u8; 4] = packet.get(12..16).and_then(|octets| octets.try_into().ok()).unwrap_or_default();
    let destination: [u8; 4] = packet.get(16..20).and_then(|octets| octets.try_into().ok()).unwrap_or_default();
    let error = Icmpv4::fragmentation_needed(u16::try_from(MTU).unwrap_or(0));
    let quoted = packet.get(..28).unwrap_or_default();
    (Ipv4::new().src(destination).dst(source) / error / quoted).into_packet().build().unwrap_or_default()
}

fn tag(key: u64, counter: u64, octets: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (key, counter, octets).hash(&mut hasher);
    hasher.finish()
}

fn keystream(octets: &[u8], key: u64, counter: u64) -> Vec<u8> {
    let block = |number: usize| tag(key, counter, &number.to_be_bytes()).to_be_bytes();
    let stream = (0..octets.len().div_ceil(8)).flat_map(block);
    octets.iter().zip(stream).map(|(octet, mask)| octet ^ mask).collect()
}
