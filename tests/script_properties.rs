//! What holds for every script: it is its octets, its words and its Rust; and what the strategies give and shrink to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestError, TestRunner};
use tuntap_test::capture::Capture;
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::fault::LinkFault;
use tuntap_test::fuzz::{Answer, Reply, Script, SocketCall, Step};
use tuntap_test::packet::{Dissection, Ipv4, LayerKind, Packet, Tcp, Udp};
use tuntap_test::strategy::script::{frame_octets, script, script_on, step};

fn cases(cases: u32) -> Config {
    Config { failure_persistence: None, ..Config::with_cases(cases) }
}

fn any_script() -> impl Strategy<Value = Script> {
    prop_oneof![script_on(Mode::Tun), script_on(Mode::Tap)]
}

/// An encoded script that is changed here and there, or any octets.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let changes = vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 0..6);
    let changed = (any_script(), changes).prop_map(|(script, changes)| {
        let mut octets = script.encode();
        for (at, value, what) in changes {
            let at = at.index(octets.len());
            match what {
                0 => octets.iter_mut().skip(at).take(1).for_each(|octet| *octet = value),
                1 => octets.insert(at, value),
                2 => {
                    octets.remove(at);
                }
                _ => octets.truncate(at + 1),
            }
            if octets.is_empty() {
                octets.push(value);
            }
        }
        octets
    });
    // Kinds that there are, with lengths that fit at times.
    let step = (0_u8..=9, 0_u8..40, vec(any::<u8>(), 0..40))
        .prop_map(|(kind, length, value)| [&[kind, 0, 0, length][..], &value].concat());
    let made = (any::<u8>(), vec(step, 0..6)).prop_map(|(about, steps)| [&[about][..], &steps.concat()].concat());
    prop_oneof![3 => changed, 2 => made, 1 => vec(any::<u8>(), 0..200)]
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn a_script_decodes_to_itself(script in any_script()) {
        prop_assert_eq!(Script::decode(&script.encode()), script);
    }

    /// Total, and canonical: what was decoded is a value that the encoding holds.
    #[test]
    fn any_octets_are_a_script_that_is_its_octets(octets in octets()) {
        let script = Script::decode(&octets);
        let encoded = script.encode();
        prop_assert_eq!(Script::decode(&encoded), script.clone());
        prop_assert_eq!(Script::decode(&encoded).encode(), encoded);
        prop_assert_eq!(script.to_string().lines().count(), script.steps().len(), "{}", script);
    }

    #[test]
    fn words_are_a_line_a_step_and_rust_a_call_a_step(script in any_script()) {
        let words = script.to_string();
        prop_assert_eq!(words.lines().count(), script.steps().len(), "{}", words);
        prop_assert!(words.lines().all(|line| line.chars().all(|letter| !letter.is_control())), "{}", words);
        let calls = script.as_rust().lines().count() - 1 - usize::from(script.is_host_silent());
        prop_assert_eq!(calls, script.steps().len());
    }

    /// Frames, their order, the time between them and who sent them.
    #[test]
    fn a_script_s_capture_holds_its_frames(script in any_script()) {
        let frames = |script: &Script| {
            let mut now = Duration::ZERO;
            let mut frames = Vec::new();
            for step in script.steps() {
                match step {
                    Step::Advance(by) => now = now.saturating_add(*by),
                    Step::Frame(octets) => frames.push((now, true, octets.clone())),
                    Step::Observed(octets) => frames.push((now, false, octets.clone())),
                    _ => {}
                }
            }
            let first = frames.first().map_or(now, |(at, ..)| *at);
            frames.iter_mut().for_each(|(at, ..)| *at -= first);
            frames
        };
        let file = script.to_pcapng();
        let again = Script::from_capture(&Capture::from_octets(&file).unwrap());
        let (wanted, got) = (frames(&script), frames(&again));
        prop_assert_eq!(got, wanted);
    }
}

/// Which kind and variant a step is of.
fn kinds(step: &Step) -> Vec<String> {
    let first_word = |value: String| {
        let end = value.find(|letter: char| !letter.is_alphanumeric() && letter != ':').unwrap_or(value.len());
        value[..end].to_owned()
    };
    match step {
        Step::Frame(_) => vec!["frame".to_owned()],
        Step::Observed(_) => vec!["observed".to_owned()],
        Step::Advance(_) => vec!["advance".to_owned()],
        Step::Answer(answer) => {
            let edited = if answer.edits().is_empty() { "as it is" } else { "edited" };
            let mut kinds =
                vec![format!("answer {}", first_word(format!("{:?}", answer.reply()))), format!("answer {edited}")];
            kinds.push(format!("answer to {}", if answer.earlier() == 0 { "the last" } else { "an earlier" }));
            if let Reply::Segment { sequence, acknowledgement, .. } = answer.reply() {
                kinds.push(format!("segment off {}", (*sequence, *acknowledgement) != (0, 0)));
            }
            kinds
        }
        Step::Link(fault) => vec![format!("link {}", first_word(format!("{fault:?}")))],
        Step::Socket(call) => vec![format!("socket {}", first_word(format!("{call:?}")))],
        // `Fault(Frame(Host, Delay { … }))`: which, where, what.
        Step::Fault(fault) => {
            let text = format!("{fault:?}").replace(['(', ')', ',', '{', '}'], " ");
            vec![text.split_whitespace().take(4).collect::<Vec<_>>().join(" ")]
        }
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn every_kind_and_variant_occurs() {
    let wanted = [
        "frame",
        "observed",
        "advance",
        "answer Peer",
        "answer Mirror",
        "answer Segment",
        "answer Datagram",
        "answer Error",
        "answer edited",
        "answer as it is",
        "answer to the last",
        "answer to an earlier",
        "segment off true",
        "segment off false",
        "link Down",
        "link Up",
        "link Mtu",
        "link QueueLength",
        "link Removed",
        "socket UdpBind",
        "socket UdpSend",
        "socket TcpListen",
        "socket TcpConnect",
        "socket Accept",
        "socket Write",
        "socket Read",
        "socket Shutdown",
        "socket Close",
        "socket Ping",
    ];
    let mut wanted: BTreeSet<String> = wanted.into_iter().map(str::to_owned).collect();
    for towards in ["Host", "Device"] {
        for fault in ["Drop", "Corrupt", "Truncate", "Duplicate", "Hold", "Delay"] {
            wanted.insert(format!("Fault Frame {towards} {fault}"));
        }
    }
    for fault in ["Eagain", "Eintr", "Eio", "Enobufs", "Ebadfd"] {
        wanted.insert(format!("Fault Call Transmit {fault}"));
        wanted.insert(format!("Fault Call Receive {fault}"));
    }
    wanted.insert("Fault Call Receive ShortRead".to_owned());
    wanted.insert("Fault Call Receive PacketInfo".to_owned());

    let mut runner = TestRunner::deterministic();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let (mut steps, mut silent, mut empty) = (0, 0, 0);
    let both = [(Mode::Tun, script_on(Mode::Tun)), (Mode::Tap, script_on(Mode::Tap))];
    for (mode, strategy) in both.iter().cycle().take(1000) {
        let script = strategy.new_tree(&mut runner).unwrap().current();
        assert_eq!(script.mode(), *mode);
        silent += usize::from(script.is_host_silent());
        empty += usize::from(script.steps().is_empty());
        steps += script.steps().len();
        for kind in script.steps().iter().flat_map(kinds) {
            *counts.entry(kind).or_default() += 1;
        }
    }
    println!("{steps} steps in 1000 scripts, {empty} empty, {silent} with a silent host: {counts:#?}");
    assert_eq!(counts.keys().cloned().collect::<BTreeSet<_>>(), wanted);
    let rare: Vec<_> = counts.iter().filter(|(_, count)| **count < 5).collect();
    assert!(rare.is_empty(), "{rare:?}");
    assert!((50..200).contains(&silent) && (50..400).contains(&empty) && (5_000..20_000).contains(&steps));
}

/// Frames that code drops at once test little.
#[test]
fn most_frames_are_sound_and_of_every_protocol() {
    let mut runner = TestRunner::deterministic();
    for mode in [Mode::Tun, Mode::Tap] {
        let (strategy, mut kinds, mut sound) = (frame_octets(mode), BTreeSet::new(), 0);
        for _ in 0..400 {
            let octets = strategy.new_tree(&mut runner).unwrap().current();
            let dissection = Dissection::new(FrameRef::new(mode, &octets));
            sound += usize::from(dissection.is_sound() && dissection.error().is_none());
            kinds.extend(dissection.kinds());
        }
        assert!(sound >= 340, "{sound} of 400");
        let known = [
            LayerKind::Tcp,
            LayerKind::Udp,
            LayerKind::Icmpv4,
            LayerKind::Icmpv6,
            LayerKind::Igmp,
            LayerKind::Fragment,
        ];
        assert!(known.iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
        assert_eq!(kinds.contains(&LayerKind::Arp), mode == Mode::Tap);
    }
}

/// A SYN is followed by what answers its answer, in a fair part of all scripts.
#[test]
fn conversations_make_sense() {
    let mut runner = TestRunner::deterministic();
    let (strategy, mut handshakes, mut datagrams) = (script(), 0, 0);
    for _ in 0..500 {
        let script = strategy.new_tree(&mut runner).unwrap().current();
        let is = |step: &Step, holds: fn(FrameRef<'_>) -> bool| match step {
            Step::Frame(octets) => holds(FrameRef::new(Mode::Tun, octets)),
            _ => false,
        };
        let pairs = script.steps().windows(2);
        handshakes += usize::from(pairs.clone().any(|pair| {
            is(&pair[0], |frame| frame.tcp().is_ok_and(|tcp| tcp.syn() && tcp.destination_port() == 80))
                && matches!(&pair[1], Step::Answer(answer) if !matches!(answer.reply(), Reply::Mirror))
        }));
        datagrams += usize::from(pairs.clone().any(|pair| {
            is(&pair[0], |frame| frame.udp().is_ok()) && matches!(pair[1], Step::Answer(_) | Step::Advance(_))
        }));
    }
    println!("{handshakes} handshakes, {datagrams} datagrams with an answer");
    assert!(handshakes >= 100 && datagrams >= 75, "{handshakes} {datagrams}");
}

/// What `fails` shrinks to, from that many beginnings.
fn shrunk(strategy: &BoxedStrategy<Script>, beginnings: usize, fails: impl Fn(&Script) -> bool) -> Vec<Script> {
    let mut runner = TestRunner::new_with_rng(
        Config { max_shrink_iters: 100_000, ..cases(10_000) },
        TestRunner::deterministic().new_rng(),
    );
    (0..beginnings)
        .map(|_| {
            match runner.run(strategy, |script| if fails(&script) { Err(TestCaseError::fail("")) } else { Ok(()) }) {
                Err(TestError::Fail(_, script)) => script,
                other => panic!("nothing fails: {other:?}"),
            }
        })
        .collect()
}

fn frames(script: &Script) -> impl Iterator<Item = FrameRef<'_>> {
    script.steps().iter().filter_map(|step| match step {
        Step::Frame(octets) => Some(FrameRef::new(script.mode(), octets)),
        _ => None,
    })
}

#[test]
fn what_is_shrunk_has_the_fewest_steps_and_each_the_simplest_of_its_kind() {
    let down =
        shrunk(&script(), 10, |script| script.steps().iter().any(|step| matches!(step, Step::Link(LinkFault::Down))));
    assert!(down.iter().all(|script| *script == Script::new().down()), "{down:?}");

    let answers = |script: &Script| script.steps().iter().filter(|step| matches!(step, Step::Answer(_))).count();
    let two = shrunk(&script(), 10, |script| answers(script) >= 2);
    let plain = Script::new().answer(Answer::peer()).answer(Answer::peer());
    let plain = two.iter().filter(|script| **script == plain).count();
    assert!(plain == 10 && two.iter().all(|script| script.steps().len() == 2), "{two:?}");

    let sockets = shrunk(&script(), 10, |script| {
        script.steps().iter().any(|step| matches!(step, Step::Socket(SocketCall::UdpSend { .. })))
    });
    let call = SocketCall::UdpSend { slot: 0, port: 53, octets: Vec::new() };
    assert!(sockets.iter().all(|script| *script == Script::new().socket(call.clone())), "{sockets:?}");
}

#[test]
fn a_frame_shrinks_to_the_packet_that_a_person_would_write() {
    let udp = shrunk(&script(), 10, |script| frames(script).any(|frame| frame.udp().is_ok()));
    assert!(udp.iter().all(|script| script.steps().len() == 1));
    let plain = |packet: Packet| Script::new().send(packet);
    let written = udp.iter().filter(|script| **script == plain(Ipv4::new() / Udp::new())).count();
    println!("{}", udp.iter().map(Script::as_rust).collect::<Vec<_>>().join("\n"));
    assert!(written == 10, "{written} of 10 are the plain datagram");

    let tcp = shrunk(&script(), 10, |script| frames(script).any(|frame| frame.tcp().is_ok_and(|tcp| tcp.fin())));
    println!("{}", tcp.iter().map(Script::as_rust).collect::<Vec<_>>().join("\n"));
    let written = plain(Ipv4::new() / Tcp::new().sport(50_000).dport(80).fin());
    let written = tcp.iter().filter(|script| **script == written).count();
    assert!(written == 10, "{written} of 10 are the plain segment");
}

#[test]
fn a_single_step_shrinks_within_its_kind() {
    let (strategy, mut runner) = (step(Mode::Tun), TestRunner::deterministic());
    for _ in 0..300 {
        let mut tree = strategy.new_tree(&mut runner).unwrap();
        let kind = std::mem::discriminant(&tree.current());
        while tree.simplify() {}
        assert_eq!(std::mem::discriminant(&tree.current()), kind);
    }
}
