//! Why there is no kernel device, in words: the obstacle, and what removes it.
//!
//! Layer: `kernel`; the context shows it in the failure of a kernel test. One errno means different things at different
//! steps and in different surroundings (EPERM alone has six causes), so the diagnosis takes all three. It is a pure
//! function, tested without any privilege.

use std::{fmt, io};

use super::environment::{Environment, NODE, Node};
use super::privilege::{Refusal, Step};

/// What keeps this process from a kernel device. Its [`Display`](fmt::Display) names the cause, the errno and the cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    kind: ObstacleKind,
    step: Step,
    errno: i32,
    cause: String,
    cure: String,
}

/// The kinds of obstacle, for programs that choose by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ObstacleKind {
    /// `/dev/net/tun` does not exist.
    NodeMissing,
    /// `/dev/net/tun` may not be opened by this user.
    NodeForbidden,
    /// `/dev/net/tun` exists, but no driver stands behind it.
    NoDriver,
    /// The kernel was built without user namespaces, or something emulates it.
    NoUserNamespaces,
    /// A limit or switch keeps users from making user namespaces.
    UserNamespacesOff,
    /// AppArmor takes the capabilities away inside user namespaces (Ubuntu 23.10 and later).
    AppArmor,
    /// A seccomp filter refuses, as in a container.
    Seccomp,
    /// The process had several threads before it asked for a user namespace.
    Threads,
    /// The limit of network namespaces is reached.
    TooManyNamespaces,
    /// A capability is missing, and nothing more is known.
    MissingCapability,
    /// None of the above.
    Other,
}

impl Obstacle {
    /// What kind it is.
    #[must_use]
    pub const fn kind(&self) -> ObstacleKind {
        self.kind
    }

    /// At which step it stands.
    #[must_use]
    pub const fn step(&self) -> Step {
        self.step
    }

    /// With which errno the step failed.
    #[must_use]
    pub const fn errno(&self) -> i32 {
        self.errno
    }

    /// One sentence: what is in the way.
    #[must_use]
    pub fn cause(&self) -> &str {
        &self.cause
    }

    /// What removes it, as something to type where that is possible.
    #[must_use]
    pub fn cure(&self) -> &str {
        &self.cure
    }

    /// Diagnoses a refusal in the present surroundings.
    pub(super) fn diagnose(refusal: Refusal) -> Self {
        diagnose(refusal, &Environment::read())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UserNamespace => "unshare(CLONE_NEWUSER)",
            Self::IdMaps => "writing /proc/self/{setgroups,uid_map,gid_map}",
            Self::NetworkNamespace => "unshare(CLONE_NEWNET)",
            Self::Node => "open(\"/dev/net/tun\")",
            Self::Attach => "ioctl(TUNSETIFF)",
        })
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errno = nix::errno::Errno::from_raw(self.errno);
        writeln!(f, "no kernel device: {}", self.cause)?;
        writeln!(f, "  refused: {} gave {errno:?} ({})", self.step, errno.desc())?;
        write!(f, "  cure:    {}", self.cure)
    }
}

impl std::error::Error for Obstacle {}

impl From<Obstacle> for io::Error {
    fn from(obstacle: Obstacle) -> Self {
        Self::new(Self::from_raw_os_error(obstacle.errno).kind(), obstacle)
    }
}

const CONTAINER_CURE: &str = "start the container with `--device /dev/net/tun --security-opt seccomp=unconfined` (on \
     Ubuntu also `--security-opt apparmor=unconfined`), or with `--device /dev/net/tun --cap-add NET_ADMIN --cap-add \
     SYS_ADMIN`";
const APPARMOR_CURE: &str =
    "`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` (in CI), or run the test binary as root";

fn diagnose(refusal: Refusal, environment: &Environment) -> Obstacle {
    let (kind, cause, cure) = match refusal.step {
        Step::UserNamespace => user_namespace(refusal.errno, environment),
        Step::IdMaps => id_maps(environment),
        Step::NetworkNamespace => network_namespace(refusal.errno, environment),
        Step::Node => node(refusal.errno, environment),
        Step::Attach => attach(refusal.errno, environment),
    };
    Obstacle { kind, step: refusal.step, errno: refusal.errno, cause, cure }
}

type Diagnosis = (ObstacleKind, String, String);

fn diagnosis(kind: ObstacleKind, cause: impl Into<String>, cure: impl Into<String>) -> Diagnosis {
    (kind, cause.into(), cure.into())
}

fn user_namespace(errno: i32, environment: &Environment) -> Diagnosis {
    match errno {
        libc::EINVAL if environment.threads.is_some_and(|threads| threads > 1) => diagnosis(
            ObstacleKind::Threads,
            format!(
                "this process has {} threads, and a user namespace can only be entered with one",
                environment.threads.unwrap_or(0)
            ),
            "run the tests with `-- --ignored` or set TUNTAP_TEST_KERNEL=1, so that the user namespace is entered \
             before `main`; or call `tuntap_test::kernel::prepare()` first in `main`; or run as root",
        ),
        libc::EINVAL if !environment.knows_user_namespaces => diagnosis(
            ObstacleKind::NoUserNamespaces,
            "this kernel has no user namespaces (CONFIG_USER_NS)",
            "run the test binary as root",
        ),
        libc::EINVAL => diagnosis(
            ObstacleKind::NoUserNamespaces,
            "the kernel, or what emulates it (qemu-user), cannot make user namespaces",
            "run the test binary as root, or on the machine itself",
        ),
        libc::ENOSPC | libc::EUSERS if environment.max_user_namespaces == Some(0) => diagnosis(
            ObstacleKind::UserNamespacesOff,
            "user namespaces are switched off (user.max_user_namespaces = 0)",
            "`sudo sysctl -w user.max_user_namespaces=15000`, or run the test binary as root",
        ),
        libc::ENOSPC | libc::EUSERS => diagnosis(
            ObstacleKind::UserNamespacesOff,
            format!(
                "the limit of user namespaces is reached (user.max_user_namespaces = {}; 32 nested at most)",
                shown(environment.max_user_namespaces)
            ),
            "raise it with `sudo sysctl -w user.max_user_namespaces=15000`, or run the test binary as root",
        ),
        libc::EPERM if environment.clone_switched_off => diagnosis(
            ObstacleKind::UserNamespacesOff,
            "user namespaces are switched off for users (kernel.unprivileged_userns_clone = 0)",
            "`sudo sysctl -w kernel.unprivileged_userns_clone=1`, or run the test binary as root",
        ),
        _ => restricted(errno, environment, "user namespaces"),
    }
}

fn id_maps(environment: &Environment) -> Diagnosis {
    if environment.apparmor_restricts {
        return diagnosis(
            ObstacleKind::AppArmor,
            "AppArmor restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns = 1)",
            APPARMOR_CURE,
        );
    }
    diagnosis(
        ObstacleKind::MissingCapability,
        format!("the user namespace was made, but user {} could not be mapped into it", environment.user),
        "run the test binary as root, or outside the sandbox that keeps /proc/self/uid_map read-only",
    )
}

fn network_namespace(errno: i32, environment: &Environment) -> Diagnosis {
    match errno {
        libc::ENOSPC | libc::EUSERS => diagnosis(
            ObstacleKind::TooManyNamespaces,
            format!(
                "the limit of network namespaces is reached (user.max_net_namespaces = {}) and the kernel's clean-up \
                 freed none in time",
                shown(environment.max_network_namespaces)
            ),
            "`sudo sysctl -w user.max_net_namespaces=15000`, or fewer tests at once: `--test-threads`",
        ),
        libc::EINVAL => diagnosis(
            ObstacleKind::Other,
            "the kernel, or what emulates it (qemu-user), cannot make network namespaces (CONFIG_NET_NS)",
            "run the tests on the machine itself",
        ),
        _ => restricted(errno, environment, "network namespaces"),
    }
}

fn node(errno: i32, environment: &Environment) -> Diagnosis {
    match errno {
        libc::ENOENT | libc::ENOTDIR => diagnosis(
            ObstacleKind::NodeMissing,
            format!("{NODE} is missing"),
            "`sudo modprobe tun`; in a container start it with `--device /dev/net/tun`",
        ),
        libc::EACCES => match environment.node {
            Node::CharacterDevice { permissions } if permissions & 0o006 != 0o006 => diagnosis(
                ObstacleKind::NodeForbidden,
                format!(
                    "{NODE} has mode {permissions:04o}, which keeps user {} out; it needs 0666, as distributions have \
                     it",
                    environment.user
                ),
                format!("`sudo chmod 0666 {NODE}` (opening it gives nobody rights over the host's network)"),
            ),
            _ => diagnosis(
                ObstacleKind::NodeForbidden,
                format!("{NODE} may not be opened; its file system may be mounted `nodev`"),
                "run the tests where /dev is a real one; in a container use `--device /dev/net/tun`, not mknod",
            ),
        },
        libc::EPERM => diagnosis(
            ObstacleKind::NodeForbidden,
            format!("the device cgroup of this container forbids {NODE}"),
            "start the container with `--device /dev/net/tun`, not with a node made by mknod",
        ),
        libc::ENODEV | libc::ENXIO => diagnosis(
            ObstacleKind::NoDriver,
            format!("{NODE} exists, but the kernel has no TUN driver behind it"),
            "`sudo modprobe tun`, or a kernel with CONFIG_TUN",
        ),
        _ => diagnosis(ObstacleKind::Other, format!("{NODE} could not be opened"), "see the errno"),
    }
}

fn attach(errno: i32, environment: &Environment) -> Diagnosis {
    match errno {
        libc::EPERM | libc::EACCES => restricted(errno, environment, "TUN/TAP devices"),
        _ => diagnosis(ObstacleKind::Other, "the TUN driver refused to make a device", "see the errno"),
    }
}

/// EPERM and its like, which say nothing of who refused: look for the one that could.
fn restricted(errno: i32, environment: &Environment, what: &str) -> Diagnosis {
    let labelled = environment.apparmor_label.as_deref().is_some_and(|label| label.starts_with("unprivileged_userns"));
    let inside = environment.in_own_user_namespace;
    if labelled || (inside && environment.apparmor_restricts) {
        return diagnosis(
            ObstacleKind::AppArmor,
            format!("AppArmor took the capabilities away inside the user namespace, so {what} are refused"),
            APPARMOR_CURE,
        );
    }
    if environment.seccomp_filter {
        return diagnosis(
            ObstacleKind::Seccomp,
            format!("a seccomp filter refuses {what}, as container engines do by default"),
            CONTAINER_CURE,
        );
    }
    if environment.apparmor_restricts {
        return diagnosis(
            ObstacleKind::AppArmor,
            format!("AppArmor refuses {what} (kernel.apparmor_restrict_unprivileged_userns = 1)"),
            APPARMOR_CURE,
        );
    }
    if matches!(errno, libc::EPERM | libc::EACCES) {
        return diagnosis(
            ObstacleKind::MissingCapability,
            format!("user {} may not make {what}: CAP_SYS_ADMIN and CAP_NET_ADMIN are needed", environment.user),
            "run the test binary as root, or where user namespaces are allowed",
        );
    }
    diagnosis(ObstacleKind::Other, format!("the kernel refused {what}"), "see the errno")
}

fn shown(limit: Option<u64>) -> String {
    limit.map_or_else(|| "unknown".to_owned(), |limit| limit.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Environment {
        Environment {
            user: 1000,
            threads: Some(1),
            knows_user_namespaces: true,
            max_user_namespaces: Some(1000),
            max_network_namespaces: Some(1000),
            apparmor_restricts: false,
            clone_switched_off: false,
            apparmor_label: None,
            seccomp_filter: false,
            node: Node::CharacterDevice { permissions: 0o666 },
            in_own_user_namespace: false,
        }
    }

    fn kind(step: Step, errno: i32, change: impl FnOnce(&mut Environment)) -> ObstacleKind {
        let mut environment = plain();
        change(&mut environment);
        diagnose(Refusal { step, errno }, &environment).kind()
    }

    #[test]
    fn einval_of_a_user_namespace_is_told_apart_by_threads_and_by_the_kernels_knowledge() {
        assert_eq!(kind(Step::UserNamespace, libc::EINVAL, |e| e.threads = Some(4)), ObstacleKind::Threads);
        let unknown = |e: &mut Environment| e.knows_user_namespaces = false;
        assert_eq!(kind(Step::UserNamespace, libc::EINVAL, unknown), ObstacleKind::NoUserNamespaces);
        assert_eq!(kind(Step::UserNamespace, libc::EINVAL, |_| {}), ObstacleKind::NoUserNamespaces);
    }

    #[test]
    fn a_limit_of_zero_is_named() {
        let mut environment = plain();
        environment.max_user_namespaces = Some(0);
        let obstacle = diagnose(Refusal { step: Step::UserNamespace, errno: libc::ENOSPC }, &environment);
        assert_eq!(obstacle.kind(), ObstacleKind::UserNamespacesOff);
        assert!(obstacle.cause().contains("user.max_user_namespaces = 0"), "{obstacle}");
        assert!(obstacle.cure().contains("sysctl -w user.max_user_namespaces"), "{obstacle}");
    }

    #[test]
    fn eperm_is_told_apart_by_who_could_have_refused() {
        let at = Step::UserNamespace;
        assert_eq!(kind(at, libc::EPERM, |e| e.seccomp_filter = true), ObstacleKind::Seccomp);
        assert_eq!(kind(at, libc::EPERM, |e| e.clone_switched_off = true), ObstacleKind::UserNamespacesOff);
        assert_eq!(kind(at, libc::EPERM, |e| e.apparmor_restricts = true), ObstacleKind::AppArmor);
        assert_eq!(kind(at, libc::EPERM, |_| {}), ObstacleKind::MissingCapability);
        let ubuntu = |e: &mut Environment| {
            e.in_own_user_namespace = true;
            e.apparmor_restricts = true;
            e.seccomp_filter = true;
        };
        assert_eq!(kind(Step::Attach, libc::EPERM, ubuntu), ObstacleKind::AppArmor);
        assert_eq!(kind(Step::NetworkNamespace, libc::EPERM, ubuntu), ObstacleKind::AppArmor);
        let label = |e: &mut Environment| e.apparmor_label = Some("unprivileged_userns (enforce)".to_owned());
        assert_eq!(kind(Step::Attach, libc::EPERM, label), ObstacleKind::AppArmor);
    }

    #[test]
    fn each_errno_of_the_node_has_its_own_obstacle() {
        let at = Step::Node;
        assert_eq!(kind(at, libc::ENOENT, |e| e.node = Node::Missing), ObstacleKind::NodeMissing);
        let closed = |e: &mut Environment| e.node = Node::CharacterDevice { permissions: 0o600 };
        assert_eq!(kind(at, libc::EACCES, closed), ObstacleKind::NodeForbidden);
        assert_eq!(kind(at, libc::EPERM, |_| {}), ObstacleKind::NodeForbidden);
        assert_eq!(kind(at, libc::ENODEV, |_| {}), ObstacleKind::NoDriver);
    }

    #[test]
    fn the_message_names_cause_step_errno_and_cure() {
        let mut environment = plain();
        environment.node = Node::CharacterDevice { permissions: 0o600 };
        let obstacle = diagnose(Refusal { step: Step::Node, errno: libc::EACCES }, &environment);
        assert_eq!(
            obstacle.to_string(),
            "no kernel device: /dev/net/tun has mode 0600, which keeps user 1000 out; it needs 0666, as distributions \
             have it\n  refused: open(\"/dev/net/tun\") gave EACCES (Permission denied)\n  cure:    `sudo chmod 0666 \
             /dev/net/tun` (opening it gives nobody rights over the host's network)"
        );
    }
}
