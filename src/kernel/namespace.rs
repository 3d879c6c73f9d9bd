//! The throwaway network namespace: made for one test, gone with its last reference.
//!
//! Layer: `kernel`; the context enters one for each kernel test, and a plain `#[test]` or an rstest fixture can hold a
//! [`NamespaceGuard`] itself. A namespace belongs to threads, not to the process: the guard moves the calling thread,
//! threads that it starts afterwards are born inside, and so are the programs it starts.
//!
//! ```text
//!  thread of the test     ──enter──► [ namespace: lo, tun0, its sockets, its Commands ] ──drop──► home (privileged)
//!  every other thread     stays where it was                                                      or thread's end
//! ```
//!
//! What a new namespace inherits from the initial one (Docker's forwarding, systemd's rp_filter) is set back to the
//! kernel's defaults; see [`Namespace::unapplied`].

#![expect(unsafe_code, reason = "what a program does between fork and exec is the caller's word")]

use std::any::Any;
use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::panic;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::{fstat, stat};

use super::environment;
use super::netlink::{Netlink, Step as LinkStep};
use super::obstacle::Obstacle;
use super::privilege::{self, Privilege, Refusal, Step};
use super::sysctl;
use super::{Counters, KernelError, SetupError};
use crate::device::timeout_scale;

/// The calling thread's network namespace. `/proc/self` would be the main thread's.
const OWN_NAMESPACE: &str = "/proc/thread-self/ns/net";

/// How long to wait for the kernel's clean-up of dead namespaces when the limit is reached.
const CLEAN_UP: Duration = Duration::from_secs(30);

/// Makes this process able to make namespaces, now, while it has one thread. A program that is no test (whose `main`
/// starts threads before it needs a device) calls it first; test binaries need not.
///
/// # Errors
/// What is in the way, and its cure.
///
/// ```no_run
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     tuntap_test::kernel::prepare()?;
///     // … start a runtime, then make links …
///     Ok(())
/// }
/// ```
pub fn prepare() -> Result<Privilege, Obstacle> {
    privilege::acquire().map_err(Obstacle::diagnose)
}

/// A network namespace of this process's own making. Cheap to clone; it lives as long as a handle, a thread, a socket
/// or a program is in it.
#[derive(Clone)]
pub struct Namespace {
    inner: Arc<Inner>,
}

struct Inner {
    descriptor: OwnedFd,
    unapplied: Vec<&'static str>,
}

impl Namespace {
    /// Makes a namespace without moving the calling thread: for a second host.
    ///
    /// # Errors
    /// The obstacle, when this process cannot make one.
    pub fn new() -> Result<Self, SetupError> {
        // While the process has one thread, a second one would be in the way of the user namespace.
        privilege::acquire().map_err(Obstacle::diagnose)?;
        on_a_thread(Self::unshare)?
    }

    /// Makes a namespace and moves the calling thread into it until the guard is dropped.
    ///
    /// Where the privileges come from a user namespace, ours or one that this process was started in, the thread cannot
    /// go back (the kernel answers EPERM) and stays until it ends, which libtest's thread does with the test.
    ///
    /// # Errors
    /// The obstacle, when this process cannot make one.
    ///
    /// ```no_run
    /// use tuntap_test::kernel::Namespace;
    ///
    /// #[test]
    /// #[ignore = "needs a network namespace"]
    /// fn binds_any_port() -> Result<(), Box<dyn std::error::Error>> {
    ///     let _inside = Namespace::enter()?;
    ///     // Nobody else is here: every port is free, and the sockets see `lo` only.
    ///     std::net::TcpListener::bind("127.0.0.1:80")?;
    ///     Ok(())
    /// }
    /// ```
    pub fn enter() -> Result<NamespaceGuard, SetupError> {
        let home = match privilege::acquire().map_err(Obstacle::diagnose)? {
            Privilege::Capabilities => Some(own_namespace()?).filter(can_be_entered),
            Privilege::UserNamespace => None,
        };
        unshare_waiting_for_clean_up().map_err(Obstacle::diagnose)?;
        // From here on an error takes the thread home, too.
        let way_home = WayHome { home, stays_on_its_thread: PhantomData };
        Ok(NamespaceGuard { namespace: Self::prepared()?, _way_home: way_home })
    }

    /// The calling thread's present namespace, whoever made it.
    ///
    /// # Errors
    /// When `/proc` is not mounted.
    pub fn current() -> Result<Self, SetupError> {
        Ok(Self { inner: Arc::new(Inner { descriptor: own_namespace()?, unapplied: Vec::new() }) })
    }

    /// The calling thread leaves its namespace for a new one, for good.
    fn unshare() -> Result<Self, SetupError> {
        unshare_waiting_for_clean_up().map_err(Obstacle::diagnose)?;
        Self::prepared()
    }

    /// Makes the fresh namespace that the calling thread is in fit for tests.
    fn prepared() -> Result<Self, SetupError> {
        let unapplied = sysctl::set_back_to_defaults();
        Netlink::open()?.apply(&[LinkStep::LoopbackUp])?;
        Ok(Self { inner: Arc::new(Inner { descriptor: own_namespace()?, unapplied }) })
    }

    /// Runs a closure on a thread of its own inside this namespace, and gives its result. A panic goes on in the
    /// caller.
    ///
    /// # Errors
    /// When the thread cannot be started or may not enter the namespace.
    ///
    /// # Panics
    /// When the closure panics, with its payload.
    pub fn run<T: Send>(&self, closure: impl FnOnce() -> T + Send) -> Result<T, SetupError> {
        on_a_thread(|| {
            self.join()?;
            Ok(closure())
        })?
    }

    /// A program that will run in this namespace, whichever thread starts it. It gets the privileges that this process
    /// has there.
    ///
    /// ```no_run
    /// # use tuntap_test::kernel::Namespace;
    /// let there = Namespace::new()?;
    /// let output = there.command("ip").args(["-brief", "link"]).output()?;
    /// assert!(String::from_utf8_lossy(&output.stdout).starts_with("lo"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        let namespace = Arc::clone(&self.inner);
        let enter = move || {
            let there = fstat(&namespace.descriptor)?;
            // Who is there already may not be allowed to enter again, and need not: its programs are born there.
            if stat(OWN_NAMESPACE).is_ok_and(|here| (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)) {
                return Ok(());
            }
            Ok(setns(&namespace.descriptor, CloneFlags::CLONE_NEWNET)?)
        };
        // SAFETY: between fork and exec it makes three system calls, and does not allocate: the path is a short one.
        unsafe { command.pre_exec(enter) };
        command
    }

    /// What the kernel has counted in this namespace; see [`Counters::read`].
    ///
    /// # Errors
    /// As [`Counters::read`]; when the calling thread is elsewhere also as [`run`](Self::run).
    pub fn counters(&self) -> io::Result<Counters> {
        if self.is_current() { Counters::read() } else { self.run(Counters::read)? }
    }

    /// Moves the calling thread in, for good.
    pub(crate) fn join(&self) -> Result<(), KernelError> {
        setns(&self.inner.descriptor, CloneFlags::CLONE_NEWNET)
            .map_err(|errno| KernelError::new("enter the test's network namespace", errno.into()))
    }

    /// The settings that could not be set back to the kernel's defaults, because `/proc/sys` is read-only here: they
    /// have the values of the initial namespace. Empty outside containers.
    #[must_use]
    pub fn unapplied(&self) -> &[&'static str] {
        &self.inner.unapplied
    }

    /// Whether the calling thread is in this namespace.
    #[must_use]
    pub fn is_current(&self) -> bool {
        let identity = |file: &File| {
            use std::os::unix::fs::MetadataExt;
            file.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()))
        };
        let Ok(mine) = self.inner.descriptor.try_clone().map(File::from) else { return false };
        let Ok(current) = File::open(OWN_NAMESPACE) else { return false };
        identity(&mine).is_some() && identity(&mine) == identity(&current)
    }
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.descriptor.as_fd()
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace").field("unapplied", &self.inner.unapplied).finish_non_exhaustive()
    }
}

/// The calling thread is in a namespace of its own while this lives.
///
/// Not `Send`: it belongs to the thread that entered.
#[derive(Debug)]
#[must_use = "the thread leaves the namespace when the guard is dropped"]
pub struct NamespaceGuard {
    namespace: Namespace,
    _way_home: WayHome,
}

/// Takes the thread back when it is dropped, where there is a way.
#[derive(Debug)]
struct WayHome {
    home: Option<OwnedFd>,
    stays_on_its_thread: PhantomData<*const ()>,
}

impl NamespaceGuard {
    /// The namespace that the thread is in.
    #[must_use]
    pub const fn namespace(&self) -> &Namespace {
        &self.namespace
    }
}

impl Drop for WayHome {
    fn drop(&mut self) {
        if let Some(home) = &self.home
            && let Err(errno) = setns(home, CloneFlags::CLONE_NEWNET)
        {
            // Nothing can be returned from here, and the thread must not go on as if it were at home.
            eprintln!("tuntap-test: this thread cannot return to its network namespace: {errno}");
        }
    }
}

fn own_namespace() -> Result<OwnedFd, KernelError> {
    let file = File::open(Path::new(OWN_NAMESPACE))
        .map_err(|error| KernelError::new("open /proc/thread-self/ns/net", error).with_cure("Is /proc mounted?"))?;
    Ok(file.into())
}

/// Whether the calling thread, which is in that namespace, may come back to it. Not where its capabilities are those of
/// a user namespace made by somebody else (`unshare --user`, the program that started this one): the namespace it came
/// from belongs to the user namespace outside.
fn can_be_entered(namespace: &OwnedFd) -> bool {
    setns(namespace, CloneFlags::CLONE_NEWNET).is_ok()
}

/// Dead namespaces count against the limit until the kernel's background clean-up is through with them, so ENOSPC with
/// a limit above zero means "not yet". The kernel tells nobody when it is done; asking again is the only way.
fn unshare_waiting_for_clean_up() -> Result<(), Refusal> {
    let mut give_up = None;
    let mut pause = Duration::from_millis(1);
    loop {
        let errno = match unshare(CloneFlags::CLONE_NEWNET) {
            Ok(()) => return Ok(()),
            Err(errno) => errno,
        };
        let refusal = Refusal { step: Step::NetworkNamespace, errno: errno as i32 };
        if errno != Errno::ENOSPC || environment::max_network_namespaces() == Some(0) {
            return Err(refusal);
        }
        let give_up = *give_up.get_or_insert_with(|| Instant::now() + CLEAN_UP.mul_f64(timeout_scale()));
        if Instant::now() >= give_up {
            return Err(refusal);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Runs a closure on a thread that ends with it. A panic goes on in the caller.
fn on_a_thread<T: Send>(closure: impl FnOnce() -> T + Send) -> io::Result<T> {
    let joined: Result<T, Box<dyn Any + Send>> = thread::scope(|scope| {
        let thread = thread::Builder::new().name("tuntap-test namespace".to_owned()).spawn_scoped(scope, closure)?;
        Ok::<_, io::Error>(thread.join())
    })?;
    Ok(joined.unwrap_or_else(|payload| panic::resume_unwind(payload)))
}
