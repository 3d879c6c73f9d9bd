//! Every form of `#[tuntap_test]` that the documentation promises, on both backends where it can be.

use std::net::Ipv4Addr;
use std::process::{ExitCode, Termination};

use tuntap_test::device::{DeviceConfig, Mode};
use tuntap_test::{Namespace, Tap, Tun, tuntap_test};

const SMALL: u32 = 1280;
const BASE: DeviceConfig = DeviceConfig::new().mtu(9000).address("198.51.100.1/24").peer("198.51.100.9");

#[tuntap_test]
fn without_options_a_tun_has_the_defaults(tun: Tun) {
    assert_eq!(tun.mode(), Mode::Tun);
    assert_eq!(tun.mtu(), 1500);
    assert_eq!(tun.host_v4(), Ipv4Addr::new(192, 0, 2, 1));
    assert!(!tun.name().is_empty());
}

#[tuntap_test]
fn the_type_chooses_the_layer(tap: Tap) {
    assert_eq!(tap.mode(), Mode::Tap);
}

#[tuntap_test(mock)]
fn one_backend_only(_: Tun) {}

#[tuntap_test(kernel)]
fn kernel_only(_tun: Tun) {}

#[tuntap_test(kernel, mock)]
fn both_backends_by_name(_tun: Tun) {}

#[tuntap_test(strict)]
fn strict_on_both_backends(tun: Tun) {
    assert_eq!(tun.mtu(), 1500);
}

#[tuntap_test(strict, mock, mtu = 1280)]
fn strict_beside_a_backend_and_an_option(tun: Tun) -> std::io::Result<()> {
    assert_eq!(tun.mtu(), 1280);
    Ok(())
}

#[tuntap_test(strict)]
#[should_panic(expected = "as any other")]
fn a_strict_test_may_fail_in_its_body(_tun: Tun) {
    panic!("as any other");
}

#[tuntap_test(mtu = 1280, address = "198.51.100.1/24", peer = "198.51.100.2")]
fn options_with_literals(tun: Tun) {
    assert_eq!(tun.mtu(), 1280);
    assert_eq!(tun.host_v4(), Ipv4Addr::new(198, 51, 100, 1));
}

#[tuntap_test(address = "203.0.113.7/24", address = "2001:db8:2::1/64", peer = "203.0.113.9", peer = "2001:db8:2::9")]
fn two_addresses_and_two_peers(tun: Tun) {
    assert_eq!(tun.host_v4(), Ipv4Addr::new(203, 0, 113, 7));
}

#[tuntap_test(mtu = SMALL + 8, name = concat!("vp", "n0"), queue_length = 2 * 500, chatter = cfg!(miri))]
fn options_are_expressions_of_the_users_scope(tun: Tun) {
    assert_eq!(tun.mtu(), 1288);
    assert_eq!(tun.name(), "vpn0");
}

#[tuntap_test(config = BASE, mtu = 9000 - 14, address = "203.0.113.1/24", peer = "203.0.113.2",)]
fn options_refine_the_config(tap: Tap) {
    assert_eq!(tap.mtu(), 8986);
    assert_eq!(tap.host_v4(), Ipv4Addr::new(203, 0, 113, 1), "the test's address replaces the config's");
}

#[tuntap_test(config = BASE)]
fn the_config_alone(tun: Tun) {
    assert_eq!(tun.mtu(), 9000);
    assert_eq!(tun.host_v4(), Ipv4Addr::new(198, 51, 100, 1));
}

#[tuntap_test(packet_info = keep)]
fn packet_information_is_a_bare_word(_tun: Tun) {}

#[tuntap_test(packet_info = off, multi_queue = true)]
fn a_device_for_several_queues(_tun: Tun) {}

#[tuntap_test(mtu = 1400)]
fn options_of_an_argument_come_first(
    left: Tun,
    #[device(mtu = 1280, address = "203.0.113.5/24", packet_info = strip)] right: Tun,
    #[device(config = BASE)] third: Tap,
) {
    assert_eq!((left.mtu(), right.mtu()), (1400, 1280));
    assert_eq!(right.host_v4(), Ipv4Addr::new(203, 0, 113, 5));
    assert_eq!(third.mtu(), 9000, "an argument's `config` leaves nothing of the attribute's options");
}

#[tuntap_test]
fn each_device_has_a_subnet_of_its_own(one: Tun, two: Tap) {
    assert_ne!(one.host_v4().octets()[..3], two.host_v4().octets()[..3]);
}

#[tuntap_test(kernel)]
fn devices_on_several_hosts(_left: Tun, #[device(host = "b")] _right: Tun) {}

#[tuntap_test(kernel)]
fn a_namespace_without_a_device(_namespace: Namespace) {}

#[tuntap_test]
fn arguments_are_patterns(mut tun: Tun, _: Tap) {
    let name = &mut tun;
    assert!(!name.name().is_empty());
}

#[tuntap_test]
fn results_take_the_question_mark(tun: Tun) -> Result<(), Box<dyn std::error::Error>> {
    let number: u32 = tun.mtu().to_string().parse()?;
    assert_eq!(number, 1500);
    Ok(())
}

#[tuntap_test(mock)]
fn an_exit_code(_tun: Tun) -> ExitCode {
    ExitCode::SUCCESS
}

#[tuntap_test(mock)]
fn some_termination(tun: Tun) -> impl Termination {
    assert_eq!(tun.mtu(), 1500);
    Ok::<(), std::num::ParseIntError>(())
}

#[tuntap_test(mock)]
fn an_opaque_error(_tun: Tun) -> Result<(), impl std::fmt::Debug> {
    Ok::<(), std::num::ParseIntError>(())
}

#[tuntap_test(mock)]
#[rustfmt::skip]
fn the_unit_type_is_no_result(_tun: Tun) -> () {}

#[tuntap_test(mock)]
#[should_panic(expected = "as it should")]
fn a_panic_can_be_asked_for(tun: Tun) {
    assert_eq!(tun.mtu(), 0, "as it should");
}

#[tuntap_test(mock)]
#[ignore = "a reason of its own"]
fn ignored_with_a_reason(_tun: Tun) {
    // Passes when it is asked for, as the kernel tests are.
}

/// Documentation goes to the function.
#[tuntap_test(mock)]
#[cfg(not(any()))]
#[warn(clippy::needless_pass_by_value, reason = "any level will do")]
#[cfg_attr(all(), expect(unused_variables, reason = "under a condition"))]
#[expect(unused_mut, reason = "a lint level covers the body once")]
#[inline(never)]
fn ordinary_attributes_keep_their_meaning(tun: Tun) {
    let mut unused = tun.mtu();
}

#[tuntap_test(mock)]
#[cfg(any())]
fn switched_off(tun: NoSuchType) {}

#[tuntap_test(mock)]
#[test]
fn a_plain_test_below_is_dropped(_tun: Tun) {}

#[tuntap_test::test(mock)]
fn the_other_name_of_the_attribute(_tun: Tun) {}

#[tuntap_test(mock)]
fn a_body_may_call_itself(tun: Tun) {
    #![warn(clippy::unnecessary_wraps, reason = "inner attributes stay in the body")]
    if tun.mtu() == 0 {
        a_body_may_call_itself(tun);
    }
}

#[tuntap_test(mock)]
fn r#match(r#type: Tun) {
    assert_eq!(r#type.mtu(), 1500);
}

#[tuntap_test(mock)]
fn a_name_of_ours_is_free_for_the_user(context: Tun, device0: Tap) {
    assert_ne!(context.mode(), device0.mode());
}

mod nested {
    use tuntap_test as renamed;

    #[renamed::tuntap_test(mock, crate = renamed)]
    fn a_renamed_crate(_tun: renamed::Tun) {}

    #[renamed::tuntap_test(mock, crate = self::renamed)]
    fn a_crate_behind_self(_tun: renamed::Tun) {}

    #[renamed::tuntap_test(mock, crate = ::tuntap_test)]
    pub(crate) fn an_absolute_path(_tun: super::Tun) {}

    mod deeper {
        #[tuntap_test::tuntap_test(mock, crate = super::renamed, mtu = super::super::SMALL)]
        fn a_crate_behind_super(tun: super::renamed::Tun) {
            assert_eq!(tun.mtu(), 1280);
        }
    }
}

macro_rules! tests_of_a_macro {
    ($($name:ident, $device:ty, $mtu:expr;)*) => {$(
        #[tuntap_test(mock, mtu = $mtu)]
        fn $name(device: $device) {
            assert_eq!(device.mtu(), $mtu);
        }
    )*};
}

tests_of_a_macro! {
    made_by_a_macro, Tun, 1280;
    made_by_a_macro_again, Tap, 700 + 1;
}
