#[allow(unused)]
#[allow(dead_code, unnameable_test_items)]
fn panics(backend: ::tuntap_test::__private::Backend, path: &'static str) {
    fn panics(_: Tun) {
        panic!("x")
    }
    fn test_body(context: &mut ::tuntap_test::__private::TestContext) {
        {
            let argument_0 = <Tun as ::tuntap_test::__private::FromTestContext>::from_test_context(
                context,
                ::tuntap_test::__private::DeviceConfig::new(),
            );
            panics(argument_0)
        }
    }
    ::tuntap_test::__private::run_unit(backend, path, test_body)
}
mod panics {
    #[allow(unused_imports)]
    use super::*;
    #[should_panic(expected = "x")]
    #[::core::prelude::v1::test]
    fn mock() {
        super::panics(
            ::tuntap_test::__private::Backend::Mock,
            ::core::concat!(::core::module_path!(), "::mock"),
        )
    }
    #[cfg(target_os = "linux")]
    #[ignore = "needs a kernel TUN/TAP device: run with `-- --ignored ::kernel`"]
    #[should_panic(expected = "x")]
    #[::core::prelude::v1::test]
    fn kernel() {
        super::panics(
            ::tuntap_test::__private::Backend::Kernel,
            ::core::concat!(::core::module_path!(), "::kernel"),
        )
    }
}
