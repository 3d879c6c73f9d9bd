//! The layers of a frame as etherparse's own slices: `reply.tcp()?.sequence_number()`.
//!
//! Layer: `packet`. Where each layer stands is what [`Dissection`] says, so an accessor finds what a template finds: the
//! outermost layer of its kind, through VLAN tags and extension headers, not what is quoted or tunnelled. Total on any
//! octets.

use std::error::Error;
use std::fmt;

use etherparse::{
    ArpPacketSlice, Ethernet2HeaderSlice, Icmpv4Slice, Icmpv6Slice, Ipv4HeaderSlice, Ipv6HeaderSlice,
    SingleVlanHeaderSlice, TcpSlice, UdpSlice,
};

use super::dissect::{Dissection, Next};
use super::layer::LayerKind;
use super::view::View;
use super::{Explanation, Hexdump, Summary};
use crate::device::{Frame, FrameRef, Mode};

/// A frame has no layer of that kind.
///
/// `Debug` is what `Display` is, since tests unwrap it.
///
/// ```
/// use tuntap_test::device::{FrameRef, Mode};
/// use tuntap_test::packet::{IntoPacket, Udp};
///
/// let octets = (Udp::new().sport(9).dport(53) / b"hi").build()?;
/// let frame = FrameRef::new(Mode::Tun, &octets);
/// assert_eq!(
///     frame.tcp().unwrap_err().to_string(),
///     "the frame has no TCP layer: 192.0.2.2:9 > 192.0.2.1:53 UDP 2 octets"
/// );
/// # Ok::<(), tuntap_test::packet::BuildError>(())
/// ```
#[derive(Clone)]
pub struct NoLayer {
    layer: LayerKind,
    /// Why etherparse does not read a layer that is there.
    reason: Option<String>,
    mode: Mode,
    /// The frame. Most callers only ask whether a layer is there: its summary is written when somebody reads it.
    octets: Box<[u8]>,
}

impl NoLayer {
    pub(crate) fn new(layer: LayerKind, frame: FrameRef<'_>, reason: Option<String>) -> Self {
        Self { layer, reason, mode: frame.mode, octets: frame.octets.into() }
    }

    fn summary(&self) -> Summary<'_> {
        FrameRef::new(self.mode, &self.octets).summary()
    }

    /// The layer that was asked for.
    #[must_use]
    pub const fn layer(&self) -> LayerKind {
        self.layer
    }
}

/// Errors that read the same are the same.
impl PartialEq for NoLayer {
    fn eq(&self, other: &Self) -> bool {
        (self.layer, &self.reason) == (other.layer, &other.reason)
            && ((self.mode, &self.octets) == (other.mode, &other.octets)
                || self.summary().to_string() == other.summary().to_string())
    }
}

impl Eq for NoLayer {}

impl fmt::Display for NoLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self { layer, reason, .. }, summary) = (self, self.summary());
        match reason {
            None => write!(f, "the frame has no {layer} layer: {summary}"),
            Some(reason) => write!(f, "the frame's {layer} layer cannot be read ({reason}): {summary}"),
        }
    }
}

impl fmt::Debug for NoLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for NoLayer {}

impl<'a> FrameRef<'a> {
    fn layer<Slice, Reason: fmt::Display>(
        self,
        kind: LayerKind,
        slice: impl Fn(View<'a>) -> Result<Slice, Reason>,
    ) -> Result<Slice, NoLayer> {
        match Dissection::new(self).find(kind).map(slice) {
            Some(Ok(slice)) => Ok(slice),
            Some(Err(reason)) => Err(NoLayer::new(kind, self, Some(reason.to_string()))),
            None => Err(NoLayer::new(kind, self, None)),
        }
    }
}

macro_rules! accessors {
    ($($(#[$doc:meta])* $name:ident: $kind:ident, $slice:ident = |$view:ident| $read:expr;)*) => {
        impl<'a> FrameRef<'a> {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// Where there is no such layer that is neither quoted nor tunnelled.
                pub fn $name(self) -> Result<$slice<'a>, NoLayer> {
                    self.layer(LayerKind::$kind, |$view| $read)
                }
            )*
        }

        /// What [`FrameRef`] tells of a frame.
        impl Frame {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// Where there is no such layer that is neither quoted nor tunnelled.
                pub fn $name(&self) -> Result<$slice<'_>, NoLayer> {
                    self.as_ref().$name()
                }
            )*
        }
    };
}

accessors! {
    /// The Ethernet header.
    ethernet: Ethernet, Ethernet2HeaderSlice = |view| Ethernet2HeaderSlice::from_slice(view.header);
    /// The outermost VLAN tag.
    vlan: Vlan, SingleVlanHeaderSlice = |view| SingleVlanHeaderSlice::from_slice(view.header);
    /// The ARP message.
    arp: Arp, ArpPacketSlice = |view| ArpPacketSlice::from_slice(view.header);
    /// The IPv4 header with its options.
    ipv4: Ipv4, Ipv4HeaderSlice = |view| Ipv4HeaderSlice::from_slice(view.header);
    /// The fixed IPv6 header.
    ipv6: Ipv6, Ipv6HeaderSlice = |view| Ipv6HeaderSlice::from_slice(view.header);
    /// The ICMP message. (etherparse reads timestamps of 20 octets only.)
    icmpv4: Icmpv4, Icmpv4Slice = |view| Icmpv4Slice::from_slice(view.message());
    /// The ICMPv6 message.
    icmpv6: Icmpv6, Icmpv6Slice = |view| Icmpv6Slice::from_slice(view.message());
    /// The UDP header and its payload, up to the end that its length tells, or the packet's where that comes first.
    udp: Udp, UdpSlice = |view| UdpSlice::from_slice_lax(view.message());
    /// The TCP header with its options, and the payload.
    tcp: Tcp, TcpSlice = |view| TcpSlice::from_slice(view.message());
}

impl<'a> FrameRef<'a> {
    /// The octets behind the last header, without an Ethernet frame's padding; all octets where there is no header.
    #[must_use]
    pub fn payload(self) -> &'a [u8] {
        Dissection::new(self).payload()
    }

    /// The kinds of the layers, from the outside in; what is quoted or tunnelled at the end.
    pub fn layers(self) -> impl Iterator<Item = LayerKind> {
        let dissection = Dissection::new(self);
        (0..dissection.len()).filter_map(move |index| dissection.kind(index).map(|(kind, _)| kind))
    }

    /// The datagram that an ICMP error quotes, as a frame of a TUN: as much of it as the error has.
    ///
    /// ```
    /// use tuntap_test::device::{FrameRef, Mode};
    /// use tuntap_test::packet::{Icmpv4, Ipv4, Udp};
    ///
    /// let octets = (Icmpv4::port_unreachable() / Ipv4::new() / Udp::new().dport(53)).build()?;
    /// let quoted = FrameRef::new(Mode::Tun, &octets).quoted().ok_or("nothing quoted")?;
    /// assert_eq!(quoted.udp()?.destination_port(), 53);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn quoted(self) -> Option<Self> {
        let dissection = Dissection::new(self);
        let error = dissection.find(LayerKind::Icmpv4).or_else(|| dissection.find(LayerKind::Icmpv6))?;
        let carried = (error.protocol.behaviour.dissect)(error.message()).ok()?;
        matches!(carried.next, Next::Nested(_)).then(|| Self::new(Mode::Tun, error.content))
    }
}

impl Frame {
    /// The octets behind the last header, without an Ethernet frame's padding; all octets where there is no header.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.as_ref().payload()
    }

    /// The kinds of the layers, from the outside in; what is quoted or tunnelled at the end.
    pub fn layers(&self) -> impl Iterator<Item = LayerKind> {
        self.as_ref().layers()
    }

    /// The datagram that an ICMP error quotes, as a frame of a TUN: as much of it as the error has.
    #[must_use]
    pub fn quoted(&self) -> Option<FrameRef<'_>> {
        self.as_ref().quoted()
    }

    /// What one line says of the frame; see [`FrameRef::summary`].
    #[must_use]
    pub fn summary(&self) -> Summary<'_> {
        self.as_ref().summary()
    }

    /// Every layer and field with its octets; see [`FrameRef::explain`].
    #[must_use]
    pub fn explain(&self) -> Explanation<'_> {
        self.as_ref().explain()
    }

    /// The octets in lines of 16; see [`FrameRef::hexdump`].
    #[must_use]
    pub fn hexdump(&self) -> Hexdump<'_> {
        self.as_ref().hexdump()
    }

    /// The Rust expression that builds the frame again; see [`FrameRef::as_rust`].
    #[must_use]
    pub fn as_rust(&self) -> String {
        self.as_ref().as_rust()
    }
}
