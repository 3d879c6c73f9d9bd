#[allow(dead_code, unnameable_test_items)]
fn base(backend: ::tuntap_test::__private::Backend, path: &'static str) {
    fn base(tun: Tun) {}
    fn test_body(context: &mut ::tuntap_test::__private::TestContext) {
        {
            let argument_0 = <Tun as ::tuntap_test::__private::FromTestContext>::from_test_context(
                context,
                {
                    let base: ::tuntap_test::__private::DeviceConfig = SMALL;
                    base
                }
                    .mtu(68),
            );
            base(argument_0)
        }
    }
    ::tuntap_test::__private::run_unit(backend, path, test_body)
}
mod base {
    #[allow(unused_imports)]
    use super::*;
    #[::core::prelude::v1::test]
    fn mock() {
        super::base(
            ::tuntap_test::__private::Backend::Mock,
            ::core::concat!(::core::module_path!(), "::mock"),
        )
    }
}
