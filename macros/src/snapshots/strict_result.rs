#[allow(dead_code)]
fn result(context: &mut ::tuntap_test::__private::TestContext) -> io::Result<()> {
    fn result(tun: Tun) -> io::Result<()> {}
    let device0 = <Tun as ::tuntap_test::__private::FromTestContext>::from_test_context(
        context,
        ::tuntap_test::__private::DeviceConfig::new().mtu(1280),
    );
    result(device0)
}
#[cfg(test)]
mod result {
    #[::core::prelude::v1::test]
    #[cfg(target_os = "linux")]
    #[ignore = "needs a kernel TUN/TAP device: run with `-- --ignored ::kernel`"]
    fn kernel() -> ::std::process::ExitCode {
        ::tuntap_test::__private::run_strict(
            ::tuntap_test::__private::Backend::Kernel,
            ::core::concat!(::core::module_path!(), "::kernel"),
            super::result,
        )
    }
}
