//! A SYN flood, and what the host makes of it with and without cookies (RFC 4987 section 3.6): a listener has room for
//! few connections, and 200 peers ask for one.
//!
//! ```text
//!  200 peers (the test)                     host (the kernel): listen(4)
//!  S  S  S  S  S  S  S …             ──►
//!                                    ◄──    S. S. S. S. S.              without cookies: the others are dropped
//!                                    ◄──    S. S. S. S. S.              a second later: nobody acknowledged
//!                                    ◄──    S. S. S. S. S. S. S. …      with cookies: all of them, without memory
//!  .  ack cookie+1                   ──►    accept() gives the peer's address
//!  .  ack cookie+2                   ──►
//!                                    ◄──    R
//! ```
#![cfg(target_os = "linux")]

mod scenario;
#[path = "scenario/settings.rs"]
mod settings;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use nix::sys::socket::Backlog;
use scenario::each_frame_is_its_own_template;
use settings::set;
use tuntap_test::prelude::*;

const PORT: u16 = 80;
const PEERS: u8 = 200;
/// Of a listener that asked for 4: Linux takes one more than `listen(2)` says.
const ROOM: usize = 5;

/// The low bits of a cookie tell which of four sizes the peer's MSS was (`msstab` in Linux's net/ipv4/syncookies.c and
/// net/ipv6/syncookies.c). This one is the largest of both, so that a cookie of one more is none.
const MSS: u16 = 8940;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// The host's address of each family, and a connection to it from each of 200 peers of its subnet.
fn floods(tun: &Tun) -> [(SocketAddr, Vec<TcpFlow>); 2] {
    let v4 = |peer| IpAddr::from(Ipv4Addr::new(192, 0, 2, peer));
    let v6 = |peer: u8| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, peer.into()));
    let flood = |host: IpAddr, peer: fn(u8) -> IpAddr| {
        let flow = |number| TcpFlow::new(peer(2 + number), 40_000, host, PORT).mss(MSS);
        (SocketAddr::new(host, PORT), (0..PEERS).map(flow).collect())
    };
    [flood(tun.host_v4().into(), v4), flood(tun.host_v6().into(), v6)]
}

/// A listener with room for four connections that wait, which does not wait itself.
fn small_listener(host: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(host)?;
    nix::sys::socket::listen(&listener, Backlog::new(4)?)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// All peers ask.
fn flood(tun: &Tun, peers: &mut [TcpFlow]) {
    for tcp in peers {
        tun.send(tcp.syn());
    }
}

/// The answers to those peers.
fn syn_acks<'a>(peers: impl IntoIterator<Item = &'a TcpFlow>) -> Vec<Packet> {
    peers.into_iter().map(|tcp| tcp.reply().seq_rel(0).syn_ack().into_packet()).collect()
}

#[tuntap_test(kernel, strict)]
fn without_cookies_a_full_listener_drops_what_comes(tun: Tun) -> io::Result<()> {
    set(tun.stack(), "net.ipv4.tcp_max_syn_backlog", 8);
    set(tun.stack(), "net.ipv4.tcp_syncookies", 0);
    for (host, mut peers) in floods(&tun) {
        let _listener = small_listener(host)?;
        let before = tun.stack().counters()?;
        flood(&tun, &mut peers);
        tun.expect_sequence(syn_acks(peers.iter().take(ROOM)));
        // Nothing else before these, which are asked again after a second (RFC 6298 sections 2.1 and 5.7).
        let again = syn_acks(peers.iter().take(ROOM));
        tun.expect_in_any_order(
            again.into_iter().map(|syn_ack| syn_ack.not_before(ms(800)).within(ms(1500))).collect::<Vec<_>>(),
        );
        let changes = tun.stack().counters()?.since(&before);
        assert_eq!(changes.of("TcpExtListenDrops"), 195);
        assert_eq!(changes.of("TcpExtSyncookiesSent"), 0);
    }
    assert_eq!(tun.kernel().unwrap().statistics()?.tx_dropped, 0);
    each_frame_is_its_own_template(&tun);
    Ok(())
}

#[tuntap_test(kernel, strict)]
fn with_cookies_a_full_listener_answers_all_and_takes_who_comes_back(tun: Tun) -> io::Result<()> {
    set(tun.stack(), "net.ipv4.tcp_max_syn_backlog", 8);
    set(tun.stack(), "net.ipv4.tcp_syncookies", 1);
    for (host, mut peers) in floods(&tun) {
        let listener = small_listener(host)?;
        let before = tun.stack().counters()?;
        flood(&tun, &mut peers);
        tun.expect_sequence(syn_acks(&peers));
        let changes = tun.stack().counters()?.since(&before);
        assert_eq!(changes.of("TcpExtSyncookiesSent"), 195);
        assert_eq!(changes.of("TcpExtListenDrops"), 0);

        // Those that the host remembers give up, or they would be asked again after a second.
        peers.iter_mut().take(ROOM).for_each(|tcp| tun.send(tcp.rst()));
        let [.., guessing, honest] = &mut peers[..] else { unreachable!("two of 200") };
        tun.send(honest.ack());
        tun.expect_nothing_else();
        let (_stream, from) = listener.accept()?;
        assert_eq!(from, honest.peer());
        tun.send(honest.rst());

        tun.send(guessing.segment(Tcp::new().ack(guessing.host_sequence(2).unwrap())));
        tun.expect(guessing.reply().rst());
        tun.expect_nothing_else();
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
    assert_eq!(tun.kernel().unwrap().statistics()?.tx_dropped, 0);
    each_frame_is_its_own_template(&tun);
    Ok(())
}
