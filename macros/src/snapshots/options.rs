#[allow(dead_code)]
fn options(context: &mut ::tuntap_test::__private::TestContext) {
    fn options(one: Tun, mut two: Tap, _: Tun) {}
    let device0 = <Tun as ::tuntap_test::__private::FromTestContext>::from_test_context(
        context,
        {
            let config: ::tuntap_test::__private::DeviceConfig = BASE;
            config
        }
            .without_addresses()
            .without_peers()
            .mtu(1280)
            .address("192.0.2.1/24")
            .address("2001:db8::1/64")
            .peer("192.0.2.9")
            .packet_info(::tuntap_test::__private::PacketInfoMode::Strip),
    );
    let device1 = <Tap as ::tuntap_test::__private::FromTestContext>::from_test_context(
        context,
        {
            let config: ::tuntap_test::__private::DeviceConfig = BASE;
            config
        }
            .without_addresses()
            .without_peers()
            .peer("192.0.2.9")
            .packet_info(::tuntap_test::__private::PacketInfoMode::Strip)
            .address("198.51.100.1/24")
            .mtu(1400)
            .host("b")
            .chatter(true),
    );
    let device2 = <Tun as ::tuntap_test::__private::FromTestContext>::from_test_context(
        context,
        {
            let config: ::tuntap_test::__private::DeviceConfig = OTHER;
            config
        }
            .multi_queue(true)
            .queue_length(2 * N)
            .name("vpn%d"),
    );
    options(device0, device1, device2)
}
#[cfg(test)]
mod options {
    #[::core::prelude::v1::test]
    fn mock() {
        ::tuntap_test::__private::run_unit(
            ::tuntap_test::__private::Backend::Mock,
            ::core::concat!(::core::module_path!(), "::mock"),
            super::options,
        )
    }
}
