//! What holds for every plan and all frames: what was done does it again, nothing is lost without a word, a file is read
//! as it was written.

mod injecting;

use std::collections::BTreeSet;
use std::time::Duration;

use injecting::{Arrived, Sent, run};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::fault::{Call, CallFaults, ExactFault, FaultPlan, FrameFault, Injector, Towards};
use tuntap_test::packet::{Dissection, IntoPacket, Ipv4, Udp};
use tuntap_test::strategy::fault::{exact_plan, plan, towards};
use tuntap_test::strategy::packet::{frame, ip_packet};

/// Frames of any kind in both directions, some at the same time.
fn frames() -> impl Strategy<Value = Vec<Sent>> {
    let octets = prop_oneof![
        3 => ip_packet().prop_map(|packet| (Mode::Tun, packet.build().unwrap())),
        1 => frame(),
    ];
    let gap = prop_oneof![2 => Just(0_u64), 2 => 0_u64..20_000_000, 1 => Just(1_000_000)];
    vec((towards(), octets, gap), 0..40).prop_map(|frames| {
        let mut at = Duration::ZERO;
        let sent = frames.into_iter().map(|(towards, (mode, octets), gap)| {
            at += Duration::from_nanos(gap);
            Sent { towards, mode, octets, at }
        });
        sent.collect()
    })
}

/// What calls at those times give.
fn calls(plan: FaultPlan, calls: &[(bool, u64)]) -> (Vec<CallFaults>, Injector) {
    let mut injector = Injector::new(plan);
    let mut now = 0;
    let given = calls.iter().map(|(transmit, gap)| {
        now += gap;
        injector.on_call(if *transmit { Call::Transmit } else { Call::Receive }, Duration::from_nanos(now))
    });
    (given.collect(), injector)
}

fn events(injector: &Injector) -> Vec<(Duration, ExactFault)> {
    injector.happened().iter().map(|event| (event.at, event.what)).collect()
}

fn cases(cases: u32) -> Config {
    Config { failure_persistence: None, ..Config::with_cases(cases) }
}

proptest! {
    #![proptest_config(cases(300))]

    /// The property on which replay and shrinking stand.
    #[test]
    fn what_was_done_does_the_same_again(plan in plan(), frames in frames()) {
        let (arrived, injector) = run(plan, &frames);
        let exact = injector.exact_plan();
        prop_assert!(exact.exact().is_some());
        let (again, replayed) = run(exact.clone(), &frames);
        prop_assert_eq!(&again, &arrived);
        // It does nothing else; of a frame that a full queue dropped it does only that.
        let exact = exact.exact().unwrap();
        prop_assert!(replayed.exact_plan().exact().unwrap().iter().all(|fault| exact.contains(fault)));
        // And so from the file.
        let read = FaultPlan::from_toml(&injector.to_toml()).unwrap();
        prop_assert_eq!(&read, &injector.exact_plan());
        prop_assert_eq!(run(read, &frames).0, arrived);
    }

    #[test]
    fn calls_fail_again_as_they_did(plan in plan(), times in vec((any::<bool>(), 0_u64..20_000_000), 0..80)) {
        let (given, injector) = calls(plan, &times);
        let (again, replayed) = calls(injector.exact_plan(), &times);
        prop_assert_eq!(again, given);
        prop_assert_eq!(events(&replayed), events(&injector));
    }

    #[test]
    fn the_same_plan_gives_the_same(plan in plan(), frames in frames()) {
        let (one, first) = run(plan.clone(), &frames);
        let (other, second) = run(plan, &frames);
        prop_assert_eq!(one, other);
        prop_assert_eq!(first.happened(), second.happened());
        prop_assert_eq!(first.report().to_string(), second.report().to_string());
        prop_assert!(first.report().to_string().lines().count() <= 6);
    }

    /// A frame arrives, or the list says that it was dropped; it arrives whole, or the list says what was changed.
    #[test]
    fn nothing_is_done_without_a_word(plan in plan(), frames in frames()) {
        let (arrived, injector) = run(plan, &frames);
        prop_assert_eq!(injector.held(), 0);
        let mut came: Vec<_> = arrived.iter().map(|frame| (frame.towards, frame.number, frame.copy)).collect();
        let is = |towards, frame, kind: fn(&FrameFault) -> bool| injector.happened().iter().filter(|event| {
            matches!(event.what, ExactFault::Frame { towards: t, frame: f, fault } if (t, f) == (towards, frame) && kind(&fault))
        }).count();
        let mut numbers = [0_u64; 2];
        let mut wanted = Vec::new();
        for sent in &frames {
            let number = &mut numbers[if sent.towards == Towards::Host { 0 } else { 1 }];
            *number += 1;
            if is(sent.towards, *number, |fault| *fault == FrameFault::Drop) > 0 {
                continue;
            }
            let copies = is(sent.towards, *number, |fault| matches!(fault, FrameFault::Duplicate { .. }));
            wanted.extend((0..=u32::try_from(copies).unwrap()).map(|copy| (sent.towards, *number, copy)));
            let changed = is(sent.towards, *number, |fault| {
                matches!(fault, FrameFault::Corrupt { .. } | FrameFault::Truncate { .. })
            }) > 0;
            let late = is(sent.towards, *number, |fault| {
                !matches!(fault, FrameFault::Corrupt { .. } | FrameFault::Truncate { .. })
            }) > 0;
            for frame in arrived.iter().filter(|frame| (frame.towards, frame.number) == (sent.towards, *number)) {
                prop_assert!(changed || frame.octets == sent.octets);
                // A frame between two that are swapped waits, too.
                let swaps = injector.happened().iter().any(|event| {
                    matches!(event.what, ExactFault::Frame { fault: FrameFault::Swap { .. }, .. })
                });
                prop_assert!(late || swaps || frame.at == sent.at);
                prop_assert!(frame.at >= sent.at);
            }
        }
        came.sort();
        wanted.sort();
        prop_assert_eq!(came, wanted);
        prop_assert!(arrived.is_sorted_by_key(|frame| frame.at));
    }

    /// An injector that is asked only when a frame comes, or seldom, gives the same frames with the same times.
    #[test]
    fn it_does_not_matter_when_it_is_asked(plan in plan(), frames in frames()) {
        let (arrived, _) = run(plan.clone(), &frames);
        let mut injector = Injector::new(plan);
        let mut lazy = Vec::new();
        let mut take = |delivery: tuntap_test::fault::Delivery<'_>| lazy.push(Arrived {
            towards: delivery.towards,
            number: delivery.number,
            copy: delivery.copy,
            at: delivery.at,
            octets: delivery.octets.into_owned(),
        });
        for sent in &frames {
            injector.frame(sent.towards, FrameRef::new(sent.mode, &sent.octets), sent.at, &mut take);
        }
        injector.due(Duration::MAX, &mut take);
        prop_assert_eq!(lazy, arrived);
    }

    #[test]
    fn corruption_that_is_repaired_is_found_by_no_checksum(packet in ip_packet(), seed in any::<u64>()) {
        let octets = packet.build().unwrap();
        let plan = FaultPlan::new().seed(seed).to_host(|frames| frames.corrupt_and_repair(1.0));
        let sent = Sent { towards: Towards::Host, mode: Mode::Tun, octets: octets.clone(), at: Duration::ZERO };
        let (arrived, injector) = run(plan, &[sent]);
        let is_changed = !injector.happened().is_empty();
        prop_assert_eq!(is_changed, arrived[0].octets != octets);
        let mut wrong = Vec::new();
        Dissection::new(FrameRef::new(Mode::Tun, &arrived[0].octets)).verify(|defect| wrong.push(defect));
        wrong.retain(|defect| defect.kind == tuntap_test::packet::DefectKind::Checksum);
        prop_assert_eq!(wrong, []);
    }

    #[test]
    fn a_plan_is_read_as_it_was_written(plan in exact_plan(), seed in any::<u64>()) {
        let plan = plan.seed(seed);
        let text = plan.to_toml().unwrap();
        prop_assert_eq!(FaultPlan::from_toml(&text), Ok(plan.clone()), "{}", text);
        prop_assert_eq!(plan.exact().unwrap().into_iter().collect::<FaultPlan>().seed(seed), plan.clone());
        // A second reader finds as many faults in it.
        let table: toml::Table = text.parse().unwrap();
        let arrays = ["to_host", "to_device", "device"].iter().filter_map(|name| table.get(*name));
        prop_assert_eq!(arrays.map(|array| array.as_array().unwrap().len()).sum::<usize>(), plan.exact().unwrap().len());
    }

    /// What is read is TOML.
    #[test]
    fn what_is_read_is_toml(text in mutated()) {
        if let Ok(plan) = FaultPlan::from_toml(&text) {
            prop_assert!(text.parse::<toml::Table>().is_ok(), "{:?} is {}", text, plan);
            // What was read is written and read again.
            let again = FaultPlan::from_toml(&plan.to_toml().unwrap());
            prop_assert_eq!(again, Ok(plan));
        }
    }

    #[test]
    fn any_text_is_a_plan_or_an_error_with_its_line(text in any_text()) {
        if let Err(error) = FaultPlan::from_toml(&text) {
            prop_assert!((1..=text.matches('\n').count() + 1).contains(&error.line), "{}: {:?}", error, text);
            prop_assert!(error.to_string().starts_with("line "));
        }
    }
}

/// A plan's text with some characters changed, taken out or put in: mostly what has a meaning.
fn mutated() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        3 => prop::sample::select(vec![
            "=", ",", "{", "}", "[", "]", "\"", "#", "\n", "\r\n", " ", "\t", "0", "1", "0x", "_", "-", "+", ".", "true",
            "frame", "fault", "seed", "\\", "\u{7f}", "\r", "é", "'", "\"\"\"", "[[", "ms", "{}", "1e3", "\u{feff}",
        ])
        .prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    let change = (any::<prop::sample::Index>(), 0_usize..4, pieces);
    (exact_plan(), vec(change, 0..4)).prop_map(|(plan, changes)| {
        let mut text: Vec<char> = plan.to_toml().unwrap().chars().collect();
        for (place, taken, put) in changes {
            let from = place.index(text.len() + 1);
            let to = (from + taken).min(text.len());
            text.splice(from..to, put.chars());
        }
        text.into_iter().collect()
    })
}

fn any_text() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "seed",
        "to_host",
        "to_device",
        "device",
        "frame",
        "fault",
        "transmit",
        "at",
        "before_receive",
        "by",
        "with",
        " = ",
        "[",
        "]",
        "{ ",
        " }",
        ", ",
        "\n",
        "\"drop\"",
        "\"swap\"",
        "\"EIO\"",
        "\"10ms\"",
        "\"",
        "3",
        "0xff",
        "true",
        "99999999999999999999999999",
        "\"340282366920938463463374607431768211456s\"",
        "# ",
    ]);
    prop_oneof![
        2 => mutated(),
        2 => vec(words, 0..60).prop_map(|words| words.concat()),
        1 => any::<String>(),
        1 => vec(any::<u8>(), 0..200).prop_map(|octets| String::from_utf8_lossy(&octets).into_owned()),
    ]
}

/// Five standard deviations to either side: of 3000 such counts one in 600 million is outside by chance. The seeds are
/// drawn anew each time.
#[test]
fn shares_are_what_the_plan_says() {
    let mut runner = TestRunner::new(cases(300));
    let octets = (Ipv4::new() / Udp::new() / b"octets").into_packet().build().unwrap();
    let result = runner.run(&(any::<u64>(), 0.02_f64..0.98), |(seed, p)| {
        let plan = FaultPlan::new()
            .seed(seed)
            .to_host(|frames| frames.loss(p).duplicate(p).reorder(p, 4).corrupt(p).corrupt_and_repair(p).truncate(p));
        let sent: Vec<_> = (0..2000_u64)
            .map(|n| Sent {
                towards: Towards::Host,
                mode: Mode::Tun,
                octets: octets.clone(),
                at: Duration::from_millis(n),
            })
            .collect();
        let (_, injector) = run(plan, &sent);
        let count = |kind: fn(&FrameFault) -> bool| {
            let is = |what: &ExactFault| matches!(what, ExactFault::Frame { fault, .. } if kind(fault));
            injector.happened().iter().filter(|event| is(&event.what)).count() as f64
        };
        let lost = count(|fault| *fault == FrameFault::Drop);
        let check = |name: &str, count: f64, of: f64| {
            let deviation = (of * p * (1.0 - p)).sqrt();
            prop_assert!(
                (count - of * p).abs() <= 5.0 * deviation + 1.0,
                "{name}: {count} of {of} with {p}, seed {seed}"
            );
            Ok(())
        };
        check("lost", lost, 2000.0)?;
        let left = 2000.0 - lost;
        check("duplicated", count(|fault| matches!(fault, FrameFault::Duplicate { .. })), left)?;
        check("held", count(|fault| matches!(fault, FrameFault::Hold { .. })), left)?;
        check("corrupted", count(|fault| matches!(fault, FrameFault::Corrupt { repair: false, .. })), left)?;
        check("repaired", count(|fault| matches!(fault, FrameFault::Corrupt { repair: true, .. })), left)?;
        check("truncated", count(|fault| matches!(fault, FrameFault::Truncate { .. })), left)?;
        Ok(())
    });
    result.unwrap();
}

/// proptest shrinks a plan to the faults that matter, and those to the simplest.
#[test]
fn a_failing_plan_shrinks_to_the_fewest_faults() {
    let mut runner = TestRunner::new_with_rng(
        cases(2000),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let drops = |plan: &FaultPlan| {
        let is = |what: &ExactFault| {
            matches!(what, ExactFault::Frame { towards: Towards::Host, fault: FrameFault::Drop, .. })
        };
        plan.exact().unwrap().iter().filter(|what| is(what)).count()
    };
    let failed = runner.run(&exact_plan(), |plan| {
        prop_assert!(drops(&plan) < 2);
        Ok(())
    });
    let Err(proptest::test_runner::TestError::Fail(_, simplest)) = failed else { panic!("no plan failed") };
    let drop = ExactFault::Frame { towards: Towards::Host, frame: 1, fault: FrameFault::Drop };
    assert_eq!(simplest.exact().unwrap(), [drop, drop]);
}

#[test]
fn every_fault_occurs_among_the_plans() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..500 {
        let plan = exact_plan().new_tree(&mut runner).unwrap().current();
        for what in plan.exact().unwrap() {
            let text = format!("{what:?}");
            let name = text.rsplit("fault: ").next().unwrap_or_default();
            seen.insert(name.split([' ', '(', '{', '}']).next().unwrap_or_default().to_owned());
        }
    }
    let all = [
        "Corrupt",
        "Delay",
        "Down",
        "Drop",
        "Duplicate",
        "Eagain",
        "Ebadfd",
        "Eintr",
        "Eio",
        "Enobufs",
        "Hold",
        "Mtu",
        "PacketInfo",
        "QueueLength",
        "Removed",
        "ShortRead",
        "Swap",
        "Truncate",
        "Up",
    ];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), all);
}
