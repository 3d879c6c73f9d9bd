//! The settings of a network namespace that only /proc/sys can reach.
//!
//! Layer: only `kernel` uses it. A new namespace takes its IPv4 settings from the initial one, whatever Docker or
//! systemd did to it (`net.core.devconf_inherit_init_net`), so what decides whether a packet is answered is set
//! explicitly, on `all` and on `default` (from which each later link starts). ICMP rate limits are lifted, or a test
//! would see 6 of 20 port-unreachable messages; a link with `chatter` brings them back.
//!
//! Containers mount /proc/sys read-only. What could not be set is reported, not fatal.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::sync::OnceLock;

/// A file below /proc/sys and what shall stand in it.
#[derive(Clone, Copy)]
struct Setting {
    path: &'static str,
    value: &'static str,
}

impl Setting {
    const fn new(path: &'static str, value: &'static str) -> Self {
        Self { path, value }
    }
}

/// Every setting with the value it gets: the kernel's own default, except for the rate masks.
const SETTINGS: &[Setting] = &[
    // Which ICMP types are rate-limited: none. The masks also switch off the global token bucket.
    Setting::new("/proc/sys/net/ipv4/icmp_ratemask", "0"),
    Setting::new("/proc/sys/net/ipv6/icmp/ratemask", "0"),
    // Writing `all` sets `default` and every link too.
    Setting::new("/proc/sys/net/ipv4/conf/all/forwarding", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/default/forwarding", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/all/proxy_arp", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/default/proxy_arp", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/all/route_localnet", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/default/route_localnet", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/all/send_redirects", "1"),
    Setting::new("/proc/sys/net/ipv4/conf/default/send_redirects", "1"),
    Setting::new("/proc/sys/net/ipv4/conf/all/rp_filter", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/default/rp_filter", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/all/accept_redirects", "1"),
    Setting::new("/proc/sys/net/ipv4/conf/default/accept_redirects", "1"),
    Setting::new("/proc/sys/net/ipv4/conf/all/accept_local", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/default/accept_local", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/all/arp_ignore", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/default/arp_ignore", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/all/arp_announce", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/default/arp_announce", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/all/arp_filter", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/default/arp_filter", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/all/arp_accept", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/default/arp_accept", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/all/arp_notify", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/default/arp_notify", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/all/log_martians", "0"),
    Setting::new("/proc/sys/net/ipv4/conf/default/log_martians", "0"),
    Setting::new("/proc/sys/net/ipv6/conf/all/disable_ipv6", "0"),
    Setting::new("/proc/sys/net/ipv6/conf/all/forwarding", "0"),
];

/// Those that differ in a fresh namespace, found by the first one of this process: a namespace takes its settings from
/// the initial one, which nobody changes while tests run, and a look at each costs half as much as the namespace.
static DIFFERING: OnceLock<Vec<Setting>> = OnceLock::new();

/// Sets them in the calling thread's new namespace; gives those that could not be set.
pub(super) fn set_back_to_defaults() -> Vec<&'static str> {
    if let Some(differing) = DIFFERING.get() {
        return differing.iter().filter(|setting| setting.write().is_err()).map(|setting| setting.path).collect();
    }
    let differing: Vec<_> = SETTINGS.iter().copied().filter(Setting::differs).collect();
    let unapplied = differing.iter().filter(|setting| setting.write().is_err()).map(|setting| setting.path).collect();
    // Of several first ones each found the same.
    let _ = DIFFERING.set(differing);
    unapplied
}

/// The kernel's own limits of ICMP errors: destination unreachable, source quench, time exceeded and parameter problem on
/// IPv4 (0x1818); all errors but "packet too big" on IPv6.
const ICMP_LIMITS: [Setting; 2] = [
    Setting::new("/proc/sys/net/ipv4/icmp_ratemask", "6168"),
    Setting::new("/proc/sys/net/ipv6/icmp/ratemask", "0-1,3-127"),
];

/// Gives the calling thread's namespace the kernel's limits of ICMP errors back.
pub(super) fn limit_icmp_errors() -> io::Result<()> {
    for setting in ICMP_LIMITS {
        match setting.write() {
            // A kernel without IPv6, or older than the setting.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => result?,
        }
    }
    Ok(())
}

impl Setting {
    /// Whether it exists (not in a kernel without IPv6, or before it came) and has another value.
    fn differs(&self) -> bool {
        fs::read(self.path).is_ok_and(|present| present.trim_ascii() != self.value.as_bytes())
    }

    fn write(&self) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.path)?.write_all(self.value.as_bytes())
    }
}
