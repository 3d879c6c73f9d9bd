//! Which frames a fault is for: a packet as a template.

use std::fmt;

use crate::packet::{Dissection, IntoPacket, Layer, Packet};

/// A template. Two are equal when they say the same; predicates say what they are described as.
#[derive(Clone)]
pub(super) struct Pattern(Packet);

impl Pattern {
    pub(super) fn new(packet: impl IntoPacket) -> Self {
        Self(packet.into_packet())
    }

    pub(super) fn matches(&self, frame: &Dissection<'_>) -> bool {
        self.0.matches_dissection(frame)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        let says = |layer: &Layer| {
            let fields: Vec<String> =
                layer.constraints().map(|(_, info, wanted)| format!("{} {wanted:?}", info.name)).collect();
            (layer.kind(), fields)
        };
        self.0.verified == other.0.verified && self.0.layers.iter().map(says).eq(other.0.layers.iter().map(says))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;
    use crate::packet::{IntoPacket, Ipv4, Udp, such_that};

    #[test]
    fn patterns_that_say_the_same_are_equal() {
        let odd = |what: &str| Pattern::new(Udp::new().dport(such_that(what, |port: u16| port % 2 == 1)));
        assert_eq!(Pattern::new(Udp::new().dport(53)), Pattern::new(Udp::new().dport(53)));
        assert_ne!(Pattern::new(Udp::new().dport(53)), Pattern::new(Udp::new().dport(54)));
        assert_ne!(Pattern::new(Udp::new().dport(53)), Pattern::new(Udp::new().dport(53).unverified()));
        assert_ne!(Pattern::new(Udp::new()), Pattern::new(Ipv4::new() / Udp::new()));
        // Payloads that the text of a report would cut.
        assert_ne!(Pattern::new([7; 200]), Pattern::new([7; 201]));
        assert_eq!(odd("odd"), odd("odd"));
        assert_ne!(odd("odd"), odd("strange"));
    }
}
