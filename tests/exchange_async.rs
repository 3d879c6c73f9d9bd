//! The verbs as futures: each on both backends and both flavours of tokio's runtime, dropped on the way, beside other
//! tasks, under a paused clock, and with the reports of the verbs that block.

#![expect(clippy::indexing_slicing, reason = "the test fails where the slice is too short")]

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Once};
use std::task::Poll;
use std::time::{Duration, Instant};

use tuntap_test::context::{Backend, TestContext};
use tuntap_test::device::{Deadline, DeviceConfig, patience};
use tuntap_test::exchange::{Established, Failure, Sniff};
use tuntap_test::packet::Packet;
use tuntap_test::prelude::*;

/// Every verb, once.
async fn every_verb(tun: &Tun) {
    let tun = tun.as_async();
    tun.send(Icmpv4::echo_request(7, 1) / b"hello");
    let reply = tun.expect(Ipv4::new().src(tun.host_v4()) / Icmpv4::echo_reply(7, 1) / b"hello").await;
    assert!(reply.ends_with(b"hello"));

    tun.send(Icmpv4::echo_request(7, 2));
    assert_eq!(tun.receive().await[26..28], [0, 2]);
    let nothing = tun.try_receive(Deadline::Now).await.unwrap_err();
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    let nothing = tun.try_receive(Duration::from_millis(1)).await.unwrap_err();
    assert_eq!(nothing.kind(), std::io::ErrorKind::TimedOut);

    for seq in 3..=5 {
        tun.send(Icmpv4::echo_request(7, seq));
    }
    tun.expect_eventually(Icmpv4::echo_reply(7, 4)).await;
    let last = tun.expect_sequence((Icmpv4::echo_reply(7, 5), optional(Udp::new()))).await;
    assert_eq!(last.len(), 1);

    tun.send(Icmpv4::echo_request(7, 6));
    tun.send(Icmpv6::echo_request(7, 7));
    let frames = tun.expect_in_any_order((Icmpv6::echo_reply(7, 7), Icmpv4::echo_reply(7, 6))).await;
    assert_eq!(frames.iter().map(|frame| frame[0] >> 4).collect::<Vec<_>>(), [6, 4]);

    tun.send(Icmpv4::echo_request(7, 8));
    tun.never(Tcp::new()).during(Duration::from_millis(5)).await;
    let failure = tun.never(Icmpv4::new()).try_during(Duration::from_secs(10)).await.unwrap_err();
    assert!(failure.to_string().contains("never ICMPv4"), "{failure}");

    assert!(tun.sr1(Icmpv4::echo_request(7, 9) / b"one").await.ends_with(b"one"));
    let answers = tun.sr([Icmpv4::echo_request(7, 10), Icmpv4::echo_request(7, 11)]).await;
    assert_eq!((answers.answered.len(), answers.unanswered.len()), (2, 0));

    for seq in 12..=13 {
        tun.send(Icmpv4::echo_request(7, seq));
        tun.send(Icmpv6::echo_request(7, seq));
    }
    assert_eq!(tun.sniff(Icmpv6::new(), 2).await.len(), 2);
    assert_eq!(tun.sniff(Packet::any(), Sniff::count(5).at_most(Duration::from_millis(5))).await.len(), 0);

    let established = tun.try_expect_nothing_else().await.unwrap();
    match tun.mock() {
        Some(_) => assert_eq!(established, Established::AtOnce),
        None => assert!(matches!(established, Established::Fence { .. }), "{established}"),
    }
    let account = tun.accounting();
    assert_eq!((account.sent, account.received, account.left_over), (15, 15, 0), "{account}");
    assert_eq!((account.matched, account.skipped, account.unexpected), (11, 3, 1), "{account}");
}

#[tuntap_test]
#[tokio::test]
async fn every_verb_on_one_thread(tun: Tun) {
    every_verb(&tun).await;
}

#[tuntap_test]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_verb_on_several_threads(tun: Tun) {
    // A worker's task: its future is `Send`, and owns the link.
    tokio::spawn(async move { every_verb(&tun).await }).await.unwrap();
}

#[tokio::test]
#[tuntap_test(strict)]
async fn a_strict_test_is_held_to_account(tap: Tap) {
    let tap = tap.as_async();
    tap.send(Ipv4::new().src(tap.host_v4()) / Icmpv4::echo_request(7, 1));
    tap.expect_nothing_else().await;
}

#[tuntap_test]
#[tokio::test]
async fn the_host_end_has_them_too(tun: Tun) {
    let host = tun.host_end();
    let (device, host) = (tun.as_async(), host.as_async());
    let query = async {
        host.send(Udp::new().sport(9).dport(53) / b"query");
        host.expect(Udp::new().dport(9) / b"answer").await
    };
    let answer = async {
        device.expect(Udp::new().dport(53) / b"query").await;
        device.send(Udp::new().sport(53).dport(9) / b"answer");
    };
    let (answer, ()) = tokio::join!(query, answer);
    assert!(answer.ends_with(b"answer"));
}

/// Each waits for what the other does once its own frame has come: a verb that blocked the one thread would never see it.
#[tuntap_test]
#[tokio::test]
async fn tasks_on_two_links_wait_at_once(left: Tun, right: Tap) {
    // A task of its own, and not only a branch of this one.
    let (left, right) = (Arc::new(left), Arc::new(right));
    let on_left = tokio::spawn({
        let (left, right) = (Arc::clone(&left), Arc::clone(&right));
        async move {
            for seq in 1..=50 {
                left.as_async().expect(Udp::new().dport(seq)).await;
                right.host_end().send(Udp::new().dport(seq));
            }
        }
    });
    let on_right = tokio::spawn(async move {
        for seq in 1..=50 {
            left.host_end().send(Udp::new().dport(seq));
            right.as_async().expect(Udp::new().dport(seq)).await;
        }
    });
    on_left.await.unwrap();
    on_right.await.unwrap();
}

/// Polls the future until it has done so much, and drops it then.
async fn drop_when<F: Future>(future: F, mut done: impl FnMut() -> bool) {
    let mut future = pin!(future);
    poll_fn(|context| {
        assert!(future.as_mut().poll(context).is_pending(), "it had to wait");
        // The reader's thread runs meanwhile.
        context.waker().wake_by_ref();
        if done() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// What each verb had taken when it was dropped waits for the next verb as if nobody had looked.
#[tuntap_test]
#[tokio::test]
async fn a_dropped_future_takes_no_frame_with_it(tun: Tun) {
    let tun = tun.as_async();
    let reply = |seq: u16| Icmpv4::echo_reply(7, seq);
    let wanted = || (reply(1), Icmpv6::echo_reply(7, 2), reply(3), Udp::new());
    let requests = [
        Icmpv4::echo_request(7, 1).into_packet(),
        Icmpv6::echo_request(7, 2).into_packet(),
        Ipv4::new().dst([192, 0, 2, 99]) / Icmpv4::echo_request(7, 9),
        Icmpv4::echo_request(7, 3).into_packet(),
    ];
    let account = || tun.accounting();
    // Where the account tells nothing of what a verb holds: it is polled on for a while, when all has come.
    let held = || {
        let (all, mut polls) = (account().received + 3, 0);
        move || {
            polls += u32::from(account().received == all);
            polls == 1000
        }
    };
    for verb in ["expect_sequence", "expect_eventually", "expect_in_any_order", "never", "sniff", "sr"] {
        let before = account();
        let held = held();
        if verb != "sr" {
            requests.iter().for_each(|request| tun.send(request.clone()));
        }
        let marked = |matched: u64, skipped: u64| {
            move || {
                let now = account();
                (now.matched, now.skipped) == (before.matched + matched, before.skipped + skipped)
            }
        };
        match verb {
            "expect_sequence" => drop_when(tun.expect_sequence(wanted()), marked(3, 0)).await,
            "expect_eventually" => drop_when(tun.expect_eventually(Udp::new()), marked(0, 3)).await,
            "expect_in_any_order" => drop_when(tun.expect_in_any_order(wanted()), held).await,
            "never" => drop_when(tun.never(Udp::new()).during(Duration::from_secs(100)), held).await,
            "sniff" => drop_when(tun.sniff(Icmpv4::new(), 3), marked(2, 1)).await,
            _ => drop_when(tun.sr(requests.clone()), marked(3, 0)).await,
        }
        // In order, none missing, none twice.
        let now = account();
        assert_eq!((now.left_over, now.matched, now.skipped), (3, before.matched, before.skipped), "{verb}: {now}");
        let frames = tun.try_expect_sequence((reply(1), Icmpv6::echo_reply(7, 2), reply(3))).await;
        assert_eq!(frames.unwrap_or_else(|failure| panic!("{verb}: {failure}")).len(), 3);
        tun.expect_nothing_else().await;
    }
}

#[tuntap_test]
#[tokio::test]
async fn a_frame_that_a_timeout_left_is_there_for_the_next_verb(tun: Tun) {
    let tun = Arc::new(tun);
    let view = tun.as_async();
    view.send(Icmpv4::echo_request(7, 1));
    let both = view.expect_sequence([Icmpv4::echo_reply(7, 1), Icmpv4::echo_reply(7, 2)]);
    assert!(tokio::time::timeout(Duration::from_millis(20), both).await.is_err());
    view.expect(Icmpv4::echo_reply(7, 1)).await;
    view.expect_nothing_else().await;

    // A branch that another one overtakes.
    view.send(Icmpv4::echo_request(7, 3));
    tokio::select! {
        _ = view.expect_sequence([Icmpv4::echo_reply(7, 3), Icmpv4::echo_reply(7, 4)]) => panic!("4 was not sent"),
        () = tokio::time::sleep(Duration::from_millis(20)) => {}
    }
    view.expect(Icmpv4::echo_reply(7, 3)).await;

    // A task that is aborted when it has seen a frame.
    let task = tokio::spawn({
        let tun = Arc::clone(&tun);
        async move { tun.as_async().expect_sequence([Icmpv4::echo_reply(7, 5), Icmpv4::echo_reply(7, 6)]).await }
    });
    view.send(Icmpv4::echo_request(7, 5));
    while tun.accounting().matched < 3 {
        tokio::task::yield_now().await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    view.expect(Icmpv4::echo_reply(7, 5)).await;
    view.expect_nothing_else().await;
}

/// A window counts from the last event, and what a dropped verb had matched is none.
#[tuntap_test(mock)]
#[tokio::test]
async fn a_dropped_future_leaves_no_event(tun: Tun) {
    tun.stack().mock_host().unwrap().set_silent(true);
    let (host, tun) = (tun.host_end(), tun.as_async());
    tun.send(Udp::new().dport(9));
    tokio::time::sleep(Duration::from_millis(20)).await;
    host.send(Udp::new().dport(1));
    host.send(Udp::new().dport(2));
    let three = tun.expect_sequence([Udp::new().dport(1), Udp::new().dport(2), Udp::new().dport(3)]);
    drop_when(three, || tun.accounting().matched == 2).await;
    tun.expect(Udp::new().dport(1).not_before(Duration::from_millis(20))).await;
}

#[tuntap_test(mock)]
#[tokio::test]
async fn what_is_not_polled_does_nothing(tun: Tun) {
    let tun = tun.as_async();
    drop(tun.sr1(Icmpv4::echo_request(7, 1)));
    drop(tun.sr([Icmpv4::echo_request(7, 2)]));
    drop(tun.expect(Udp::new()));
    assert_eq!(tun.accounting().sent, 0);
    tun.expect_nothing_else().await;
}

/// Tasks that are cancelled again and again while frames come: each frame is given out once, and none is lost.
#[tuntap_test(mock)]
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_crowd_on_one_link_loses_nothing(tun: Tun) {
    const FRAMES: u16 = 2000;
    let tun = Arc::new(tun);
    let tasks: Vec<_> = (0..4_u64)
        .map(|task| {
            let tun = Arc::clone(&tun);
            tokio::spawn(async move {
                let tun = tun.as_async();
                let mut seen = Vec::new();
                let mut round = task;
                while tun.accounting().matched < u64::from(FRAMES) {
                    round += 1;
                    let while_it_waits = Duration::from_micros(100 * (round % 7));
                    // Of those that take two, one frame is put back now and then.
                    let frames = if round % 3 == 0 {
                        let two = tun.expect_sequence([Udp::new(), Udp::new()]);
                        tokio::time::timeout(while_it_waits, two).await.unwrap_or_default()
                    } else {
                        tun.try_receive(while_it_waits).await.into_iter().collect()
                    };
                    seen.extend(frames.iter().map(|frame| u16::from_be_bytes([frame[22], frame[23]])));
                }
                seen
            })
        })
        .collect();
    let host = tun.host_end();
    for port in 1..=FRAMES {
        host.send(Udp::new().dport(port));
        if port % 16 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let mut seen = Vec::new();
    for task in tasks {
        // A frame that is lost would keep them waiting.
        seen.extend(tokio::time::timeout(patience(), task).await.expect("all frames are given out").unwrap());
    }
    let distinct: BTreeSet<_> = seen.iter().copied().collect();
    assert_eq!((seen.len(), distinct.len()), (usize::from(FRAMES), usize::from(FRAMES)));
}

/// Each has a fence of its own.
#[tuntap_test]
#[tokio::test]
async fn two_tasks_ask_for_nothing_else_at_once(tun: Tun) {
    let view = tun.as_async();
    for _ in 0..20 {
        let both = tokio::join!(view.try_expect_nothing_else(), view.try_expect_nothing_else());
        for established in [both.0.unwrap(), both.1.unwrap()] {
            let quiet = matches!(established, Established::QuietWindow { .. });
            assert!(!quiet, "{established}");
        }
    }
    // Dropped while the fence is on its way, it leaves none behind.
    let mut dropped = Box::pin(view.expect_nothing_else());
    let _ = poll_fn(|context| Poll::Ready(dropped.as_mut().poll(context))).await;
    drop(dropped);
    view.expect_nothing_else().await;
    let fences = if tun.mock().is_some() { 0 } else { 42 };
    assert_eq!(tun.accounting().fences, fences);
}

/// A flood of frames that are there already does not keep the runtime from its other tasks.
#[tuntap_test(mock)]
#[tokio::test]
async fn a_verb_lets_others_run_while_frames_wait(tun: Tun) {
    let tun = tun.as_async();
    for seq in 0..1000 {
        tun.send(Icmpv4::echo_request(7, seq));
    }
    tun.never(Udp::new()).during(Duration::ZERO).await;
    let mut turns = 0_u32;
    let other = async {
        loop {
            turns += 1;
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        frames = tun.sniff(Icmpv4::new(), 1000) => assert_eq!(frames.len(), 1000),
        () = other => {}
    }
    assert!(turns >= 10, "{turns}");
}

/// The clock jumps when every task waits: deadlines cost no real time, and what is at the device by then has come.
#[tuntap_test(mock)]
#[tokio::test(start_paused = true)]
async fn a_paused_clock_jumps_to_the_deadline(tun: Tun) {
    let tun = tun.as_async();
    let (real, jumped) = (Instant::now(), tokio::time::Instant::now());
    for seq in 0..100 {
        tun.send(Icmpv4::echo_request(7, seq));
        tun.expect(Icmpv4::echo_reply(7, seq)).await;
    }
    tun.send(Icmpv4::echo_request(7, 1));
    tun.never(Udp::new()).during(Duration::from_secs(3600)).await;
    assert!(jumped.elapsed() >= Duration::from_secs(3600));
    tun.expect(Icmpv4::echo_reply(7, 1)).await;
    let failure = tun.try_expect(Udp::new().named("answer")).await.unwrap_err();
    assert!(failure.to_string().starts_with("expect \"answer\": no frame came"), "{failure}");
    tun.expect_nothing_else().await;
    assert!(real.elapsed() < Duration::from_secs(10), "{:?}", real.elapsed());
    // The time of a verb goes on while its frames come.
    let watched = tun.never(Udp::new()).during(Duration::from_secs(60));
    let begin = tokio::time::Instant::now();
    let stirred = async {
        for seq in 0..10 {
            tokio::time::sleep(Duration::from_secs(5)).await;
            tun.send(Icmpv4::echo_request(7, seq));
        }
    };
    tokio::join!(watched, stirred);
    let elapsed = begin.elapsed();
    assert!((60..61).contains(&elapsed.as_secs()), "{elapsed:?}");
    assert_eq!(tun.sniff(Icmpv4::new(), 10).await.len(), 10);
}

/// A report without what differs from one run to the next: times, a verdict about them, and the place of the call.
fn normalised(failure: &Failure) -> String {
    let mut words: Vec<_> = failure
        .to_string()
        .lines()
        .filter(|line| !line.contains("verdict: INCONCLUSIVE"))
        .flat_map(|line| {
            let line = line.split_whitespace().map(|word| {
                let number = word.trim_start_matches('+').trim_end_matches([',', ';', 's', 'm', 'µ', 'n']);
                let time = number.contains('.') && number.parse::<f64>().is_ok();
                let place = word.contains("exchange_async.rs:");
                if time {
                    "TIME".to_owned()
                } else if place {
                    "PLACE".to_owned()
                } else {
                    word.to_owned()
                }
            });
            line.chain(["\n".to_owned()]).collect::<Vec<_>>()
        })
        .collect();
    words.retain(|word| !matches!(word.as_str(), "ms" | "ms;"));
    words.join(" ")
}

fn link(context: &mut TestContext) -> Tun {
    let tun: Tun = context.argument(DeviceConfig::new()).unwrap();
    // The reader runs from the first verb on.
    let _ = tun.try_receive(Deadline::Now);
    for seq in 1..=3 {
        tun.send(Icmpv4::echo_request(7, seq));
        // The timelines are to be the same: each reply before the next request.
        while tun.accounting().received < u64::from(seq) {
            std::thread::yield_now();
        }
    }
    tun
}

/// The same failures by the verbs that block and by those that do not: the same reports, to the letter.
#[tokio::test]
async fn reports_are_those_of_the_verbs_that_block() {
    let mut reports = Vec::new();
    // In each round everything comes from the same lines.
    for asynchronous in [false, true] {
        let mut context = TestContext::new(Backend::Mock, "reports").unwrap();
        let soon = Duration::from_millis(2);
        let mut failures = Vec::new();
        macro_rules! fails {
            ($verb:ident($($argument:expr),*)) => {{
                let tun = link(&mut context);
                let failure = if asynchronous {
                    tun.as_async().$verb($($argument),*).await.unwrap_err()
                } else {
                    tun.$verb($($argument),*).unwrap_err()
                };
                failures.push((stringify!($verb), normalised(&failure), tun.accounting()));
            }};
        }
        fails!(try_expect(Icmpv4::echo_reply(7, 2)));
        fails!(try_expect(times(0, Udp::new())));
        fails!(try_expect(Icmpv4::echo_reply(7, 1).not_before(Duration::from_secs(5))));
        fails!(try_expect_eventually(Udp::new().dport(53).within(soon)));
        fails!(try_expect_sequence([Icmpv4::echo_reply(7, 1), Icmpv4::echo_reply(7, 3)]));
        fails!(try_expect_sequence((times(2..=3, Icmpv4::new()), Udp::new().within(soon))));
        fails!(try_expect_in_any_order([Icmpv4::echo_reply(7, 2), Icmpv4::echo_reply(7, 3)]));
        fails!(try_expect_in_any_order((times(3, Icmpv4::new()), Udp::new().within(soon))));
        fails!(try_expect_nothing_else());
        fails!(try_sr1(Icmpv4::echo_request(7, 4) / vec![0; 70_000]));
        fails!(try_sr([Ipv4::new().ttl(1..=3)]));
        {
            let tun = link(&mut context);
            let never = Icmpv4::echo_reply(7, 3).named("third");
            let failure = if asynchronous {
                tun.as_async().never(never).try_during(Duration::from_secs(10)).await.unwrap_err()
            } else {
                tun.never(never).try_during(Duration::from_secs(10)).unwrap_err()
            };
            failures.push(("never", normalised(&failure), tun.accounting()));
        }
        reports.push(failures);
    }
    let [blocking, asynchronous] = &reports[..] else { panic!("two rounds") };
    assert_eq!(blocking.len(), 12);
    for (blocking, asynchronous) in blocking.iter().zip(asynchronous) {
        assert_eq!(blocking.1, asynchronous.1, "{}", blocking.0);
        assert_eq!(blocking.2, asynchronous.2, "{}", blocking.0);
    }
}

thread_local! {
    /// Where the last panic of this thread was.
    static PANICKED_AT: std::cell::RefCell<Option<String>> = const { std::cell::RefCell::new(None) };
}

fn watch_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let place = info.location().map(Location::to_string);
            PANICKED_AT.with_borrow_mut(|at| at.clone_from(&place));
            before(info);
        }));
    });
}

#[tuntap_test(mock)]
fn a_panic_is_at_the_line_that_awaits(tun: Tun) {
    watch_panics();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let here = Location::caller();
    let (line, payload) = (
        line!() + 3,
        catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                tun.as_async().expect(Udp::new().within(Duration::from_millis(1))).await;
            });
        })),
    );
    let panicked_at = PANICKED_AT.take().unwrap();
    assert!(panicked_at.starts_with(&format!("{}:{line}:", here.file())), "{panicked_at}");
    let text = *payload.unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains(&format!("at {}:{line}:", here.file())), "{text}");
}

/// Where the verb is wrapped, the report still says where it was called.
#[tuntap_test(mock)]
#[should_panic(expected = "expect_nothing_else: 1 frame came that nobody wanted")]
#[tokio::test]
async fn a_spawned_verb_fails_its_task(tun: Tun) {
    tun.send(Icmpv4::echo_request(7, 1));
    let line = line!() + 1;
    let failed = tokio::spawn(async move { tun.as_async().expect_nothing_else().await }).await.unwrap_err();
    let text = *failed.into_panic().downcast::<String>().unwrap();
    assert!(text.contains(&format!("exchange_async.rs:{line}:")), "{text}");
    panic!("{text}");
}
