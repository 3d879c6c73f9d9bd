//! A folder for one test, and a child process that records frames and is ended while it does.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{env, fs, io, process};

use tuntap_test::capture::{CapturedFrame, Direction, Interface, InterfaceId, Recording};
use tuntap_test::device::Mode;

/// The path of the test that a child plays.
pub(crate) const TEST: &str = "echo::answers::mock";
/// The folder that it has by that.
pub(crate) const FOLDER: &str = "echo.answers.mock";
/// How many frames the child records.
pub(crate) const FRAMES: u32 = 25;
/// The variable that makes this program the child.
const CHILD: &str = "TUNTAP_TEST_RECORDER_CHILD";
/// What the child says once it has recorded.
const RECORDED: &str = "recorded";

/// A folder that goes with the test.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("tuntap-test-recording.{}.{number}", process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// All there is below it, sorted: files as they are, folders with a slash behind.
    pub(crate) fn all(&self) -> Vec<String> {
        fn walk(folder: &Path, start: &str, all: &mut Vec<String>) {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let name = format!("{start}{}", entry.file_name().into_string().unwrap());
                if entry.file_type().unwrap().is_dir() {
                    all.push(format!("{name}/"));
                    walk(&entry.path(), &format!("{name}/"), all);
                } else {
                    all.push(name);
                }
            }
        }
        let mut all = Vec::new();
        walk(&self.0, "", &mut all);
        all.sort();
        all
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The frame of that number: an IPv4 packet of ten data octets, of which the first tell the number.
pub(crate) fn frame(interface: InterfaceId, number: u32) -> CapturedFrame<'static> {
    let mut octets = Vec::new();
    let data = [&number.to_be_bytes()[..], &[0; 6]].concat();
    etherparse::PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64).udp(1, 2).write(&mut octets, &data).unwrap();
    let direction = if number.is_multiple_of(2) { Direction::Inbound } else { Direction::Outbound };
    CapturedFrame::new(interface, Duration::new(1_700_000_000, number), octets).with_direction(direction)
}

/// In the child: records, and ends the process as it is told. In the parent: nothing.
pub(crate) fn play_if_child() {
    let Ok(end) = env::var(CHILD) else { return };
    let mut recording = Recording::for_test(TEST);
    let tun0 = recording.add_interface(Interface::new("tun0", Mode::Tun));
    for number in 0..FRAMES {
        recording.frame(&frame(tun0, number));
    }
    assert!(recording.error().is_none(), "{:?}", recording.error());
    println!("{RECORDED}");
    match end.as_str() {
        "abort" => process::abort(),
        "wait" => {
            // Until it is killed; should the parent go first, its end of the pipe is closed.
            let _ = io::stdin().read(&mut [0]);
            panic!("not killed");
        }
        "pass" => {
            drop(recording);
            process::exit(0);
        }
        _ => panic!("no such end: {end}"),
    }
}

/// This program again, for the one test that calls [`play_if_child`] first.
pub(crate) fn child(program: &Path, test: &str, end: &str) -> Command {
    assert!(env::var_os(CHILD).is_none(), "a child has no children");
    let mut command = Command::new(program);
    command.args(["--exact", test, "--include-ignored", "--nocapture"]);
    command.env(CHILD, end).env_remove("TUNTAP_TEST_DIR").stdin(Stdio::piped()).stderr(Stdio::null());
    command
}

fn child_below(base: &Path, test: &str, end: &str) -> Command {
    let mut command = child(&env::current_exe().unwrap(), test, end);
    command.env("TUNTAP_TEST_DIR", base);
    command
}

/// Runs a child to its end, with evidence below `base`; says whether it passed.
pub(crate) fn run(test: &str, base: &Path, end: &str) -> bool {
    ran(&mut child_below(base, test, end))
}

/// Runs a child to its end; says whether it passed.
pub(crate) fn ran(child: &mut Command) -> bool {
    let output = child.output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains(RECORDED), "{output:?}");
    output.status.success()
}

/// Starts a child, with evidence below `base`, that has recorded and waits.
pub(crate) fn start(test: &str, base: &Path) -> Child {
    let mut child = child_below(base, test, "wait").stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = lines.map(Result::unwrap).any(|line| line.contains(RECORDED));
    assert!(said, "the child ended: {:?}", child.wait());
    child
}

/// Kills and reaps it: SIGKILL where there are signals.
pub(crate) fn kill(mut child: Child) {
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
}

/// The one file in the test's folder below `base`.
pub(crate) fn only_file(base: &Scratch) -> PathBuf {
    let all = base.all();
    let [folder, file] = &all[..] else { panic!("{all:?}") };
    assert_eq!(folder, &format!("{FOLDER}/"));
    base.path().join(file)
}
