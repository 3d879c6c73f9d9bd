#[allow(dead_code)]
/// What it is for.
pub(crate) fn answers_ping(context: &mut ::tuntap_test::__private::TestContext) {
    fn answers_ping(tun: Tun) {
        let a = tun.name();
    }
    let device0 = <Tun as ::tuntap_test::__private::FromTestContext>::from_test_context(
        context,
        ::tuntap_test::__private::DeviceConfig::new(),
    );
    answers_ping(device0)
}
#[cfg(test)]
mod answers_ping {
    #[::core::prelude::v1::test]
    fn mock() {
        ::tuntap_test::__private::run_unit(
            ::tuntap_test::__private::Backend::Mock,
            ::core::concat!(::core::module_path!(), "::mock"),
            super::answers_ping,
        )
    }
    #[::core::prelude::v1::test]
    #[cfg(target_os = "linux")]
    #[ignore = "needs a kernel TUN/TAP device: run with `-- --ignored ::kernel`"]
    fn kernel() {
        ::tuntap_test::__private::run_unit(
            ::tuntap_test::__private::Backend::Kernel,
            ::core::concat!(::core::module_path!(), "::kernel"),
            super::answers_ping,
        )
    }
}
