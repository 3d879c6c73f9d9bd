//! What the surroundings of this process are, as far as they decide whether it can have a device.
//!
//! Layer: only `kernel` uses it. Read when something was refused, never on the way to a device that works.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::{fs, io};

/// The node of the TUN driver, character device 10:200 (`Documentation/networking/tuntap.rst`).
pub(super) const NODE: &str = "/dev/net/tun";

/// What stands at [`NODE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Missing,
    CharacterDevice { permissions: u32 },
    SomethingElse,
}

/// What decides, read from /proc, /sys and /dev. A field is `None` where the kernel does not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Environment {
    pub(super) user: u32,
    pub(super) threads: Option<usize>,
    /// `/proc/self/ns/user` exists, so the kernel knows user namespaces.
    pub(super) knows_user_namespaces: bool,
    pub(super) max_user_namespaces: Option<u64>,
    pub(super) max_network_namespaces: Option<u64>,
    /// `kernel.apparmor_restrict_unprivileged_userns`, Ubuntu since 23.10.
    pub(super) apparmor_restricts: bool,
    /// `kernel.unprivileged_userns_clone` is 0: Debian's and Arch's older switch.
    pub(super) clone_switched_off: bool,
    /// The label of this process, such as `unprivileged_userns (enforce)`.
    pub(super) apparmor_label: Option<String>,
    /// A seccomp filter is installed (`Seccomp: 2` in /proc/self/status), as container engines do.
    pub(super) seccomp_filter: bool,
    pub(super) node: Node,
    /// This crate moved the process into a user namespace.
    pub(super) in_own_user_namespace: bool,
}

impl Environment {
    pub(super) fn read() -> Self {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
        Self {
            user: nix::unistd::geteuid().as_raw(),
            threads: threads(),
            knows_user_namespaces: Path::new("/proc/self/ns/user").exists(),
            max_user_namespaces: number("/proc/sys/user/max_user_namespaces"),
            max_network_namespaces: number("/proc/sys/user/max_net_namespaces"),
            apparmor_restricts: number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == Some(1),
            clone_switched_off: number("/proc/sys/kernel/unprivileged_userns_clone") == Some(0),
            apparmor_label: fs::read_to_string("/proc/self/attr/current").ok().map(|label| label.trim().to_owned()),
            seccomp_filter: field(&status, "Seccomp").as_deref() == Some("2"),
            node: node(),
            in_own_user_namespace: super::privilege::in_own_user_namespace(),
        }
    }
}

/// How many threads this process has.
pub(super) fn threads() -> Option<usize> {
    field(&fs::read_to_string("/proc/self/status").ok()?, "Threads")?.parse().ok()
}

/// The most network namespaces this user may have at once.
pub(super) fn max_network_namespaces() -> Option<u64> {
    number("/proc/sys/user/max_net_namespaces")
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn field(status: &str, name: &str) -> Option<String> {
    status.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim().to_owned()))
}

fn node() -> Node {
    match fs::metadata(NODE) {
        Ok(metadata) if metadata.file_type().is_char_device() => {
            Node::CharacterDevice { permissions: metadata.mode() & 0o7777 }
        }
        Ok(_) => Node::SomethingElse,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Node::Missing,
        // Not even stat is allowed; opening it says why.
        Err(_) => Node::SomethingElse,
    }
}
