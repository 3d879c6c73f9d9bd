//! Replays as futures: beside other tasks, dropped on the way, under a paused clock, and late.

use std::time::{Duration, Instant};

use tuntap_test::capture::{Capture, CapturedFrame, Direction, Interface, PcapngWriter};
use tuntap_test::device::Mode;
use tuntap_test::prelude::*;

/// Echo requests with these times; the first is number 1.
fn requests(times: impl IntoIterator<Item = Duration>) -> Capture<'static> {
    let mut file = PcapngWriter::new(Vec::new()).unwrap();
    let tun0 = file.add_interface(&Interface::new("tun0", Mode::Tun)).unwrap();
    for (seq, at) in (1..).zip(times) {
        let request = Icmpv4::echo_request(7, seq).into_packet().build().unwrap();
        file.write_frame(&CapturedFrame::new(tun0, at, request).with_direction(Direction::Inbound)).unwrap();
    }
    Capture::from_octets(&file.into_inner()).unwrap().into_owned()
}

fn milliseconds(times: impl IntoIterator<Item = u64>) -> impl Iterator<Item = Duration> {
    times.into_iter().map(Duration::from_millis)
}

/// Another task gets each reply while the replay goes on.
#[tuntap_test]
#[tokio::test]
async fn a_test_expects_while_it_replays(tun: Tun) {
    let tun = tun.as_async();
    let capture = requests(milliseconds([0, 10, 20]));
    let begin = Instant::now();
    let replies = async {
        for seq in 1..=3 {
            let reply = tun.expect(Icmpv4::echo_reply(7, seq)).await;
            assert!(reply.time() - begin >= Duration::from_millis(10) * u32::from(seq - 1));
        }
    };
    let (replayed, ()) = tokio::join!(tun.replay(&capture), replies);
    assert_eq!(replayed.frames, 3);
    let capture = requests(milliseconds([0, 3_600_000]));
    tokio::select! {
        biased;
        replayed = tun.replay(&capture) => panic!("the second is sent in an hour: {replayed:?}"),
        reply = tun.expect(Icmpv4::echo_reply(7, 1)) => drop(reply),
    }
    let refused = tun.try_replay(capture.outbound()).await.unwrap_err();
    assert!(refused.to_string().contains("none of the 2 frames"), "{refused}");
}

#[tuntap_test]
#[tokio::test]
async fn a_replay_that_is_dropped_sends_no_more(tun: Tun) {
    let tun = tun.as_async();
    let capture = requests(milliseconds([0, 3_600_000]));
    let never_ends = tokio::time::timeout(Duration::from_millis(20), tun.replay(&capture)).await;
    never_ends.unwrap_err();
    tun.expect(Icmpv4::echo_reply(7, 1)).await;
    tun.expect_nothing_else().await;
    assert_eq!(tun.accounting().sent, 1);
}

/// An hour takes no real time.
#[tuntap_test(mock)]
#[tokio::test(start_paused = true)]
async fn a_paused_clock_jumps_to_the_next_frame(tun: Tun) {
    let tun = tun.as_async();
    let (real, jumped) = (Instant::now(), tokio::time::Instant::now());
    let replayed = tun.replay(&requests(milliseconds([0, 1_800_000, 3_600_000]))).await;
    assert_eq!((replayed.frames, replayed.latest), (3, Duration::ZERO));
    assert!(jumped.elapsed() >= Duration::from_secs(3600));
    assert!(real.elapsed() < Duration::from_secs(10), "{:?}", real.elapsed());
}

#[tuntap_test(mock)]
#[tokio::test]
async fn many_frames_at_once_let_others_run(tun: Tun) {
    let tun = tun.as_async();
    let capture = requests(milliseconds(0..1000));
    let mut turns = 0_u32;
    let other = async {
        loop {
            turns += 1;
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        replayed = tun.replay(capture.at_once()) => assert_eq!(replayed.frames, 1000),
        () = other => {}
    }
    assert!(turns >= 10, "{turns}");
}

/// A test that keeps the thread from the replay: the frame leaves late, and what does not come may be due to that.
#[tuntap_test(mock)]
#[tokio::test]
async fn a_frame_that_leaves_late_makes_a_failure_inconclusive(tun: Tun) {
    let tun = tun.as_async();
    let capture = requests(milliseconds([0, 5]));
    let stall = async {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(60) {
            std::hint::spin_loop();
        }
    };
    let (replayed, ()) = tokio::join!(tun.replay(&capture), stall);
    assert!(replayed.latest >= Duration::from_millis(50), "{replayed:?}");
    tun.sniff(Icmpv4::new(), 2).await;
    let failure = tun.try_expect(Udp::new().within(Duration::from_millis(1))).await.unwrap_err();
    assert!(failure.is_inconclusive(), "{failure}");
    let said = failure.to_string();
    let late = said.lines().find(|line| line.contains("the harness: ")).unwrap();
    assert!(late.contains("was replayed ") && late.ends_with(" ms late"), "{said}");
    // What is there and must not be is nobody's delay.
    tun.send(Icmpv4::echo_request(7, 9));
    assert!(!tun.try_expect_nothing_else().await.unwrap_err().is_inconclusive());
}
