//! What holds for every packet and every frame: packets build what they say, frames are read and written again.

use etherparse::{PacketHeaders, SlicedPacket};
use proptest::prelude::*;
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::packet::{Dissection, IntoPacket, LayerKind, Packet};
use tuntap_test::strategy::packet::{frame, packet, sound_packet};

/// How a packet's frame begins.
fn mode(packet: &Packet) -> Mode {
    let tap = packet.layers().first().is_some_and(|layer| layer.kind() == LayerKind::Ethernet);
    if tap { Mode::Tap } else { Mode::Tun }
}

/// Calls all that must be total.
fn read_everything(frame: FrameRef<'_>) -> usize {
    let mut length = frame.summary().to_string().len();
    length += frame.explain().to_string().len() + frame.hexdump().to_string().len() + frame.as_rust().len();
    Dissection::new(frame).verify(|defect| length += defect.to_string().len());
    let found = [
        frame.ethernet().is_ok(),
        frame.vlan().is_ok(),
        frame.arp().is_ok(),
        frame.ipv4().map(|ip| ip.to_header()).is_ok(),
        frame.ipv6().is_ok(),
        frame.icmpv4().map(|icmp| icmp.icmp_type()).is_ok(),
        frame.icmpv6().map(|icmp| icmp.icmp_type()).is_ok(),
        frame.udp().map(|udp| udp.payload().len()).is_ok(),
        frame.tcp().map(|tcp| tcp.options_iterator().count()).is_ok(),
    ];
    length += found.into_iter().filter(|found| *found).count() + frame.payload().len() + frame.layers().count();
    length + frame.quoted().map_or(0, read_everything)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn a_sound_packet_is_sound_and_matches_itself(packet in sound_packet()) {
        let octets = packet.build().unwrap();
        let frame = FrameRef::new(mode(&packet), &octets);
        let mut defects = Vec::new();
        Dissection::new(frame).verify(|defect| defects.push(defect));
        prop_assert_eq!(defects, []);
        prop_assert_eq!(Dissection::new(frame).error(), None);
        prop_assert!(packet.matches(frame), "{}\n{}", packet, frame.explain());
    }

    /// Not merely the octets: the layers, each as one, without a length or checksum that would be computed.
    #[test]
    fn a_sound_frame_s_template_has_its_layers(packet in sound_packet()) {
        let octets = packet.build().unwrap();
        let frame = FrameRef::new(mode(&packet), &octets);
        let template = Packet::from_frame(frame);
        let kinds = |packet: &Packet| packet.layers().iter().map(|layer| layer.kind()).collect::<Vec<_>>();
        let wanted: Vec<_> = kinds(&packet).into_iter().take_while(|kind| *kind != LayerKind::Payload).collect();
        prop_assert!(kinds(&template).starts_with(&wanted), "{}\n{}", template, frame.explain());
        // What is quoted was mostly cut, so its lengths are set.
        let quotes = frame.layers().any(|kind| matches!(kind, LayerKind::Icmpv4 | LayerKind::Icmpv6));
        let text = template.to_string();
        let computed = ["checksum", "total_length", "payload_length", "ihl", "data_offset"];
        prop_assert!(quotes || !computed.iter().any(|field| text.contains(field)), "{}", text);
    }

    #[test]
    fn a_frame_s_template_builds_the_frame(packet in packet()) {
        let octets = packet.build().unwrap();
        let frame = FrameRef::new(mode(&packet), &octets);
        let template = Packet::from_frame(frame);
        prop_assert_eq!(template.build().unwrap(), octets.clone(), "{}\n{}", template, frame.explain());
    }

    #[test]
    fn any_octets_are_read_and_written_again((mode, octets) in frame()) {
        let frame = FrameRef::new(mode, &octets);
        let template = Packet::from_frame(frame);
        prop_assert_eq!(template.build().unwrap(), octets.clone(), "{}\n{}", template, frame.explain());
        let sound = Dissection::new(frame).is_sound();
        prop_assert_eq!(template.matches(frame), sound, "{}\n{}", template, frame.explain());
        prop_assert!(template.unverified().matches(frame), "{}", frame.explain());
        prop_assert!(read_everything(frame) > 0);
    }

    /// What etherparse reads, as layers, builds what it was read from.
    #[test]
    fn etherparse_s_headers_build_the_frame(packet in sound_packet()) {
        let octets = packet.build().unwrap();
        let frame = FrameRef::new(mode(&packet), &octets);
        // What etherparse's headers do not hold: bits that are reserved or that a type leaves unused.
        let unlike = |kind| frame.layers().any(|present| present == kind);
        let dropped = frame.tcp().is_ok_and(|tcp| tcp.slice()[12] & 0x0e != 0)
            || [LayerKind::Fragment, LayerKind::Icmpv4, LayerKind::Icmpv6, LayerKind::Igmp].into_iter().any(unlike)
            // It has one place for each extension header.
            || frame.layers().filter(|kind| *kind == LayerKind::DestinationOptions).count() > 1;
        if dropped {
            return Ok(());
        }
        let (sliced, headers) = match frame.mode {
            Mode::Tun => (SlicedPacket::from_ip(frame.octets), PacketHeaders::from_ip_slice(frame.octets)),
            Mode::Tap => (SlicedPacket::from_ethernet(frame.octets), PacketHeaders::from_ethernet_slice(frame.octets)),
        };
        let trailer = Dissection::new(frame).trailer();
        for theirs in [sliced.unwrap().into_packet(), headers.unwrap().into_packet()] {
            prop_assert_eq!(theirs.clone().trailer(trailer).build().unwrap(), octets.clone(), "{}", theirs);
            prop_assert!(theirs.matches(frame), "{}", theirs);
        }
    }
}
