//! Scripts shrunk with planted predicates: what is left is what a person would have written.

use std::time::Duration;

use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::fault::{Call, CallFault, FrameFault, Towards};
use tuntap_test::fuzz::{Answer, Fault, Reply, Script, SocketCall, Step};
use tuntap_test::packet::*;
use tuntap_test::shrink::{ShrinkError, Shrinker, ShrunkScript};

const SECOND: Duration = Duration::from_secs(1);

fn address(last: u16) -> [u16; 8] {
    [0x2001, 0xdb8, 7, 0, 0, 0, 0, last]
}

/// Some thirty steps of every kind, in which the steps that matter are hidden, one behind the other.
fn hidden(steps: impl IntoIterator<Item = Step>) -> Script {
    let noise = Script::new()
        .silent_host()
        .send(Ipv4::new().id(9) / Tcp::new().sport(40_000).dport(80).syn().mss(1460))
        .answer(Answer::peer().with(Tcp::new().window(0)))
        .advance(Duration::from_millis(17))
        .fault(Fault::frame(Towards::Host, FrameFault::Delay { by: SECOND }))
        .socket(SocketCall::TcpListen { slot: 7, v6: false, port: 80 })
        .send_raw(b"no packet")
        .mtu(1280)
        .observed((Ipv4::new() / Udp::new()).build().unwrap());
    let mut all = noise.steps().to_vec();
    for step in steps {
        all.push(step);
        all.extend_from_slice(noise.steps());
    }
    noise.with_steps(all)
}

fn shrink(script: &Script, fails: impl Fn(&Script) -> bool) -> ShrunkScript {
    let shrunk = Shrinker::new().script(script, &fails).unwrap();
    println!("{shrunk}");
    assert!(fails(&shrunk.script), "{shrunk}");
    assert!(shrunk.minimal && shrunk.from == script.steps().len(), "{shrunk}");
    shrunk
}

fn steps(script: &Script) -> Vec<Step> {
    script.steps().to_vec()
}

fn any(script: &Script, holds: impl Fn(FrameRef<'_>) -> bool) -> bool {
    script.steps().iter().any(|step| matches!(step, Step::Frame(octets) if holds(FrameRef::new(script.mode(), octets))))
}

#[test]
fn a_datagram_of_five_octets_and_then_a_second() {
    let datagram = Ipv6::new().src(address(9)).dst(address(8)).hop_limit(3)
        / HopByHop::new().options(b"\x05\x02\x00\x00")
        / Udp::new().sport(40_000).dport(53)
        / b"a query of some length";
    let script = hidden(steps(&Script::new().send(datagram).advance(Duration::from_millis(12_345))));
    let shrunk = shrink(&script, |script| {
        let mut long = false;
        script.steps().iter().any(|step| match step {
            Step::Frame(octets) => {
                let frame = FrameRef::new(Mode::Tun, octets);
                long |= frame.udp().is_ok_and(|udp| udp.payload().len() >= 5);
                false
            }
            Step::Advance(by) => long && *by >= SECOND,
            _ => false,
        })
    });
    assert_eq!(shrunk.script, Script::new().send(Ipv4::new() / Udp::new() / [0; 5]).advance(SECOND));
    assert!(shrunk.runs < 300, "{shrunk}");
}

#[test]
fn a_wrong_checksum_is_kept_where_it_is_needed() {
    let wrong = |packet: Packet| {
        let mut octets = packet.build().unwrap();
        // The last octet is the payload's.
        *octets.last_mut().unwrap() ^= 0x10;
        Step::Frame(octets)
    };
    let segment = Ipv4::new().src([198, 51, 100, 7]).ttl(9).id(7).dscp(3)
        / Tcp::new().sport(4000).dport(80).seq(77).ack(99).window(5).mss(900).timestamps(1, 2)
        / b"GET / HTTP/1.1";
    let shrunk = shrink(&hidden([wrong(segment)]), |script| {
        any(script, |frame| {
            let mut bad = false;
            Dissection::new(frame).verify(|defect| {
                bad |= defect.layer == LayerKind::Tcp && defect.kind == DefectKind::Checksum;
            });
            bad && frame.tcp().is_ok_and(|tcp| tcp.destination_port() >= 64)
        })
    });
    assert_eq!(shrunk.script, Script::new().send(Ipv4::new() / Tcp::new().dport(64).checksum(0)));
}

/// The same with a test to which checksums do not matter: they come out right.
#[test]
fn a_wrong_checksum_goes_where_it_is_not_needed() {
    let datagram = Ipv4::new().checksum(7).total_length(300) / Udp::new().dport(53).checksum(1).length(9) / b"hello";
    let shrunk = shrink(&hidden(steps(&Script::new().send(datagram))), |script| {
        // Whatever the lengths say.
        any(script, |frame| frame.octets.get(9) == Some(&17) && frame.octets.get(22..24) == Some(&[0, 53]))
    });
    assert_eq!(shrunk.script, Script::new().send(Ipv4::new() / Udp::new().dport(53)));
}

/// One wrong checksum alone makes the code under test drop the frame: only both at once can be put right.
#[test]
fn what_is_computed_is_put_right_all_at_once() {
    let datagram = Ipv4::new().checksum(7) / Udp::new().checksum(1) / b"hello";
    let shrunk = shrink(&hidden(steps(&Script::new().send(datagram))), |script| {
        any(script, |frame| {
            let mut defects = 0;
            Dissection::new(frame).verify(|_| defects += 1);
            (defects == 0 || defects == 2) && frame.udp().is_ok_and(|udp| udp.payload().first() == Some(&b'h'))
        })
    });
    assert_eq!(shrunk.script, Script::new().send(Ipv4::new() / Udp::new() / b"h"));
}

#[test]
fn an_answer_keeps_the_edit_that_it_needs() {
    let answer = Answer::segment(TcpFlags::PSH | TcpFlags::ACK, b"some data")
        .off_by(-3, 70_000)
        .to(2)
        .with(Ipv4::new().ttl(3) / Tcp::new().window(4567).urgent(9));
    let shrunk = shrink(&hidden([Step::Answer(answer)]), |script| {
        script.steps().iter().any(|step| match step {
            Step::Answer(answer) => answer.edits().iter().any(|edit| {
                edit.layer() == LayerKind::Tcp && edit.field() == "window" && edit.to_string() != "TCP (window 0)"
            }),
            _ => false,
        })
    });
    assert_eq!(shrunk.script, Script::new().answer(Answer::peer().with(Tcp::new().window(1))));
}

#[test]
fn a_segment_keeps_the_number_that_it_needs() {
    let answer = Answer::segment(TcpFlags::PSH | TcpFlags::ACK, b"some data").off_by(-70_000, 70_000).to(2);
    let off = |answer: &Answer| match answer.reply() {
        Reply::Segment { sequence, payload, .. } => *sequence <= -1000 && payload.contains(&b'd'),
        _ => false,
    };
    let shrunk = shrink(&hidden([Step::Answer(answer)]), |script| {
        script.steps().iter().any(|step| matches!(step, Step::Answer(answer) if off(answer)))
    });
    assert_eq!(shrunk.script, Script::new().answer(Answer::segment(TcpFlags(0), b"d").off_by(-1000, 0)));
}

#[test]
fn octets_that_are_no_packet_become_fewer() {
    let octets = b"\x0f\x01 what nobody reads \xca\xfe as it ends";
    let shrunk = shrink(&hidden([Step::Frame(octets.to_vec())]), |script| {
        any(script, |frame| frame.octets.len() >= 4 && frame.octets.windows(2).any(|pair| pair == [0xca, 0xfe]))
    });
    assert_eq!(shrunk.script.steps().len(), 1, "{shrunk}");
    let [Step::Frame(left)] = shrunk.script.steps() else { panic!("{shrunk}") };
    assert!(left.len() == 4 && left.iter().filter(|octet| **octet == 0).count() == 2, "{shrunk}");
}

/// A frame that ends in the middle of its header.
#[test]
fn a_frame_that_is_cut_stays_cut() {
    let whole = (Ipv4::new().id(77) / Udp::new().dport(53) / b"hello").build().unwrap();
    let cut = Step::Frame(whole.iter().take(17).copied().collect());
    let shrunk = shrink(&hidden([cut]), |script| {
        any(script, |frame| frame.octets.first() == Some(&0x45) && (10..20).contains(&frame.octets.len()))
    });
    let short = [&[0x45][..], &[0; 9]].concat();
    assert_eq!(shrunk.script, Script::new().send_raw(short));
}

#[test]
fn what_stands_around_a_layer_goes() {
    let inner = Ipv6::new().src(address(1)).dst(address(2)) / Icmpv6::echo_request(7, 300) / b"ping";
    let frame = Ethernet::new().src([2, 0, 0, 0, 0, 9]).dst([0xff; 6])
        / Vlan::new().id(7)
        / Vlan::new().id(8)
        / (Ipv4::new().src([10, 0, 0, 1]).dst([10, 0, 0, 2]) / inner);
    let tap = Script::on(Mode::Tap).send(Arp::who_has([192, 0, 2, 1])).send(frame.trailer([0; 6])).advance(SECOND);
    let shrunk = shrink(&tap, |script| {
        let echo = |frame: FrameRef<'_>| {
            Dissection::new(frame).header(LayerKind::Icmpv6).is_some_and(|echo| echo.first() == Some(&128))
        };
        any(script, |frame| echo(frame) || Dissection::new(frame).quoted().is_some_and(echo))
    });
    assert_eq!(shrunk.script, Script::on(Mode::Tap).send(Ipv6::new() / Icmpv6::echo_request(0, 0)));
}

#[test]
fn faults_and_sockets_become_simple() {
    let fault = |fault| Step::Fault(Fault::frame(Towards::Device, fault));
    let script = hidden([
        fault(FrameFault::Hold { behind: 5, at_most: Duration::from_millis(1500) }),
        Step::Fault(Fault::call(Call::Receive, CallFault::ShortRead { octets: 77 })),
        Step::Socket(SocketCall::UdpBind { slot: 9, v6: true, port: 5353 }),
        Step::Socket(SocketCall::UdpSend { slot: 9, port: 1053, octets: b"query".to_vec() }),
    ]);
    let shrunk = shrink(&script, |script| {
        let (mut held, mut called, mut bound, mut sent) = (false, false, None, false);
        for step in script.steps() {
            match step {
                Step::Fault(fault) => {
                    held |= fault.to_string().contains("held behind");
                    called |= fault.to_string().starts_with("the next receive");
                }
                Step::Socket(SocketCall::UdpBind { slot, .. }) => bound = Some(*slot),
                Step::Socket(SocketCall::UdpSend { slot, octets, .. }) => {
                    sent = bound == Some(*slot) && octets.len() > 2
                }
                _ => {}
            }
        }
        held && called && sent
    });
    let wanted = Script::new()
        .fault(Fault::frame(Towards::Device, FrameFault::Hold { behind: 0, at_most: SECOND }))
        .fault(Fault::call(Call::Receive, CallFault::Eagain))
        .socket(SocketCall::UdpBind { slot: 0, v6: false, port: 0 })
        .socket(SocketCall::UdpSend { slot: 0, port: 0, octets: vec![0; 3] });
    assert_eq!(shrunk.script, wanted);
}

#[test]
fn what_the_host_is_matters_only_where_it_does() {
    let script = hidden([Step::Advance(Duration::new(3, 700_000_000))]);
    let long = |script: &Script| {
        script.is_host_silent()
            && script.steps().iter().any(|step| matches!(step, Step::Advance(by) if *by > Duration::from_millis(3200)))
    };
    let shrunk = shrink(&script, long);
    assert_eq!(shrunk.script, Script::new().silent_host().advance(Duration::from_millis(3201)));
}

#[test]
fn runs_are_bounded_and_what_is_left_fails() {
    let script =
        hidden(steps(&Script::new().send(Ipv4::new().ttl(7) / Udp::new().dport(53) / b"hello").advance(SECOND)));
    let fails = |script: &Script| any(script, |frame| frame.udp().is_ok_and(|udp| udp.payload().len() > 2));
    let enough = shrink(&script, fails).runs;
    for most in 0..enough + 2 {
        let mut runs = 0;
        let shrunk = Shrinker::new().most_runs(most).script(&script, |script| {
            runs += 1;
            fails(script)
        });
        let shrunk = shrunk.unwrap();
        assert!(runs <= most.max(1) && shrunk.runs == runs, "{runs} of {most}");
        assert!(fails(&shrunk.script));
        assert_eq!(shrunk.minimal, most >= enough, "{most} runs");
        if !shrunk.minimal {
            assert!(shrunk.to_string().contains("perhaps fewer or simpler ones: the runs are used up"), "{shrunk}");
        }
    }
}

#[test]
fn shrinking_does_the_same_each_time() {
    let script = hidden(steps(&Script::new().send(Ipv4::new().ttl(7) / Udp::new().dport(53) / b"hello")));
    let fails = |script: &Script| any(script, |frame| frame.udp().is_ok_and(|udp| udp.payload().len() > 2));
    assert_eq!(shrink(&script, fails), shrink(&script, fails));
}

#[test]
fn what_cannot_be_shrunk_says_why() {
    let script = Script::new().down();
    let error = Shrinker::new().script(&script, |_| false).unwrap_err();
    assert_eq!(error, ShrinkError::ScriptPasses);
    assert!(error.to_string().starts_with("the test passes with the whole script"), "{error}");
    let empty = Shrinker::new().script(&script, |_| true).unwrap();
    assert_eq!(empty.to_string(), "the test fails with 0 of 1 steps (2 runs): it fails without any");
    let told = shrink(&Script::new().down().up(), |script| script.steps().len() == 2);
    assert!(told.to_string().ends_with("runs), each of them needed\n1. link down\n2. link up"), "{told}");
}
