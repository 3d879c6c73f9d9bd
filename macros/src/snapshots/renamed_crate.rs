#[allow(dead_code)]
fn renamed(context: &mut some::path::__private::TestContext) {
    fn renamed(tun: Tun) {}
    let device0 = <Tun as some::path::__private::FromTestContext>::from_test_context(
        context,
        some::path::__private::DeviceConfig::new(),
    );
    renamed(device0)
}
#[cfg(test)]
mod renamed {
    #[allow(unused_imports)]
    use super::*;
    #[::core::prelude::v1::test]
    #[cfg(target_os = "linux")]
    #[ignore = "needs a kernel TUN/TAP device: run with `-- --ignored ::kernel`"]
    fn kernel() {
        some::path::__private::run_unit(
            some::path::__private::Backend::Kernel,
            ::core::concat!(::core::module_path!(), "::kernel"),
            super::renamed,
        )
    }
}
