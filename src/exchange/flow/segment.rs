//! What a flow reads of a frame: the ends, the numbers, the options that count.

use std::net::{IpAddr, SocketAddr};

use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice, TcpHeaderSlice, TcpOptionElement};

use super::stream::Span;
use crate::device::FrameRef;
use crate::packet::{Dissection, LayerKind};

/// One TCP segment, whole and neither quoted nor tunnelled.
pub(super) struct Segment {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) span: Span,
    pub(super) rst: bool,
    /// The acknowledgement number, where the ACK flag says that it counts.
    pub(super) ack: Option<u32>,
    /// As it stands, before scaling.
    pub(super) window: u16,
    pub(super) mss: Option<u16>,
    pub(super) window_scale: Option<u8>,
}

impl Segment {
    /// The segment of a frame; `None` where there is none, or where it is a fragment: its length is not known then.
    pub(super) fn read(frame: FrameRef<'_>) -> Option<Self> {
        let dissection = Dissection::new(frame);
        let view = dissection.find(LayerKind::Tcp)?;
        let tcp = TcpHeaderSlice::from_slice(view.header).ok()?;
        let ip = view.ip.filter(|ip| !ip.fragment)?;
        let (from, to): (IpAddr, IpAddr) = if ip.is_v6 {
            let ip = Ipv6HeaderSlice::from_slice(ip.header).ok()?;
            (ip.source_addr().into(), ip.destination_addr().into())
        } else {
            let ip = Ipv4HeaderSlice::from_slice(ip.header).ok()?;
            (ip.source_addr().into(), ip.destination_addr().into())
        };
        let (mut mss, mut window_scale) = (None, None);
        // Malformed options end the list.
        for option in tcp.options_iterator().map_while(Result::ok) {
            match option {
                TcpOptionElement::MaximumSegmentSize(octets) => mss = Some(octets),
                TcpOptionElement::WindowScale(shift) => window_scale = Some(shift),
                _ => {}
            }
        }
        Some(Self {
            from: SocketAddr::new(from, tcp.source_port()),
            to: SocketAddr::new(to, tcp.destination_port()),
            span: Span {
                start: tcp.sequence_number(),
                syn: tcp.syn(),
                octets: u32::try_from(view.content.len()).ok()?,
                fin: tcp.fin(),
            },
            rst: tcp.rst(),
            ack: tcp.ack().then(|| tcp.acknowledgment_number()),
            window: tcp.window_size(),
            mss,
            window_scale,
        })
    }
}
