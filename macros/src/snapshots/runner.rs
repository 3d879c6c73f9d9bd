#[cfg(test)]
#[allow(dead_code, unnameable_test_items)]
fn runner(
    backend: ::tuntap_test::__private::Backend,
    path: &'static str,
) -> ::std::process::ExitCode {
    #[tokio::test(flavor = "multi_thread")]
    async fn runner() -> R {
        async fn runner(tun: Tun) -> R {
            body().await
        }
        let argument_0 = ::tuntap_test::__private::stashed::<
            Tun,
        >(::tuntap_test::__private::DeviceConfig::new());
        runner(argument_0).await
    }
    fn test_body(context: &mut ::tuntap_test::__private::TestContext) -> R {
        ::tuntap_test::__private::in_runner(context, runner)
    }
    ::tuntap_test::__private::run(backend, path, test_body)
}
mod runner {
    #[allow(unused_imports)]
    use super::*;
    #[cfg(target_os = "linux")]
    #[ignore = "needs a kernel TUN/TAP device: run with `-- --ignored ::kernel`"]
    #[::core::prelude::v1::test]
    fn kernel() -> ::std::process::ExitCode {
        super::runner(
            ::tuntap_test::__private::Backend::Kernel,
            ::core::concat!(::core::module_path!(), "::kernel"),
        )
    }
}
