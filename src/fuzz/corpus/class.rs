//! What a frame or a script covers, in words that can be a file's name.

use std::collections::BTreeSet;
use std::fmt;

use crate::device::{FrameRef, Mode};
use crate::fuzz::{Reply, Script, Step};
use crate::packet::{DefectKind, Dissection, LayerKind, TcpFlags, View};

/// Names longer than this are cut, and end in a number that tells them apart.
const LONGEST: usize = 96;

/// The class of a frame or a script. Two with the same class are likely to reach the same code.
///
/// As text it is what they are, in lower-case letters, digits and hyphens; different classes have different texts. A
/// script's, and one that would be long, ends in eight hexadecimal digits that stand for what is not said.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CoverageClass(String);

impl CoverageClass {
    /// The class of a frame: its layers with their types and flags, which options, which fragment, how much payload by
    /// powers of two, and what is wrong. Addresses, ports and numbers do not matter.
    #[must_use]
    pub fn of(frame: FrameRef<'_>) -> Self {
        let words = format!("{}-{}", mode(frame.mode), words(frame).join("-"));
        if words.len() <= LONGEST { Self(words) } else { Self::cut(&words, &words) }
    }

    /// The class of a script: which frames it sends and which were observed, by their classes, which other steps it has,
    /// and how many by powers of two. Order does not matter.
    #[must_use]
    pub fn of_script(script: &Script) -> Self {
        let (mut parts, mut layers) = (BTreeSet::new(), BTreeSet::new());
        for step in script.steps() {
            parts.insert(match step {
                Step::Frame(octets) | Step::Observed(octets) => {
                    let frame = FrameRef::new(script.mode(), octets);
                    layers.extend(Dissection::new(frame).kinds().filter(|kind| *kind != LayerKind::Ethernet));
                    let whence = if matches!(step, Step::Frame(_)) { "sends" } else { "observes" };
                    format!("{whence} {}", Self::of(frame))
                }
                Step::Answer(answer) => format!("answers {} {}", reply(answer.reply()), !answer.edits().is_empty()),
                Step::Advance(_) => "waits".to_owned(),
                // What happens, without its numbers.
                other => format!("{other:?}").chars().filter(|letter| letter.is_alphabetic()).collect(),
            });
        }
        let steps = script.steps().len();
        let silent = if script.is_host_silent() { "-silent-host" } else { "" };
        let mut name = format!("{}{silent}-{}-steps", mode(script.mode()), size(steps));
        for kind in layers.into_iter().filter(|kind| !is_application(*kind)) {
            name.push('-');
            name.push_str(layer(kind));
        }
        let all = parts.into_iter().collect::<Vec<_>>().join(", ");
        Self::cut(&name, &format!("{name}: {all}"))
    }

    /// The name as far as there is room, and a number for all of it.
    fn cut(name: &str, whole: &str) -> Self {
        let mut short = name;
        while short.len() > LONGEST - 9 {
            short =
                short.rsplit_once('-').map_or_else(|| short.get(..LONGEST - 9).unwrap_or_default(), |(front, _)| front);
        }
        // FNV-1a (draft-eastlake-fnv), the same on every machine.
        let hash =
            whole.bytes().fold(0x811c_9dc5_u32, |hash, octet| (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193));
        Self(format!("{short}-{hash:08x}"))
    }
}

impl fmt::Display for CoverageClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Tun => "tun",
        Mode::Tap => "tap",
    }
}

const fn reply(reply: &Reply) -> &'static str {
    match reply {
        Reply::Peer => "as a peer",
        Reply::Mirror => "mirrored",
        Reply::Segment { .. } => "segment",
        Reply::Datagram { .. } => "datagram",
        Reply::Error { .. } => "error",
    }
}

/// The power of two that is not larger; 0 for 0.
const fn size(octets: usize) -> usize {
    match octets.checked_ilog2() {
        Some(power) => 1 << power,
        None => 0,
    }
}

/// Messages of applications are payloads, whatever features there are.
const fn is_application(kind: LayerKind) -> bool {
    matches!(kind, LayerKind::Payload | LayerKind::Dns | LayerKind::Dhcp)
}

fn words(frame: FrameRef<'_>) -> Vec<String> {
    let dissection = Dissection::new(frame);
    let mut words = Vec::new();
    let mut nesting = 0;
    for view in dissection.views() {
        if view.nesting > nesting {
            words.push("about".to_owned());
            nesting = view.nesting;
        }
        of_layer(&view, &mut words);
        if is_application(view.protocol.kind) {
            break;
        }
    }
    if words.is_empty() {
        words.push(if frame.octets.is_empty() { "nothing" } else { "ethernet" }.to_owned());
    }
    let mut defects = BTreeSet::new();
    dissection.verify(|defect| {
        let kind = if defect.kind == DefectKind::Checksum { "checksum" } else { "length" };
        defects.insert(format!("bad-{}-{kind}", layer(defect.layer)));
    });
    words.extend(defects);
    let error = dissection.error().filter(|error| !is_application(error.layer));
    words.extend(error.map(|error| format!("cut-{}", layer(error.layer))));
    if !dissection.trailer().is_empty() {
        words.push("padded".to_owned());
    }
    words
}

fn of_layer(view: &View<'_>, words: &mut Vec<String>) {
    let kind = view.protocol.kind;
    let number = |field: &str| view.number(field);
    let mut say = |word: &str| words.push(word.to_owned());
    match kind {
        LayerKind::Ethernet => match view.header {
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, ..] => say("broadcast"),
            [first, ..] if first & 1 == 1 => say("multicast"),
            _ => {}
        },
        kind if is_application(kind) => {
            say(&format!("{}-octets", size(view.header.len() + view.content.len())));
        }
        kind => say(layer(kind)),
    }
    match kind {
        LayerKind::Arp => say(&match number("operation") {
            1 => "request".to_owned(),
            2 => "reply".to_owned(),
            other => format!("operation-{other}"),
        }),
        LayerKind::Ipv4 => {
            fragment(number("fragment_offset"), number("more_fragments"), &mut say);
            if number("ttl") < 2 {
                say("no-hops");
            }
        }
        LayerKind::Ipv6 if number("hop_limit") < 2 => say("no-hops"),
        LayerKind::Fragment => fragment(number("fragment_offset"), number("more_fragments"), &mut say),
        LayerKind::Routing => say(&format!("type-{}", number("routing_type"))),
        LayerKind::Icmpv4 => icmp(&[(0, "echo-reply"), (8, "echo-request"), (11, "time-exceeded")], view, &mut say),
        LayerKind::Icmpv6 => {
            let names = [
                (2, "packet-too-big"),
                (128, "echo-request"),
                (129, "echo-reply"),
                (133, "router-solicitation"),
                (134, "router-advertisement"),
                (135, "neighbor-solicitation"),
                (136, "neighbor-advertisement"),
            ];
            icmp(&names, view, &mut say);
        }
        LayerKind::Igmp => say(&format!("type-{}", number("igmp_type"))),
        LayerKind::Tcp => {
            // As they are read aloud: SYN-ACK, FIN-ACK.
            let names = ["fin", "syn", "rst", "psh", "urg", "ece", "cwr", "ack"];
            let bits = [0, 1, 2, 3, 5, 6, 7, 4];
            for (name, _) in names.iter().zip(bits).filter(|(_, bit)| number("flags") >> bit & 1 == 1) {
                say(name);
            }
            if number("flags") == u128::from(TcpFlags(0).0) {
                say("no-flags");
            }
            if number("window") == 0 {
                say("no-window");
            }
        }
        LayerKind::Udp if number("checksum") == 0 => say("no-checksum"),
        _ => {}
    }
    for word in options(view) {
        say(&word);
    }
}

fn fragment(offset: u128, more: u128, say: &mut impl FnMut(&str)) {
    match (offset, more) {
        (0, 0) => {}
        (0, _) => say("first-fragment"),
        (_, 0) => say("last-fragment"),
        _ => say("middle-fragment"),
    }
}

fn icmp(names: &[(u128, &str)], view: &View<'_>, say: &mut impl FnMut(&str)) {
    let (icmp_type, code) = (view.number("icmp_type"), view.number("code"));
    match names.iter().find(|(known, _)| *known == icmp_type) {
        Some((_, name)) => say(name),
        None => say(&format!("type-{icmp_type}-code-{code}")),
    }
}

/// The options of a header, in their order; padding does not matter.
fn options(view: &View<'_>) -> Vec<String> {
    let names = view.protocol.kind;
    let mut words = Vec::new();
    for (option, is_padding) in view.options() {
        let word = match (names, option) {
            _ if is_padding => continue,
            (LayerKind::Tcp, 2) => "mss".to_owned(),
            (LayerKind::Tcp, 3) => "wscale".to_owned(),
            (LayerKind::Tcp, 4) => "sackok".to_owned(),
            (LayerKind::Tcp, 5) => "sack".to_owned(),
            (LayerKind::Tcp, 8) => "ts".to_owned(),
            (_, option) => format!("option-{option}"),
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

const fn layer(kind: LayerKind) -> &'static str {
    match kind {
        LayerKind::Ethernet => "ethernet",
        LayerKind::Vlan => "vlan",
        LayerKind::Arp => "arp",
        LayerKind::Ipv4 => "ipv4",
        LayerKind::Ipv6 => "ipv6",
        LayerKind::HopByHop => "hop-by-hop",
        LayerKind::Routing => "routing",
        LayerKind::DestinationOptions => "destination-options",
        LayerKind::Fragment => "fragment",
        LayerKind::Icmpv4 => "icmp",
        LayerKind::Icmpv6 => "icmpv6",
        LayerKind::Igmp => "igmp",
        LayerKind::Udp => "udp",
        LayerKind::Tcp => "tcp",
        LayerKind::Dns | LayerKind::Dhcp | LayerKind::Payload => "payload",
    }
}
