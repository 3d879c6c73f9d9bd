//! Calls of the host's sockets.

use std::net::Shutdown;

use proptest::prelude::*;
use proptest::{collection, sample};

use crate::fuzz::SocketCall;

/// Any call, on one of a few sockets mostly, and of ports that other steps use, too.
pub fn socket_call() -> BoxedStrategy<SocketCall> {
    let slot = || prop_oneof![8 => 0_u8..6, 1 => any::<u8>()];
    let v6 = || prop::bool::weighted(0.3);
    let octets = || collection::vec(any::<u8>(), 0..64);
    prop_oneof![
        (slot(), v6(), port()).prop_map(|(slot, v6, port)| SocketCall::UdpBind { slot, v6, port }),
        (slot(), port(), octets()).prop_map(|(slot, port, octets)| SocketCall::UdpSend { slot, port, octets }),
        (slot(), v6(), port()).prop_map(|(slot, v6, port)| SocketCall::TcpListen { slot, v6, port }),
        (slot(), v6(), port()).prop_map(|(slot, v6, port)| SocketCall::TcpConnect { slot, v6, port }),
        (slot(), slot()).prop_map(|(slot, into)| SocketCall::Accept { slot, into }),
        (slot(), octets()).prop_map(|(slot, octets)| SocketCall::Write { slot, octets }),
        (slot(), prop_oneof![3 => 0_u16..=2000, 1 => any::<u16>()])
            .prop_map(|(slot, most)| SocketCall::Read { slot, most }),
        (slot(), how()).prop_map(|(slot, how)| SocketCall::Shutdown { slot, how }),
        slot().prop_map(|slot| SocketCall::Close { slot }),
        (slot(), v6(), 0_u16..4, octets()).prop_map(|(slot, v6, sequence, octets)| SocketCall::Ping {
            slot,
            v6,
            sequence,
            octets
        }),
    ]
    .boxed()
}

fn port() -> BoxedStrategy<u16> {
    prop_oneof![6 => sample::select(vec![53_u16, 80, 40_000, 40_001]), 1 => any::<u16>()].boxed()
}

pub(super) fn how() -> BoxedStrategy<Shutdown> {
    sample::select(vec![Shutdown::Write, Shutdown::Read, Shutdown::Both]).boxed()
}
