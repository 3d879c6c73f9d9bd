//! Scripts played on links: turns, time, answers, faults, sockets, and what is judged.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tuntap_test::context::{Backend, TestContext};
use tuntap_test::device::{Deadline, DeviceConfig, FrameRef};
use tuntap_test::etherparse;
use tuntap_test::exchange::Monitor;
use tuntap_test::fault::{Call, CallFault, FrameFault, Towards};
use tuntap_test::fuzz::{self, Answer, Event, Fault, Player, Script, SocketCall, Transcript};
use tuntap_test::packet::*;
use tuntap_test::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

/// Runs it on a link in memory; gives the panic's message when it panics.
fn on_a_link<T>(body: impl FnOnce(&Tun) -> T) -> Result<T, String> {
    let mut context = TestContext::new(Backend::Mock, "player").unwrap();
    let tun: Tun = context.argument(DeviceConfig::new()).unwrap();
    catch_unwind(AssertUnwindSafe(|| body(&tun))).map_err(|panic| match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => (*panic.downcast::<&str>().unwrap()).to_owned(),
    })
}

/// Takes what the device end holds, and hands it to the closure.
fn receive(tun: &Tun, mut each: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 65_553];
    loop {
        match tun.device().receive(&mut buffer, Deadline::Now) {
            Ok(octets) => each(buffer.get(..octets).unwrap()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
            // A fault of the script's.
            Err(_) => {}
        }
    }
}

fn words(transcript: &Transcript) -> Vec<String> {
    transcript.sent().map(|frame| frame.summary().to_string()).collect()
}

#[test]
fn the_host_is_code_under_test_too() {
    let script = Script::new()
        .send(Icmpv4::echo_request(7, 1) / b"hi")
        .send(Ipv4::new() / Tcp::new().sport(40_000).dport(81).syn().seq(100))
        .send_raw([0x00]);
    let transcript = on_a_link(|tun| script.play_at_device_end(tun, |_| ())).unwrap();
    let sent = words(&transcript);
    assert_eq!(sent.len(), 2, "{transcript}");
    assert!(sent[0].contains("echo reply"), "{transcript}");
    assert!(sent[1].contains("TCP [R"), "{transcript}");
    let refused = transcript.happened().iter().find(|happened| matches!(happened.event, Event::Refused(..))).unwrap();
    assert_eq!(refused.step, 3);
    let Event::Refused(_, refusal) = &refused.event else { unreachable!() };
    assert_eq!(refusal.kind, std::io::ErrorKind::InvalidInput);
    #[cfg(target_os = "linux")]
    assert_eq!(refusal.errno, Some(22));
}

/// A three-way handshake, a request and its reply with numbers that only the host knows.
#[test]
fn answers_get_past_the_handshake() {
    let script = Script::new()
        .socket(SocketCall::TcpListen { slot: 0, v6: false, port: 80 })
        .send(Ipv4::new() / Tcp::new().sport(40_000).dport(80).syn().seq(100))
        .answer(Answer::peer())
        .answer(Answer::datagram(b"GET /").to(0))
        .socket(SocketCall::Accept { slot: 0, into: 1 })
        .socket(SocketCall::Read { slot: 1, most: 100 })
        .socket(SocketCall::Write { slot: 1, octets: b"200".to_vec() })
        .answer(Answer::peer())
        .answer(Answer::segment(TcpFlags::FIN | TcpFlags::ACK, []))
        .socket(SocketCall::Close { slot: 1 })
        .answer(Answer::peer());
    let transcript = on_a_link(|tun| script.play_at_device_end(tun, |_| ())).unwrap();
    let read: Vec<_> = transcript
        .happened()
        .iter()
        .filter_map(|happened| match &happened.event {
            Event::Socket(Ok(octets)) if !octets.is_empty() => Some((happened.step, octets.clone())),
            Event::Socket(Err(error)) => panic!("{error} in step {}\n{transcript}", happened.step),
            _ => None,
        })
        .collect();
    assert_eq!(read, [(6, b"GET /".to_vec())], "{transcript}");
    // SYN-ACK, acknowledgements of the request and of the FIN, the reply, the host's FIN.
    let sent = words(&transcript);
    assert_eq!(sent.len(), 5, "{transcript}");
    assert!(sent.iter().all(|line| !line.contains("TCP [R")), "{transcript}");
}

/// A client under test that connects with what it likes is led through the handshake, too.
#[test]
fn answers_are_bound_to_what_the_device_end_sent() {
    let script = Script::new().silent_host().answer(Answer::peer()).answer(Answer::segment(TcpFlags::RST, []));
    let seen = RefCell::new(Vec::new());
    let transcript = on_a_link(|tun| {
        let mut flow = None;
        script.play_at_host_end(tun, |turn| {
            let flow = flow.get_or_insert_with(|| {
                let mut flow = tun.tcp_flow(49_152, 80).initial_sequence(4_000_000_000);
                let syn = flow.syn().build_with(tun.defaults()).unwrap();
                tun.device().transmit(&syn).unwrap();
                flow
            });
            let _ = (flow, turn.now());
            receive(tun, |octets| seen.borrow_mut().push(octets.to_vec()));
        })
    })
    .unwrap();
    let seen = seen.into_inner();
    assert_eq!(seen.len(), 2, "{transcript}");
    let tcp = |octets: &[u8]| {
        let frame = FrameRef::new(tuntap_test::device::Mode::Tun, octets);
        let tcp = frame.tcp().unwrap();
        (tcp.destination_port(), tcp.syn(), tcp.rst(), tcp.sequence_number(), tcp.acknowledgment_number())
    };
    assert_eq!(tcp(&seen[0]), (49_152, true, false, 1_000, 4_000_000_001));
    assert_eq!(tcp(&seen[1]), (49_152, false, true, 1_001, 4_000_000_001));
}

#[test]
fn a_turn_comes_when_it_was_asked_for_and_when_a_frame_does() {
    let script = Script::new()
        .silent_host()
        .fault(Fault::frame(Towards::Device, FrameFault::Delay { by: Duration::from_millis(300) }))
        .send_as_host(Udp::new().dport(7) / b"late")
        .advance(SECOND);
    let turns = RefCell::new(Vec::new());
    on_a_link(|tun| {
        script.play_at_host_end(tun, |turn| {
            let mut frames = 0;
            receive(tun, |_| frames += 1);
            turns.borrow_mut().push((turn.now().as_millis(), frames));
            if turn.now() < Duration::from_millis(700) {
                turn.again_in(Duration::from_millis(700) - turn.now());
            }
        })
    })
    .unwrap();
    assert_eq!(turns.into_inner(), [(0, 0), (0, 0), (0, 0), (300, 1), (700, 0), (1000, 0)]);
}

#[test]
fn faults_and_the_link_are_what_the_script_says() {
    let datagram = || Udp::new().dport(7) / b"x";
    let script = Script::new()
        .silent_host()
        .fault(Fault::frame(Towards::Device, FrameFault::Drop))
        .send_as_host(datagram())
        .send_as_host(datagram())
        .fault(Fault::frame(Towards::Device, FrameFault::Duplicate { after: Duration::ZERO }))
        .send_as_host(datagram())
        .fault(Fault::call(Call::Receive, CallFault::Eintr))
        .down()
        .send_as_host(datagram())
        .up()
        .mtu(68)
        .mtu(3);
    let (got, calls) = (RefCell::new(0), RefCell::new(Vec::new()));
    let transcript = on_a_link(|tun| {
        script.play_at_host_end(tun, |_| {
            let mut buffer = [0; 100];
            calls.borrow_mut().push(tun.device().receive(&mut buffer, Deadline::Now).map_err(|error| error.kind()));
            receive(tun, |_| *got.borrow_mut() += 1);
            assert!(tun.mtu() == 1500 || tun.mtu() == 68);
        })
    })
    .unwrap();
    let calls = calls.into_inner();
    let read = calls.iter().filter(|call| call.is_ok()).count() + got.into_inner();
    assert_eq!(read, 3, "one was dropped, one came twice, one met a link that was down: {transcript}");
    assert_eq!(calls[6], Err(std::io::ErrorKind::Interrupted), "{calls:?}");
    let refused: Vec<_> = transcript
        .happened()
        .iter()
        .filter(|happened| !matches!(happened.event, Event::Put(_)))
        .map(|happened| happened.step)
        .collect();
    assert_eq!(refused, [8, 11], "{transcript}");
}

#[test]
fn a_wrong_checksum_is_a_finding() {
    let reply = (Ipv4::new() / Udp::new().sport(7).checksum(0x1234) / b"x").build().unwrap();
    let script = Script::new().silent_host().send_as_host(Udp::new().dport(7) / b"x");
    let play = |player: fn(&Tun) -> Player<'_>| {
        let reply = reply.clone();
        on_a_link(|tun| {
            player(tun).play(&script, |_| receive(tun, |_| drop(tun.device().transmit(&reply))));
        })
    };
    let told = play(|tun| Player::at_host_end(tun)).unwrap_err();
    assert!(told.contains("UDP checksum is 0x1234"), "{told}");
    assert!(told.contains("tests/player.rs"), "{told}");
    play(|tun| Player::at_host_end(tun).without(Monitor::Checksums)).unwrap();
}

#[test]
fn a_check_tells_the_step() {
    let script = Script::new().send(Icmpv4::echo_request(7, 1)).send(Icmpv4::echo_request(7, 2)).advance(SECOND);
    let told = on_a_link(|tun| {
        let check = |frame: FrameRef<'_>| match frame.icmpv4().unwrap().header().icmp_type {
            etherparse::Icmpv4Type::EchoReply(header) if header.seq == 2 => Err("it is two".to_owned()),
            _ => Ok(()),
        };
        Player::at_device_end(tun).check("never two", check).play(&script, |_| ())
    })
    .unwrap_err();
    assert!(told.starts_with("never two: it is two\n"), "{told}");
    assert!(told.contains("in step 2 of 3: send 192.0.2.2 > 192.0.2.1 ICMPv4 echo request"), "{told}");
    assert!(told.contains("echo reply"), "the last frames: {told}");
}

#[test]
fn who_sends_without_end_is_stopped() {
    let script = Script::new().silent_host().send_as_host(Udp::new().dport(7) / b"x");
    let told = on_a_link(|tun| {
        let frame = Ipv4::new().into_packet().build().unwrap();
        Player::at_host_end(tun).most_frames(5).play(&script, |_| {
            for _ in 0..6 {
                tun.device().transmit(&frame).unwrap();
            }
        })
    })
    .unwrap_err();
    assert!(told.starts_with("the code under test sent more than 5 frames"), "{told}");
}

#[test]
fn who_does_not_come_to_rest_is_found() {
    let script = Script::new().silent_host().advance(SECOND);
    let frame = Ipv4::new().into_packet().build().unwrap();
    let hour = Duration::from_secs(3600);
    // Sends a frame every ten minutes, for ever.
    let told = on_a_link(|tun| {
        Player::at_host_end(tun).rests_within(hour).play(&script, |turn| {
            let every = Duration::from_secs(600);
            if turn.now().as_secs() % 600 == 0 {
                tun.device().transmit(&frame).unwrap();
            }
            let _ = every;
            turn.again_in(Duration::from_secs(600 - turn.now().as_secs() % 600));
        })
    })
    .unwrap_err();
    assert!(
        told.starts_with("the code under test does not come to rest: it sent 3 frames in the last 1800s"),
        "{told}"
    );
    // Wants turns without sending anything.
    let told = on_a_link(|tun| Player::at_host_end(tun).rests_within(hour).play(&script, |turn| turn.again_in(hour)));
    assert!(told.unwrap_err().contains("it wants another turn in 3600s"));
    // Wants them at once.
    let told = on_a_link(|tun| Player::at_host_end(tun).play(&script, |turn| turn.again_in(Duration::ZERO)));
    assert!(told.unwrap_err().contains("wanted 1000 turns while no time passed"));
}

/// What a fault of the script's has made late comes before it is asked whether the code under test rests.
#[test]
fn a_late_frame_is_no_unrest() {
    for towards in [Towards::Host, Towards::Device] {
        let late = FrameFault::Delay { by: 600 * SECOND };
        let script = Script::new()
            .silent_host()
            .fault(Fault::frame(towards, late))
            .send_as_host(Udp::new().dport(7) / b"x")
            .send_as_host(Udp::new().dport(7) / b"y");
        let transcript = on_a_link(|tun| {
            Player::at_host_end(tun)
                .rests_within(600 * SECOND)
                .play(&script, |_| receive(tun, |octets| drop(tun.device().transmit(octets))))
        });
        let transcript = transcript.unwrap();
        assert_eq!(transcript.sent().count(), 2, "{transcript}");
    }
}

/// Time that a fuzzer makes up ends: a clock that ticks gets so many turns in a step and sleeps through the rest.
#[test]
fn centuries_end() {
    let script = Script::new().silent_host().advance(Duration::from_nanos(u64::MAX)).send_as_host(Udp::new().dport(7));
    let script = (0..3).fold(script, |script, _| script.advance(Duration::MAX));
    let (turns, last) = (RefCell::new(0), RefCell::new(Duration::ZERO));
    on_a_link(|tun| {
        script.play_at_host_end(tun, |turn| {
            *turns.borrow_mut() += 1;
            *last.borrow_mut() = turn.now();
            turn.again_in(SECOND);
        })
    })
    .unwrap();
    assert!((10_000..10_010).contains(&turns.into_inner()));
    assert_eq!(last.into_inner(), Duration::from_nanos(u64::MAX));
}

#[test]
fn what_is_not_given_back_is_a_leak() {
    let script = Script::new().silent_host().send_as_host(Udp::new().dport(7) / b"x");
    let play = |keeps: bool| {
        on_a_link(|tun| {
            let mut held = Vec::new();
            Player::at_host_end(tun).rests_within(SECOND).play(&script, |turn| {
                receive(tun, |octets| held.push(octets.to_vec()));
                if !keeps && turn.now() >= Duration::from_millis(100) {
                    held.clear();
                }
                turn.level("datagrams", held.len());
            });
        })
    };
    play(false).unwrap();
    let told = play(true).unwrap_err();
    assert!(told.starts_with("leak: the code under test holds 1 datagrams at rest, and held 0 before"), "{told}");
}

/// A packet socket says once that the link went down: who plays the host goes on listening.
#[test]
fn the_host_end_hears_again_after_a_flap() {
    let script = Script::new().silent_host().down().up().send_as_host(Udp::new().dport(7) / b"x");
    let transcript = on_a_link(|tun| {
        script.play_at_host_end(tun, |_| receive(tun, |octets| tun.device().transmit(octets).map(drop).unwrap()))
    });
    let transcript = transcript.unwrap();
    assert_eq!(transcript.sent().count(), 1, "{transcript}");
}

/// Fences are the kernel's links only: what looks like one on the mock is the code under test's.
#[test]
fn no_frame_is_hidden_on_the_mock() {
    let to_a_fence = Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 0, 64]) / Udp::new().dport(7) / b"x";
    let script = Script::new().silent_host().send(to_a_fence);
    let transcript = on_a_link(|tun| {
        script.play_at_host_end(tun, |_| receive(tun, |octets| tun.device().transmit(octets).map(drop).unwrap()))
    });
    assert_eq!(transcript.unwrap().sent().count(), 1);
}

/// Neither the rules that always hold nor a check are about what a fault has done.
#[test]
fn what_a_fault_made_of_a_frame_is_nobodys_fault() {
    let datagram = || Udp::new().dport(7) / [7; 100];
    let corrupt = FrameFault::Corrupt { octet: 28, xor: 1, repair: false };
    let late = FrameFault::Delay { by: SECOND };
    let script = Script::new()
        .silent_host()
        .fault(Fault::frame(Towards::Host, corrupt))
        .send_as_host(datagram())
        .fault(Fault::frame(Towards::Host, late))
        .send_as_host(datagram())
        .mtu(100)
        .advance(SECOND);
    let play = |faults: bool| {
        on_a_link(|tun| {
            let frame = (Ipv4::new() / Udp::new().sport(7) / [7; 100]).build().unwrap();
            let mut wrong = frame.clone();
            wrong[28] ^= 1;
            let sevens = |frame: FrameRef<'_>| match frame.payload() {
                [7, ..] => Ok(()),
                _ => Err("no seven".to_owned()),
            };
            let plain = Script::new().silent_host().send_as_host(datagram());
            let (script, reply) = if faults { (&script, &frame) } else { (&plain, &wrong) };
            let player = Player::at_host_end(tun).check("sevens", sevens);
            player.play(script, |_| receive(tun, |_| drop(tun.device().transmit(reply)))).sent().count()
        })
    };
    assert_eq!(play(true), Ok(2));
    assert!(play(false).is_err());
}

fn reflects(tun: Tun, script: Script) {
    script.play_at_host_end(&tun, |_| {
        let mut frames = Vec::new();
        receive(&tun, |octets| frames.push(octets.to_vec()));
        for frame in frames {
            assert!(frame.len() != 33, "thirty-three");
            let _ = tun.device().transmit(&frame);
        }
    });
}

#[test]
fn a_body_is_a_function_of_octets() {
    let script = Script::new().silent_host().send_as_host(Ipv4::new() / Udp::new().dport(7) / b"four");
    fuzz::run(&script.encode(), reflects);
    let found = script.send_as_host(Ipv4::new() / Udp::new().dport(7) / b"fives");
    let told = catch_unwind(|| fuzz::run(&found.encode(), reflects)).unwrap_err();
    assert_eq!(told.downcast_ref::<&str>(), Some(&"thirty-three"));
    for octets in [&b""[..], b"\0", &[0xff; 300]] {
        fuzz::run(octets, reflects);
    }
}

/// Garbage far outside the window does not take later answers along.
#[test]
fn answers_continue_what_the_other_side_has_taken() {
    let far = Ipv4::new() / Tcp::new().sport(40_000).dport(80).seq(3_000_000_000).ack(0).window(1000) / b"far";
    let script = Script::new()
        .socket(SocketCall::TcpListen { slot: 0, v6: false, port: 80 })
        .send(Ipv4::new() / Tcp::new().sport(40_000).dport(80).syn().seq(100).window(1000))
        .answer(Answer::peer())
        .answer(Answer::datagram(b"one"))
        .send(far)
        .answer(Answer::datagram(b"two"))
        .socket(SocketCall::Accept { slot: 0, into: 1 })
        .socket(SocketCall::Read { slot: 1, most: 100 });
    let transcript = on_a_link(|tun| script.play_at_device_end(tun, |_| ())).unwrap();
    let read = transcript.happened().last().unwrap();
    assert_eq!(read.event, Event::Socket(Ok(b"onetwo".to_vec())), "{transcript}");
}
