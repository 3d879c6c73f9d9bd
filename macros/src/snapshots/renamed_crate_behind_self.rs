#[allow(dead_code)]
fn renamed(context: &mut self::path::__private::TestContext) {
    fn renamed(tun: Tun) {}
    let device0 = <Tun as self::path::__private::FromTestContext>::from_test_context(
        context,
        self::path::__private::DeviceConfig::new(),
    );
    renamed(device0)
}
#[cfg(test)]
mod renamed {
    #[::core::prelude::v1::test]
    fn mock() {
        super::path::__private::run_unit(
            super::path::__private::Backend::Mock,
            ::core::concat!(::core::module_path!(), "::mock"),
            super::renamed,
        )
    }
}
