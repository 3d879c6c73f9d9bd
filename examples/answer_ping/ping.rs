//! The kernel's side: the system's `ping` where there is one, else an echo socket of our own.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage, recv, sendto, setsockopt, socket,
    sockopt::ReceiveTimeout,
};
use nix::sys::time::{TimeVal, TimeValLike};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two requests, unless flooding.
const INTERVAL: Duration = Duration::from_millis(200);

/// What came back.
pub(crate) struct Outcome {
    pub(crate) program: &'static str,
    pub(crate) sent: u32,
    pub(crate) received: u32,
}

/// Sends `count` echo requests to `target`, in the calling thread's network namespace.
pub(crate) fn send(target: IpAddr, count: u32, flood: bool) -> Result<Outcome, Box<dyn Error>> {
    match with_the_systems_ping(target, count, flood) {
        // EACCES: a folder of PATH that this user may not look into, and no `ping` in the others.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            Ok(with_a_socket(target, count, flood)?)
        }
        result => Ok(result?),
    }
}

fn with_the_systems_ping(target: IpAddr, count: u32, flood: bool) -> io::Result<Outcome> {
    let mut ping = Command::new("ping");
    ping.args(["-n", "-q", "-W", "2", "-c", &count.to_string()]);
    if flood {
        ping.arg("-f");
    } else {
        ping.args(["-i", &INTERVAL.as_secs_f64().to_string()]);
    }
    let output = ping.arg(target.to_string()).stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    // "3 packets transmitted, 3 received, 0% packet loss, time 402ms" (iputils; busybox and inetutils say
    // "3 packets received").
    let number = |word: &str| {
        let summary = text.lines().find(|line| line.contains("packets transmitted"))?;
        let part = summary.split(',').find(|part| part.contains(word))?;
        part.split_whitespace().next()?.parse().ok()
    };
    match (number("transmitted"), number("received")) {
        (Some(sent), Some(received)) => Ok(Outcome { program: "ping", sent, received }),
        _ => Err(io::Error::other(format!("`ping` ended with {} and no statistics:\n{text}", output.status))),
    }
}

/// An echo socket: ICMP on a raw socket, which needs CAP_NET_RAW in the namespace's user namespace; we have that.
struct EchoSocket {
    socket: OwnedFd,
    target: IpAddr,
    /// The process's number, as ping has it: tells our answers from others'.
    identifier: u16,
}

fn with_a_socket(target: IpAddr, count: u32, flood: bool) -> Result<Outcome, Errno> {
    let echo = EchoSocket::open(target)?;
    let mut received = 0;
    for number in 0..count {
        let start = Instant::now();
        // Wraps, as ping's does.
        let sequence = (number & 0xffff) as u16;
        echo.send(sequence)?;
        if echo.receive(sequence)? {
            received += 1;
        }
        if !flood && number + 1 < count {
            // The pace of a ping, not a wait for something.
            std::thread::sleep(INTERVAL.saturating_sub(start.elapsed()));
        }
    }
    Ok(Outcome { program: "echo socket (no `ping` is installed)", sent: count, received })
}

impl EchoSocket {
    fn open(target: IpAddr) -> Result<Self, Errno> {
        let (family, protocol) = match target {
            IpAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp),
            IpAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6),
        };
        let socket = socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
        let patience = TimeVal::milliseconds(PATIENCE.as_millis().try_into().unwrap_or(i64::MAX));
        setsockopt(&socket, ReceiveTimeout, &patience)?;
        Ok(Self { socket, target, identifier: (std::process::id() & 0xffff) as u16 })
    }

    fn send(&self, sequence: u16) -> Result<(), Errno> {
        let kind = if self.target.is_ipv4() { 8 } else { 128 };
        let mut request = vec![kind, 0, 0, 0];
        request.extend(self.identifier.to_be_bytes());
        request.extend(sequence.to_be_bytes());
        request.extend(0..56_u8);
        if self.target.is_ipv4() {
            // ICMPv6's checksum covers a pseudo-header, so there the kernel fills it in (RFC 3542 section 3.1).
            let sum = checksum(&request).to_be_bytes();
            request.splice(2..4, sum);
        }
        let to: SockaddrStorage = match self.target {
            IpAddr::V4(address) => SocketAddr::from(SocketAddrV4::new(address, 0)),
            IpAddr::V6(address) => SocketAddrV6::new(address, 0, 0, 0).into(),
        }
        .into();
        sendto(self.socket.as_raw_fd(), &request, &to, MsgFlags::empty()).map(drop)
    }

    /// Whether the answer to that request comes in time.
    fn receive(&self, sequence: u16) -> Result<bool, Errno> {
        let mut buffer = [0; 2048];
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let length = match recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Ok(length) => length,
                Err(Errno::EAGAIN | Errno::EINTR) => continue,
                Err(errno) => return Err(errno),
            };
            let packet = buffer.get(..length).unwrap_or_default();
            // An IPv4 raw socket gives the IP header too, an IPv6 one does not.
            let (message, kind) = match self.target {
                IpAddr::V4(_) => {
                    let header = packet.first().map_or(0, |octet| usize::from(octet & 0x0f) * 4);
                    (packet.get(header..).unwrap_or_default(), 0)
                }
                IpAddr::V6(_) => (packet, 129),
            };
            let [i, d] = self.identifier.to_be_bytes();
            let [s, q] = sequence.to_be_bytes();
            if matches!(message, [k, 0, _, _, a, b, c, e, ..] if (*k, *a, *b, *c, *e) == (kind, i, d, s, q)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The Internet checksum (RFC 1071) of an even number of octets.
fn checksum(octets: &[u8]) -> u16 {
    let (words, _) = octets.as_chunks::<2>();
    let add = |sum: u16, word: &[u8; 2]| {
        let (sum, carry) = sum.overflowing_add(u16::from_be_bytes(*word));
        sum + u16::from(carry)
    };
    !words.iter().fold(0, add)
}
