//! A frame as a template without what is nobody's choice: the identification of a datagram that is whole, a flow label,
//! a checksum that was left to hardware.
//!
//! Layer: `to_test`.

use crate::device::FrameRef;
use crate::packet::{Defect, DefectKind, Dissection, LayerKind, Packet, View, pseudo_header_sum};

/// A frame that is read to its end.
pub(super) struct Normal {
    /// Builds [`octets`](Self::octets).
    pub(super) packet: Packet,
    /// The frame as it would be without what is nobody's choice.
    pub(super) octets: Vec<u8>,
    /// Its checksum was not there yet.
    pub(super) offloaded: bool,
}

/// `None` where the frame is malformed: it cannot be told but by its octets.
pub(super) fn normal(frame: FrameRef<'_>) -> Option<Normal> {
    let dissection = Dissection::new(frame);
    if dissection.error().is_some_and(|error| !matches!(error.layer, LayerKind::Dns | LayerKind::Dhcp)) {
        return None;
    }
    let mut packet = Packet::from_frame_without_messages(frame);
    if packet.layers.first().is_none_or(|layer| layer.kind() == LayerKind::Payload)
        || packet.build().ok()? != frame.octets
    {
        return None;
    }
    let offloaded = leave_to_hardware(&mut packet, &dissection);
    for layer in packet.layers.iter_mut().take_while(|layer| layer.kind() != LayerKind::Payload) {
        match layer.kind() {
            LayerKind::Ipv4 => {
                // RFC 6864 section 4: of a datagram that is whole it says nothing.
                let is = |field| layer.number(field).unwrap_or_default() > 0;
                if !(is("more_fragments") || is("fragment_offset")) {
                    layer.unset("id");
                }
                break;
            }
            LayerKind::Ipv6 => {
                layer.unset("flow_label");
                break;
            }
            _ => {}
        }
    }
    // A short frame's padding.
    if packet.trailer.iter().all(|octet| *octet == 0) && frame.octets.len() <= 60 {
        packet.trailer.clear();
    }
    let octets = packet.build().ok()?;
    Some(Normal { packet, octets, offloaded })
}

/// Leaves checksums open that whoever captured had not computed yet, since its hardware would.
fn leave_to_hardware(packet: &mut Packet, dissection: &Dissection<'_>) -> bool {
    let mut wrong: Vec<Defect> = Vec::new();
    dissection.verify(|defect| wrong.push(defect));
    let mut found = false;
    for defect in wrong.iter().filter(|defect| matches!(defect.kind, DefectKind::Checksum)) {
        let Some(view) = dissection.find(defect.layer) else { continue };
        let number = match defect.layer {
            LayerKind::Tcp => 6,
            LayerKind::Udp => 17,
            _ => 0,
        };
        let is_left = match defect.layer {
            LayerKind::Ipv4 => defect.got == 0,
            LayerKind::Tcp | LayerKind::Udp => is_partial(&view, number, defect.got),
            _ => false,
        };
        if let (true, Some(layer)) = (is_left, packet.layers.iter_mut().find(|layer| layer.kind() == defect.layer)) {
            layer.unset("checksum");
            found = true;
        }
    }
    found
}

/// Whether a checksum covers the pseudo-header only (Linux: `CHECKSUM_PARTIAL`).
fn is_partial(view: &View<'_>, number: u8, got: u32) -> bool {
    let length = view.header.len() + view.content.len();
    view.ip.is_some_and(|ip| u32::from(pseudo_header_sum(&ip, number, length)) == got)
}
