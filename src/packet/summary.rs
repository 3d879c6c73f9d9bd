//! What one line says of a frame: `192.0.2.1:81 > 192.0.2.2:40000 TCP [R.] seq 0 ack 101 win 0`. Total on any octets.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::dissect::Dissection;
use super::field::FieldValue;
use super::layer::LayerKind;
use super::view::View;
use crate::device::FrameRef;

impl<'a> FrameRef<'a> {
    /// What one line says of the frame. Total on any octets.
    ///
    /// ```
    /// use tuntap_test::device::{FrameRef, Mode};
    /// use tuntap_test::packet::Icmpv4;
    ///
    /// let octets = (Icmpv4::echo_request(7, 1) / b"hello").build()?;
    /// let frame = FrameRef::new(Mode::Tun, &octets);
    /// assert_eq!(frame.summary().to_string(), "192.0.2.2 > 192.0.2.1 ICMPv4 echo request id 7 seq 1 5 octets");
    /// # Ok::<(), tuntap_test::packet::BuildError>(())
    /// ```
    #[must_use]
    pub fn summary(self) -> Summary<'a> {
        Summary { frame: Dissection::new(self), depth: 0 }
    }
}

/// One line about a frame; see [`FrameRef::summary`].
pub struct Summary<'a> {
    frame: Dissection<'a>,
    depth: usize,
}

/// An error about an error about an error: how deep that is told. Octets may nest it a thousand times.
const DEEPEST: usize = 3;

impl fmt::Debug for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frame = &self.frame;
        let views: Vec<View<'_>> = frame.views().take_while(|view| view.nesting == 0).collect();
        for tag in views.iter().filter(|view| view.protocol.kind == LayerKind::Vlan) {
            (tag.protocol.behaviour.summary)(tag, f)?;
            f.write_str(" ")?;
        }
        let ip = views.iter().find(|view| view.protocol.kind.is_ip());
        let last = views.iter().rfind(|view| view.protocol.kind != LayerKind::Payload);
        match (ip, last) {
            (Some(ip), Some(last)) => {
                let ports =
                    matches!(last.protocol.kind, LayerKind::Tcp | LayerKind::Udp | LayerKind::Dns | LayerKind::Dhcp)
                        .then(|| {
                            views.iter().find(|view| matches!(view.protocol.kind, LayerKind::Tcp | LayerKind::Udp))
                        })
                        .flatten();
                endpoint(ip, "src", ports.map(|view| view.number("sport")), f)?;
                f.write_str(" > ")?;
                endpoint(ip, "dst", ports.map(|view| view.number("dport")), f)?;
                f.write_str(" ")?;
                for view in
                    views.iter().filter(|view| view.protocol.kind.may_lie_between() || view.protocol.kind.is_ip())
                {
                    if view.protocol.kind != LayerKind::Vlan {
                        (view.protocol.behaviour.summary)(view, f)?;
                    }
                }
                let shown = matches!(last.protocol.kind, kind if kind.is_ip() || kind.may_lie_between());
                if shown {
                    let number = if ip.protocol.kind == LayerKind::Ipv4 { "protocol" } else { "next_header" };
                    let number =
                        if last.protocol.kind.is_ip() { ip.number(number) } else { last.number("next_header") };
                    write!(f, "{} {number} {} octets", ip.protocol.name, last.content.len())?;
                } else {
                    (last.protocol.behaviour.summary)(last, f)?;
                }
            }
            (None, Some(last)) if last.protocol.kind != LayerKind::Vlan => {
                (last.protocol.behaviour.summary)(last, f)?;
                if last.protocol.kind == LayerKind::Ethernet {
                    write!(f, " {} octets", last.content.len())?;
                }
            }
            _ => write!(f, "{} octets", frame.frame().len())?,
        }
        match frame.quoted() {
            Some(quoted) if self.depth < DEEPEST => {
                write!(f, " about ({})", Summary { frame: Dissection::new(quoted), depth: self.depth + 1 })?;
            }
            Some(_) => f.write_str(" about (…)")?,
            None => {}
        }
        if let Some(error) = frame.error() {
            write!(f, " [{error}]")?;
        }
        Ok(())
    }
}

fn endpoint(ip: &View<'_>, field: &str, port: Option<u128>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let bits = ip.number(field);
    match (ip.protocol.kind, port) {
        (LayerKind::Ipv4, port) => {
            write!(f, "{}", Ipv4Addr::from_bits(u32::from_bits(bits)))?;
            port.map_or(Ok(()), |port| write!(f, ":{port}"))
        }
        (_, None) => write!(f, "{}", Ipv6Addr::from_bits(bits)),
        (_, Some(port)) => write!(f, "[{}]:{port}", Ipv6Addr::from_bits(bits)),
    }
}
