#[allow(dead_code)]
fn result(context: &mut ::tuntap_test::__private::TestContext) -> std::io::Result<()> {
    fn result(tun: Tun) -> std::io::Result<()> {
        tun.send(&[])
    }
    let device0 = <Tun as ::tuntap_test::__private::FromTestContext>::from_test_context(
        context,
        ::tuntap_test::__private::DeviceConfig::new(),
    );
    result(device0)
}
#[cfg(test)]
mod result {
    #[::core::prelude::v1::test]
    fn mock() -> ::std::process::ExitCode {
        ::tuntap_test::__private::run(
            ::tuntap_test::__private::Backend::Mock,
            ::core::concat!(::core::module_path!(), "::mock"),
            super::result,
        )
    }
}
