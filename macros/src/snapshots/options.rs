#[allow(dead_code, unnameable_test_items)]
fn two(backend: ::tuntap_test::__private::Backend, path: &'static str) {
    fn two(left: Tun, mut right: Tap) {}
    fn test_body(context: &mut ::tuntap_test::__private::TestContext) {
        {
            let argument_0 = <Tun as ::tuntap_test::__private::FromTestContext>::from_test_context(
                context,
                {
                    let base: ::tuntap_test::__private::DeviceConfig = JUMBO;
                    base
                }
                    .without_addresses()
                    .mtu(9000 - 14)
                    .address("192.0.2.1/24")
                    .packet_info(::tuntap_test::__private::PacketInfoMode::Keep),
            );
            let argument_1 = <Tap as ::tuntap_test::__private::FromTestContext>::from_test_context(
                context,
                {
                    let base: ::tuntap_test::__private::DeviceConfig = JUMBO;
                    base
                }
                    .without_addresses()
                    .mtu(9000 - 14)
                    .address("192.0.2.1/24")
                    .packet_info(::tuntap_test::__private::PacketInfoMode::Keep)
                    .without_addresses()
                    .host("b")
                    .address("198.51.100.1/24"),
            );
            two(argument_0, argument_1)
        }
    }
    ::tuntap_test::__private::run_unit(backend, path, test_body)
}
mod two {
    #[allow(unused_imports)]
    use super::*;
    #[::core::prelude::v1::test]
    fn mock() {
        super::two(
            ::tuntap_test::__private::Backend::Mock,
            ::core::concat!(::core::module_path!(), "::mock"),
        )
    }
}
