//! Captures as seeds and back: what the classes tell apart, and what `cargo run --example corpus` writes.

#[path = "../examples/corpus/run.rs"]
mod run;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use run::{Failure, USAGE, run};
use tuntap_test::capture::{Capture, Direction};
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::fuzz::corpus::{CoverageClass, SeedForm, seeds};
use tuntap_test::fuzz::{Answer, CaptureToScript, Script, Step};
use tuntap_test::packet::*;

fn corpus(arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Result<String, Failure> {
    run(arguments.into_iter().map(Into::into))
}

fn usage(arguments: &[&str]) -> String {
    match corpus(arguments) {
        Err(Failure::Usage(mistake)) => mistake,
        other => panic!("{arguments:?}: {other:?}"),
    }
}

fn failure(arguments: &[&str]) -> String {
    match corpus(arguments) {
        Err(Failure::File(error)) => error,
        other => panic!("{arguments:?}: {other:?}"),
    }
}

/// An empty folder of the test's own.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("corpus_example").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/captures");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn files(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn class(packet: impl IntoPacket) -> String {
    let packet = packet.into_packet();
    let tap = packet.layers().first().is_some_and(|layer| layer.kind() == LayerKind::Ethernet);
    let mode = if tap { Mode::Tap } else { Mode::Tun };
    CoverageClass::of(FrameRef::new(mode, &packet.build().unwrap())).to_string()
}

#[test]
fn a_class_says_what_a_frame_is() {
    let syn = Tcp::new().syn().mss(1460).sack_permitted().nop().window_scale(7);
    assert_eq!(class(Ipv4::new() / syn), "tun-ipv4-tcp-syn-no-window-mss-sackok-wscale");
    assert_eq!(class(Ipv6::new() / Tcp::new().window(9).psh().ack(1) / b"hello"), "tun-ipv6-tcp-psh-ack-4-octets");
    assert_eq!(
        class(Ipv4::new().checksum(1) / Udp::new().checksum(7)),
        "tun-ipv4-udp-bad-ipv4-checksum-bad-udp-checksum"
    );
    assert_eq!(class(Ipv4::new().ttl(1).more_fragments(true) / Udp::new()), "tun-ipv4-first-fragment-no-hops-udp");
    assert_eq!(class(Ipv4::new().fragment_offset(2).protocol(17) / [0; 8]), "tun-ipv4-last-fragment-8-octets");
    let error = Icmpv4::port_unreachable() / Ipv4::new() / Udp::new();
    assert_eq!(class(error), "tun-ipv4-icmp-type-3-code-3-about-ipv4-udp");
    let tagged =
        Ethernet::new().dst([0xff_u8, 0xff, 0xff, 0xff, 0xff, 0xff]) / Vlan::new() / Arp::who_has([192, 0, 2, 1]);
    assert_eq!(class(tagged.trailer([0; 9])), "tap-broadcast-vlan-arp-request-padded");
    assert_eq!(class([0x0f, 1, 2].to_vec()), "tun-2-octets");
    let cut = CoverageClass::of(FrameRef::new(Mode::Tun, &[0x45, 0, 0]));
    assert_eq!(cut.to_string(), "tun-2-octets-cut-ipv4");
    let nothing = CoverageClass::of(FrameRef::new(Mode::Tap, &[]));
    assert_eq!(nothing.to_string(), "tap-nothing-cut-ethernet");
}

/// Numbers do not matter; layers, flags, options, sizes and what is wrong do.
#[test]
fn frames_that_reach_the_same_code_have_one_class() {
    let plain = class(Ipv4::new() / Udp::new() / [0; 20]);
    assert_eq!(plain, class(Ipv4::new().id(9).src([10, 0, 0, 1]) / Udp::new().sport(7).dport(9) / [1; 31]));
    assert_ne!(plain, class(Ipv4::new() / Udp::new() / [0; 32]));
    assert_ne!(plain, class(Ipv4::new() / Udp::new().length(9) / [0; 20]));
    assert_ne!(plain, class(Ipv4::new().router_alert() / Udp::new() / [0; 20]));
    assert_ne!(plain, class(Ipv6::new() / Udp::new() / [0; 20]));
}

#[test]
fn a_long_name_is_cut_and_stays_its_own() {
    let all = |last: TcpFlags| {
        let flags = TcpFlags(0x7f) | last;
        class(
            Ethernet::new()
                / Vlan::new()
                / Vlan::new()
                / Ipv6::new()
                / HopByHop::new().option(30, [0])
                / DestinationOptions::new().option(31, [0])
                / Fragment::new()
                / Tcp::new().flags(flags).mss(1).timestamps(1, 2).sack_permitted()
                / [0; 99],
        )
    };
    let (one, other) = (all(TcpFlags(0)), all(TcpFlags::CWR));
    assert!(one != other && one.len() <= 96 && other.len() <= 96, "{one}\n{other}");
    assert!(one.starts_with("tap-vlan-vlan-ipv6-hop-by-hop-option-30-"), "{one}");
}

#[test]
fn a_script_s_class_is_its_frames_and_steps() {
    let of = |script: &Script| CoverageClass::of_script(script).to_string();
    let script = Script::new().send(Ipv4::new() / Udp::new()).answer(Answer::peer());
    assert!(of(&script).starts_with("tun-2-steps-ipv4-udp-"), "{}", of(&script));
    let like = Script::new().answer(Answer::peer().to(1)).send(Ipv4::new().id(9) / Udp::new().dport(53));
    assert_eq!(of(&script), of(&like));
    let others = [
        script.clone().silent_host(),
        script.clone().advance(Duration::from_secs(1)).advance(Duration::from_secs(1)),
        script.with_steps([script.steps()[0].clone(), Step::Answer(Answer::mirror())]),
        script.with_steps([Step::Observed((Ipv4::new() / Udp::new()).build().unwrap()), script.steps()[1].clone()]),
    ];
    for other in others {
        assert_ne!(of(&script), of(&other), "{other}");
    }
}

/// One file a class, named for it. What changes here on purpose is printed into target/tmp/corpus_example/names.
#[test]
fn captures_become_the_seeds_that_are_expected() {
    let folder = scratch("names");
    let mut all = String::new();
    for form in ["script", "frame", "frames"] {
        let out = folder.join(form);
        let arguments = captures().into_iter().map(OsString::from).chain(["--as", form, "--out"].map(OsString::from));
        let told = corpus(arguments.chain([out.clone().into()])).unwrap();
        let written = files(&out);
        let names: BTreeSet<_> = told.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        assert!(written == names && written.len() == told.lines().count(), "{told}");
        for name in written {
            all.push_str(&format!("{form}/{name}\n"));
        }
    }
    fs::write(folder.join("names.txt"), &all).unwrap();
    assert_eq!(all, include_str!("corpus/names.txt"));
}

#[test]
fn what_is_there_is_not_written_again() {
    let out = scratch("again");
    let capture = captures().into_iter().find(|file| file.ends_with("ping.pcapng")).unwrap();
    let arguments = [capture.into(), "--as".into(), "frame".into(), "--out".into(), OsString::from(&out)];
    let first = corpus(arguments.clone()).unwrap();
    let before = files(&out);
    fs::write(out.join(before.first().unwrap()), b"kept").unwrap();
    let again = corpus(arguments).unwrap();
    assert_eq!(files(&out), before);
    assert_eq!(fs::read(out.join(before.first().unwrap())).unwrap(), b"kept");
    assert!(!first.contains("there already") && again.lines().all(|line| line.ends_with(", there already")), "{again}");
}

/// Frames, their order, the gaps between them, and who sent them: through a seed and back into a capture.
#[test]
fn a_capture_is_a_seed_and_a_capture_again() {
    let folder = scratch("round_trip");
    for file in captures() {
        let capture = Capture::read(&file).unwrap();
        let scripts = CaptureToScript::new().convert(&capture);
        let seeds = seeds(&capture, &CaptureToScript::new(), SeedForm::Script);
        assert!(!seeds.is_empty() && seeds.len() <= scripts.len(), "{}", file.display());
        for (number, seed) in seeds.iter().enumerate() {
            let (name, out) = (folder.join(format!("{number}.bin")), folder.join("out.pcapng"));
            fs::write(&name, &seed.octets).unwrap();
            corpus([OsString::from("--pcapng"), name.into(), "--out".into(), out.clone().into()]).unwrap();
            let script = Script::decode(&seed.octets);
            assert!(scripts.iter().any(|(_, wanted)| *wanted == script));
            let again = Capture::read(&out).unwrap();
            let of = |script: &Script| {
                let mut now = Duration::ZERO;
                let mut frames = Vec::new();
                for step in script.steps() {
                    match step {
                        Step::Advance(by) => now += *by,
                        Step::Frame(octets) => frames.push((now, Direction::Inbound, octets.clone())),
                        Step::Observed(octets) => frames.push((now, Direction::Outbound, octets.clone())),
                        other => unreachable!("{other:?}"),
                    }
                }
                frames
            };
            let first = again.frames.first().unwrap().time;
            let got: Vec<_> = again
                .frames
                .iter()
                .map(|frame| (frame.time - first, frame.direction.unwrap(), frame.octets.to_vec()))
                .collect();
            assert_eq!(got, of(&script), "{}", file.display());
        }
    }
}

#[test]
fn the_other_forms_are_read_as_they_were_written() {
    let script =
        Script::on(Mode::Tap).send(Arp::who_has([192, 0, 2, 1])).observed([7; 14]).send(Ipv4::new() / Udp::new());
    let file = script.to_pcapng();
    let capture = Capture::from_octets(&file).unwrap();
    let frames: Vec<_> = seeds(&capture, &CaptureToScript::new(), SeedForm::Frame);
    assert_eq!(frames.len(), 3);
    let [Step::Frame(arp), _, Step::Frame(udp)] = script.steps() else { panic!("{script}") };
    assert_eq!(frames[0].octets, [&[1][..], arp].concat());
    assert_eq!(SeedForm::Frame.script(&frames[0].octets, Mode::Tun), Ok(Script::on(Mode::Tap).send_raw(arp.clone())));
    let [sent] = &*seeds(&capture, &CaptureToScript::new(), SeedForm::Frames) else { panic!("one seed") };
    assert_eq!(sent.octets, [&[0, 42][..], arp, &[0, 42], udp].concat());
    let again = SeedForm::Frames.script(&sent.octets, Mode::Tap).unwrap();
    assert_eq!(again, Script::on(Mode::Tap).send_raw(arp.clone()).send_raw(udp.clone()));
}

#[test]
fn errors_name_the_file_and_the_offset() {
    let folder = scratch("errors");
    let path = |name: &str| folder.join(name).into_os_string().into_string().unwrap();
    let missing = failure(&[&path("missing.pcapng")]);
    assert!(missing.contains("missing.pcapng: ") && missing.contains("No such file"), "{missing}");
    let whole = Script::new().send(Ipv4::new() / Udp::new()).to_pcapng();
    fs::write(path("cut.pcapng"), &whole[..whole.len() - 9]).unwrap();
    let cut = failure(&[&path("cut.pcapng")]);
    assert!(cut.contains("cut.pcapng: ") && cut.contains("at offset "), "{cut}");
    fs::write(path("frames.bin"), [0, 2, 1, 2, 0, 9, 1]).unwrap();
    let out = path("out.pcapng");
    let short = failure(&["--pcapng", &path("frames.bin"), "--as", "frames", "--out", &out]);
    assert!(short.ends_with("frames.bin: frame at octet 4 needs 11 octets, there are 3"), "{short}");
    fs::write(path("frame.bin"), []).unwrap();
    let empty = failure(&["--pcapng", &path("frame.bin"), "--as", "frame", "--out", &out]);
    assert!(empty.ends_with("frame.bin: frame at octet 0 needs 1 octets, there are 0"), "{empty}");
}

#[test]
fn a_wrong_command_line_is_told() {
    assert_eq!(corpus(["--help"]), Ok(USAGE.to_owned()));
    assert_eq!(usage(&[]), "which FILE?");
    assert_eq!(usage(&["--sent-by", "nobody", "a"]), "--sent-by takes an IPv4 or IPv6 address, not `nobody`");
    assert_eq!(usage(&["--as", "packets", "a"]), "--as takes script, frame or frames, not `packets`");
    assert_eq!(usage(&["a", "--out"]), "--out needs a value");
    assert_eq!(usage(&["--fast"]), "unknown option `--fast`");
    assert_eq!(usage(&["--pcapng", "a"]), "--pcapng needs --out FILE.pcapng");
}

/// A folder of this test's own, gone at its end: as another user it may not write to target/.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("tuntap-test-corpus-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Several sections behind each other are one file to Wireshark, too.
#[test]
#[ignore = "needs tshark: apt-get install tshark"]
fn tshark_reads_what_seeds_become() {
    let folder = Temporary::new();
    let one = Script::new().send(Ipv4::new() / Udp::new().dport(9)).advance(Duration::from_millis(3)).down();
    let one = one.observed((Ipv4::new() / Udp::new().sport(9)).build().unwrap());
    let other = Script::on(Mode::Tap).send(Arp::who_has([192, 0, 2, 1]));
    let mut arguments: Vec<OsString> = vec!["--pcapng".into()];
    for (name, script) in [("one.bin", one), ("other.bin", other)] {
        fs::write(folder.join(name), script.encode()).unwrap();
        arguments.push(folder.join(name).into());
    }
    let out = folder.join("out.pcapng");
    corpus(arguments.into_iter().chain(["--out".into(), out.clone().into()])).unwrap();
    let fields = ["frame.protocols", "frame.packet_flags_direction", "frame.time_delta", "frame.comment"];
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-r"]).arg(&out).args(["-T", "fields"]);
    let output = tshark.args(fields.iter().flat_map(|field| ["-e", field])).output();
    let output = output.unwrap_or_else(|error| panic!("tshark is missing: apt-get install tshark ({error})"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Vec<&str>> = told.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows[0][..2], ["raw:ip:udp", "0x00000001"], "{told}");
    assert_eq!(rows[1], ["raw:ip:udp", "0x00000002", "0.003000000", "link down"], "{told}");
    assert_eq!(rows[2][0], "eth:ethertype:arp", "{told}");
}
