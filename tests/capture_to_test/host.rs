//! The host's programs in the captured exchanges: what the tests made from captures start.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::thread;

use tuntap_test::device::patience;
use tuntap_test::{Tap, Tun};

/// Runs until its exchange is over, or the link is gone, or its patience is at an end.
fn run(program: impl FnOnce() -> io::Result<()> + Send + 'static) {
    thread::spawn(program);
}

/// A server on port 80 that takes one connection: it reads `hello`, writes `world` and waits for the end.
pub(crate) fn serve(tun: &Tun) {
    let listener = TcpListener::bind((tun.host_v4(), 80)).unwrap();
    run(move || {
        let (mut stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(patience()))?;
        stream.read_exact(&mut [0; 5])?;
        stream.write_all(b"world")?;
        stream.read_to_end(&mut Vec::new())?;
        Ok(())
    });
}

/// What [`fetch`] asks for.
pub(crate) const REQUEST: &[u8] = b"GET /index.html HTTP/1.0\r\nHost: example.test\r\n\r\n";

/// A client of the peer's port 80 that asks, ends its side and reads the answer.
pub(crate) fn fetch(tun: &Tun) {
    let peer = tun.peer_v4();
    run(move || {
        let mut stream = TcpStream::connect((peer, 80))?;
        stream.set_read_timeout(Some(patience()))?;
        stream.write_all(REQUEST)?;
        stream.shutdown(std::net::Shutdown::Write)?;
        stream.read_to_end(&mut Vec::new())?;
        Ok(())
    });
}

/// A DNS forwarder: a query to port 53 is asked again of the peer, from another port and with another identifier.
pub(crate) fn forward_dns(tun: &Tun) {
    let (host, peer) = (tun.host_v4(), tun.peer_v4());
    let server = UdpSocket::bind((host, 53)).unwrap();
    run(move || {
        server.set_read_timeout(Some(patience()))?;
        let mut buffer = [0; 512];
        let (octets, client) = server.recv_from(&mut buffer)?;
        let mut query = buffer[..octets].to_vec();
        let asked = [query[0], query[1]];
        let [a, b, ..] = RandomState::new().hash_one(0).to_ne_bytes();
        let upstream = UdpSocket::bind((host, 0))?;
        upstream.set_read_timeout(Some(patience()))?;
        query[..2].copy_from_slice(&[a | 1, b]);
        upstream.send_to(&query, (peer, 53))?;
        let octets = upstream.recv(&mut buffer)?;
        if buffer.starts_with(&query[..2]) {
            let mut answer = buffer[..octets].to_vec();
            answer[..2].copy_from_slice(&asked);
            server.send_to(&answer, client)?;
        }
        Ok(())
    });
}

/// A client whose question nobody takes.
pub(crate) fn ask(tun: &Tun) {
    let socket = UdpSocket::bind((tun.host_v4(), 0)).unwrap();
    socket.connect((tun.peer_v4(), 5300)).unwrap();
    run(move || {
        socket.set_read_timeout(Some(patience()))?;
        socket.send(b"query")?;
        socket.recv(&mut [0])?;
        Ok(())
    });
}

/// A datagram to a neighbour whose hardware address is not known yet.
pub(crate) fn say_hello(tap: &Tap) {
    let socket = UdpSocket::bind((tap.host_v4(), 0)).unwrap();
    socket.send_to(b"hello", (tap.peer_v4(), 9)).unwrap();
}

/// Two pings, one after the other.
pub(crate) fn ping(tun: &Tun) {
    let peers = [tun.peer_v4().to_string(), tun.peer_v6().to_string()];
    run(move || {
        for peer in peers {
            Command::new("ping").args(["-n", "-c", "1", "-W", "5", &peer]).output()?;
        }
        Ok(())
    });
}

/// The test plays the host, too: the mock's takes no frame.
pub(crate) fn play(tun: &Tun) {
    if let Some(host) = tun.stack().mock_host() {
        host.set_silent(true);
    }
}
