//! smoltcp's interface, as narrow as it can be: IP packets with TCP segments in and out, one connection at a time.
//!
//! Everything else that smoltcp has (addresses, routes, neighbours, fragments, ICMP, UDP) is not used: the host's own
//! code does it as Linux does.

use smoltcp::iface::{Config, Interface, PollResult, SocketSet};
use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::HardwareAddress;

/// More than a send buffer can be cut into: where smoltcp wants to send more at once, it goes round in circles.
const MOST_SEGMENTS: usize = 4096;

/// smoltcp for the connections over one link.
pub(in crate::mock::host) struct Engine {
    pub(super) interface: Interface,
    wire: Wire,
}

impl Engine {
    /// For that MTU; the seed is that of the initial sequence numbers.
    pub(in crate::mock::host) fn new(mtu: usize, seed: u64) -> Self {
        let mut wire = Wire { mtu, arriving: None, leaving: Vec::new() };
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut wire, Instant::ZERO);
        interface.set_any_ip(true);
        Self { interface, wire }
    }

    /// The most payload of a segment in a packet of that family, without options.
    pub(super) const fn segment_size(&self, is_v4: bool) -> usize {
        self.wire.mtu.saturating_sub(if is_v4 { 40 } else { 60 })
    }

    /// Gives a packet to the one socket of a set, lets the socket do what is due at `clock`, and gives what it sends.
    pub(super) fn run(&mut self, clock: i64, packet: Option<Vec<u8>>, sockets: &mut SocketSet<'_>) -> Vec<Vec<u8>> {
        self.wire.arriving = packet;
        let instant = Instant::from_micros(clock);
        self.interface.poll_ingress_single(instant, &mut self.wire, sockets);
        for _ in 0..MOST_SEGMENTS {
            if self.interface.poll_egress(instant, &mut self.wire, sockets) == PollResult::None {
                break;
            }
        }
        std::mem::take(&mut self.wire.leaving)
    }

    /// When the socket of a set has something to do next.
    pub(super) fn next(&mut self, clock: i64, sockets: &SocketSet<'_>) -> Option<i64> {
        self.interface.poll_at(Instant::from_micros(clock), sockets).map(|instant| instant.total_micros())
    }
}

/// smoltcp's device: at most one packet in, and those that go out.
struct Wire {
    mtu: usize,
    arriving: Option<Vec<u8>>,
    leaving: Vec<Vec<u8>>,
}

impl Device for Wire {
    type RxToken<'a> = Arriving;
    type TxToken<'a> = Leaving<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Arriving, Leaving<'_>)> {
        let packet = self.arriving.take()?;
        Some((Arriving(packet), Leaving(&mut self.leaving)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Leaving<'_>> {
        Some(Leaving(&mut self.leaving))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        // They are checked before, and computed afterwards.
        capabilities.checksum = ChecksumCapabilities::ignored();
        capabilities
    }
}

struct Arriving(Vec<u8>);

impl RxToken for Arriving {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(&self.0)
    }
}

struct Leaving<'a>(&'a mut Vec<Vec<u8>>);

impl TxToken for Leaving<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let mut packet = vec![0; length];
        let result = fill(&mut packet);
        self.0.push(packet);
        result
    }
}
