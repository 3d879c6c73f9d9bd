//! One behaviour: a sentence, and a body that observes the same thing on either backend.

use std::io;

use tuntap_test::context::{Backend, FromTestContext, TestContext};
use tuntap_test::device::DeviceConfig;

use crate::page;

pub(crate) struct Behaviour {
    pub(crate) group: &'static str,
    /// What is observed, unique in the suite.
    pub(crate) sentence: &'static str,
    pub(crate) observe: fn(&mut TestContext) -> String,
}

impl Behaviour {
    /// Observes it on that backend and holds it against the page.
    ///
    /// # Panics
    /// When the page says something else.
    pub(crate) fn hold(&self, backend: Backend, path: &'static str) {
        let mut context = TestContext::new(backend, path).unwrap_or_else(|error| panic!("{error}"));
        let seen = (self.observe)(&mut context);
        page::hold(self, backend, &seen);
    }
}

/// A function that observes something on links that the context makes for it.
pub(crate) trait Body<Arguments> {
    fn observe(&self, context: &mut TestContext, config: DeviceConfig) -> String;
}

impl<F, A, S> Body<(A,)> for F
where
    F: Fn(A) -> S,
    A: FromTestContext,
    S: Observation,
{
    fn observe(&self, context: &mut TestContext, config: DeviceConfig) -> String {
        let link = A::from_test_context(context, config);
        self(link).text()
    }
}

impl<F, A, B, S> Body<(A, B)> for F
where
    F: Fn(A, B) -> S,
    A: FromTestContext,
    B: FromTestContext,
    S: Observation,
{
    fn observe(&self, context: &mut TestContext, config: DeviceConfig) -> String {
        let link = A::from_test_context(context, config);
        let host = B::from_test_context(context, config);
        self(link, host).text()
    }
}

/// What a body gives.
pub(crate) trait Observation {
    fn text(self) -> String;
}

impl Observation for String {
    fn text(self) -> String {
        self
    }
}

impl Observation for io::Result<String> {
    /// # Panics
    /// With an error that the body did not expect.
    fn text(self) -> String {
        self.unwrap_or_else(|error| panic!("the behaviour could not be observed: {error}"))
    }
}

/// Makes `GROUP` of a file: a title, then each function with the link's configuration where it is not the default, and
/// with its sentence. Each gets a module with its two tests.
macro_rules! group {
    ($title:literal; $($body:ident $(($config:expr))?: $sentence:literal;)+) => {
        pub(crate) const GROUP: &[$crate::behaviour::Behaviour] = &[$($body::BEHAVIOUR),+];

        $(
            mod $body {
                // The body, and what its configuration names.
                use super::*;
                use $crate::behaviour::{Behaviour, Body};

                pub(super) const BEHAVIOUR: Behaviour = Behaviour {
                    group: $title,
                    sentence: $sentence,
                    observe: |context| {
                        let config = tuntap_test::device::DeviceConfig::new();
                        $(let config = { let _ = config; $config };)?
                        $body.observe(context, config)
                    },
                };

                #[test]
                fn mock() {
                    BEHAVIOUR.hold(tuntap_test::context::Backend::Mock, concat!(module_path!(), "::mock"));
                }

                #[test]
                #[ignore = "needs a kernel TUN/TAP device: run with `-- --ignored ::kernel`"]
                fn kernel() {
                    BEHAVIOUR.hold(tuntap_test::context::Backend::Kernel, concat!(module_path!(), "::kernel"));
                }
            }
        )+
    };
}
pub(crate) use group;
