//! A TCP flow against the kernel's stack, with sockets in the test's own namespace: the kernel takes every segment and
//! sends what the flow expects.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use nix::sys::socket::{setsockopt, sockopt::ReceiveTimeout};
use nix::sys::time::TimeVal;
use tuntap_test::device::{Frame, patience};
use tuntap_test::exchange::TcpFlow;
use tuntap_test::packet::{IntoPacket, Packet, Payload, Tcp};
use tuntap_test::{Tun, tuntap_test};

const PORT: u16 = 80;

/// What the kernel counts where it does not take a segment as it is: none of it may rise unless a test says so.
const COMPLAINTS: [&str; 17] = [
    "InErrs",
    "InCsumErrors",
    "RetransSegs",
    "AttemptFails",
    "EstabResets",
    "ListenDrops",
    "DelayedACKLost",
    "TCPOFOQueue",
    "TCPChallengeACK",
    "TCPSYNChallenge",
    "TCPACKSkippedSynRecv",
    "TCPACKSkippedSeq",
    "TCPAbortOnData",
    "TCPAbortOnClose",
    "TCPTimeouts",
    "TCPLossProbes",
    "EmbryonicRsts",
];

fn send(tun: &Tun, packet: impl IntoPacket) {
    tun.send(packet.into_packet().build().unwrap());
}

/// The next frame must be that, and teaches the flow.
#[track_caller]
fn expect(tun: &Tun, tcp: &TcpFlow, wanted: impl IntoPacket) -> Frame {
    let (wanted, frame): (Packet, _) = (wanted.into_packet(), tun.receive());
    assert!(wanted.matches(frame.as_ref()), "wanted {wanted}, got {}", frame.as_ref().summary());
    assert!(tcp.learn(frame.as_ref()));
    frame
}

/// All counters of TCP in this thread's namespace that rose.
fn complaints() -> Vec<(&'static str, u64)> {
    let text = ["snmp", "netstat"].map(|file| fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap());
    let lines: Vec<&str> = text.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with("Tcp")).collect();
    let mut counters = Vec::new();
    for pair in lines.chunks_exact(2) {
        let [names, values] = pair else { unreachable!("two lines") };
        counters.extend(names.split(' ').zip(values.split(' ')));
    }
    COMPLAINTS
        .into_iter()
        .map(|name| (name, counters.iter().find(|(counter, _)| *counter == name).unwrap_or_else(|| panic!("{name}")).1))
        .map(|(name, value)| (name, value.parse().unwrap()))
        .filter(|(_, value)| *value > 0)
        .collect()
}

/// The states of this namespace's sockets with that port on either side, as `include/net/tcp_states.h` numbers them.
fn states(port: u16) -> Vec<String> {
    let text = ["tcp", "tcp6"].map(|file| fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap());
    let sockets = text.iter().flat_map(|text| text.lines().skip(1)).map(|line| line.split_whitespace());
    sockets
        .filter_map(|mut fields| {
            let (local, remote, state) = (fields.nth(1)?, fields.next()?, fields.next()?);
            let port = format!(":{port:04X}");
            (local.ends_with(&port) || remote.ends_with(&port)).then(|| state.to_owned())
        })
        .collect()
}

/// Lets the host wait 10 s before it sends data again, so that a stall of this test is no second segment. (A tail loss
/// probe would need SACK, which our SYN does not offer.)
fn be_patient(tun: &Tun) {
    for prefix in [format!("{}/32", tun.peer_v4()), format!("{}/128", tun.peer_v6())] {
        let route = Command::new("ip")
            .args(["route", "add", &prefix, "dev", &tun.name(), "rto_min", "10s"])
            .status()
            .expect("`ip` of iproute2 is installed");
        assert!(route.success(), "{prefix}");
    }
}

const LISTEN: &str = "0A";

/// A listener that does not wait for ever.
fn listen(host: impl Into<IpAddr>) -> io::Result<TcpListener> {
    let listener = TcpListener::bind((host.into(), PORT))?;
    let seconds = i64::try_from(patience().as_secs()).unwrap();
    setsockopt(&listener, ReceiveTimeout, &TimeVal::new(seconds, 0))?;
    Ok(listener)
}

/// Handshake from our side, and the stream that the listener gives then.
fn open(tun: &Tun, tcp: &mut TcpFlow, listener: &TcpListener) -> io::Result<TcpStream> {
    send(tun, tcp.syn());
    expect(tun, tcp, tcp.reply().syn_ack());
    send(tun, tcp.ack());
    let (stream, from) = listener.accept()?;
    assert_eq!(from, tcp.peer());
    stream.set_read_timeout(Some(patience()))?;
    Ok(stream)
}

fn read(stream: &mut TcpStream, octets: usize) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; octets];
    stream.read_exact(&mut buffer)?;
    Ok(buffer)
}

/// Data both ways, then both FINs, ours first.
fn converse(tun: &Tun, tcp: &mut TcpFlow, mut stream: TcpStream) -> io::Result<()> {
    send(tun, tcp.data(b"hello"));
    expect(tun, tcp, tcp.reply().data(b""));
    assert_eq!(read(&mut stream, 5)?, b"hello");
    stream.write_all(b"world")?;
    expect(tun, tcp, tcp.reply().data(b"world"));
    send(tun, tcp.data(b"!"));
    expect(tun, tcp, tcp.reply().data(b""));
    send(tun, tcp.fin());
    expect(tun, tcp, tcp.reply().data(b""));
    assert_eq!((read(&mut stream, 1)?, stream.read(&mut [0])?), (b"!".to_vec(), 0));
    stream.write_all(b"bye")?;
    expect(tun, tcp, tcp.reply() / Payload::starting_with("b"));
    send(tun, tcp.ack());
    drop(stream);
    expect(tun, tcp, tcp.reply().fin());
    send(tun, tcp.ack());
    assert_eq!((tcp.sent(), tcp.received()), (6, 8));
    Ok(())
}

#[tuntap_test(kernel)]
fn handshake_data_and_fins_over_the_wrap(tun: Tun) -> io::Result<()> {
    be_patient(&tun);
    let ends: [(IpAddr, IpAddr); 2] =
        [(tun.peer_v4().into(), tun.host_v4().into()), (tun.peer_v6().into(), tun.host_v6().into())];
    for (peer, host) in ends {
        let listener = listen(host)?;
        // The SYN has the fourth number before the wrap, and the data passes it.
        let mut tcp = TcpFlow::new(peer, 40_000, host, PORT).initial_sequence(u32::MAX - 3).mss(1000).window_scale(2);
        let stream = open(&tun, &mut tcp, &listener)?;
        assert_eq!(tcp.host_mss(), Some(u16::try_from(tun.mtu()).unwrap() - if host.is_ipv4() { 40 } else { 60 }));
        converse(&tun, &mut tcp, stream)?;
        assert!(tcp.host_window().is_some_and(|octets| octets > 0xffff / 2), "scaled: {:?}", tcp.host_window());
        assert_eq!(states(PORT), [LISTEN], "the connection is closed");
    }
    assert_eq!(complaints(), []);
    Ok(())
}

/// A connection that a thread of the host's opens, its SYN as a flow.
fn opened(tun: &Tun, answer: impl FnOnce(&mut TcpFlow)) -> io::Result<TcpStream> {
    let peer = SocketAddr::new(tun.peer_v4().into(), PORT);
    thread::scope(|scope| {
        let host = scope.spawn(|| tun.stack().run(|| TcpStream::connect_timeout(&peer, patience())));
        let mut tcp = TcpFlow::opened_by(tun.receive().as_ref()).unwrap().initial_sequence(u32::MAX).mss(1000);
        assert_eq!(tcp.peer(), peer);
        answer(&mut tcp);
        host.join().unwrap()?
    })
}

#[tuntap_test(kernel)]
fn the_host_connects_and_talks(tun: Tun) -> io::Result<()> {
    be_patient(&tun);
    let mut flow = None;
    let stream = opened(&tun, |tcp| {
        send(&tun, tcp.syn_ack());
        expect(&tun, tcp, tcp.reply().data(b""));
        flow = Some(tcp.fork());
    })?;
    let mut tcp = flow.unwrap();
    stream.set_read_timeout(Some(patience()))?;
    assert_eq!(stream.local_addr()?, tcp.host());
    converse(&tun, &mut tcp, stream)?;
    assert_eq!(states(PORT), [""; 0]);
    assert_eq!(complaints(), []);
    Ok(())
}

#[tuntap_test(kernel)]
fn the_host_is_refused(tun: Tun) {
    let error = opened(&tun, |tcp| send(&tun, tcp.rst())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(complaints(), [("AttemptFails", 1)]);
}

#[tuntap_test(kernel)]
fn a_closed_port_resets(tun: Tun) {
    let mut tcp = TcpFlow::new(tun.peer_v4(), 40_000, tun.host_v4(), 81).initial_sequence(100);
    send(&tun, tcp.syn());
    expect(&tun, &tcp, tcp.reply().rst().ack(101));
    send(&tun, tcp.segment(Tcp::new().syn() / b"early"));
    expect(&tun, &tcp, tcp.reply().rst().ack_rel(7));
    // A segment with ACK is answered without one.
    send(&tun, tcp.segment(Tcp::new().ack(7)));
    expect(&tun, &tcp, tcp.reply().rst());
    assert_eq!(complaints(), []);
}

#[tuntap_test(kernel)]
fn a_wrong_acknowledgement_of_the_syn_ack_is_reset(tun: Tun) -> io::Result<()> {
    let listener = listen(tun.host_v4())?;
    let mut tcp = TcpFlow::new(tun.peer_v4(), 40_000, tun.host_v4(), PORT);
    send(&tun, tcp.syn());
    expect(&tun, &tcp, tcp.reply().syn_ack());
    let wrong = Tcp::new().ack(tcp.host_sequence(2).map_err(io::Error::other)?);
    send(&tun, tcp.segment(wrong));
    expect(&tun, &tcp, tcp.reply().rst());
    // The handshake is still open for the right one.
    send(&tun, tcp.ack());
    listener.accept()?;
    assert_eq!(complaints(), []);
    Ok(())
}

#[tuntap_test(kernel)]
fn either_side_resets(tun: Tun) -> io::Result<()> {
    let listener = listen(tun.host_v4())?;
    let mut tcp = TcpFlow::new(tun.peer_v4(), 40_000, tun.host_v4(), PORT);
    let mut stream = open(&tun, &mut tcp, &listener)?;
    send(&tun, tcp.rst());
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(complaints(), [("EstabResets", 1)]);

    // Closed with octets unread, the host resets, and knows no connection from then on.
    let mut tcp = TcpFlow::new(tun.peer_v4(), 40_001, tun.host_v4(), PORT);
    let stream = open(&tun, &mut tcp, &listener)?;
    send(&tun, tcp.data(b"unread"));
    expect(&tun, &tcp, tcp.reply().data(b""));
    drop(stream);
    expect(&tun, &tcp, tcp.reply().rst().ack_rel(7));
    send(&tun, tcp.ack());
    expect(&tun, &tcp, tcp.reply().rst());
    assert_eq!(states(PORT), [LISTEN]);
    assert_eq!(complaints(), [("EstabResets", 2), ("TCPAbortOnClose", 1)]);
    Ok(())
}

#[tuntap_test(kernel)]
fn segments_come_twice_early_and_astray(tun: Tun) -> io::Result<()> {
    let listener = listen(tun.host_v4())?;
    let mut tcp = TcpFlow::new(tun.peer_v4(), 40_000, tun.host_v4(), PORT).initial_sequence(u32::MAX - 3);
    let mut stream = open(&tun, &mut tcp, &listener)?;
    // Data behind a gap, and the gap filled.
    send(&tun, tcp.segment(Tcp::new().seq(tcp.peer_sequence(6)) / b"world"));
    expect(&tun, &tcp, tcp.reply().ack_rel(1));
    send(&tun, tcp.data(b"hello"));
    expect(&tun, &tcp, tcp.reply().ack_rel(11));
    assert_eq!(read(&mut stream, 10)?, b"helloworld");
    assert_eq!(complaints(), [("TCPOFOQueue", 1)]);
    // Again, and the host acknowledges as before.
    send(&tun, tcp.retransmit());
    expect(&tun, &tcp, tcp.reply());
    assert_eq!(complaints(), [("DelayedACKLost", 1), ("TCPOFOQueue", 1)]);
    // A SYN in the connection is challenged (RFC 5961 section 4.2) and changes nothing.
    send(&tun, tcp.fork().syn());
    expect(&tun, &tcp, tcp.reply());
    // The host sends again what is not acknowledged.
    stream.write_all(b"again")?;
    for _ in 0..2 {
        expect(&tun, &tcp, tcp.reply().seq_rel(1).data(b"again"));
        assert_eq!(tcp.received(), 5);
    }
    send(&tun, tcp.ack());
    send(&tun, tcp.data(b"done"));
    assert_eq!(read(&mut stream, 4)?, b"done");
    Ok(())
}
