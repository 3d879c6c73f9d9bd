//! `#[tuntap_test]` as users write it. The `kernel` halves run with `-- --ignored`.

use std::io;

use tuntap_test::context::{Backend, FromTestContext, Stack, TestContext};
use tuntap_test::device::{DeviceConfig, Mode, PacketInfoMode};
use tuntap_test::{Tap, Tun, tuntap_test};

const JUMBO: DeviceConfig = DeviceConfig::new().mtu(9000).address("198.51.100.1/24");
const OVERHEAD: u32 = 14;

/// A type of the user's own that a test can take.
struct Router {
    left: Tun,
    right: Tun,
}

impl FromTestContext for Router {
    fn try_from_test_context(context: &mut TestContext, config: DeviceConfig) -> io::Result<Self> {
        assert!(!context.path().is_empty());
        Ok(Self { left: context.argument(config)?, right: context.argument(config)? })
    }
}

/// Documentation stays where it is.
#[tuntap_test]
fn both_backends(tun: Tun) {
    assert_eq!(tun.mode(), Mode::Tun);
    assert_eq!(tun.mtu(), 1500);
    assert_eq!(tun.host_v4().to_string(), "192.0.2.1");
    assert_eq!(tun.peer_v6().to_string(), "2001:db8::2");
}

#[tuntap_test(mock)]
fn on_the_mock(tap: Tap) {
    assert!(tap.mock().is_some());
    assert_eq!(tap.mode(), Mode::Tap);
}

#[tuntap_test(kernel)]
fn on_the_kernel(tap: Tap) {
    assert!(tap.mock().is_none());
}

#[tuntap_test(address = "192.0.2.65/26", address = "2001:db8:7::1/64", peer = "192.0.2.70", mtu = 1280)]
fn options_reach_the_link(tun: Tun) {
    assert_eq!(tun.mtu(), 1280);
    assert_eq!(tun.host_v4().to_string(), "192.0.2.65");
    assert_eq!(tun.peer_v4().to_string(), "192.0.2.70");
    assert_eq!(tun.peer_v6().to_string(), "2001:db8:7::2");
}

#[tuntap_test(config = JUMBO, mtu = 9000 - OVERHEAD)]
fn later_options_override_the_base(tap: Tap) {
    assert_eq!(tap.mtu(), 8986);
    assert_eq!(tap.host_v4().to_string(), "198.51.100.1");
}

#[tuntap_test(packet_info = keep)]
fn packet_information_is_kept(tun: Tun) {
    use tuntap_test::codec::Framing;
    assert_eq!(tun.device().framing(), Framing::TunPi);
}

#[tuntap_test(name = "vpn%d")]
fn a_name_may_be_a_pattern(tun: Tun) {
    assert_eq!(tun.name(), "vpn0");
}

#[tuntap_test]
fn results_are_returned(tun: Tun) -> Result<(), Box<dyn std::error::Error>> {
    tun.try_send([0x45; 20])?;
    Ok(())
}

#[tuntap_test(mock)]
fn a_termination_is_returned(_: Tun) -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}

#[tuntap_test]
#[should_panic(expected = "failed to send a frame")]
fn panics_are_expected(tun: Tun) {
    tun.send([0x10]);
}

#[tuntap_test]
#[ignore = "an ignored test is ignored on both backends, and passes when asked for"]
fn ignored(mut tun: Tun) {
    let again = &mut tun;
    assert_eq!(again.addresses().len(), 2);
}

#[tuntap_test]
fn each_argument_has_a_subnet_of_its_own(
    left: Tun,
    #[device(mtu = 1400, address = "198.51.100.9/30")] right: Tap,
    third: Tun,
) {
    assert_eq!(left.host_v4().to_string(), "192.0.2.1");
    assert_eq!(right.host_v4().to_string(), "198.51.100.9");
    assert_eq!(right.mtu(), 1400);
    assert_eq!(third.host_v6().to_string(), "2001:db8:2::1");
}

#[tuntap_test]
fn hosts_are_apart(left: Tun, #[device(host = "b")] right: Tun, #[device(host = "b")] b: Stack) {
    assert!(b.run(|| true).unwrap());
    drop((left, right));
}

#[tuntap_test]
fn a_type_of_the_users_own(router: Router) {
    assert_ne!(router.left.host_v4(), router.right.host_v4());
}

#[tuntap_test::test(mock)]
#[test]
fn the_built_in_attribute_below_changes_nothing(tun: Tun) {
    drop(tun);
}

mod renamed {
    pub(super) use ::tuntap_test as harness;
}

#[tuntap_test(mock, crate = crate::renamed::harness, packet_info = strip)]
fn the_crate_may_be_renamed(tun: Tun) {
    drop(tun);
    assert_eq!(DeviceConfig::new().packet_info(PacketInfoMode::Strip).packet_info_mode(), PacketInfoMode::Strip);
}

#[test]
fn a_plain_test_can_hold_a_context() -> io::Result<()> {
    let mut context = TestContext::new(Backend::Mock, "plain")?;
    let tun: Tun = context.argument(DeviceConfig::new().mtu(576))?;
    assert_eq!(tun.mtu(), 576);
    Ok(())
}

/// What `--list` says of this very program: names and which of them are ignored.
#[test]
fn the_list_has_a_mock_and_a_kernel_test_of_each() {
    let list = |ignored: bool| {
        let mut program = std::process::Command::new(std::env::current_exe().unwrap());
        program.args(["--list", "--format", "terse"]);
        if ignored {
            program.arg("--ignored");
        }
        let output = program.output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect::<Vec<_>>()
    };
    let (all, ignored) = (list(false), list(true));
    let has = |names: &[String], name: &str| names.iter().any(|present| present == name);
    assert!(has(&all, "both_backends::mock") && !has(&ignored, "both_backends::mock"));
    assert!(has(&all, "on_the_mock::mock") && !has(&all, "on_the_mock::kernel"));
    assert!(!has(&all, "on_the_kernel::mock"));
    assert!(has(&ignored, "ignored::mock"));
    if cfg!(target_os = "linux") {
        assert!(has(&ignored, "both_backends::kernel") && has(&ignored, "on_the_kernel::kernel"));
    } else {
        assert!(!all.iter().any(|name| name.ends_with("::kernel")));
    }
    let elsewhere = ignored.iter().filter(|name| !name.ends_with("::kernel")).collect::<Vec<_>>();
    assert_eq!(elsewhere, ["ignored::mock"], "only kernel tests are ignored");
    assert!(
        !all.iter().any(|name| !name.contains("::") && has(&all, &format!("{name}::mock"))),
        "the function is no test"
    );
}
