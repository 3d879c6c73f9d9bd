//! What faults did is left by a failed test, one section a link, and done again. This program starts itself: the child's
//! tests fail where a variable says so.

#![cfg(all(unix, not(miri)))]
#![expect(clippy::indexing_slicing, reason = "the test fails where the slice is too short")]

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use tuntap_test::fault::{FaultPlan, FaultPlans, LinkFault};
use tuntap_test::prelude::*;
use tuntap_test::tuntap_test;

/// The variable that makes this program a child.
const CHILD: &str = "TUNTAP_TEST_FAULT_REPLAY_CHILD";

/// Which of 20 pings are answered.
fn answered(tun: &Tun) -> Vec<u16> {
    for number in 0..20 {
        tun.send(Icmpv4::echo_request(7, number));
    }
    tun.send(Icmpv4::echo_request(8, 0));
    let mut answered = Vec::new();
    loop {
        let reply = tun.expect(Icmpv4::new().icmp_type(0));
        match reply.get(24..28) {
            Some(&[0, 7, high, low]) => answered.push(u16::from_be_bytes([high, low])),
            _ => return answered,
        }
    }
}

/// Says what happened, and fails in a child.
fn end(happened: &[Vec<u16>]) {
    println!("answered: {happened:?}");
    assert!(env::var(CHILD).is_err(), "as wanted");
}

#[tuntap_test]
fn one_link(tun: Tun) {
    tun.faults().seed(7).only(Icmpv4::new().id(7)).loss(0.3);
    end(&[answered(&tun)]);
}

/// The second has no faults.
#[tuntap_test]
fn three_links(first: Tun, #[device(host = "b")] second: Tun, #[device(host = "c")] third: Tun) {
    first.faults().seed(7).only(Icmpv4::new().id(7)).loss(0.3);
    third.faults().seed(8).only(Icmpv4::new().id(7)).loss(0.3);
    end(&[answered(&first), answered(&second), answered(&third)]);
}

#[cfg(target_os = "linux")]
#[tuntap_test(kernel)]
fn a_hand_over(tun: Tun) {
    drop(tun.into_fd(true));
}

/// A folder that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("tuntap-test-fault-replay.{name}.{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Runs one of the tests above in a child, with that plan; gives what it said, and its exit code.
    fn run(&self, test: &str, plan: Option<&PathBuf>) -> (String, Option<i32>) {
        let mut child = Command::new(env::current_exe().unwrap());
        child
            .args(["--include-ignored", "--nocapture", "--exact", test])
            .env(CHILD, "")
            .env("TUNTAP_TEST_DIR", &self.0);
        child.env_remove("TUNTAP_TEST_SEED").env_remove("RUST_BACKTRACE");
        match plan {
            Some(plan) => child.env("TUNTAP_TEST_FAULTS", plan),
            None => child.env_remove("TUNTAP_TEST_FAULTS"),
        };
        let output = child.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (said, output.status.code())
    }

    /// As [`run`](Self::run): the line that tells what happened, what was said, and the plan that was left.
    fn fail(&self, test: &str, plan: Option<&PathBuf>) -> (String, String, PathBuf) {
        let (said, code) = self.run(test, plan);
        assert_eq!(code, Some(101), "{said}");
        let happened = said.lines().find(|line| line.starts_with("answered: ")).expect(&said).to_owned();
        let left = self.0.join(format!("fault_replay.{}", test.replace("::", "."))).join("fault-plan.toml");
        assert!(said.contains(&left.display().to_string()), "{said}");
        (happened, said, left)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn keep(scratch: &Scratch, plan: &PathBuf) -> (PathBuf, String) {
    let text = fs::read_to_string(plan).unwrap();
    let kept = scratch.0.join("kept.toml");
    fs::write(&kept, &text).unwrap();
    (kept, text)
}

fn one_link_is_simple(backend: &str) {
    let scratch = Scratch::new(&format!("one.{backend}"));
    let test = format!("one_link::{backend}");
    let (happened, said, left) = scratch.fail(&test, None);
    assert!(said.contains("\n  faults: seed 7; to host: loss 0.3"), "{said}");
    let (kept, text) = keep(&scratch, &left);
    assert!(!text.contains("[link") && FaultPlan::from_toml(&text).is_ok(), "{text}");
    let (again, said, left) = scratch.fail(&test, Some(&kept));
    assert_eq!(again, happened);
    assert!(said.contains("\n  faults: seed 7; to host: #"), "{said}");
    assert_eq!(without_causes(&fs::read_to_string(left).unwrap()), without_causes(&text));
}

/// The lines without what made each fault.
fn without_causes(text: &str) -> Vec<&str> {
    text.lines().map(|line| line.rsplit_once(" (").map_or(line, |(line, _)| line)).collect()
}

fn each_link_has_its_section(backend: &str) {
    let scratch = Scratch::new(&format!("three.{backend}"));
    let test = format!("three_links::{backend}");
    let (happened, _, left) = scratch.fail(&test, None);
    let (kept, text) = keep(&scratch, &left);
    assert!(text.contains(&format!("\n\n[link.1] # TUN tun0 on the {backend}, host 192.0.2.1/24")), "{text}");
    let plans = FaultPlans::from_toml(&text).unwrap();
    assert_eq!(plans.links().collect::<Vec<_>>(), [1, 3], "{text}");
    assert_eq!(plans.plan_of(1).unwrap().seed_value(), 7);
    assert_eq!(plans.plan_of(3).unwrap().seed_value(), 8);
    // A second reader finds the same in it.
    let second: toml::Table = text.parse().unwrap();
    assert_eq!(second["link"]["3"]["seed"].as_integer(), Some(8));
    assert_eq!(second["link"]["1"]["to_host"][0]["fault"].as_str(), Some("drop"));
    let (again, _, left) = scratch.fail(&test, Some(&kept));
    assert_eq!(again, happened);
    assert_eq!(without_causes(&fs::read_to_string(left).unwrap()), without_causes(&text));
    // Without the first link's section nothing is lost there, whatever the test plans.
    let (head, rest) = text.split_once("[link.1]").unwrap();
    let (_, third) = rest.split_once("[link.3]").unwrap();
    fs::write(&kept, format!("{head}[link.3]{third}")).unwrap();
    let (again, ..) = scratch.fail(&test, Some(&kept));
    let all = format!("{:?}", (0..20).collect::<Vec<u16>>());
    assert!(again.starts_with(&format!("answered: [{all}, {all}, ")) && happened.ends_with(&again[again.len() - 20..]));
}

#[test]
fn one_link_is_simple_on_the_mock() {
    one_link_is_simple("mock");
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn one_link_is_simple_on_the_kernel() {
    one_link_is_simple("kernel");
}

#[test]
fn each_link_has_its_section_on_the_mock() {
    each_link_has_its_section("mock");
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn each_link_has_its_section_on_the_kernel() {
    each_link_has_its_section("kernel");
}

/// What the mock left is done on the kernel, and the other way round.
#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_plan_of_the_one_backend_is_done_on_the_other() {
    let scratch = Scratch::new("other");
    for (from, to) in [("mock", "kernel"), ("kernel", "mock")] {
        let (happened, _, left) = scratch.fail(&format!("three_links::{from}"), None);
        let (kept, _) = keep(&scratch, &left);
        assert_eq!(scratch.fail(&format!("three_links::{to}"), Some(&kept)).0, happened);
    }
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_replayed_link_is_not_handed_over() {
    let scratch = Scratch::new("handed");
    let plan = scratch.0.join("plan.toml");
    fs::write(
        &plan,
        FaultPlan::new().device(|device| device.at(Duration::from_secs(600), LinkFault::Up)).to_toml().unwrap(),
    )
    .unwrap();
    let (said, code) = scratch.run("a_hand_over::kernel", Some(&plan));
    assert_eq!(code, Some(101), "{said}");
    assert!(
        said.contains("faults are planned on this link, and whoever opens the TUN/TAP itself goes past them"),
        "{said}"
    );
    fs::write(&plan, "[link.2]\nseed = 7\n").unwrap();
    let (said, code) = scratch.run("a_hand_over::kernel", Some(&plan));
    assert_eq!(code, Some(0), "{said}");
    fs::write(&plan, "[link.two]\n").unwrap();
    let (said, _) = scratch.run("a_hand_over::kernel", Some(&plan));
    assert!(said.contains("line 1: `two` is no number that `link` can have"), "{said}");
}
