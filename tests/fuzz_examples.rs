//! The bodies that are fuzzed as a user would write them (`examples/fuzzed/`), and the seeds of all targets that take scripts. Where a seed
//! differs from its script, the right one is in `target/tmp/<target>/`: copy it to `fixtures/corpus/<target>/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tuntap_test::Tun;
use tuntap_test::device::Mode;
use tuntap_test::fault::{Call, CallFault, FrameFault, LinkFault, Towards};
use tuntap_test::fuzz::{self, Answer, Body, Fault, Script, SocketCall, Step};
use tuntap_test::packet::*;

#[path = "../examples/fuzzed/answering.rs"]
mod answering;
#[cfg(all(target_os = "linux", feature = "host", feature = "smoltcp"))]
#[path = "../examples/fuzzed/smoltcp_stack.rs"]
mod smoltcp_stack;
#[path = "../examples/fuzzed/toy.rs"]
mod toy;

/// Every body under the name of its target, which is also the name of its folder in `fixtures/corpus/`.
const BODIES: &[(&str, Body<Tun>)] = &[
    ("answering_exchange", answering::answering),
    #[cfg(all(target_os = "linux", feature = "host", feature = "smoltcp"))]
    ("smoltcp_stack", smoltcp_stack::smoltcp_stack),
    ("toy", toy::toy),
];

const SECOND: Duration = Duration::from_secs(1);

fn toy_seeds() -> Vec<(&'static str, Script)> {
    let say = |kind, value: &[u8]| Udp::new().sport(40_000).dport(toy::PORT) / toy::message(kind, value);
    let answer = |kind, value: &[u8]| Answer::datagram(toy::message(kind, value));
    let script = || Script::new().silent_host();
    vec![
        ("hello", script().send_as_host(say(1, &[1]))),
        ("hello-get", script().send_as_host(say(1, &[1])).answer(answer(3, b""))),
        ("hello-put-get", {
            let script = script().send_as_host(say(1, &[1])).answer(answer(2, b"some octets"));
            script.answer(answer(2, b"more")).answer(answer(3, b""))
        }),
        ("put-without-session", script().send_as_host(say(2, b"octets"))),
        ("hello-twice-from-two-ports", {
            let script = script().send_as_host(say(1, &[1]));
            let script = script.send_as_host(Udp::new().sport(40_001).dport(toy::PORT) / toy::message(1, &[1]));
            script.answer(answer(2, b"one")).answer(answer(2, b"other").to(1))
        }),
        ("a-lost-answer", {
            let script = script().fault(Fault::frame(Towards::Host, FrameFault::Drop)).send_as_host(say(1, &[1]));
            script.advance(SECOND).send_as_host(say(1, &[1])).answer(answer(3, b""))
        }),
    ]
}

fn smoltcp_stack_seeds() -> Vec<(&'static str, Script)> {
    let port = 7;
    let script = || Script::new().silent_host();
    let opened = |script: Script| {
        let syn = Ipv4::new() / Tcp::new().sport(40_000).dport(port).syn().seq(100).window(60_000).mss(1460);
        script.send_as_host(syn).answer(Answer::segment(TcpFlags::ACK, []))
    };
    let data = |octets: &[u8]| Answer::segment(TcpFlags::PSH | TcpFlags::ACK, octets);
    let fin = || Answer::segment(TcpFlags::FIN | TcpFlags::ACK, []);
    vec![
        ("ping", script().send_as_host(Icmpv4::echo_request(7, 1) / b"ping")),
        ("ping-v6", script().send_as_host(Ipv6::new() / Icmpv6::echo_request(7, 1) / b"ping")),
        ("udp", script().send_as_host(Udp::new().sport(40_000).dport(port) / b"datagram")),
        ("udp-v6", script().send_as_host(Ipv6::new() / Udp::new().sport(40_000).dport(port) / b"datagram")),
        ("udp-closed-port", script().send_as_host(Udp::new().sport(40_000).dport(99) / b"datagram")),
        ("tcp-closed-port", script().send_as_host(Ipv4::new() / Tcp::new().sport(40_000).dport(99).syn())),
        ("tcp-open-echo-close", {
            opened(script()).answer(data(b"hello")).answer(Answer::peer()).answer(fin()).answer(Answer::peer())
        }),
        ("tcp-reset", opened(script()).answer(data(b"hello")).answer(Answer::segment(TcpFlags::RST, []))),
        ("tcp-syn-only", {
            script().send_as_host(Ipv4::new() / Tcp::new().sport(40_000).dport(port).syn().seq(100)).advance(SECOND)
        }),
        ("tcp-window-0", {
            let closed = Answer::segment(TcpFlags::ACK, []).with(Tcp::new().window(0));
            opened(script()).answer(closed).answer(data(b"hello")).advance(60 * SECOND)
        }),
        ("tcp-out-of-order", {
            opened(script()).answer(data(b"second").off_by(5, 0)).answer(data(b"first").to(1)).answer(Answer::peer())
        }),
        ("tcp-v6", {
            let syn = Ipv6::new() / Tcp::new().sport(40_000).dport(port).syn().seq(100).window(60_000);
            let script = script().send_as_host(syn).answer(Answer::segment(TcpFlags::ACK, []));
            script.answer(data(b"hello")).answer(fin()).advance(SECOND)
        }),
        ("tcp-with-the-hosts-socket", {
            let script = Script::new().socket(SocketCall::TcpConnect { slot: 0, v6: false, port }).advance(SECOND);
            let script = script.socket(SocketCall::Write { slot: 0, octets: b"hello".to_vec() }).advance(SECOND);
            script.socket(SocketCall::Read { slot: 0, most: 100 }).socket(SocketCall::Close { slot: 0 }).advance(SECOND)
        }),
        ("udp-mtu-68", script().mtu(68).send_as_host(Udp::new().sport(40_000).dport(port) / [7; 60])),
        ("udp-link-down", {
            let script = script().fault(Fault::frame(Towards::Device, FrameFault::Delay { by: SECOND }));
            script.send_as_host(Udp::new().sport(40_000).dport(port) / b"datagram").down().advance(2 * SECOND)
        }),
    ]
}

fn answering_seeds() -> Vec<(&'static str, Script)> {
    let ping = |sequence| Icmpv4::echo_request(7, sequence) / b"ping";
    let script = || Script::new().silent_host();
    let later = |fault| Fault::frame(Towards::Device, fault);
    vec![
        ("ping", script().send_as_host(ping(1)).send_as_host(ping(2))),
        ("ping-v6", script().send_as_host(Ipv6::new() / Icmpv6::echo_request(7, 1) / b"ping")),
        ("ping-with-a-code-to-itself", {
            let to_itself = Ipv4::new().src([192, 0, 2, 2]).dst([192, 0, 2, 2]);
            script().send_as_host(to_itself / Icmpv4::echo_request(0, 0).code(1))
        }),
        ("ping-from-the-hosts-socket", {
            Script::new().socket(SocketCall::Ping { slot: 0, v6: false, sequence: 1, octets: b"ping".to_vec() })
        }),
        ("a-reply-is-turned", script().send_as_host(ping(1)).answer(Answer::mirror())),
        ("held-behind-another", {
            let hold = FrameFault::Hold { behind: 1, at_most: SECOND };
            script().fault(later(hold)).send_as_host(ping(1)).send_as_host(ping(2))
        }),
        ("corrupted", {
            let corrupt = FrameFault::Corrupt { octet: 24, xor: 1, repair: false };
            script().fault(later(corrupt)).send_as_host(ping(1))
        }),
        ("a-corrupted-reply", {
            let corrupt = FrameFault::Corrupt { octet: 24, xor: 1, repair: false };
            script().fault(Fault::frame(Towards::Host, corrupt)).send_as_host(ping(1))
        }),
        ("the-device-fails", {
            let script = script().fault(Fault::call(Call::Receive, CallFault::Eio)).send_as_host(ping(1));
            script.fault(Fault::call(Call::Transmit, CallFault::Enobufs)).send_as_host(ping(2)).send_as_host(ping(3))
        }),
        ("udp", script().send_as_host(Udp::new().sport(40_000).dport(7) / b"ping")),
        ("link-down-and-up", script().down().send_as_host(ping(1)).up().send_as_host(ping(2))),
    ]
}

fn exchange_seeds() -> Vec<(&'static str, Script)> {
    use FrameFault::*;
    let datagram = |number: u8| Udp::new().sport(40_000).dport(7) / [number; 8];
    let three = |script: Script| (1..=3).fold(script, |script, number| script.send_as_host(datagram(number)));
    let to_device = |fault| Fault::frame(Towards::Device, fault);
    let to_host = |fault| Fault::frame(Towards::Host, fault);
    let nanosecond = Duration::from_nanos(1);
    let script = Script::new;
    vec![
        ("three-frames", three(script())),
        ("nothing-that-is-ip", script().send_raw([0x12]).send_raw([])),
        ("dropped", three(script().fault(to_device(Drop)))),
        ("duplicated", three(script().fault(to_host(Duplicate { after: Duration::ZERO }))).advance(SECOND)),
        ("duplicated-later", three(script().fault(to_host(Duplicate { after: SECOND }))).advance(2 * SECOND)),
        (
            "held-until-two-passed",
            three(script().fault(to_device(Hold { behind: 2, at_most: SECOND }))).advance(SECOND),
        ),
        ("held-for-a-nanosecond", {
            three(script().fault(to_device(Hold { behind: 9, at_most: nanosecond }))).advance(nanosecond)
        }),
        ("delayed-both-ways", {
            let script = script().fault(to_device(Delay { by: SECOND })).fault(to_host(Delay { by: SECOND }));
            three(script).advance(SECOND).advance(SECOND)
        }),
        ("truncated", three(script().fault(to_device(Truncate { to: 1 })).fault(to_host(Truncate { to: 0 })))),
        ("corrupted", three(script().fault(to_device(Corrupt { octet: 0, xor: 0xf0, repair: false })))),
        ("calls-fail", {
            let script = script().fault(Fault::call(Call::Receive, CallFault::Eagain)).send_as_host(datagram(1));
            let script = script.fault(Fault::call(Call::Transmit, CallFault::Enobufs)).send_as_host(datagram(2));
            script.fault(Fault::call(Call::Receive, CallFault::ShortRead { octets: 21 })).send_as_host(datagram(3))
        }),
        ("link-down-and-up", three(three(script().down()).up())),
        ("mtu", three(script().mtu(68).send_as_host(Udp::new() / [0; 41]).mtu(67).mtu(65_536).mtu(65_535))),
        ("queue-of-one", {
            let held = Hold { behind: 2, at_most: SECOND };
            three(script().step(Step::Link(LinkFault::QueueLength(1))).fault(to_device(held)))
        }),
        ("no-queue", three(script().step(Step::Link(LinkFault::QueueLength(0))))),
        ("removed", three(script().step(Step::Link(LinkFault::Removed))).up()),
        ("answers", script().send_as_host(datagram(1)).answer(Answer::mirror()).answer(Answer::error(3, 3).to(1))),
        ("tap", {
            let ask = || Arp::who_has([192, 0, 2, 2]).sender([192, 0, 2, 1]);
            Script::on(Mode::Tap).send_as_host(ask()).send_raw([0; 13]).answer(Answer::peer())
        }),
        ("a-hosts-sockets", {
            let script = script().socket(SocketCall::TcpListen { slot: 0, v6: false, port: 80 });
            let script = script.send(Ipv4::new() / Tcp::new().sport(40_000).dport(80).syn().seq(100));
            let script = script.answer(Answer::peer()).answer(Answer::datagram(b"GET /"));
            script.socket(SocketCall::Accept { slot: 0, into: 1 }).socket(SocketCall::Read { slot: 1, most: 100 })
        }),
    ]
}

/// Of frames that are written to a kernel's device. The first octet tells the packet information mode, too.
fn kernel_write_seeds() -> Vec<(&'static str, Vec<u8>)> {
    let script = |mode| Script::on(mode);
    let (tun, tap) = (Mode::Tun, Mode::Tap);
    let datagram = || (Ipv4::new() / Udp::new().dport(7) / b"x").into_packet().build().unwrap();
    let framed = || (Ethernet::new() / Ipv4::new() / Udp::new().dport(7) / b"x").into_packet().build().unwrap();
    let with_header = |header: [u8; 4], frame: Vec<u8>| [header.to_vec(), frame].concat();
    let octets = |about: u8, script: Script| {
        let encoded = script.encode();
        let (first, rest) = encoded.split_first().unwrap();
        [&[first | about], rest].concat()
    };
    let (keep, strip) = (1 << 2, 2 << 2);
    let ipv4 = [0, 0, 8, 0];
    let all_mtus =
        |script: Script| [68, 67, 0, 1280, 65_521, 65_522, 65_535, 65_536].into_iter().fold(script, Script::mtu);
    let short = |script: Script| (0..=4).fold(script, |script, length| script.send_raw(vec![0x45; length]));
    let down_and_up = |frame: Vec<u8>, script: Script| {
        let script = script.send_raw(frame.clone()).down().send_raw(frame.clone()).send_raw([]);
        script.up().send_raw(frame.clone()).up().down().down().send_raw(frame)
    };
    vec![
        ("tun", octets(0, script(tun).send_raw(datagram()))),
        ("tun-no-ip", octets(0, script(tun).send_raw([0x55; 20]).send_raw([0; 20]))),
        ("tun-short", octets(0, short(script(tun)))),
        ("tun-down-and-up", octets(0, down_and_up(datagram(), script(tun)))),
        ("tun-mtus", octets(0, all_mtus(script(tun)))),
        // Found by the fuzzer: there is no IPv6 address to be given back.
        ("tun-up-where-the-mtu-is-small", octets(0, script(tun).mtu(68).up().down().up().mtu(1280).up())),
        ("tun-over-the-mtu", octets(0, script(tun).mtu(68).send_raw([0x45; 69]))),
        ("tun-header", octets(keep, script(tun).send_raw(with_header(ipv4, datagram())))),
        ("tun-header-of-another-protocol", octets(keep, script(tun).send_raw(with_header([0xff; 4], datagram())))),
        ("tun-header-short", octets(keep, short(script(tun)))),
        ("tun-header-down", octets(keep, script(tun).down().send_raw(with_header(ipv4, datagram())).send_raw([0; 3]))),
        ("tun-header-stripped", octets(strip, down_and_up(datagram(), script(tun)).send_raw([0x55]))),
        ("tap", octets(0, script(tap).send_raw(framed()))),
        ("tap-short", octets(0, script(tap).send_raw([0; 13]).send_raw([0; 14]).send_raw([]))),
        ("tap-down-and-up", octets(0, down_and_up(framed(), script(tap)))),
        ("tap-mtus", octets(0, all_mtus(script(tap)))),
        ("tap-header", octets(keep, script(tap).send_raw(with_header(ipv4, framed())).send_raw([0; 17]))),
        ("tap-header-stripped", octets(strip, script(tap).send_raw(framed()).send_raw([0; 13]))),
    ]
}

/// A target's name, and its seeds with theirs.
type Seeds = (&'static str, Vec<(&'static str, Vec<u8>)>);

fn seeds() -> Vec<Seeds> {
    let encoded = |scripts: Vec<(&'static str, Script)>| {
        scripts.into_iter().map(|(name, script)| (name, script.encode())).collect::<Vec<_>>()
    };
    vec![
        ("answering_exchange", encoded(answering_seeds())),
        ("exchange", encoded(exchange_seeds())),
        ("kernel_write", kernel_write_seeds()),
        ("smoltcp_stack", encoded(smoltcp_stack_seeds())),
        ("toy", encoded(toy_seeds())),
    ]
}

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/corpus").join(target)
}

fn present(target: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder(target)).unwrap_or_else(|error| panic!("{target}: {error}"));
    let entries = entries.map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn seeds_are_what_their_scripts_are() {
    let mut wrong = Vec::new();
    for (target, seeds) in seeds() {
        let wanted: BTreeMap<_, _> = seeds.into_iter().map(|(name, octets)| (format!("{name}.bin"), octets)).collect();
        let right = Path::new(env!("CARGO_TARGET_TMPDIR")).join(target);
        fs::create_dir_all(&right).unwrap();
        for (name, octets) in &wanted {
            fs::write(right.join(name), octets).unwrap();
        }
        // What a fuzzer found is nobody's script.
        let present: BTreeMap<_, _> =
            present(target).into_iter().filter(|(name, _)| !name.starts_with("crash-")).collect();
        if present != wanted {
            wrong.push(format!("fixtures/corpus/{target} is not what the scripts are: {} is", right.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_seed_passes_its_body() {
    for (target, body) in BODIES {
        for (name, octets) in present(target) {
            println!("{target}/{name}"); // shown when the body panics
            fuzz::run(&octets, *body);
        }
    }
}
