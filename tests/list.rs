//! What a test binary shows of attributed tests: their names, and why the kernel's are ignored. It asks itself.

use std::env;
use std::process::Command;

use tuntap_test::{Tap, Tun, tuntap_test};

mod subject {
    use super::{Tap, Tun, tuntap_test};

    #[tuntap_test]
    fn on_both(_tun: Tun) {}

    #[tuntap_test(mock)]
    fn on_the_mock(_tun: Tun) {}

    #[tuntap_test(kernel)]
    fn in_the_kernel(_tap: Tap) {}

    #[tuntap_test]
    #[ignore = "the user's reason"]
    fn ignored_by_the_user(_tun: Tun) {}

    #[tuntap_test]
    #[ignore]
    fn ignored_without_a_reason(_tun: Tun) {}

    #[tuntap_test]
    #[cfg_attr(all(), ignore = "ignored here")]
    fn ignored_on_this_platform(_tun: Tun) {}

    #[tuntap_test]
    #[cfg_attr(any(), ignore = "ignored elsewhere")]
    fn ignored_on_another_platform(_tun: Tun) {}

    #[tuntap_test]
    #[cfg(any())]
    fn switched_off(_tun: Tun) {}

    #[tuntap_test]
    #[tokio::test]
    async fn with_a_runner(_tun: Tun) {}
}

/// The lines that this binary prints, called with `arguments`.
fn ask(arguments: &[&str]) -> Vec<String> {
    let output = Command::new(env::current_exe().expect("the test knows its own path"))
        .args(arguments)
        .output()
        .expect("the test starts itself");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("test names are UTF-8").lines().map(str::to_owned).collect()
}

/// The names in a `--list`, of `mod subject` only.
fn listed(arguments: &[&str]) -> Vec<String> {
    let lines = ask(arguments);
    lines.iter().filter_map(|line| line.strip_prefix("subject::")?.strip_suffix(": test")).map(str::to_owned).collect()
}

#[test]
fn every_backend_is_a_test_in_a_module_of_the_functions_name() {
    let mut expected = vec![
        "ignored_by_the_user::mock",
        "ignored_on_another_platform::mock",
        "ignored_on_this_platform::mock",
        "ignored_without_a_reason::mock",
        "on_both::mock",
        "on_the_mock::mock",
        "with_a_runner::mock",
    ];
    if cfg!(target_os = "linux") {
        expected.extend([
            "ignored_by_the_user::kernel",
            "ignored_on_another_platform::kernel",
            "ignored_on_this_platform::kernel",
            "ignored_without_a_reason::kernel",
            "in_the_kernel::kernel",
            "on_both::kernel",
            "with_a_runner::kernel",
        ]);
        expected.sort_unstable();
    }
    assert_eq!(listed(&["--list"]), expected);
}

#[test]
fn every_kernel_test_and_nothing_else_of_ours_is_ignored() {
    let mut expected =
        vec!["ignored_by_the_user::mock", "ignored_on_this_platform::mock", "ignored_without_a_reason::mock"];
    if cfg!(target_os = "linux") {
        expected.extend([
            "ignored_by_the_user::kernel",
            "ignored_on_another_platform::kernel",
            "ignored_on_this_platform::kernel",
            "ignored_without_a_reason::kernel",
            "in_the_kernel::kernel",
            "on_both::kernel",
            "with_a_runner::kernel",
        ]);
        expected.sort_unstable();
    }
    assert_eq!(listed(&["--list", "--ignored"]), expected);
}

#[test]
fn the_reason_is_shown_where_the_test_is_ignored() {
    let lines = ask(&["subject::"]);
    let shown = |name: &str| {
        let start = format!("test subject::{name} ... ");
        lines.iter().find_map(|line| line.strip_prefix(&start)).map(str::to_owned)
    };
    let ours = "ignored, needs a kernel TUN/TAP device: run with `-- --ignored ::kernel`";
    let kernel = |reason: &str| cfg!(target_os = "linux").then(|| reason.to_owned());

    assert_eq!(shown("on_both::mock").as_deref(), Some("ok"));
    assert_eq!(shown("on_both::kernel"), kernel(ours));
    assert_eq!(shown("in_the_kernel::kernel"), kernel(ours));
    assert_eq!(shown("with_a_runner::kernel"), kernel(ours));
    assert_eq!(shown("ignored_by_the_user::mock").as_deref(), Some("ignored, the user's reason"));
    assert_eq!(shown("ignored_by_the_user::kernel"), kernel("ignored, the user's reason"));
    assert_eq!(shown("ignored_without_a_reason::kernel"), kernel("ignored"));
    assert_eq!(shown("ignored_on_this_platform::kernel"), kernel("ignored, ignored here"));
    assert_eq!(shown("ignored_on_another_platform::kernel"), kernel(ours));
    assert_eq!(shown("ignored_on_another_platform::mock").as_deref(), Some("ok"));
}
