//! What a kernel test says where it cannot run: each obstacle is put up for a process of its own.
//!
//! The victim is this same program, run again behind the obstacle. Nothing here changes the machine: a mount is made in
//! a mount namespace, a limit set in a user namespace, a filter installed in a process, and all go with that process.
//! `unshare` and `setpriv` are util-linux's.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::env;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use tuntap_test::Tun;
use tuntap_test::context::{Backend, TestContext};
use tuntap_test::device::DeviceConfig;
use tuntap_test::kernel::probe;

/// Set for the victim: it stands behind an obstacle. `seccomp`: it has to put up a filter itself first.
const BEHIND: &str = "TUNTAP_TEST_OBSTACLE";

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// A wrapper that takes the victim's capabilities away: root's, or those that a rootless test's programs inherit.
fn without_capabilities() -> &'static [&'static str] {
    if is_root() {
        &["setpriv", "--inh-caps=-all", "--bounding-set=-all"]
    } else {
        &["setpriv", "--inh-caps=-all", "--ambient-caps=-all"]
    }
}

/// What a user's kernel test does; panics with what the test would print.
#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn victim() {
    if env::var_os(BEHIND).is_some_and(|obstacle| obstacle == "seccomp") {
        let filter = like_dockers().expect("the rules are well-formed");
        seccompiler::apply_filter(&filter).expect("a process may always filter itself");
        let mut again = Command::new(env::current_exe().expect("/proc is mounted"));
        again.args(env::args_os().skip(1)).env(BEHIND, "filter").env_remove("TUNTAP_TEST_KERNEL");
        panic!("failed to run this program again: {}", again.exec());
    }
    let made = TestContext::new(Backend::Kernel, "victim").and_then(|mut context| {
        let _tun: Tun = context.argument(DeviceConfig::new())?;
        Ok(())
    });
    if let Err(error) = made {
        // A process with one thread, as the probe's is, has one obstacle less; otherwise both say the same.
        if env::var_os("TUNTAP_TEST_KERNEL").is_none() {
            assert_eq!(probe().unwrap_err().to_string(), error.to_string());
        }
        panic!("{error}");
    }
    assert!(probe().is_ok(), "what works here is possible here");
}

/// Docker's default profile, as far as it concerns us: EPERM for namespaces and mounts.
fn like_dockers() -> Result<BpfProgram, Box<dyn std::error::Error>> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        [libc::SYS_unshare, libc::SYS_setns, libc::SYS_mount].into_iter().map(|call| (call, Vec::new())).collect();
    let flags = [libc::CLONE_NEWNS, libc::CLONE_NEWUSER, libc::CLONE_NEWNET];
    let with_flag = flags.into_iter().map(|flag| {
        let flag = u64::from(flag.cast_unsigned());
        let asked = SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(flag), flag)?;
        SeccompRule::new(vec![asked])
    });
    rules.insert(libc::SYS_clone, with_flag.collect::<Result<_, _>>()?);
    let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, env::consts::ARCH.try_into()?)?;
    Ok(filter.try_into()?)
}

/// Runs the victim behind `wrapper`, a program and its arguments, to which the victim's own command line is appended.
fn run_behind(wrapper: &[&str], prepare: impl FnOnce(&mut Command)) -> io::Result<Output> {
    let program = env::current_exe()?;
    let mut command = match wrapper.split_first() {
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
        None => Command::new(program),
    };
    // Two, so that the victim has a thread of its own also where there is one processor.
    command.args(["--ignored", "--exact", "victim", "--nocapture", "--test-threads=2"]);
    command.env(BEHIND, "yes").env_remove("TUNTAP_TEST_KERNEL").env_remove("TUNTAP_TEST_NAMESPACE");
    prepare(&mut command);
    command.output()
}

/// The victim failed with exactly these lines: cause, step and errno, cure.
#[track_caller]
fn assert_says(output: &io::Result<Output>, message: &str) {
    let output = output.as_ref().expect("the wrapper is installed");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{stderr}");
    assert!(stdout.contains("test victim ... FAILED"), "the victim does not fail as a test:\n{stdout}\n{stderr}");
    assert!(stderr.contains(&format!("\n{message}\n")), "wanted:\n{message}\ngot:\n{stderr}");
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_missing_node_is_named() {
    const MOUNT: &str = r#"mount -t tmpfs none /dev/net && exec "$0" "$@""#;
    let wrapper = if is_root() {
        &["unshare", "--mount", "sh", "-c", MOUNT][..]
    } else {
        &["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", MOUNT][..]
    };
    assert_says(
        &run_behind(wrapper, |_| {}),
        "no kernel device: /dev/net/tun is missing\n  refused: open(\"/dev/net/tun\") gave ENOENT (No such file or \
         directory)\n  cure:    `sudo modprobe tun`; in a container start it with `--device /dev/net/tun`",
    );
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_node_with_mode_0600_is_named() {
    // The program goes where user 1000 can read it, and goes with the mount.
    const MAKE: &str = r#"mount -t tmpfs none /dev/net && mknod -m 0600 /dev/net/tun c 10 200 && cp "$0" /dev/net/victim &&
        exec setpriv --reuid=1000 --regid=1000 --clear-groups /dev/net/victim "$@""#;
    // A user cannot make a node, but lay one of root's over it: whose it is decides, not what stands behind it.
    const COVER: &str = r#"mount --bind "$(find /dev -maxdepth 2 -type c -perm 0600 ! -path /dev/net/tun | head -n 1)" \
        /dev/net/tun && exec setpriv --inh-caps=-all --ambient-caps=-all "$0" "$@""#;
    let wrapper = if is_root() {
        &["unshare", "--mount", "sh", "-c", MAKE][..]
    } else {
        &["unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "sh", "-c", COVER][..]
    };
    let user = if is_root() { 1000 } else { nix::unistd::geteuid().as_raw() };
    assert_says(
        &run_behind(wrapper, |_| {}),
        &format!(
            "no kernel device: /dev/net/tun has mode 0600, which keeps user {user} out; it needs 0666, as distributions \
             have it\n  refused: open(\"/dev/net/tun\") gave EACCES (Permission denied)\n  cure:    `sudo chmod 0666 \
         /dev/net/tun` (opening it gives nobody rights over the host's network)"
        ),
    );
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_limit_of_no_user_namespaces_is_named() {
    // The limit is each user namespace's own. The user is its root, so the capabilities have to go.
    const LIMIT: &str = r#"echo 0 > /proc/sys/user/max_user_namespaces &&
        exec setpriv --inh-caps=-all --bounding-set=-all "$0" "$@""#;
    assert_says(
        &run_behind(&["unshare", "--user", "--map-root-user", "sh", "-c", LIMIT], |_| {}),
        "no kernel device: user namespaces are switched off (user.max_user_namespaces = 0)\n  refused: \
         unshare(CLONE_NEWUSER) gave ENOSPC (No space left on device)\n  cure:    `sudo sysctl -w \
         user.max_user_namespaces=15000`, or run the test binary as root",
    );
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_seccomp_filter_is_named() {
    let behind = run_behind(without_capabilities(), |command| {
        command.env(BEHIND, "seccomp").env("TUNTAP_TEST_KERNEL", "0");
    });
    assert_says(
        &behind,
        "no kernel device: a seccomp filter refuses user namespaces, as container engines do by default\n  refused: \
         unshare(CLONE_NEWUSER) gave EPERM (Operation not permitted)\n  cure:    start the container with `--device \
         /dev/net/tun --security-opt seccomp=unconfined` (on Ubuntu also `--security-opt apparmor=unconfined`), or \
         with `--device /dev/net/tun --cap-add NET_ADMIN --cap-add SYS_ADMIN`",
    );
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn threads_before_the_user_namespace_are_named() {
    let behind = run_behind(without_capabilities(), |command| {
        command.env("TUNTAP_TEST_KERNEL", "0");
    });
    assert_says(
        &behind,
        "no kernel device: this process has 2 threads, and a user namespace can only be entered with one\n  refused: \
         unshare(CLONE_NEWUSER) gave EINVAL (Invalid argument)\n  cure:    run the tests with `-- --ignored` or set \
         TUNTAP_TEST_KERNEL=1, so that the user namespace is entered before `main`; or call \
         `tuntap_test::kernel::prepare()` first in `main`; or run as root",
    );
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_user_namespace_made_by_somebody_else_is_no_obstacle() -> io::Result<()> {
    // The thread may not go back to where it came from, which belongs to the user namespace outside: nothing to say.
    let output = run_behind(&["unshare", "--user", "--map-root-user"], |_| {})?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(!stderr.contains("tuntap-test:"), "{stderr}");
    Ok(())
}
