//! `fuzz::mutate`: total, deterministic, bounded; mutants of sound frames are sound; each repair does what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::fuzz::mutate::input::{FirstOctet, Frames};
use tuntap_test::fuzz::mutate::{Input, Mutation, Mutator, Repair, Repairs};
use tuntap_test::packet::{
    Arp, DestinationOptions, Dissection, Ethernet, Fragment, HopByHop, Icmpv4, Icmpv6, Igmp, IntoPacket, Ipv4, Ipv6,
    LayerKind, Packet, Routing, Tcp, Udp, Vlan,
};

fn tcp() -> Tcp {
    Tcp::new().sport(40_000)
}

fn is_sound(mode: Mode, octets: &[u8]) -> bool {
    Dissection::new(FrameRef::new(mode, octets)).is_sound()
}

/// Sound frames with every layer that the mutator tells apart.
fn frames() -> Vec<(Mode, Vec<u8>)> {
    let six = [0x2001, 0xdb8, 0, 0, 0, 0, 0, 2];
    let tun: Vec<Packet> = vec![
        Ipv4::new() / tcp().dport(80).syn().mss(1460).window_scale(7).sack_permitted().timestamps(1, 0),
        Ipv4::new() / tcp().dport(80).seq(100).ack(200).psh() / b"some octets of a stream",
        Ipv4::new().router_alert() / Udp::new().dport(9) / b"some octets",
        Ipv4::new() / Udp::new().dport(9).checksum(0) / b"some octets",
        Ipv4::new() / Icmpv4::echo_request(7, 1) / b"some octets",
        Ipv4::new() / Icmpv4::port_unreachable() / Ipv4::new() / Udp::new().dport(53) / b"some octets",
        Ipv4::new() / Igmp::new().igmp_type(0x11),
        Ipv4::new() / Ipv4::new() / tcp().dport(80).syn(),
        Ipv4::new().id(7).fragment_offset(185).protocol(17) / [7; 16],
        Ipv6::new() / tcp().dport(80).syn().mss(1220),
        Ipv6::new() / Udp::new().dport(9) / b"some octets",
        Ipv6::new()
            / HopByHop::router_alert(0)
            / DestinationOptions::new().option(0x3e, [1, 2])
            / Udp::new().dport(9)
            / b"octets",
        Ipv6::new() / Routing::type2(six) / Fragment::new().id(7) / Icmpv6::echo_request(7, 1) / b"octets",
        Ipv6::new() / Icmpv6::neighbor_advertisement(six).target_link_layer_address([2, 0, 0, 0, 0, 2]),
    ];
    let tap: Vec<Packet> = vec![
        Ethernet::new() / Ipv4::new() / tcp().dport(80).syn(),
        Ethernet::new() / Vlan::new().id(7) / Vlan::new().id(8) / Ipv6::new() / Udp::new().dport(9) / b"some octets",
        Ethernet::new() / Arp::new(),
    ];
    let build = |mode| move |packet: Packet| (mode, packet.build().unwrap());
    let all: Vec<_> = tun.into_iter().map(build(Mode::Tun)).chain(tap.into_iter().map(build(Mode::Tap))).collect();
    assert!(all.iter().all(|(mode, frame)| is_sound(*mode, frame)));
    all
}

/// Each frame mutated under so many seeds.
fn mutants(seeds: u64, set_up: impl Fn(Mutator) -> Mutator, mut each: impl FnMut(Mode, &[u8], &[u8], &Mutator)) {
    for (at, (mode, frame)) in frames().into_iter().enumerate() {
        for seed in 0..seeds {
            let mut mutator = set_up(Mutator::new(seed * 1000 + at as u64).mode(mode));
            let mut mutant = frame.clone();
            mutator.mutate(&mut mutant, 1600);
            each(mode, &frame, &mutant, &mutator);
        }
    }
}

fn any_mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Tun), Just(Mode::Tap)]
}

/// Octets that begin as frames do, so that they are read.
fn nearly_frames() -> impl Strategy<Value = Vec<u8>> {
    let of_a_frame =
        (0..frames().len(), vec((any::<prop::sample::Index>(), any::<u8>()), 0..8)).prop_map(|(at, changes)| {
            let mut octets = frames().into_iter().nth(at).map(|(_, frame)| frame).unwrap_or_default();
            for (index, octet) in changes {
                let index = index.index(octets.len());
                if let Some(place) = octets.get_mut(index) {
                    *place = octet;
                }
            }
            octets
        });
    prop_oneof![vec(any::<u8>(), 0..200), of_a_frame]
}

proptest! {
    #[test]
    fn any_octets_are_mutated_and_spliced_the_same_each_time(
        mode in any_mode(), one in nearly_frames(), other in nearly_frames(), seed: u64, most in 0_usize..300,
    ) {
        let run = || {
            let mut mutator = Mutator::new(seed).mode(mode);
            let (mut mutant, mut spliced, mut with) = (one.clone(), Vec::new(), one.clone());
            mutator.mutate(&mut mutant, most);
            mutator.splice(&one, &other, &mut spliced, most);
            mutator.mutate_with(&mut with, most, |octets, length, most| {
                octets.reverse();
                (length + 1).min(most)
            });
            (mutant, spliced, with)
        };
        let (mutant, spliced, with) = run();
        prop_assert!(mutant.len() <= most && spliced.len() <= most && with.len() <= most);
        prop_assert_eq!(run(), (mutant, spliced, with));
    }

    #[test]
    fn any_octets_are_sequences(one in vec(any::<u8>(), 0..300), other in vec(any::<u8>(), 0..300), seed: u64, most in 0_usize..300) {
        for input in [&Frames(Mode::Tun) as &dyn Input, &Frames(Mode::Tap), &FirstOctet] {
            let mut mutator = Mutator::new(seed);
            let (mut mutant, mut spliced) = (one.clone(), Vec::new());
            input.mutate(&mut mutator, &mut mutant, most, &mut |_, length, _| length);
            input.splice(&mut mutator, &one, &other, &mut spliced, most);
            prop_assert!(mutant.len() <= most && spliced.len() <= most);
        }
    }
}

/// With all repairs, and none left out. What is not sound had octets changed, or an option's length, or another reading.
#[test]
fn mutants_of_sound_frames_are_sound() {
    let (mut all, mut unsound, mut changed) = (0, 0, 0);
    let mut by: BTreeMap<Mutation, usize> = BTreeMap::new();
    mutants(
        2000,
        |mutator| mutator.leave_out_one_in(0),
        |mode, frame, mutant, mutator| {
            all += 1;
            changed += usize::from(frame != mutant);
            assert_eq!(mutator.left_out(), None);
            if !is_sound(mode, mutant) {
                unsound += 1;
                mutator.applied().for_each(|mutation| *by.entry(mutation).or_default() += 1);
            }
        },
    );
    println!("{unsound} of {all} are unsound, {changed} changed: {by:?}");
    assert!(unsound * 100 <= all, "{unsound} of {all} mutants are unsound: {by:?}");
    assert!(changed * 100 >= all * 90, "{changed} of {all} mutants differ");
}

#[test]
fn every_mutation_happens() {
    let mut counts: BTreeMap<Mutation, usize> = BTreeMap::new();
    mutants(
        2000,
        |mutator| mutator,
        |_, _, _, mutator| {
            mutator.applied().for_each(|mutation| *counts.entry(mutation).or_default() += 1);
        },
    );
    println!("{counts:?}");
    use Mutation::*;
    for mutation in [
        Field,
        OptionInserted,
        OptionRemoved,
        OptionDuplicated,
        OptionsReordered,
        OptionLength,
        OptionValue,
        LayerInserted,
        LayerRemoved,
        LayersSwapped,
        LayerDuplicated,
        Tunnelled,
        Quoted,
        TransportReplaced,
        PayloadOctets,
        PayloadLength,
        Fragmentation,
        Octets,
    ] {
        assert!(counts.get(&mutation).is_some_and(|count| *count >= 20), "{mutation:?}: {counts:?}");
    }
}

/// Every kind of layer of the frames changes, in place: its header is not in the mutant.
#[test]
fn every_layer_is_reached() {
    let mut reached = BTreeSet::new();
    let mut there = BTreeSet::new();
    mutants(
        300,
        |mutator| mutator,
        |mode, frame, mutant, mutator| {
            let before = Dissection::new(FrameRef::new(mode, frame));
            let after = Dissection::new(FrameRef::new(mode, mutant));
            there.extend(before.kinds());
            if mutator.applied().eq([Mutation::Field]) && before.kinds().eq(after.kinds()) {
                // Outermost first: a checksum further out follows what is changed inside, a field does not.
                reached.extend(
                    before
                        .kinds()
                        .filter(|kind| *kind != LayerKind::Payload && before.header(*kind) != after.header(*kind)),
                );
            }
        },
    );
    there.remove(&LayerKind::Payload);
    assert!(there.len() >= 14, "{there:?}");
    assert_eq!(reached, there);
}

/// Whether a mutant has such a defect: by the layer and the field that verification tells.
fn defects(mode: Mode, octets: &[u8]) -> Vec<(LayerKind, &'static str)> {
    let mut defects = Vec::new();
    Dissection::new(FrameRef::new(mode, octets)).verify(|defect| defects.push((defect.layer, defect.field)));
    defects
}

#[test]
fn a_repair_that_is_switched_off_leaves_that_wrong() {
    use LayerKind as L;
    for (repair, layer, field) in [
        (Repair::Ipv4TotalLength, L::Ipv4, "total_length"),
        (Repair::Ipv4Checksum, L::Ipv4, "checksum"),
        (Repair::Ipv6PayloadLength, L::Ipv6, "payload_length"),
        (Repair::TcpChecksum, L::Tcp, "checksum"),
        (Repair::UdpLength, L::Udp, "length"),
        (Repair::UdpChecksum, L::Udp, "checksum"),
        (Repair::Icmpv4Checksum, L::Icmpv4, "checksum"),
        (Repair::Icmpv6Checksum, L::Icmpv6, "checksum"),
        (Repair::IgmpChecksum, L::Igmp, "checksum"),
    ] {
        let count = |repairs| {
            let mut wrong = 0;
            mutants(
                300,
                |mutator| mutator.repairs(repairs).leave_out_one_in(0),
                |mode, _, mutant, _| {
                    wrong += usize::from(defects(mode, mutant).contains(&(layer, field)));
                },
            );
            wrong
        };
        let (without, with) = (count(Repairs::ALL.without(repair)), count(Repairs::ALL));
        assert!(without >= 20 && without > 8 * with, "{repair:?}: {without} without, {with} with");
    }
}

/// Three that no verification tells: a wrong one moves where the next header begins.
#[test]
fn header_lengths_and_protocol_numbers_are_put_right() {
    let (mut off, mut on) = (BTreeMap::new(), BTreeMap::new());
    for repair in [Repair::NextProtocol, Repair::Ipv4HeaderLength, Repair::TcpDataOffset, Repair::ExtensionLength] {
        for (repairs, counts) in [(Repairs::ALL.without(repair), &mut off), (Repairs::ALL, &mut on)] {
            for (mode, frame) in frames() {
                for seed in 0..600 {
                    let mut mutant = frame.clone();
                    let mut mutator = Mutator::new(seed).mode(mode).repairs(repairs).leave_out_one_in(0);
                    mutator.mutate(&mut mutant, 1600);
                    let inserts = [Mutation::OptionInserted, Mutation::LayerInserted, Mutation::TransportReplaced];
                    let mut applied = mutator.applied();
                    if !applied.next().is_some_and(|first| inserts.contains(&first)) || applied.next().is_some() {
                        continue;
                    }
                    // What the header tells, and what one that was put right does.
                    let mut right = mutant.clone();
                    let mut same = Mutator::new(seed).mode(mode).leave_out_one_in(0);
                    right.clone_from(&frame);
                    same.mutate(&mut right, 1600);
                    *counts.entry(format!("{repair:?}")).or_insert(0) += usize::from(mutant != right);
                }
            }
        }
    }
    assert!(off.values().all(|wrong| *wrong >= 20), "{off:?}");
    assert!(on.values().all(|wrong| *wrong == 0), "{on:?}");
}

#[test]
fn one_in_16_is_left_with_something_wrong() {
    let (mut all, mut left_out, mut wrong) = (0, 0, 0);
    mutants(
        2000,
        |mutator| mutator,
        |mode, _, mutant, mutator| {
            all += 1;
            left_out += usize::from(mutator.left_out().is_some());
            wrong += usize::from(!is_sound(mode, mutant));
        },
    );
    println!("{left_out} left out, {wrong} unsound of {all}");
    assert!((all / 20..all / 13).contains(&left_out), "{left_out} of {all}");
    assert!(wrong >= all / 50, "{wrong} of {all}");
    // Always, but where nobody can read the frame any more.
    let (mut all, mut left_out) = (0, 0);
    mutants(
        100,
        |mutator| mutator.leave_out_one_in(1),
        |_, _, _, mutator| {
            all += 1;
            left_out += usize::from(mutator.left_out().is_some());
        },
    );
    assert!(left_out * 100 >= all * 95, "{left_out} of {all}");
}

#[test]
fn splices_of_sound_frames_are_sound() {
    let (mut all, mut unsound, mut from_both) = (0, 0, 0);
    let frames = frames();
    for mode in [Mode::Tun, Mode::Tap] {
        let frames: Vec<_> = frames.iter().filter(|(of, _)| *of == mode).map(|(_, frame)| frame).collect();
        for one in &frames {
            for other in &frames {
                for seed in 0..20 {
                    let mut spliced = Vec::new();
                    Mutator::new(seed).mode(mode).leave_out_one_in(0).splice(one, other, &mut spliced, 1600);
                    all += 1;
                    unsound += usize::from(!is_sound(mode, &spliced));
                    from_both += usize::from(spliced != **one && spliced != **other);
                }
            }
        }
    }
    println!("{unsound} of {all} splices are unsound, {from_both} are new");
    assert!(unsound * 100 <= all, "{unsound} of {all}");
    assert!(from_both * 2 >= all, "{from_both} of {all}");
}

/// smoltcp's readers, which check checksums, take what is TCP or UDP over IP in a mutant.
#[cfg(target_os = "linux")]
#[test]
fn smoltcp_reads_mutants() {
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire::{IpAddress, Ipv4Packet, Ipv4Repr, TcpPacket, TcpRepr, UdpPacket, UdpRepr};
    let checksums = ChecksumCapabilities::default();
    let (mut all, mut taken) = (0, 0);
    mutants(
        2000,
        |mutator| mutator.leave_out_one_in(0),
        |mode, frame, mutant, _| {
            // One IPv4 header, whole: smoltcp's readers take no options, and know no fragments here.
            let read = Dissection::new(FrameRef::new(mode, mutant));
            let kinds: Vec<_> = read.kinds().filter(|kind| *kind != LayerKind::Payload).collect();
            let plain = matches!(kinds[..], [LayerKind::Ipv4, LayerKind::Tcp | LayerKind::Udp]) && mutant[0] == 0x45;
            let whole = plain && matches!(mutant[6..8], [0 | 0x40, 0]);
            if !whole || frame == mutant {
                return;
            }
            all += 1;
            let took = || {
                let packet = Ipv4Packet::new_checked(mutant).ok()?;
                let ip = Ipv4Repr::parse(&packet, &checksums).ok()?;
                let (from, to) = (IpAddress::Ipv4(ip.src_addr), IpAddress::Ipv4(ip.dst_addr));
                if kinds[1] == LayerKind::Tcp {
                    let packet = TcpPacket::new_checked(packet.payload()).ok()?;
                    TcpRepr::parse(&packet, &from, &to, &checksums).ok().map(drop)
                } else {
                    let packet = UdpPacket::new_checked(packet.payload()).ok()?;
                    UdpRepr::parse(&packet, &from, &to, &checksums).ok().map(drop)
                }
            };
            taken += usize::from(took().is_some());
        },
    );
    println!("smoltcp takes {taken} of {all}");
    assert!(all >= 2000, "{all}");
    assert!(taken * 100 >= all * 90, "smoltcp takes {taken} of {all}");
}

/// A sequence of frames stays one, and only some of its frames change.
#[test]
fn frames_of_a_sequence_are_mutated_one_by_one() {
    let mut input = Vec::new();
    let frames: Vec<_> = frames().into_iter().filter(|(mode, _)| *mode == Mode::Tun).take(3).collect();
    frames.iter().for_each(|(_, frame)| Frames::push(&mut input, frame));
    let (mut unsound, mut followed, mut counts) = (0, 0, BTreeMap::new());
    for seed in 0..2000 {
        let mut mutant = input.clone();
        let mut mutator = Mutator::new(seed).leave_out_one_in(0);
        Frames(Mode::Tun).mutate(&mut mutator, &mut mutant, 2048, &mut |_, length, _| length);
        unsound += Frames::of(&mutant).filter(|frame| !is_sound(Mode::Tun, frame)).count();
        *counts.entry(Frames::of(&mutant).count()).or_insert(0) += 1;
        followed += usize::from(mutator.applied().eq([Mutation::Followed]));
    }
    assert!([2, 3, 4].iter().all(|count| counts.get(count).is_some_and(|times| *times >= 50)), "{counts:?}");
    assert!(unsound <= 40, "{unsound}");
    assert!(followed >= 50, "{followed}");
}

/// The committed seeds of `frame`, frames as kernels sent them.
#[test]
fn captured_frames_are_mutated() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/corpus/frame");
    let (mut all, mut unsound) = (0, 0);
    for seed in fs::read_dir(folder).unwrap() {
        let seed = fs::read(seed.unwrap().path()).unwrap();
        let mode = if seed[0] % 2 == 0 { Mode::Tun } else { Mode::Tap };
        for number in 0..100 {
            let mut mutant = seed.clone();
            let mut mutator = Mutator::new(number).leave_out_one_in(0);
            FirstOctet.mutate(&mut mutator, &mut mutant, 1600, &mut |_, length, _| length);
            assert_eq!(mutant[0], seed[0]);
            if is_sound(mode, &seed[1..]) {
                all += 1;
                unsound += usize::from(!is_sound(mode, &mutant[1..]));
            }
        }
    }
    println!("{unsound} of {all} are unsound");
    assert!(unsound * 30 <= all, "{unsound} of {all}");
}

/// How long a mutation takes: `cargo test --release --test mutate -- --ignored --nocapture`.
#[test]
#[ignore = "measures"]
fn speed() {
    let syn = (Ipv4::new() / tcp().dport(80).syn().mss(1460)).into_packet().build().unwrap();
    let start = std::time::Instant::now();
    let mut octets = 0;
    for seed in 0..1_000_000 {
        let mut mutant = syn.clone();
        Mutator::new(seed).mutate(&mut mutant, 1500);
        octets += mutant.len();
    }
    println!("{:?} for a mutant of {} octets ({octets})", start.elapsed() / 1_000_000, syn.len());
}
