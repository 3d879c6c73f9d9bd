//! A TCP connection from its handshake to its reset, as RFC 9293 has it and Linux does it, over IPv4 and IPv6: the test
//! plays the peer, the kernel's stack is the host.
//!
//! ```text
//!  peer (the test)                          host (the kernel)
//!  S    seq 1000 mss 1460            ──►
//!                                    ◄──    S.   seq iss ack 1001 mss
//!  .    seq 1001 ack iss+1           ──►    accept() gives the peer's address
//!  P.   seq 1001 "hello"             ──►    read() gives "hello"
//!                                    ◄──    .    ack 1006
//!                                    ◄──    P.   seq iss+1 "world"        write("world")
//!                                    ◄──    P.   seq iss+1 "world"        200 ms, then 400 ms later: nobody acknowledged
//!  R.   seq 1006                     ──►    read() gives ECONNRESET
//!  .    seq 1006                     ──►
//!                                    ◄──    R
//! ```
#![cfg(target_os = "linux")]

mod scenario;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use scenario::each_frame_is_its_own_template;
use tcp_flags::{A, P, R};
use tuntap_test::device::patience;
use tuntap_test::prelude::*;

const OPEN: u16 = 80;
const CLOSED: u16 = 81;

/// A connection to that port over IPv4, and one over IPv6.
fn both(tun: &Tun, port: u16) -> [TcpFlow; 2] {
    [tun.tcp_flow(40_000, port), tun.tcp_flow_v6(40_000, port)]
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// What the host's program reads; it does not wait for ever.
fn read(stream: &mut TcpStream, octets: usize) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(patience()))?;
    let mut buffer = vec![0; octets];
    stream.read_exact(&mut buffer)?;
    Ok(buffer)
}

/// RFC 9293 section 3.10.7.1: a segment without ACK to a connection that does not exist.
#[tuntap_test(kernel, strict)]
fn a_syn_to_a_closed_port_is_answered_with_one_reset(tun: Tun) {
    for tcp in both(&tun, CLOSED) {
        let mut tcp = tcp.initial_sequence(100);
        tun.send(tcp.syn());
        tun.expect(tcp.reply().rst().ack(101).with(Tcp::new().seq(0).window(0)).named("RST"));
        tun.expect_nothing_else();
    }
    each_frame_is_its_own_template(&tun);
}

/// The same: an incoming segment containing a RST is discarded.
#[tuntap_test(kernel, strict)]
fn a_reset_is_never_answered(tun: Tun) {
    for mut tcp in both(&tun, CLOSED) {
        tun.send(tcp.rst());
        tun.send(tcp.segment(Tcp::new().flags(R | A).acknowledgement(1)));
        tun.expect_nothing_else();
    }
    each_frame_is_its_own_template(&tun);
}

/// RFC 9293 section 3.1: the receiver checks the checksum, and a segment whose checksum is wrong was never received.
#[tuntap_test(kernel, strict)]
fn a_segment_with_a_wrong_checksum_is_never_answered(tun: Tun) -> io::Result<()> {
    for mut tcp in both(&tun, CLOSED) {
        let before = tun.stack().counters()?;
        tun.send(tcp.syn().with(Tcp::new().checksum(0xbad)));
        tun.expect_nothing_else();
        assert_eq!(tun.stack().counters()?.since(&before).of("TcpInCsumErrors"), 1);
    }
    each_frame_is_its_own_template(&tun);
    Ok(())
}

/// The handshake (RFC 9293 section 3.5), data in both directions, and a reset, which ends the connection (section 3.5.3).
#[tuntap_test(kernel, strict)]
fn a_connection_is_opened_used_and_reset(tun: Tun) -> io::Result<()> {
    for tcp in both(&tun, OPEN) {
        let mut tcp = tcp.initial_sequence(1000).mss(1460);
        let listener = TcpListener::bind(tcp.host())?;
        listener.set_nonblocking(true)?;
        tun.send(tcp.syn());
        tun.expect(tcp.reply().syn_ack().ack(1001).with(Tcp::new().mss(536..)).named("SYN-ACK"));
        tun.send(tcp.ack());
        tun.expect_nothing_else();
        let (mut stream, from) = listener.accept()?;
        assert_eq!(from, tcp.peer());

        // In less than half a second (section 3.8.6.3); the first one Linux does not delay at all.
        let before = tun.stack().counters()?;
        tun.send(tcp.data(b"hello"));
        tun.expect(tcp.reply().data(b"").ack(1006).within(ms(500)).named("ACK of hello"));
        assert_eq!(tun.stack().counters()?.since(&before).of("TcpExtDelayedACKs"), 0);
        assert_eq!(read(&mut stream, 5)?, b"hello");

        stream.write_all(b"world")?;
        let world = (tcp.reply() / b"world").with(Tcp::new().flags(P | A));
        let first = tun.expect(&world);
        // Nobody acknowledges: it comes again, and again after twice the time (RFC 6298 section 5).
        let second = tun.expect(world.clone().not_before(ms(180)).within(ms(450)).named("after the timeout"));
        let timeout = second.time() - first.time();
        let twice = (timeout.mul_f64(1.5), timeout.mul_f64(2.5));
        tun.expect(world.not_before(twice.0).within(twice.1).named("after twice the timeout"));

        tun.send(tcp.rst());
        assert_eq!(read(&mut stream, 1).unwrap_err().kind(), ErrorKind::ConnectionReset);
        tun.send(tcp.ack());
        tun.expect(tcp.reply().rst());
        tun.expect_nothing_else();
    }
    each_frame_is_its_own_template(&tun);
    Ok(())
}
