#[cfg(feature = "x")]
#[allow(dead_code, unnameable_test_items)]
fn result(
    backend: my::harness::__private::Backend,
    path: &'static str,
) -> ::std::process::ExitCode {
    fn result(tap: Tap) -> io::Result<()> {
        Ok(())
    }
    fn test_body(context: &mut my::harness::__private::TestContext) -> io::Result<()> {
        {
            let argument_0 = <Tap as my::harness::__private::FromTestContext>::from_test_context(
                context,
                my::harness::__private::DeviceConfig::new(),
            );
            result(argument_0)
        }
    }
    my::harness::__private::run(backend, path, test_body)
}
#[cfg(feature = "x")]
mod result {
    #[allow(unused_imports)]
    use super::*;
    #[cfg(target_os = "linux")]
    #[ignore = "slow"]
    #[::core::prelude::v1::test]
    fn kernel() -> ::std::process::ExitCode {
        super::result(
            my::harness::__private::Backend::Kernel,
            ::core::concat!(::core::module_path!(), "::kernel"),
        )
    }
}
