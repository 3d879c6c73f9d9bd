//! Frames as packets: read, matched, explained, written as templates and as Rust, on any octets.

use etherparse::{Ipv6ExtensionSlice, NetSlice, SlicedPacket, TransportSlice};

use super::Rules;
use crate::device::{FrameRef, LARGEST_FRAME, Mode};
use crate::packet::{Dissection, IntoPacket, LayerKind, Packet};

/// The rules that hold for any octets, of which the first says whether the others are a frame of a TUN (even) or of a
/// TAP (odd):
///
/// * the summary, the explanation, the hexdump, the Rust expression, verification and every accessor are total, for
///   what an ICMP error quotes as well;
/// * the frame's own template builds the frame again, and matches it; verified, it does exactly when the lengths and
///   checksums of the frame are right;
/// * the header that etherparse's slicer finds in the frame, the accessor gives, too.
///
/// # Panics
/// When a rule is broken.
pub fn packet(data: &[u8]) {
    let Some((first, octets)) = data.split_first() else { return };
    if octets.len() > LARGEST_FRAME {
        return;
    }
    let frame = FrameRef::new(if first % 2 == 0 { Mode::Tun } else { Mode::Tap }, octets);
    let mut rules = Rules::new();
    total(frame, 0, &mut rules);
    template(frame, &mut rules);
    as_etherparse_slices(frame, &mut rules);
    rules.judge(data);
}

/// How deep quoted datagrams are followed: more is more of the same.
const DEEPEST: u8 = 4;

fn total(frame: FrameRef<'_>, depth: u8, rules: &mut Rules) {
    rules.keep("a summary is one line", matches!(frame.summary().to_string().lines().count(), 1));
    let lines = frame.hexdump().to_string().lines().count();
    rules.keep("a hexdump has a line for 16 octets", lines == frame.octets.len().div_ceil(16));
    let mut defects = 0;
    Dissection::new(frame).verify(|defect| defects += usize::from(!defect.to_string().is_empty()));
    let told = frame.explain().to_string().lines().filter(|line| line.starts_with("wrong: ")).count();
    rules.keep("the explanation tells every defect", told == defects);
    rules.keep("what is sound has no defects", Dissection::new(frame).is_sound() == (defects == 0));
    let _ = (frame.ethernet(), frame.vlan(), frame.arp(), frame.ipv4(), frame.ipv6());
    let _ = (frame.icmpv4(), frame.icmpv6(), frame.udp(), frame.tcp(), frame.payload(), frame.layers().count());
    if let (Some(quoted), true) = (frame.quoted(), depth < DEEPEST) {
        rules.keep("what is quoted is shorter", quoted.octets.len() < frame.octets.len());
        total(quoted, depth + 1, rules);
    }
}

fn template(frame: FrameRef<'_>, rules: &mut Rules) {
    let template = Packet::from_frame(frame);
    rules.keep("a frame's template builds the frame", template.build().as_deref() == Ok(frame.octets));
    let sound = Dissection::new(frame).is_sound();
    rules.keep("a verified template matches what is sound", template.matches(frame) == sound);
    rules.keep("a frame's template is printed", template.as_rust() == Some(frame.as_rust()));
    rules.keep("a frame matches its template", template.unverified().matches(frame));
}

/// etherparse skips authentication headers, which are payload here, and takes an IPv6 payload length of 0 for unknown; it
/// refuses more, and looks into no fragment. Of ICMP it wants 8 octets, where some messages have more.
fn as_etherparse_slices(frame: FrameRef<'_>, rules: &mut Rules) {
    let sliced = match frame.mode {
        Mode::Tun => SlicedPacket::from_ip(frame.octets),
        Mode::Tap => SlicedPacket::from_ethernet(frame.octets),
    };
    let Ok(sliced) = sliced else { return };
    let unlike = match &sliced.net {
        Some(NetSlice::Ipv4(ip)) => ip.extensions().auth.is_some(),
        Some(NetSlice::Ipv6(ip)) => {
            let authentication = |extension| matches!(extension, Ipv6ExtensionSlice::Authentication(_));
            ip.header().payload_length() == 0 || ip.extensions().clone().into_iter().any(authentication)
        }
        _ => false,
    };
    let short = |kind| Dissection::new(frame).error().is_some_and(|error| error.layer == kind);
    let same = match &sliced.transport {
        _ if unlike => true,
        Some(TransportSlice::Tcp(tcp)) => frame.tcp().is_ok_and(|ours| ours == *tcp),
        Some(TransportSlice::Udp(udp)) => frame.udp().is_ok_and(|ours| ours == *udp),
        Some(TransportSlice::Icmpv4(_)) if short(LayerKind::Icmpv4) => true,
        Some(TransportSlice::Icmpv6(_)) if short(LayerKind::Icmpv6) => true,
        Some(TransportSlice::Icmpv4(icmp)) => frame.icmpv4().is_ok_and(|ours| ours == *icmp),
        Some(TransportSlice::Icmpv6(icmp)) => frame.icmpv6().is_ok_and(|ours| ours == *icmp),
        Some(TransportSlice::Igmp(_)) | None => true,
    };
    rules.keep("the accessors give what etherparse finds", same);
}
