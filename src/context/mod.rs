//! STAND-IN for the runtime behind `#[tuntap_test]`: enough to compile and trivially run. The real one replaces it.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::process::{ExitCode, Termination};

use crate::device::{AddressText, DeviceConfig, Mode};

/// Where a test runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "stand-in")]
pub enum Backend {
    /// In memory.
    Mock,
    /// In the kernel.
    Kernel,
}

/// Everything one test has.
#[derive(Debug, Default)]
pub struct TestContext {
    links: u8,
}

/// What can be an argument of a `#[tuntap_test]` function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a `#[tuntap_test]` function",
    label = "not a device",
    note = "take `Tun`, `Tap` or `Namespace`"
)]
pub trait FromTestContext: Sized {
    /// Makes the argument.
    #[track_caller]
    fn from_test_context(context: &mut TestContext, config: DeviceConfig) -> Self;
}

macro_rules! dummy {
    ($name:ident, $mode:expr) => {
        /// Stand-in.
        #[derive(Debug)]
        pub struct $name {
            config: DeviceConfig,
            number: u8,
        }

        impl FromTestContext for $name {
            fn from_test_context(context: &mut TestContext, config: DeviceConfig) -> Self {
                context.links += 1;
                Self { config, number: context.links }
            }
        }

        impl $name {
            /// Stand-in.
            #[must_use]
            pub fn name(&self) -> String {
                self.config.requested_name().map_or_else(|| format!("mock{}", self.number), str::to_owned)
            }

            /// Stand-in.
            #[must_use]
            pub fn mtu(&self) -> u32 {
                self.config.requested_mtu().unwrap_or(1500)
            }

            /// Stand-in.
            #[must_use]
            pub fn mode(&self) -> Mode {
                $mode
            }

            /// Stand-in.
            #[must_use]
            pub fn host_v4(&self) -> Ipv4Addr {
                let asked = self.config.requested_addresses().find_map(|text| match text {
                    AddressText::Text(text) => text.split('/').next()?.parse().ok(),
                    AddressText::Value(_) => None,
                });
                asked.unwrap_or(match self.number {
                    1 => Ipv4Addr::new(192, 0, 2, 1),
                    2 => Ipv4Addr::new(198, 51, 100, 1),
                    _ => Ipv4Addr::new(203, 0, 113, 1),
                })
            }
        }
    };
}

dummy!(Tun, Mode::Tun);
dummy!(Tap, Mode::Tap);

/// Stand-in.
#[derive(Debug)]
pub struct Namespace;

impl FromTestContext for Namespace {
    fn from_test_context(_: &mut TestContext, _: DeviceConfig) -> Self {
        Self
    }
}

thread_local! {
    static STASH: RefCell<Option<TestContext>> = const { RefCell::new(None) };
}

/// Runs a body without a result.
pub fn run_unit(_backend: Backend, _path: &'static str, body: fn(&mut TestContext)) {
    body(&mut TestContext::default());
}

/// Runs a body with a result.
pub fn run<R: Termination>(_backend: Backend, _path: &'static str, body: fn(&mut TestContext) -> R) -> ExitCode {
    body(&mut TestContext::default()).report()
}

/// Keeps the context for [`stashed`] while a runner runs.
pub fn in_runner<R>(context: &mut TestContext, runner: fn() -> R) -> R {
    STASH.set(Some(std::mem::take(context)));
    let result = runner();
    *context = STASH.take().unwrap_or_default();
    result
}

/// Makes an argument inside a runner's body.
///
/// # Panics
/// Outside [`in_runner`], or on another thread.
#[must_use]
pub fn stashed<T: FromTestContext>(config: DeviceConfig) -> T {
    STASH.with_borrow_mut(|context| {
        T::from_test_context(context.as_mut().expect("the runner polls the test on its own thread"), config)
    })
}
