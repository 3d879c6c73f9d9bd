#[allow(dead_code)]
fn unit(context: &mut ::tuntap_test::__private::TestContext) {
    fn unit(tun: Tun) {}
    let device0 = <Tun as ::tuntap_test::__private::FromTestContext>::from_test_context(
        context,
        ::tuntap_test::__private::DeviceConfig::new(),
    );
    unit(device0)
}
#[cfg(test)]
mod unit {
    #[::core::prelude::v1::test]
    fn mock() {
        ::tuntap_test::__private::run_unit_strict(
            ::tuntap_test::__private::Backend::Mock,
            ::core::concat!(::core::module_path!(), "::mock"),
            super::unit,
        )
    }
    #[::core::prelude::v1::test]
    #[cfg(target_os = "linux")]
    #[ignore = "needs a kernel TUN/TAP device: run with `-- --ignored ::kernel`"]
    fn kernel() {
        ::tuntap_test::__private::run_unit_strict(
            ::tuntap_test::__private::Backend::Kernel,
            ::core::concat!(::core::module_path!(), "::kernel"),
            super::unit,
        )
    }
}
