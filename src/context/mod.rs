//! What a test receives: the context that `#[tuntap_test]` makes for it, and the arguments made from it.
//!
//! Layer: top. A [`TestContext`] holds what belongs to one run of one test: the backend, the namespace that its thread
//! is in, the further hosts, and what the report needs when it fails. The attribute makes one for each test; a plain
//! `#[test]` or an rstest fixture can hold one itself:
//!
//! ```
//! use tuntap_test::context::{Backend, TestContext};
//! use tuntap_test::device::DeviceConfig;
//! use tuntap_test::Tun;
//!
//! let mut context = TestContext::new(Backend::Mock, "plain")?;
//! let tun: Tun = context.argument(DeviceConfig::new().mtu(1280))?;
//! assert_eq!(tun.mtu(), 1280);
//! # Ok::<(), std::io::Error>(())
//! ```

mod argument;
mod backing;
mod case;
mod far_end;
mod handed_over;
#[cfg(feature = "host")]
mod host;
mod host_end;
#[cfg(target_os = "linux")]
mod kernel_link;
mod link;
mod outcome;
mod plan;
mod planned_faults;
mod stack;
mod tap;
mod tun;
mod witnesses;

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
#[cfg(feature = "host")]
use std::time::Instant;

pub use case::CaseOutcome;
pub use handed_over::HandedOver;
#[cfg(all(feature = "host", feature = "tokio"))]
pub use host::AsyncHost;
#[cfg(feature = "host")]
pub use host::Host;
pub use host_end::HostEnd;
pub use link::Link;
pub(crate) use outcome::evidence;
pub use outcome::{
    in_runner, run, run_strict, run_unit, run_unit_should_panic, run_unit_strict, run_unit_strict_should_panic, stashed,
};
pub use stack::Stack;
pub use tap::Tap;
pub use tun::Tun;

use crate::device::{Clock, DeviceConfig};
use crate::exchange::{Record, Recorder};
use planned_faults::PlannedFaults;
use stack::Home;
use witnesses::Witnesses;

/// What stands behind a test's devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a test names them, so a third is a new major version")]
pub enum Backend {
    /// In memory: no privileges, every platform.
    Mock,
    /// A kernel device in a network namespace of the test's own.
    Kernel,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mock => "mock",
            Self::Kernel => "kernel",
        })
    }
}

/// What works for a handed-over device in the background, and has to live as long as the test.
pub(crate) type Kept = Arc<Mutex<Vec<Box<dyn Any + Send>>>>;

/// The records of a test's exchanges, in the order in which they were made. Clones are the same list.
#[derive(Clone, Default)]
pub(crate) struct Records(Arc<Mutex<Vec<Arc<Record>>>>);

impl Records {
    pub(crate) fn register(&self, record: Arc<Record>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }

    pub(crate) fn all(&self) -> Vec<Arc<Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What all exchanges of a test share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) records: Records,
    pub(crate) recorder: Recorder,
    /// Who sees the links that were handed over.
    pub(crate) witnesses: Witnesses,
    /// What the environment says goes wrong.
    pub(crate) faults: PlannedFaults,
}

impl Shared {
    fn none() -> Self {
        Self {
            records: Records::default(),
            recorder: Recorder::none(),
            witnesses: Witnesses::default(),
            faults: PlannedFaults::default(),
        }
    }
}

/// The surroundings of one test: its backend, its hosts and its links.
///
/// Belongs to the thread that made it: on the kernel backend that thread is in the test's namespace while it lives.
#[must_use = "the thread leaves the test's namespace when the context is dropped"]
pub struct TestContext {
    backend: Backend,
    path: &'static str,
    links: usize,
    hosts: BTreeMap<&'static str, Stack>,
    shared: Shared,
    mock_names: Vec<(Option<&'static str>, String)>,
    kept: Kept,
    strict: bool,
    clock: Clock,
    #[cfg(feature = "host")]
    began: Instant,
    home: Home,
}

impl TestContext {
    /// Makes the surroundings of a test. On the kernel backend the calling thread enters a new network namespace.
    ///
    /// `path` names the test in messages, such as `echo::kernel`.
    ///
    /// # Errors
    /// What keeps this process from a namespace of its own, with the cure: see
    /// [`Obstacle`](crate::kernel::Obstacle), which is the error's source value on Linux.
    pub fn new(backend: Backend, path: &'static str) -> io::Result<Self> {
        let home = Home::new(backend)?;
        let clock = Self::clock_of(backend);
        let shared = Shared { recorder: Recorder::new(path, &clock), ..Shared::none() };
        Ok(Self::of(backend, path, home, clock, shared))
    }

    /// The same without a recording of what its links see: for bodies that are run a million times.
    pub(crate) fn unrecorded(backend: Backend) -> io::Result<Self> {
        Ok(Self::of(backend, "", Home::new(backend)?, Self::clock_of(backend), Shared::none()))
    }

    /// Something that is in nobody's surroundings: stands in while a runner has the real context.
    pub(crate) fn hollow() -> Self {
        Self::of(Backend::Mock, "", Home::mock(), Clock::system(), Shared::none())
    }

    fn clock_of(backend: Backend) -> Clock {
        if backend == Backend::Mock { Clock::new_virtual() } else { Clock::system() }
    }

    fn of(backend: Backend, path: &'static str, home: Home, clock: Clock, shared: Shared) -> Self {
        Self {
            backend,
            path,
            links: 0,
            hosts: BTreeMap::new(),
            shared,
            mock_names: Vec::new(),
            kept: Kept::default(),
            strict: false,
            #[cfg(feature = "host")]
            began: clock.now(),
            clock,
            home,
        }
    }

    /// What stands behind the devices.
    #[must_use]
    pub const fn backend(&self) -> Backend {
        self.backend
    }

    /// The test's name, with its modules and its backend.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// Makes what a test takes as an argument: a [`Tun`], a [`Tap`], a [`Host`], a [`Stack`], on Linux a
    /// [`Namespace`](crate::kernel::Namespace).
    ///
    /// # Errors
    /// What the kernel refused, with the step and the cure.
    pub fn argument<T: FromTestContext>(&mut self, config: DeviceConfig) -> io::Result<T> {
        T::try_from_test_context(self, config)
    }

    /// The host of that name, made when first asked for; without a name the test's own.
    pub(crate) fn stack(&mut self, host: Option<&'static str>) -> io::Result<Stack> {
        let Some(name) = host else { return Ok(self.home.stack()) };
        if let Some(stack) = self.hosts.get(name) {
            return Ok(stack.clone());
        }
        let stack = self.home.another(self.hosts.len() + 1)?;
        self.hosts.insert(name, stack.clone());
        Ok(stack)
    }

    /// The number of a new link: 0 for the first.
    pub(crate) const fn number_link(&mut self) -> usize {
        let number = self.links;
        self.links += 1;
        number
    }

    /// The name that the kernel would give to a new interface of that host: what was asked for, with the lowest free
    /// number for `%d`. A name that is taken is an error, as it is there.
    pub(crate) fn name_on_mock(&mut self, host: Option<&'static str>, asked: &str) -> io::Result<String> {
        let taken = |name: &str| self.mock_names.iter().any(|(on, present)| *on == host && present == name);
        let name = if asked.contains("%d") {
            (0..=usize::MAX).map(|number| asked.replacen("%d", &number.to_string(), 1)).find(|name| !taken(name))
        } else {
            Some(asked.to_owned()).filter(|name| !taken(name))
        };
        let name = name.ok_or_else(|| {
            io::Error::new(io::ErrorKind::ResourceBusy, format!("an interface of the name `{asked}` exists"))
        })?;
        self.mock_names.push((host, name.clone()));
        Ok(name)
    }

    /// Nothing may be left over on the links when the body is through: `#[tuntap_test(strict)]`.
    pub(crate) const fn set_strict(&mut self) {
        self.strict = true;
    }

    pub(crate) const fn is_strict(&self) -> bool {
        self.strict
    }

    /// The time of the test: virtual on the mock, unless the test asked for the system's.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// When the test's time began.
    #[cfg(feature = "host")]
    pub(crate) const fn began(&self) -> Instant {
        self.began
    }

    pub(crate) fn kept(&self) -> Kept {
        Arc::clone(&self.kept)
    }

    pub(crate) fn register(&self, record: Arc<Record>) {
        self.shared.records.register(record);
    }

    pub(crate) const fn records(&self) -> &Records {
        &self.shared.records
    }

    pub(crate) const fn recorder(&self) -> &Recorder {
        &self.shared.recorder
    }

    pub(crate) const fn witnesses(&self) -> &Witnesses {
        &self.shared.witnesses
    }

    /// What a link takes along: it may make exchanges of its own later.
    pub(crate) fn shared(&self) -> Shared {
        self.shared.clone()
    }
}

/// What the test leaves: nothing, unless it fails or `TUNTAP_TEST_CAPTURE=always` says so.
impl Drop for TestContext {
    fn drop(&mut self) {
        if std::thread::panicking() {
            outcome::keep(self, true);
        } else if std::env::var_os("TUNTAP_TEST_CAPTURE").is_some_and(|when| when == "always") {
            outcome::keep(self, false);
        } else {
            self.recorder().discard();
        }
    }
}

impl fmt::Debug for TestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestContext")
            .field("path", &self.path)
            .field("backend", &self.backend)
            .field("links", &self.links)
            .field("hosts", &self.hosts.keys())
            .field("strict", &self.strict)
            .finish_non_exhaustive()
    }
}

/// What can be an argument of a `#[tuntap_test]` function.
///
/// Implement it for a type of your own to have a test receive that: a router built on two links, say. `config` is what
/// the attribute and the argument's `#[device(…)]` say.
///
/// ```
/// use std::io;
/// use tuntap_test::context::{FromTestContext, TestContext};
/// use tuntap_test::device::DeviceConfig;
/// use tuntap_test::Tun;
///
/// struct Router { left: Tun, right: Tun }
///
/// impl FromTestContext for Router {
///     fn try_from_test_context(context: &mut TestContext, config: DeviceConfig) -> io::Result<Self> {
///         Ok(Self { left: context.argument(config)?, right: context.argument(config.host("right"))? })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a `#[tuntap_test]` function",
    label = "not a device",
    note = "take `Tun`, `Tap`, `Host`, `Stack` or `kernel::Namespace`, or implement `FromTestContext` for it"
)]
pub trait FromTestContext: Sized {
    /// Makes one.
    ///
    /// # Errors
    /// What the kernel refused, with the step and the cure.
    fn try_from_test_context(context: &mut TestContext, config: DeviceConfig) -> io::Result<Self>;

    /// Makes one, or fails the test.
    ///
    /// # Panics
    /// With the error of [`try_from_test_context`](Self::try_from_test_context).
    #[must_use]
    #[track_caller]
    fn from_test_context(context: &mut TestContext, config: DeviceConfig) -> Self {
        match Self::try_from_test_context(context, config) {
            Ok(made) => made,
            Err(error) => panic!("{error}"),
        }
    }
}
