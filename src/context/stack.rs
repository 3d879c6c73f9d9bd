//! The host end's stack: a network namespace on the kernel backend, the mock host on the other.

use std::fmt;
use std::io;

use super::{Backend, FromTestContext, TestContext};
use crate::device::DeviceConfig;
#[cfg(target_os = "linux")]
use crate::kernel::{Counters, Namespace, NamespaceGuard};
#[cfg(feature = "host")]
use crate::mock::host::{HostConfig, MockHost};

/// The network stack that a link's host end belongs to. Cheap to clone.
#[derive(Clone)]
pub struct Stack {
    inner: Inner,
}

#[derive(Clone)]
enum Inner {
    Mock {
        #[cfg(feature = "host")]
        host: MockHost,
    },
    #[cfg(target_os = "linux")]
    Kernel { namespace: Namespace, throwaway: bool },
}

impl Stack {
    /// The mock host of that number: its random numbers follow from it.
    fn mock(number: usize) -> Self {
        // Used with the feature `host`.
        let _ = number;
        Self {
            inner: Inner::Mock {
                #[cfg(feature = "host")]
                host: MockHost::new(HostConfig::new().seed(u64::try_from(number).unwrap_or(u64::MAX))),
            },
        }
    }

    /// The mock's host with its sockets, none of which waits; `None` on the kernel backend.
    ///
    /// ```
    /// # use tuntap_test::context::{Backend, TestContext};
    /// # use tuntap_test::device::DeviceConfig;
    /// use tuntap_test::prelude::*;
    /// # let mut context = TestContext::new(Backend::Mock, "stack")?;
    /// # let tun: Tun = context.argument(DeviceConfig::new())?;
    /// let socket = tun.stack().mock_host().unwrap().udp_bind((tun.host_v4(), 53).into())?;
    /// tun.send(Udp::new().sport(9).dport(53) / b"hello");
    /// tun.expect_nothing_else();
    /// let mut buffer = [0; 100];
    /// assert_eq!(socket.recv_from(&mut buffer)?, (5, (tun.peer_v4(), 9).into()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[cfg(feature = "host")]
    #[must_use]
    pub const fn mock_host(&self) -> Option<&MockHost> {
        match &self.inner {
            Inner::Mock { host } => Some(host),
            #[cfg(target_os = "linux")]
            Inner::Kernel { .. } => None,
        }
    }

    /// Runs a closure in this host: sockets that it makes and programs that it starts belong to it. On the mock there
    /// is no such place, and the closure runs where it is.
    ///
    /// # Errors
    /// When the thread cannot be started or may not enter the namespace.
    ///
    /// # Panics
    /// When the closure panics, with its payload.
    pub fn run<T: Send>(&self, closure: impl FnOnce() -> T + Send) -> io::Result<T> {
        match &self.inner {
            Inner::Mock { .. } => Ok(closure()),
            #[cfg(target_os = "linux")]
            Inner::Kernel { namespace, .. } if namespace.is_current() => Ok(closure()),
            #[cfg(target_os = "linux")]
            Inner::Kernel { namespace, .. } => Ok(namespace.run(closure)?),
        }
    }

    /// The network namespace; `None` on the mock.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub const fn namespace(&self) -> Option<&Namespace> {
        match &self.inner {
            Inner::Mock { .. } => None,
            Inner::Kernel { namespace, .. } => Some(namespace),
        }
    }

    /// What the kernel has counted in this host since it was made: packets, errors, resets, drops, by the names that
    /// `nstat` shows.
    ///
    /// ```no_run
    /// # use tuntap_test::context::{Backend, TestContext};
    /// # use tuntap_test::device::DeviceConfig;
    /// # use tuntap_test::Tun;
    /// # let mut context = TestContext::new(Backend::Kernel, "counters")?;
    /// # let tun: Tun = context.argument(DeviceConfig::new())?;
    /// let before = tun.stack().counters()?;
    /// // … a SYN to a closed port …
    /// let changes = tun.stack().counters()?.since(&before);
    /// assert_eq!(changes.of("TcpOutRsts"), 1, "{changes}");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Unsupported` on the mock, which counts nothing. Otherwise as
    /// [`Namespace::counters`](crate::kernel::Namespace::counters).
    #[cfg(target_os = "linux")]
    pub fn counters(&self) -> io::Result<Counters> {
        match &self.inner {
            Inner::Mock { .. } => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the mock host has no counters: write #[tuntap_test(kernel)]",
            )),
            Inner::Kernel { namespace, .. } => namespace.counters(),
        }
    }

    /// Whether the namespace is ours, so that what is in it may go with it.
    #[cfg(target_os = "linux")]
    pub(crate) const fn is_throwaway(&self) -> bool {
        matches!(self.inner, Inner::Kernel { throwaway: true, .. })
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner {
            Inner::Mock { .. } => f.write_str("Stack(mock)"),
            #[cfg(target_os = "linux")]
            Inner::Kernel { namespace, .. } => f.debug_tuple("Stack").field(namespace).finish(),
        }
    }
}

/// Where the test's own thread is while the context lives.
pub(super) enum Home {
    Mock(Stack),
    #[cfg(target_os = "linux")]
    Throwaway(NamespaceGuard),
    /// The caller's namespace, because `TUNTAP_TEST_NAMESPACE=shared` says so: one test at a time.
    #[cfg(target_os = "linux")]
    Shared {
        namespace: Namespace,
        _turn: crate::kernel::Turn,
    },
}

impl Home {
    pub(super) fn mock() -> Self {
        Self::Mock(Stack::mock(0))
    }

    pub(super) fn new(backend: Backend) -> io::Result<Self> {
        match backend {
            Backend::Mock => Ok(Self::mock()),
            #[cfg(target_os = "linux")]
            Backend::Kernel => {
                if std::env::var_os("TUNTAP_TEST_NAMESPACE").is_some_and(|value| value == "shared") {
                    let turn = crate::kernel::Turn::take()?;
                    return Ok(Self::Shared { namespace: Namespace::current()?, _turn: turn });
                }
                Ok(Self::Throwaway(Namespace::enter()?))
            }
            #[cfg(not(target_os = "linux"))]
            Backend::Kernel => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the kernel backend exists on Linux only so far: write #[tuntap_test(mock)]",
            )),
        }
    }

    /// The test's own stack.
    pub(super) fn stack(&self) -> Stack {
        Stack {
            inner: match self {
                Self::Mock(stack) => stack.inner.clone(),
                #[cfg(target_os = "linux")]
                Self::Throwaway(guard) => Inner::Kernel { namespace: guard.namespace().clone(), throwaway: true },
                #[cfg(target_os = "linux")]
                Self::Shared { namespace, .. } => Inner::Kernel { namespace: namespace.clone(), throwaway: false },
            },
        }
    }

    /// A further host.
    pub(super) fn another(&self, number: usize) -> io::Result<Stack> {
        // Used on the mock.
        let _ = number;
        match self {
            Self::Mock(_) => Ok(Stack::mock(number)),
            #[cfg(target_os = "linux")]
            Self::Throwaway(_) => Ok(Stack { inner: Inner::Kernel { namespace: Namespace::new()?, throwaway: true } }),
            #[cfg(target_os = "linux")]
            Self::Shared { .. } => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "TUNTAP_TEST_NAMESPACE=shared leaves a test one host: `#[device(host = …)]` needs a namespace more",
            )),
        }
    }
}

impl FromTestContext for Stack {
    fn try_from_test_context(context: &mut TestContext, config: DeviceConfig) -> io::Result<Self> {
        context.stack(config.requested_host())
    }
}

#[cfg(target_os = "linux")]
impl FromTestContext for Namespace {
    /// The test's namespace without any device, for programs that insist on making their own.
    fn try_from_test_context(context: &mut TestContext, config: DeviceConfig) -> io::Result<Self> {
        context.stack(config.requested_host())?.namespace().cloned().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::Unsupported,
                "a `Namespace` exists on the kernel backend only: write #[tuntap_test(kernel)]",
            )
        })
    }
}
