//! Many throwaway links, and what is left of them: nothing, however a test ends.
//!
//! Some tests start this very binary again, to end it badly or to run it under a limit; [`role`] tells the child what
//! it is.
#![cfg(target_os = "linux")]

use std::io::{self, BufRead, BufReader};
use std::net::UdpSocket;
use std::os::unix::process::ExitStatusExt;
use std::panic;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Barrier};
use std::time::Instant;
use std::{env, fs, mem, process, thread};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tuntap_test::Tun;
use tuntap_test::context::{Backend, TestContext};
use tuntap_test::device::{DeviceConfig, patience};
use tuntap_test::kernel::Namespace;
use tuntap_test::kernel::netlink::Netlink;

/// Tells a child of this binary what to do. A child of a child has it too.
const ROLE: &str = "TUNTAP_TEST_STRESS_ROLE";

fn role() -> Option<String> {
    env::var(ROLE).ok()
}

fn link() -> io::Result<(TestContext, Tun)> {
    let mut context = TestContext::new(Backend::Kernel, "stress")?;
    let tun = context.argument(DeviceConfig::new())?;
    Ok((context, tun))
}

/// A datagram from a socket of the test comes out at the device end.
fn datagram_passes(tun: &Tun) -> io::Result<()> {
    let socket = UdpSocket::bind((tun.host_v4(), 0))?;
    socket.send_to(b"hello", (tun.peer_v4(), 9))?;
    let frame = tun.try_receive(patience())?;
    if frame.get(28..) == Some(b"hello") { Ok(()) } else { Err(io::Error::other(format!("another frame: {frame:?}"))) }
}

fn links_one_after_another(count: u32) -> io::Result<()> {
    let start = Instant::now();
    for number in 0..count {
        // Dropped in this order: the device, then the context.
        let (_context, tun) = link().map_err(|error| io::Error::other(format!("link {number}: {error}")))?;
        if number % 100 == 0 {
            datagram_passes(&tun)?;
        }
    }
    println!("{count} links in {:?}", start.elapsed());
    Ok(())
}

/// Two hundred links at once have a thousand descriptors, which is where the usual soft limit lies.
fn raise_descriptor_limit() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit can be read");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("a process may raise its soft limit");
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_thousand_links_one_after_another() -> io::Result<()> {
    links_one_after_another(1000)
}

/// This binary again, for one test of it, in that role.
fn this_test_as(role: &str, test: &str) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--ignored", "--exact", test, "--nocapture", "--test-threads=1"]).env(ROLE, role);
    Ok(command)
}

/// The same in a user namespace of its own, whose users may have that many network namespaces at once.
fn limited(limit: u32, role: &str, test: &str) -> io::Result<Command> {
    let inner = this_test_as(role, test)?;
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "sh", "-c"])
        .arg(format!("echo {limit} > /proc/sys/user/max_net_namespaces && exec \"$@\""))
        .arg("sh")
        .arg(inner.get_program())
        .args(inner.get_args())
        .env(ROLE, role);
    Ok(command)
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_limit_of_20_namespaces_slows_links_and_fails_none() -> io::Result<()> {
    if role().as_deref() == Some("limited") {
        assert_eq!(fs::read_to_string("/proc/sys/user/max_net_namespaces")?.trim(), "20");
        return links_one_after_another(1000);
    }
    let ended = limited(20, "limited", "a_limit_of_20_namespaces_slows_links_and_fails_none")?.output()?;
    let text = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{text}{}", String::from_utf8_lossy(&ended.stderr));
    assert!(text.contains("1 passed"), "{text}");
    print!("{text}");
    Ok(())
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn two_hundred_links_at_once() {
    raise_descriptor_limit();
    const LINKS: usize = 200;
    let all_alive = Arc::new(Barrier::new(LINKS));
    let threads: Vec<_> = (0..LINKS)
        .map(|_| {
            let all_alive = Arc::clone(&all_alive);
            thread::spawn(move || {
                let made = link();
                // A thread that failed waits too, or the others would wait for ever.
                all_alive.wait();
                let passed = made.and_then(|made| datagram_passes(&made.1).map(|()| made));
                all_alive.wait();
                passed.map(drop)
            })
        })
        .collect();
    // Join all before any is judged.
    let ended: Vec<_> = threads.into_iter().map(thread::JoinHandle::join).collect();
    for result in ended {
        result.expect("no thread panics").expect("each link works");
    }
}

/// What a process could leave behind.
#[derive(Debug, PartialEq, Eq)]
struct Surroundings {
    /// Links, addresses and routes of the calling thread's namespace.
    network: String,
    descriptors: usize,
    children: String,
}

impl Surroundings {
    fn look() -> io::Result<Self> {
        use std::fmt::Write as _;

        let mut netlink = Netlink::open()?;
        let mut network = String::new();
        for mut link in netlink.links()? {
            // Others may use the caller's network meanwhile.
            link.statistics = Default::default();
            let addresses = netlink.addresses(link.index)?;
            writeln!(network, "{link:?} {addresses:?}").map_err(io::Error::other)?;
        }
        write!(network, "{:?}", netlink.routes()?).map_err(io::Error::other)?;
        let children = fs::read_to_string("/proc/thread-self/children")?;
        Ok(Self { network, descriptors: fs::read_dir("/proc/self/fd")?.count(), children })
    }
}

/// How a test may end with a link up.
const ENDINGS: [&str; 5] = ["pass", "panic", "leak", "abort", "kill"];

/// Makes a link and ends so, inside a thread, as libtest's are.
fn end_by(ending: &'static str) -> io::Result<()> {
    let ended = thread::spawn(move || -> io::Result<()> {
        let (_context, tun) = link()?;
        datagram_passes(&tun)?;
        match ending {
            // Quietly: the hook would print it.
            "panic" => panic::resume_unwind(Box::new("the test's own")),
            "leak" => mem::forget(tun),
            _ => {}
        }
        Ok(())
    })
    .join();
    assert_eq!(ended.is_err(), ending == "panic");
    ended.unwrap_or(Ok(()))
}

/// A child of this binary with a link up, which ends with the pipe: by `abort`, or by a signal that the parent sends.
fn child_with_a_link(mut command: Command) -> io::Result<Child> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.as_mut().ok_or_else(|| io::Error::other("no pipe"))?;
    for line in BufReader::new(stdout).lines() {
        // libtest's own words stand before it on the line.
        if line?.ends_with("a link is up") {
            return Ok(child);
        }
    }
    Err(io::Error::other(format!("the child made no link: {}", child.wait()?)))
}

/// What the child does.
fn be_the_child(role: &str) -> io::Result<()> {
    let (_context, _tun) = link()?;
    println!("a link is up");
    if role == "abort" {
        process::abort();
    }
    // Until it is killed; or until the parent is gone.
    io::stdin().read_line(&mut String::new())?;
    Ok(())
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn nothing_is_left_however_a_test_ends() -> io::Result<()> {
    const NAME: &str = "nothing_is_left_however_a_test_ends";
    match role().as_deref() {
        None => {
            // In a process of its own: other tests of this binary open and close descriptors.
            let ended = this_test_as("watch", NAME)?.output()?;
            let text = String::from_utf8_lossy(&ended.stdout);
            assert!(ended.status.success(), "{text}{}", String::from_utf8_lossy(&ended.stderr));
            assert!(text.contains("1 passed"), "{text}");
            return Ok(());
        }
        Some("watch") => {}
        Some(role) => return be_the_child(role),
    }
    let before = Surroundings::look()?;
    for ending in ENDINGS {
        match ending {
            "abort" => {
                let ended = child_with_a_link(this_test_as(ending, NAME)?)?.wait()?;
                assert_eq!(ended.signal(), Some(libc::SIGABRT));
            }
            "kill" => {
                let mut child = child_with_a_link(this_test_as(ending, NAME)?)?;
                child.kill()?;
                assert_eq!(child.wait()?.signal(), Some(libc::SIGKILL));
            }
            _ => end_by(ending)?,
        }
        if ending == "leak" {
            // The forgotten `Tun` keeps its own descriptors; that is what leaking means. Only the network counts.
            let after = Surroundings::look()?;
            assert_eq!(after.network, before.network, "after {ending}");
            continue;
        }
        let after = Surroundings::look()?;
        assert_eq!((&after.network, &after.children), (&before.network, &before.children), "after {ending}");
        if matches!(ending, "pass" | "panic") {
            assert_eq!(after.descriptors, before.descriptors, "after {ending}");
        }
    }
    Ok(())
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn no_namespace_outlives_a_killed_test() -> io::Result<()> {
    const NAME: &str = "no_namespace_outlives_a_killed_test";
    match role().as_deref() {
        None => {
            let ended = limited(5, "watch", NAME)?.output()?;
            let text = String::from_utf8_lossy(&ended.stdout);
            assert!(ended.status.success(), "{text}{}", String::from_utf8_lossy(&ended.stderr));
            assert!(text.contains("1 passed"), "{text}");
            return Ok(());
        }
        Some("watch") => {}
        Some(role) => return be_the_child(role),
    }
    // More by far than there may be at once: were one left by each child, the sixth could not have any.
    for cycle in 0..60 {
        let role = if cycle % 2 == 0 { "kill" } else { "abort" };
        let mut child = child_with_a_link(this_test_as(role, NAME)?)?;
        if role == "kill" {
            child.kill()?;
        }
        assert!(child.wait()?.signal().is_some(), "cycle {cycle}");
    }
    Ok(())
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn programs_and_threads_of_a_test_are_in_its_namespace() -> io::Result<()> {
    let (mut context, tun) = link()?;
    let name = tun.name();
    let has_it = |interfaces: &str| interfaces.contains(&format!("{name}:"));
    let listed = Command::new("cat").arg("/proc/self/net/dev").output()?;
    assert!(has_it(&String::from_utf8_lossy(&listed.stdout)));
    for arguments in ["tuntap add dev stress0 mode tun", "address add 203.0.113.9/24 dev stress0"] {
        let ended = Command::new("ip").args(arguments.split(' ')).output()?;
        assert!(ended.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&ended.stderr));
    }
    let links =
        || -> io::Result<Vec<String>> { Ok(Netlink::open()?.links()?.into_iter().map(|link| link.name).collect()) };
    let of_a_thread = thread::spawn(links).join().expect("the thread ends")?;
    assert!(of_a_thread.contains(&name) && of_a_thread.contains(&"stress0".to_owned()), "{of_a_thread:?}");

    let other: Tun = context.argument(DeviceConfig::new().host("b"))?;
    let of_the_other = other.stack().run(links)??;
    assert!(of_the_other.contains(&other.name()) && !of_the_other.contains(&"stress0".to_owned()), "{of_the_other:?}");
    assert_eq!(tun.stack().run(links)??, of_a_thread);
    let other_namespace = other.stack().namespace().expect("the kernel backend has one");
    assert!(!other_namespace.is_current());
    assert!(other.stack().run(|| other_namespace.is_current())?);
    assert!(tun.stack().namespace().is_some_and(Namespace::is_current));
    other.stack().run(|| datagram_passes(&other))??;
    datagram_passes(&tun)
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_guard_takes_the_thread_home_where_the_kernel_lets_it() -> io::Result<()> {
    let home = Namespace::current()?;
    let inside = {
        let guard = Namespace::enter()?;
        assert!(!home.is_current() && guard.namespace().is_current());
        guard.namespace().clone()
    };
    // Inside a user namespace of our own the way home is closed, and the thread stays until it ends.
    let may_go_home =
        tuntap_test::kernel::prepare().map_err(io::Error::other)? == tuntap_test::kernel::Privilege::Capabilities;
    assert_eq!(home.is_current(), may_go_home);
    assert_eq!(inside.is_current(), !may_go_home);
    Ok(())
}
