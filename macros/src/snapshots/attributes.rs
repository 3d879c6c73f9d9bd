#[cfg(feature = "x")]
#[allow(dead_code)]
/// Documentation.
#[cfg_attr(windows, allow(unused))]
#[expect(unused_mut, reason = "r")]
fn attributes(context: &mut ::tuntap_test::__private::TestContext) {
    #[inline(never)]
    fn attributes(#[allow(unused)] tun: Tun) {}
    let device0 = <Tun as ::tuntap_test::__private::FromTestContext>::from_test_context(
        context,
        ::tuntap_test::__private::DeviceConfig::new(),
    );
    attributes(device0)
}
#[cfg(feature = "x")]
#[cfg(test)]
mod attributes {
    #[::core::prelude::v1::test]
    #[cfg_attr(windows, ignore = "not here")]
    #[should_panic(expected = "a reason")]
    fn mock() {
        ::tuntap_test::__private::run_unit_should_panic(
            ::tuntap_test::__private::Backend::Mock,
            ::core::concat!(::core::module_path!(), "::mock"),
            super::attributes,
        )
    }
    #[::core::prelude::v1::test]
    #[cfg(target_os = "linux")]
    #[cfg_attr(windows, ignore = "not here")]
    #[cfg_attr(
        not(any(windows)),
        ignore = "needs a kernel TUN/TAP device: run with `-- --ignored ::kernel`"
    )]
    #[should_panic(expected = "a reason")]
    fn kernel() {
        ::tuntap_test::__private::run_unit_should_panic(
            ::tuntap_test::__private::Backend::Kernel,
            ::core::concat!(::core::module_path!(), "::kernel"),
            super::attributes,
        )
    }
}
