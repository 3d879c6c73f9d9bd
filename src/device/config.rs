//! What a test asks of a link: MTU, addresses, packet information. Constant, so that several tests can share one.

use super::Cidr;

/// The most addresses one link is configured with.
const MOST_ADDRESSES: usize = 8;

/// What to do with the packet information (`struct tun_pi`) in front of each frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a header is absent, hidden or shown")]
pub enum PacketInfoMode {
    /// The device has none (`IFF_NO_PI`), which is what nearly every program asks for.
    #[default]
    Off,
    /// The kernel sends it; the device removes it from what it receives and adds it to what it transmits.
    Strip,
    /// The kernel sends it, and it stands in front of every frame received and transmitted.
    Keep,
}

/// The time that a test on the mock goes by. The kernel's is always real.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it passes by itself or it does not")]
pub enum Time {
    /// It stands still while the test runs and jumps when all wait: see [`Clock`](super::Clock).
    #[default]
    Virtual,
    /// The system's, for code under test that polls without waiting on the link, or sleeps.
    Real,
}

/// What a test asks of one link. Everything unset has a default.
///
/// All of it is `const`, so that one configuration can stand at the top of a file and serve many tests:
///
/// ```
/// use tuntap_test::device::DeviceConfig;
///
/// const JUMBO: DeviceConfig = DeviceConfig::new().mtu(9000).address("198.51.100.1/24");
/// assert_eq!(JUMBO.requested_mtu(), Some(9000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct DeviceConfig {
    name: Option<&'static str>,
    mtu: Option<u32>,
    addresses: [Option<AddressText>; MOST_ADDRESSES],
    peers: [Option<&'static str>; 2],
    packet_info: PacketInfoMode,
    host: Option<&'static str>,
    queue_length: Option<u32>,
    multi_queue: bool,
    chatter: bool,
    time: Time,
}

/// An address as it was given: text is checked when the link is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "text or value")]
pub enum AddressText {
    /// Text such as `192.0.2.1/24`.
    Text(&'static str),
    /// Already an address.
    Value(Cidr),
}

impl Default for DeviceConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl DeviceConfig {
    /// Everything at its default: MTU 1500, a documentation subnet of its own, no packet information, quiet.
    pub const fn new() -> Self {
        Self {
            name: None,
            mtu: None,
            addresses: [None; MOST_ADDRESSES],
            peers: [None; 2],
            packet_info: PacketInfoMode::Off,
            host: None,
            queue_length: None,
            multi_queue: false,
            chatter: false,
            time: Time::Virtual,
        }
    }

    /// The interface's name, or a pattern such as `vpn%d`. Default: the kernel chooses.
    pub const fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// The MTU in octets: the largest IP packet, without an Ethernet header. 68 to 65,535 on TUN, 68 to 65,521 on TAP.
    pub const fn mtu(mut self, octets: u32) -> Self {
        self.mtu = Some(octets);
        self
    }

    /// Adds an address for the host end, with its prefix length, such as `"198.51.100.1/24"` or `"2001:db8::1/64"`.
    /// The first call replaces the defaults of both families.
    ///
    /// # Panics
    /// With a ninth address. The text itself is checked when the link is made.
    pub const fn address(self, address: &'static str) -> Self {
        self.push(AddressText::Text(address))
    }

    /// Adds an address that is known at run time only.
    ///
    /// # Panics
    /// With a ninth address.
    pub const fn cidr(self, address: Cidr) -> Self {
        self.push(AddressText::Value(address))
    }

    const fn push(mut self, address: AddressText) -> Self {
        let mut at = 0;
        while at < MOST_ADDRESSES {
            #[expect(clippy::indexing_slicing, reason = "const fn: no `get_mut`; `at` is below the length")]
            if self.addresses[at].is_none() {
                self.addresses[at] = Some(address);
                return self;
            }
            at += 1;
        }
        panic!("a link takes at most 8 addresses");
    }

    /// Forgets the addresses given so far: the attribute calls it when a test overrides those of its `config`.
    pub const fn without_addresses(mut self) -> Self {
        self.addresses = [None; MOST_ADDRESSES];
        self
    }

    /// The peer's address, which the test plays: one of each family at most. Default: the neighbour of the first
    /// address of the family ([`Cidr::neighbour`]).
    ///
    /// # Panics
    /// With a third peer.
    pub const fn peer(mut self, address: &'static str) -> Self {
        match self.peers {
            [None, _] => self.peers[0] = Some(address),
            [_, None] => self.peers[1] = Some(address),
            _ => panic!("a link takes at most two peers, one of each address family"),
        }
        self
    }

    /// Forgets the peers given so far, as [`without_addresses`](Self::without_addresses) does.
    pub const fn without_peers(mut self) -> Self {
        self.peers = [None; 2];
        self
    }

    /// What to do with packet information. Default: off.
    pub const fn packet_info(mut self, mode: PacketInfoMode) -> Self {
        self.packet_info = mode;
        self
    }

    /// Which host the link belongs to. Links of one name share a network namespace (on the mock: a stack); without a
    /// name a link belongs to the test's own.
    pub const fn host(mut self, name: &'static str) -> Self {
        self.host = Some(name);
        self
    }

    /// How many frames the device queues for a reader before it drops. Default: 10,000, so that a slow test loses
    /// nothing (the kernel's own default is 500 on TUN and 1,000 on TAP).
    pub const fn queue_length(mut self, frames: u32) -> Self {
        self.queue_length = Some(frames);
        self
    }

    /// Makes the device with `IFF_MULTI_QUEUE`, which a program that opens it by name with that flag insists on.
    pub const fn multi_queue(mut self, yes: bool) -> Self {
        self.multi_queue = yes;
        self
    }

    /// Leaves the kernel's own chatter on: router solicitations, duplicate address detection, multicast reports, and for the
    /// whole host the limits of ICMP errors. Default: a quiet link.
    pub const fn chatter(mut self, yes: bool) -> Self {
        self.chatter = yes;
        self
    }

    /// The time that the whole test goes by on the mock. Default: virtual, unless another link of the test has made it
    /// real.
    pub const fn time(mut self, time: Time) -> Self {
        self.time = time;
        self
    }

    /// The name or pattern asked for.
    #[must_use]
    pub const fn requested_name(&self) -> Option<&'static str> {
        self.name
    }

    /// The MTU asked for, in octets.
    #[must_use]
    pub const fn requested_mtu(&self) -> Option<u32> {
        self.mtu
    }

    /// The addresses asked for, in order.
    pub fn requested_addresses(&self) -> impl Iterator<Item = AddressText> {
        self.addresses.into_iter().flatten()
    }

    /// The peers asked for.
    pub fn requested_peers(&self) -> impl Iterator<Item = &'static str> {
        self.peers.into_iter().flatten()
    }

    /// What is done with packet information.
    #[must_use]
    pub const fn packet_info_mode(&self) -> PacketInfoMode {
        self.packet_info
    }

    /// The host asked for.
    #[must_use]
    pub const fn requested_host(&self) -> Option<&'static str> {
        self.host
    }

    /// The queue length asked for, in frames.
    #[must_use]
    pub const fn requested_queue_length(&self) -> Option<u32> {
        self.queue_length
    }

    /// Whether several queues may be attached.
    #[must_use]
    pub const fn is_multi_queue(&self) -> bool {
        self.multi_queue
    }

    /// Whether the kernel's own chatter stays on.
    #[must_use]
    pub const fn has_chatter(&self) -> bool {
        self.chatter
    }

    /// The time asked for.
    #[must_use]
    pub const fn requested_time(&self) -> Time {
        self.time
    }
}
