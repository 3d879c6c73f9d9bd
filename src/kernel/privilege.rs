//! What this process may do: its capabilities, and the user namespace that gives it some.
//!
//! Layer: only `kernel` uses it. With CAP_SYS_ADMIN and CAP_NET_ADMIN nothing is needed. Without, one
//! `unshare(CLONE_NEWUSER)` gives both, over network namespaces made afterwards; the kernel allows it only while the
//! process has one thread, so a constructor in every test binary does it before `main`:
//!
//! ```text
//!  exec ─► .init_array: before_main ─► main: libtest ─► a thread a test: unshare(CLONE_NEWNET), the device, the test
//!            │ asked for kernel tests? privileged already? if not:
//!            └ unshare(CLONE_NEWUSER), map the user and group to themselves, raise the ambient capabilities
//! ```
//!
//! The constructor acts only when kernel tests were asked for (`--ignored` or `--include-ignored`, and no `--list`);
//! `TUNTAP_TEST_KERNEL=1` or `0` forces it on or off. It neither prints nor aborts: what it found is kept for the
//! message of the test that cannot run.

#![expect(unsafe_code, reason = "capget, capset, prctl and a constructor have no safe form")]

use std::ffi::OsStr;
use std::sync::Mutex;
use std::{env, fs, io};

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

use super::environment::threads;

/// CAP_NET_ADMIN of `linux/capability.h`: interfaces, addresses, routes.
pub(super) const CAP_NET_ADMIN: u32 = 12;
/// CAP_NET_RAW: packet sockets, and `ping` on raw sockets.
pub(super) const CAP_NET_RAW: u32 = 13;
/// CAP_SYS_ADMIN: unshare and setns.
pub(super) const CAP_SYS_ADMIN: u32 = 21;

/// What programs started by a test keep: enough to use the network of their namespace.
const AMBIENT: [u32; 4] = [CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN, 10 /* CAP_NET_BIND_SERVICE */];

/// Which step towards privileges failed, with its errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) step: Step,
    pub(crate) errno: i32,
}

/// The steps from an unprivileged process to a device, in order. Each can be refused for reasons of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Step {
    /// `unshare(CLONE_NEWUSER)`.
    UserNamespace,
    /// Writing `/proc/self/setgroups`, `uid_map` and `gid_map`.
    IdMaps,
    /// `unshare(CLONE_NEWNET)`.
    NetworkNamespace,
    /// `open("/dev/net/tun")`.
    Node,
    /// `ioctl(TUNSETIFF)`.
    Attach,
}

/// What became of the user namespace in this process.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Nobody has needed one.
    NotTried,
    /// This process is in one of its own, with the capabilities.
    Entered,
    /// It was refused.
    Refused(Refusal),
}

static STATE: Mutex<State> = Mutex::new(State::NotTried);

/// How this process can make network namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Privilege {
    /// It has CAP_SYS_ADMIN and CAP_NET_ADMIN of its own, as root has. A thread can go back to its old namespace,
    /// unless the capabilities are those of a user namespace that somebody else made.
    Capabilities,
    /// It has them inside a user namespace that this crate entered.
    UserNamespace,
}

/// The two capabilities sets that matter, as `capget(2)` gives them.
#[derive(Clone, Copy, Default)]
struct Capabilities {
    effective: u64,
    permitted: u64,
    inheritable: u64,
}

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Data {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// `_LINUX_CAPABILITY_VERSION_3`: two times 32 bits.
const VERSION_3: u32 = 0x2008_0522;

fn capabilities() -> io::Result<Capabilities> {
    let mut header = Header { version: VERSION_3, pid: 0 };
    let mut data = [Data::default(); 2];
    // SAFETY: version 3 reads one header and writes two data structures, which is what stands here.
    let result = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, data.as_mut_ptr()) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    let [low, high] = data;
    let join = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    Ok(Capabilities {
        effective: join(low.effective, high.effective),
        permitted: join(low.permitted, high.permitted),
        inheritable: join(low.inheritable, high.inheritable),
    })
}

fn set_capabilities(wanted: Capabilities) -> io::Result<()> {
    let mut header = Header { version: VERSION_3, pid: 0 };
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what is meant")]
    let half = |shift: u32| Data {
        effective: (wanted.effective >> shift) as u32,
        permitted: (wanted.permitted >> shift) as u32,
        inheritable: (wanted.inheritable >> shift) as u32,
    };
    let data = [half(0), half(32)];
    // SAFETY: version 3 reads one header and two data structures, which is what stands here.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, data.as_ptr()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Whether the calling thread has that capability in effect.
pub(super) fn has_capability(capability: u32) -> bool {
    capabilities().is_ok_and(|set| set.effective & 1 << capability != 0)
}

/// Lets programs that this process starts keep the capabilities: without, they lose them at exec, since the user is
/// mapped to itself and not to 0. Best effort: a test that starts no program does not need it.
fn raise_ambient() {
    let Ok(mut set) = capabilities() else { return };
    let wanted = AMBIENT.iter().fold(0, |mask, capability| mask | 1_u64 << capability) & set.permitted;
    set.inheritable |= wanted;
    if set_capabilities(set).is_err() {
        return;
    }
    for capability in AMBIENT {
        // SAFETY: PR_CAP_AMBIENT takes numbers only.
        unsafe {
            libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE, libc::c_ulong::from(capability), 0, 0);
        }
    }
}

/// Enters a user namespace of this process's own, with user and group mapped to themselves.
fn enter_user_namespace() -> Result<(), Refusal> {
    let (uid, gid) = (geteuid(), getegid());
    let refusal = |step| move |errno: i32| Refusal { step, errno };
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|errno| refusal(Step::UserNamespace)(errno as i32))?;
    let write = |path: &str, text: String| {
        fs::write(path, text).map_err(|error| refusal(Step::IdMaps)(error.raw_os_error().unwrap_or(libc::EIO)))
    };
    // Without this an unprivileged process may not write gid_map (user_namespaces(7)); kernels before 3.19 have no
    // such file and need none.
    match write("/proc/self/setgroups", "deny".to_owned()) {
        Err(Refusal { errno: libc::ENOENT, .. }) | Ok(()) => {}
        Err(refusal) => return Err(refusal),
    }
    write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
    write("/proc/self/gid_map", format!("{gid} {gid} 1"))?;
    raise_ambient();
    Ok(())
}

fn state() -> std::sync::MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Gets the privileges that a network namespace needs, entering a user namespace if that is the way and still possible.
pub(super) fn acquire() -> Result<Privilege, Refusal> {
    let mut state = state();
    match *state {
        State::Entered => return Ok(Privilege::UserNamespace),
        // Refused once; root's own capabilities cannot have come since.
        State::Refused(refusal) => return Err(refusal),
        State::NotTried => {}
    }
    if has_capability(CAP_SYS_ADMIN) && has_capability(CAP_NET_ADMIN) {
        return Ok(Privilege::Capabilities);
    }
    // With several threads the kernel says EINVAL, and would say so for ever: not worth remembering, the answer is
    // the same and the message tells the threads' count.
    if threads().is_some_and(|count| count > 1) {
        return Err(Refusal { step: Step::UserNamespace, errno: libc::EINVAL });
    }
    let entered = enter_user_namespace();
    *state = match entered {
        Ok(()) => State::Entered,
        Err(refusal) => State::Refused(refusal),
    };
    entered.map(|()| Privilege::UserNamespace)
}

/// Whether this process is in a user namespace that this crate entered.
pub(super) fn in_own_user_namespace() -> bool {
    matches!(*state(), State::Entered)
}

/// Whether a command line and the environment ask for kernel tests. `arguments` are NUL-terminated, as in
/// `/proc/self/cmdline`.
fn asked_for_kernel_tests(forced: Option<&OsStr>, arguments: &[u8]) -> bool {
    match forced.map(OsStr::as_encoded_bytes) {
        Some(b"1") => return true,
        Some(b"0") => return false,
        _ => {}
    }
    let given = |wanted: &[u8]| arguments.split(|&octet| octet == 0).skip(1).any(|argument| argument == wanted);
    (given(b"--ignored") || given(b"--include-ignored")) && !given(b"--list")
}

/// Runs before `main`, while there is one thread.
extern "C" fn before_main() {
    let arguments = fs::read("/proc/self/cmdline").unwrap_or_default();
    if asked_for_kernel_tests(env::var_os("TUNTAP_TEST_KERNEL").as_deref(), &arguments) {
        // The result is kept in STATE for the message of the test that cannot run.
        let _ = acquire();
    }
}

#[cfg(not(miri))]
#[used]
// SAFETY: the section holds pointers to functions of the C calling convention, which this is; `before_main` uses
// nothing that the runtime sets up later (no standard streams, no thread-locals with destructors).
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(forced: Option<&str>, arguments: &[&str]) -> bool {
        let mut line = Vec::new();
        for argument in arguments {
            line.extend_from_slice(argument.as_bytes());
            line.push(0);
        }
        asked_for_kernel_tests(forced.map(OsStr::new), &line)
    }

    #[test]
    fn only_a_run_of_ignored_tests_enters_the_user_namespace() {
        assert!(!asked(None, &["test"]));
        assert!(!asked(None, &["--ignored"]), "the program's own name is no argument");
        assert!(asked(None, &["test", "--ignored"]));
        assert!(asked(None, &["test", "--include-ignored", "::kernel"]));
        assert!(!asked(None, &["test", "--ignored", "--list"]), "nextest lists first");
        assert!(!asked(None, &["test", "--ignored-not"]));
    }

    #[test]
    fn the_variable_has_the_last_word() {
        assert!(asked(Some("1"), &["program"]));
        assert!(asked(Some("1"), &["program", "--ignored", "--list"]));
        assert!(!asked(Some("0"), &["program", "--ignored"]));
        assert!(asked(Some("yes"), &["program", "--ignored"]), "anything else is no word");
    }
}
