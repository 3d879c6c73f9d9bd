#[allow(dead_code)]
fn opaque(
    context: &mut ::tuntap_test::__private::TestContext,
) -> impl Termination + use<> {
    fn opaque(tun: Tun) -> impl Termination {}
    let device0 = <Tun as ::tuntap_test::__private::FromTestContext>::from_test_context(
        context,
        ::tuntap_test::__private::DeviceConfig::new(),
    );
    opaque(device0)
}
#[cfg(test)]
mod opaque {
    #[::core::prelude::v1::test]
    fn mock() -> ::std::process::ExitCode {
        ::tuntap_test::__private::run(
            ::tuntap_test::__private::Backend::Mock,
            ::core::concat!(::core::module_path!(), "::mock"),
            super::opaque,
        )
    }
}
