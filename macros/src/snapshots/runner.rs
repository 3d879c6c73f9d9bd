#[cfg(test)]
#[allow(dead_code, unnameable_test_items)]
fn runner(context: &mut ::tuntap_test::__private::TestContext) -> io::Result<()> {
    #[tokio::test(flavor = "multi_thread")]
    async fn runner() -> io::Result<()> {
        async fn runner(left: Tun, right: Tap) -> io::Result<()> {
            left.recv().await
        }
        let device0 = ::tuntap_test::__private::stashed::<
            Tun,
        >(::tuntap_test::__private::DeviceConfig::new().mtu(1280));
        let device1 = ::tuntap_test::__private::stashed::<
            Tap,
        >(::tuntap_test::__private::DeviceConfig::new().mtu(1280).host("b"));
        runner(device0, device1).await
    }
    ::tuntap_test::__private::in_runner(context, runner)
}
#[cfg(test)]
mod runner {
    #[::core::prelude::v1::test]
    #[ignore = "slow"]
    fn mock() -> ::std::process::ExitCode {
        ::tuntap_test::__private::run(
            ::tuntap_test::__private::Backend::Mock,
            ::core::concat!(::core::module_path!(), "::mock"),
            super::runner,
        )
    }
    #[::core::prelude::v1::test]
    #[cfg(target_os = "linux")]
    #[ignore = "slow"]
    fn kernel() -> ::std::process::ExitCode {
        ::tuntap_test::__private::run(
            ::tuntap_test::__private::Backend::Kernel,
            ::core::concat!(::core::module_path!(), "::kernel"),
            super::runner,
        )
    }
}
