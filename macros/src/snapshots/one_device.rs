/// Docs.
#[allow(dead_code, unnameable_test_items)]
fn echo(backend: ::tuntap_test::__private::Backend, path: &'static str) {
    pub fn echo(tun: Tun) {
        tun.send([0x45]);
    }
    fn test_body(context: &mut ::tuntap_test::__private::TestContext) {
        {
            let argument_0 = <Tun as ::tuntap_test::__private::FromTestContext>::from_test_context(
                context,
                ::tuntap_test::__private::DeviceConfig::new(),
            );
            echo(argument_0)
        }
    }
    ::tuntap_test::__private::run_unit(backend, path, test_body)
}
mod echo {
    #[allow(unused_imports)]
    use super::*;
    #[::core::prelude::v1::test]
    fn mock() {
        super::echo(
            ::tuntap_test::__private::Backend::Mock,
            ::core::concat!(::core::module_path!(), "::mock"),
        )
    }
    #[cfg(target_os = "linux")]
    #[ignore = "needs a kernel TUN/TAP device: run with `-- --ignored ::kernel`"]
    #[::core::prelude::v1::test]
    fn kernel() {
        super::echo(
            ::tuntap_test::__private::Backend::Kernel,
            ::core::concat!(::core::module_path!(), "::kernel"),
        )
    }
}
