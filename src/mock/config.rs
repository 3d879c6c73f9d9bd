//! What a cable is made of.

use super::HostStack;
use crate::device::{Clock, Mode, PacketInfoMode};

/// What to make a [`Cable`](super::Cable) of. Everything unset has the kernel's default, except that the link is up.
///
/// ```
/// use tuntap_test::device::PacketInfoMode;
/// use tuntap_test::mock::{Cable, CableConfig};
///
/// let cable = Cable::new(CableConfig::tun().name("vpn0").mtu(1280).packet_info(PacketInfoMode::Keep))?;
/// assert_eq!(cable.name(), "vpn0");
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub struct CableConfig {
    pub(super) mode: Mode,
    pub(super) name: Option<String>,
    pub(super) mtu: u32,
    pub(super) packet_info: PacketInfoMode,
    pub(super) queue_length: u32,
    pub(super) up: bool,
    pub(super) host: Option<Box<dyn HostStack>>,
    pub(super) clock: Option<Clock>,
}

impl CableConfig {
    /// A cable of that mode: MTU 1500, no packet information, up, no host; 500 frames are queued on TUN and 1000 on TAP.
    pub const fn new(mode: Mode) -> Self {
        Self {
            mode,
            name: None,
            mtu: 1500,
            packet_info: PacketInfoMode::Off,
            queue_length: match mode {
                Mode::Tun => 500,
                Mode::Tap => 1000,
            },
            up: true,
            host: None,
            clock: None,
        }
    }

    /// A cable that carries IP packets.
    pub const fn tun() -> Self {
        Self::new(Mode::Tun)
    }

    /// A cable that carries Ethernet frames.
    pub const fn tap() -> Self {
        Self::new(Mode::Tap)
    }

    /// The interface's name, at most 15 octets. Default: `tun0` or `tap0`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The MTU in octets: 68 to 65,535 on TUN, 68 to 65,521 on TAP.
    pub const fn mtu(mut self, octets: u32) -> Self {
        self.mtu = octets;
        self
    }

    /// What to do with packet information.
    pub const fn packet_info(mut self, mode: PacketInfoMode) -> Self {
        self.packet_info = mode;
        self
    }

    /// How many frames are kept for a device end that does not read. With 0 nothing ever arrives.
    pub const fn queue_length(mut self, frames: u32) -> Self {
        self.queue_length = frames;
        self
    }

    /// Whether the link is up from the start. Default: yes (a fresh kernel device is down).
    pub const fn up(mut self, yes: bool) -> Self {
        self.up = yes;
        self
    }

    /// What sits behind the cable. Default: nobody.
    pub fn host(mut self, stack: impl HostStack + 'static) -> Self {
        self.host = Some(Box::new(stack));
        self
    }

    /// The clock it goes by, such as one that other cables have too. Default: the system's time.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The name it gets, if that is one the kernel takes.
    pub(super) fn valid_name(&self) -> Option<String> {
        let name = match (&self.name, self.mode) {
            (Some(name), _) => name.as_str(),
            (None, Mode::Tun) => "tun0",
            (None, Mode::Tap) => "tap0",
        };
        let forbidden = |octet: u8| matches!(octet, b'/' | b':' | b'%' | b' ' | 0x09..=0x0d | 0);
        let valid =
            !matches!(name, "" | "." | ".." | "all" | "default") && name.len() <= 15 && !name.bytes().any(forbidden);
        valid.then(|| name.to_owned())
    }
}

/// Whether an interface of that mode takes that MTU.
pub(super) fn is_valid_mtu(mode: Mode, octets: u32) -> bool {
    match mode {
        Mode::Tun => (68..=65_535).contains(&octets),
        Mode::Tap => (68..=65_521).contains(&octets),
    }
}

impl std::fmt::Debug for CableConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CableConfig")
            .field("mode", &self.mode)
            .field("name", &self.name)
            .field("mtu", &self.mtu)
            .field("packet_info", &self.packet_info)
            .field("queue_length", &self.queue_length)
            .field("up", &self.up)
            .field("host", &self.host.is_some())
            .finish()
    }
}
