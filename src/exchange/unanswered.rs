//! Why a frame does not answer a request, in words.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::device::FrameRef;
use crate::packet::{Dissection, LayerKind, View};

/// `UDP, not ICMPv4`, `from 192.0.2.1, not 192.0.2.99; id 8, not 7`: each thing that is not as in an answer.
pub(super) fn why_not(frame: FrameRef<'_>, request: FrameRef<'_>) -> String {
    let (frame, request) = (Dissection::new(frame), Dissection::new(request));
    let mut reasons = Vec::new();
    if let (Some(found), Some(asked)) = (ip(&frame), ip(&request)) {
        for (word, found, asked) in [
            ("from", address(&found, "src"), address(&asked, "dst")),
            ("to", address(&found, "dst"), address(&asked, "src")),
        ] {
            if found != asked {
                reasons.push(format!("{word} {found}, not {asked}"));
            }
        }
    }
    let (found, asked) = (innermost(&frame), innermost(&request));
    match (&found, &asked) {
        (Some(found), Some(asked)) if found.protocol.kind == asked.protocol.kind => {
            reasons.extend(numbers(found, asked))
        }
        (Some(found), Some(asked)) => reasons.push(format!("{}, not {}", found.protocol.name, asked.protocol.name)),
        _ => {}
    }
    if reasons.is_empty() { "no answer to that".to_owned() } else { reasons.join("; ") }
}

fn ip<'a>(frame: &Dissection<'a>) -> Option<View<'a>> {
    frame.find(LayerKind::Ipv4).or_else(|| frame.find(LayerKind::Ipv6))
}

fn address(ip: &View<'_>, field: &str) -> String {
    let bits = ip.number(field);
    match u32::try_from(bits) {
        Ok(bits) if ip.protocol.kind == LayerKind::Ipv4 => Ipv4Addr::from_bits(bits).to_string(),
        _ => Ipv6Addr::from_bits(bits).to_string(),
    }
}

/// The last layer that travels and is no payload.
fn innermost<'a>(frame: &Dissection<'a>) -> Option<View<'a>> {
    frame.views().take_while(|view| view.nesting == 0).filter(|view| view.protocol.kind != LayerKind::Payload).last()
}

/// The ports, or the numbers of an echo, that differ.
fn numbers(found: &View<'_>, asked: &View<'_>) -> Vec<String> {
    let pairs: &[(&str, &str)] = match found.protocol.kind {
        LayerKind::Udp | LayerKind::Tcp => &[("sport", "dport"), ("dport", "sport")],
        LayerKind::Icmpv4 | LayerKind::Icmpv6 => &[("id", "id"), ("seq", "seq")],
        _ => &[],
    };
    let differ = pairs.iter().filter_map(|(own, other)| {
        let (found, asked) = (found.number(own), asked.number(other));
        (found != asked).then(|| format!("{own} {found}, not {asked}"))
    });
    differ.collect()
}
