//! From an errno to its likely cause and what to do about it.

use std::io;

use super::socket::{Failure, Refusal};
use super::step::Step;
use crate::kernel::KernelError;

/// What was being done.
#[derive(Clone, Copy)]
pub(super) enum Doing<'a> {
    Step(&'a Step),
    /// Reading; completes "failed to …".
    Reading(&'a str),
}

/// The error for a refused step or lookup.
pub(super) fn error(doing: Doing<'_>, failure: Failure) -> KernelError {
    let name = match doing {
        Doing::Step(step) => step.to_string(),
        Doing::Reading(what) => what.to_owned(),
    };
    match failure {
        Failure::Refused(Refusal { errno, text, .. }) => {
            let error = KernelError::new(name, io::Error::from_raw_os_error(errno));
            let said = text.map(|text| format!("The kernel says: {}.", text.trim_end_matches('.')));
            let cure = cure(doing, errno).map(str::to_owned);
            match (said, cure) {
                (None, None) => error,
                (said, cure) => error.with_cure([said, cure].into_iter().flatten().collect::<Vec<_>>().join(" ")),
            }
        }
        Failure::Transport(source) => {
            let cure = match source.raw_os_error() {
                Some(libc::ENOBUFS) => {
                    "The kernel had no memory or queue space for its answers: what it did is not known, ask it"
                }
                Some(libc::EAGAIN) => {
                    "The kernel did not answer: a seccomp filter or an emulated kernel may be in the way"
                }
                Some(libc::EMSGSIZE) => "The request or its answer is longer than the socket's buffers",
                _ => return KernelError::new(name, source),
            };
            KernelError::new(name, source).with_cure(cure)
        }
    }
}

fn cure(doing: Doing<'_>, errno: i32) -> Option<&'static str> {
    use Step as S;
    let step = match doing {
        Doing::Step(step) => Some(step),
        Doing::Reading(_) => None,
    };
    Some(match (errno, step) {
        (libc::EPERM, Some(_)) => {
            "This needs CAP_NET_ADMIN in the user namespace that owns the network namespace: run as root, or make both \
             namespaces with unshare(CLONE_NEWUSER | CLONE_NEWNET)"
        }
        (libc::EACCES, Some(S::Address { address, .. })) if address.address().is_ipv6() => {
            "IPv6 is switched off on the interface: write 0 to /proc/sys/net/ipv6/conf/<name>/disable_ipv6"
        }
        (libc::EINVAL, Some(S::Mtu { .. })) => {
            "A TUN device takes 68 to 65535 octets, a TAP device 68 to 65521, and IPv6 needs at least 1280"
        }
        (libc::EINVAL, Some(S::QueueLength { .. })) => "The queue's length is below 2^31 frames",
        (libc::EOPNOTSUPP, Some(S::MacAddress { .. })) => "The link has no hardware address: TUN has none, use TAP",
        (libc::EADDRNOTAVAIL, Some(S::MacAddress { .. })) => {
            "A hardware address is unicast (lowest bit of the first octet 0) and not all zeros"
        }
        (libc::EOPNOTSUPP, Some(S::Address { .. } | S::Route { .. } | S::Neighbour { .. }))
        | (libc::EAFNOSUPPORT, Some(_)) => {
            "The kernel runs without this address family: for IPv6 look for ipv6.disable=1 on its command line, or \
             load the module ipv6"
        }
        (libc::EINVAL, Some(S::Address { .. })) => {
            "An IPv6 address needs an interface whose MTU is at least 1280 and an address that is neither multicast \
             nor unspecified"
        }
        (libc::EEXIST, Some(S::Address { .. })) => "The interface has the address already",
        (libc::EEXIST, Some(S::Route { .. })) => {
            "There is a route to this destination already; an address with its prefix makes one"
        }
        (libc::EEXIST, Some(S::AddLink { .. } | S::Rename { .. })) => "Another interface has the name",
        (libc::EADDRNOTAVAIL, Some(S::RemoveAddress { .. })) => "The interface does not have the address",
        (libc::ENETDOWN, Some(S::Route { .. })) => "Bring the interface up first",
        (libc::ENETUNREACH | libc::EHOSTUNREACH, Some(S::Route { .. })) => {
            "The gateway must lie in the prefix of an address of the interface, and the interface must be up"
        }
        (libc::EINVAL, Some(S::Route { .. })) => {
            "The destination's bits behind its prefix must be 0, and its gateway of the right address family"
        }
        (libc::ESRCH, Some(S::RemoveRoute { .. })) => "There is no such route in the main table",
        (libc::ENOENT, Some(S::RemoveNeighbour { .. })) => "There is no such neighbour",
        (libc::EOPNOTSUPP, Some(S::AddLink { .. })) => {
            "The kernel does not know the kind of link: its module (dummy, veth) is missing"
        }
        (libc::EINVAL | libc::ERANGE, Some(S::AddLink { .. } | S::Rename { .. })) => {
            "A name has 1 to 15 octets, without `/`, `:` and white space, and is neither `.` nor `..`"
        }
        (libc::EBUSY, Some(S::Rename { .. })) => "Take the interface down before you rename it",
        (libc::EINVAL | libc::ERANGE, None) => "A name has 1 to 15 octets",
        (libc::ENODEV, _) => {
            "No such interface in this network namespace: it was removed, or it lives in another namespace than the \
             one in which the socket was opened"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(step: &Step, errno: i32, text: Option<&str>) -> String {
        let text = text.map(str::to_owned);
        error(Doing::Step(step), Failure::Refused(Refusal { at: 0, errno, text })).to_string()
    }

    #[test]
    fn an_error_names_step_errno_the_kernels_words_and_the_cure() {
        assert_eq!(
            refused(&Step::Mtu { index: 3, octets: 20 }, libc::EINVAL, Some("mtu less than device minimum")),
            "failed to set the MTU of interface 3 to 20: Invalid argument (os error 22). The kernel says: mtu less \
             than device minimum. A TUN device takes 68 to 65535 octets, a TAP device 68 to 65521, and IPv6 needs at \
             least 1280"
        );
    }

    #[test]
    fn each_refusal_that_users_meet_has_a_cure() {
        let address: crate::device::Cidr = "2001:db8::1/64".parse().unwrap();
        let assign = Step::Address { index: 3, address, peer: None, broadcast: None, dad: false };
        let route = Step::Route { destination: None, via: Some("192.0.2.2".parse().unwrap()), index: 3 };
        for (step, errno, words) in [
            (&assign, libc::EPERM, "CAP_NET_ADMIN"),
            (&assign, libc::EEXIST, "already"),
            (&assign, libc::EOPNOTSUPP, "ipv6.disable=1"),
            (&assign, libc::EACCES, "disable_ipv6"),
            (&assign, libc::ENODEV, "No such interface"),
            (&route, libc::ENETDOWN, "up first"),
            (&route, libc::ENETUNREACH, "gateway"),
        ] {
            let text = refused(step, errno, None);
            assert!(text.contains(words), "{text:?} lacks {words:?}");
        }
    }
}
