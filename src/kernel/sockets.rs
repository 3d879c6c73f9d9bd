//! Which sockets exist in a network namespace, read from the text tables of /proc (proc(5), `/proc/net`).
//!
//! Layer: inside `kernel`; plain text in, plain values out. The exchange layer asks it whether anything but the
//! kernel itself and the harness could still speak (a fence proves nothing about a program that holds a socket).
//!
//! A row of `tcp`, `udp`, `udplite`, `raw`, `icmp` and their IPv6 twins (`get_tcp4_sock` in net/ipv4/tcp_ipv4.c,
//! `__ip6_dgram_sock_seq_show` in net/ipv6/datagram.c) and of `packet` (`packet_seq_show` in net/packet/af_packet.c):
//!
//! ```text
//!   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
//!    0: 010200C0:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 9988 …
//!       │        │                  └─ the state (include/net/tcp_states.h): 0A is listening
//!       │        └─ the port, a number; of a raw socket the IP protocol, of an ICMP socket the identifier
//!       └─ the address, each 32 bits of it as a number of the machine: 192.0.2.1 on x86-64, C0000201 on s390x
//!
//!  sk               RefCnt Type Proto  Iface R Rmem   User   Inode
//!  000000009af94f5c 3      3    0003   2     1 0      0      9999
//! ```
//!
//! The TCP tables are those of the whole machine, which the kernel searches for the namespace's rows: 5 ms each on a
//! small one. `protocols` and `sockstat` tell in 20 µs how many sockets of each protocol the namespace has, and a table
//! of none is not read.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::codec::ByteOrder;

/// The calling thread's view; `/proc/net` would be that of the process's first thread.
const TABLES: &str = "/proc/thread-self/net";

/// Every protocol with its tables, and with its names in `protocols` (`struct proto`).
const PROTOCOLS: [(SocketProtocol, &[&str], &[&str]); 6] = [
    (SocketProtocol::Tcp, &["tcp", "tcp6"], &["TCP", "TCPv6"]),
    (SocketProtocol::Udp, &["udp", "udp6"], &["UDP", "UDPv6"]),
    (SocketProtocol::UdpLite, &["udplite", "udplite6"], &["UDP-Lite", "UDPLITEv6"]),
    (SocketProtocol::Raw, &["raw", "raw6"], &["RAW", "RAWv6"]),
    (SocketProtocol::Icmp, &["icmp", "icmp6"], &["PING", "PINGv6"]),
    (SocketProtocol::Packet, &["packet"], &["PACKET"]),
];

/// What a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SocketProtocol {
    /// TCP (RFC 9293), MPTCP's subflows too.
    Tcp,
    /// UDP (RFC 768).
    Udp,
    /// UDP-Lite (RFC 3828).
    UdpLite,
    /// One IP protocol, by hand (raw(7)).
    Raw,
    /// ICMP echo without privileges (`SOCK_DGRAM` with `IPPROTO_ICMP` or `IPPROTO_ICMPV6`, icmp(7)).
    Icmp,
    /// Whole frames of one interface or of all (packet(7)).
    Packet,
}

/// What a TCP socket is doing: RFC 9293 section 3.3.2, numbered as in the kernel's include/net/tcp_states.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TcpState {
    /// Both ends may send.
    Established,
    /// A SYN is out.
    SynSent,
    /// A SYN came and was answered.
    SynReceived,
    /// A FIN is out.
    FinWait1,
    /// A FIN is out and acknowledged.
    FinWait2,
    /// Closed, and remembered for a while.
    TimeWait,
    /// Nothing.
    Closed,
    /// A FIN came.
    CloseWait,
    /// A FIN came, and one is out.
    LastAck,
    /// Waits for a SYN.
    Listening,
    /// FINs crossed.
    Closing,
    /// A number that was not in use when this was written.
    Other(u8),
}

/// One socket of a network namespace, or what the kernel keeps of one.
///
/// Displays as one line, such as `tcp 192.0.2.1:80 listening` or `udp 192.0.2.1:40000 to 192.0.2.2:53`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct OpenSocket {
    /// What it speaks.
    pub protocol: SocketProtocol,
    /// The address that it is bound to, unspecified for all. In place of a port, a raw socket has the IP protocol's
    /// number and an ICMP socket the identifier. A packet socket has no address.
    pub local: Option<SocketAddr>,
    /// The address that it is connected to.
    pub remote: Option<SocketAddr>,
    /// What TCP is doing; other protocols have no state.
    pub state: Option<TcpState>,
    /// The index of the interface that a packet socket is bound to; `None` for all, and for other protocols.
    pub interface: Option<u32>,
    /// The socket's inode, as `fstat(2)` gives it for a descriptor; 0 for what belongs to nobody: a connection that is
    /// not accepted yet, or that is closed and only remembered.
    pub inode: u64,
}

/// The sockets that exist in the calling thread's network namespace, ordered by protocol and address.
///
/// A socket appears once it can receive: a TCP or UDP socket when it is bound or connected, a raw or packet socket
/// when it is made. Connections that only the kernel still keeps ([`inode`](OpenSocket::inode) 0) are among them.
/// Not seen are netlink and Unix sockets, which send no frames, and what speaks on an interface by other means:
/// SCTP, AF_XDP, vsock.
///
/// The kernel gives each table in parts, so that a socket which comes or goes meanwhile may be missing. Before
/// Linux 5.0 a thread that read the same file in another namespace before may see that one's sockets.
///
/// # Errors
/// `NotFound` where /proc is not mounted; `InvalidData`, with the file and the line, for a row that this cannot read.
/// A table that does not exist, as those of IPv6 in a kernel without, has no sockets.
///
/// ```no_run
/// for socket in tuntap_test::kernel::sockets()? {
///     println!("{socket}"); // tcp 192.0.2.1:80 listening
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn sockets() -> io::Result<Vec<OpenSocket>> {
    // Without it no table would be there, which is not the same as no sockets.
    fs::metadata(TABLES)?;
    let (protocols, sockstat) = (file("protocols")?, file("sockstat")?);
    let mut found = Vec::new();
    for (protocol, tables, names) in PROTOCOLS {
        if has_none(protocol, names, &protocols, &sockstat) {
            continue;
        }
        for name in tables {
            let rows = table(protocol, &file(name)?, ByteOrder::NATIVE)
                .map_err(|mistake| io::Error::new(io::ErrorKind::InvalidData, format!("{TABLES}/{name}, {mistake}")))?;
            found.extend(rows);
        }
    }
    Ok(ordered(found))
}

/// A file's text; empty where there is none.
fn file(name: &str) -> io::Result<String> {
    match fs::read_to_string(format!("{TABLES}/{name}")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        result => result,
    }
}

/// Whether the kernel counts no socket of a protocol. Where it does not tell, there may be some.
///
/// ```text
///  protocols    protocol  size sockets  memory press maxhdr  slab module     cl co di …
///               TCPv6     2432      3      68   no     192   yes  kernel      y  y  y …
///  sockstat     TCP: inuse 3 orphan 0 tw 0 alloc 9 mem 68
/// ```
fn has_none(protocol: SocketProtocol, names: &[&str], protocols: &str, sockstat: &str) -> bool {
    let sockets = |name: &&str| {
        let mut rows = protocols.lines().map(str::split_ascii_whitespace);
        rows.find_map(|mut row| (row.next() == Some(name)).then(|| row.nth(1)))
    };
    // A closed connection that is only remembered is no socket any more, and counted apart.
    let remembered = || {
        let mut words = sockstat.lines().find_map(|line| line.strip_prefix("TCP:"))?.split_ascii_whitespace();
        words.find(|&word| word == "tw")?;
        words.next()
    };
    names.iter().all(|name| sockets(name) == Some(Some("0")))
        && (protocol != SocketProtocol::Tcp || remembered() == Some("0"))
}

/// Sorts, and takes out what is listed twice: `icmp` and `icmp6` share a table in the kernel, whose reader checks the
/// address family only of the first socket in each bucket (`ping_get_next` in net/ipv4/ping.c).
fn ordered(mut sockets: Vec<OpenSocket>) -> Vec<OpenSocket> {
    sockets.sort_by_key(|socket| (socket.protocol, socket.local, socket.remote, socket.inode));
    let mut seen = BTreeSet::new();
    // From the end, where the addresses are that say more than "any".
    let mut kept: Vec<_> = sockets.into_iter().rev().collect();
    kept.retain(|socket| socket.protocol != SocketProtocol::Icmp || socket.inode == 0 || seen.insert(socket.inode));
    kept.reverse();
    kept
}

/// Why a table cannot be read.
#[derive(Debug, PartialEq, Eq)]
struct Mistake {
    /// The line, counted from 1.
    line: usize,
    /// What should be there.
    wanted: &'static str,
    row: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: no {} in `{}`", self.line, self.wanted, self.row)
    }
}

/// The rows of one table, whose numbers a machine of that byte order wrote.
fn table(protocol: SocketProtocol, text: &str, order: ByteOrder) -> Result<Vec<OpenSocket>, Mistake> {
    let rows = text.lines().enumerate().skip(1).filter(|(_, row)| !row.trim_ascii().is_empty());
    rows.map(|(index, row)| {
        let read = match protocol {
            SocketProtocol::Packet => packet_row(row),
            _ => internet_row(protocol, row, order),
        };
        read.map_err(|wanted| Mistake { line: index + 1, wanted, row: row.trim_ascii().to_owned() })
    })
    .collect()
}

fn internet_row(protocol: SocketProtocol, row: &str, order: ByteOrder) -> Result<OpenSocket, &'static str> {
    let mut columns = row.split_ascii_whitespace();
    let local = columns.nth(1).and_then(|column| address(column, order)).ok_or("local address")?;
    let remote = columns.next().and_then(|column| address(column, order)).ok_or("remote address")?;
    let state = columns.next().and_then(|column| u8::from_str_radix(column, 16).ok()).ok_or("state")?;
    let inode = columns.nth(5).and_then(|column| column.parse().ok()).ok_or("inode")?;
    Ok(OpenSocket {
        protocol,
        local: Some(local),
        remote: Some(remote).filter(|remote| !remote.ip().is_unspecified() || remote.port() != 0),
        state: (protocol == SocketProtocol::Tcp).then(|| TcpState::of(state)),
        interface: None,
        inode,
    })
}

fn packet_row(row: &str) -> Result<OpenSocket, &'static str> {
    let mut columns = row.split_ascii_whitespace();
    let interface: u32 = columns.nth(4).and_then(|column| column.parse().ok()).ok_or("interface")?;
    let inode = columns.nth(3).and_then(|column| column.parse().ok()).ok_or("inode")?;
    Ok(OpenSocket {
        protocol: SocketProtocol::Packet,
        local: None,
        remote: None,
        state: None,
        interface: Some(interface).filter(|&index| index != 0),
        inode,
    })
}

/// `010200C0:0050`, or the same with four words for IPv6.
fn address(text: &str, order: ByteOrder) -> Option<SocketAddr> {
    let (words, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |number: usize| {
        let value = u32::from_str_radix(words.get(8 * number..8 * number + 8)?, 16).ok()?;
        // The kernel read the address's octets as a number of its own order; the same order gives them back.
        Some(match order {
            ByteOrder::Big => value.to_be_bytes(),
            ByteOrder::Little => value.to_le_bytes(),
        })
    };
    let ip: IpAddr = match words.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let mut octets = [0; 16];
            for (number, place) in octets.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                *place = word(number)?;
            }
            Ipv6Addr::from(octets).into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

impl TcpState {
    const fn of(number: u8) -> Self {
        match number {
            1 => Self::Established,
            2 => Self::SynSent,
            // 12 is a request that has no socket yet.
            3 | 12 => Self::SynReceived,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Closed,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listening,
            11 => Self::Closing,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for SocketProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::UdpLite => "udplite",
            Self::Raw => "raw",
            Self::Icmp => "icmp",
            Self::Packet => "packet",
        })
    }
}

impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Established => "established",
            Self::SynSent => "syn-sent",
            Self::SynReceived => "syn-received",
            Self::FinWait1 => "fin-wait-1",
            Self::FinWait2 => "fin-wait-2",
            Self::TimeWait => "time-wait",
            Self::Closed => "closed",
            Self::CloseWait => "close-wait",
            Self::LastAck => "last-ack",
            Self::Listening => "listening",
            Self::Closing => "closing",
            Self::Other(number) => return write!(f, "state {number}"),
        })
    }
}

impl fmt::Display for OpenSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.protocol)?;
        if let Some(local) = self.local {
            match self.protocol {
                SocketProtocol::Raw => write!(f, " {} protocol {}", local.ip(), local.port())?,
                SocketProtocol::Icmp => write!(f, " {} identifier {}", local.ip(), local.port())?,
                _ => write!(f, " {local}")?,
            }
        }
        match (self.remote, self.protocol) {
            (Some(remote), SocketProtocol::Raw | SocketProtocol::Icmp) => write!(f, " to {}", remote.ip())?,
            (Some(remote), _) => write!(f, " to {remote}")?,
            (None, _) => {}
        }
        match (self.state, self.interface, self.protocol) {
            (Some(state), ..) => write!(f, " {state}"),
            (None, Some(index), _) => write!(f, " on interface {index}"),
            (None, None, SocketProtocol::Packet) => f.write_str(" on every interface"),
            (None, None, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As Linux 6.18 on x86-64 writes it, with blanks at the rows' ends.
    const TCP: &str = "  \
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 010200C0:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 9988 1 0000000038ecb373 100 0 0 10 0
   1: 010200C0:ACEC 020200C0:0050 01 00000000:00000000 00:00000000 00000000     0        0 9989 2 00000000c8211fa0 20 0 0 10 -1
   2: 010200C0:0050 020200C0:9C40 06 00000000:00000000 03:000015A1 00000000     0        0 0 3 00000000e5d5d3f9        \n";
    const UDP6: &str = "\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
15276: B80D0120000000000000000001000000:0035 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 9995 2 0000000095ca31cb 0\n";
    const PACKET: &str = "\
sk               RefCnt Type Proto  Iface R Rmem   User   Inode
000000009af94f5c 3      3    0003   2     1 0      0      9999
0000000054a33478 2      2    0000   0     0 0      0      10000 \n";

    fn lines(protocol: SocketProtocol, text: &str, order: ByteOrder) -> Vec<String> {
        table(protocol, text, order).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_tcp_table_gives_addresses_states_and_inodes() {
        assert_eq!(
            lines(SocketProtocol::Tcp, TCP, ByteOrder::Little),
            [
                "tcp 192.0.2.1:80 listening",
                "tcp 192.0.2.1:44268 to 192.0.2.2:80 established",
                "tcp 192.0.2.1:80 to 192.0.2.2:40000 time-wait",
            ]
        );
        let inodes: Vec<u64> =
            table(SocketProtocol::Tcp, TCP, ByteOrder::Little).unwrap().iter().map(|socket| socket.inode).collect();
        assert_eq!(inodes, [9988, 9989, 0]);
    }

    #[test]
    fn a_big_endian_machine_writes_the_same_addresses_otherwise() {
        let text = TCP.replace("010200C0", "C0000201").replace("020200C0", "C0000202");
        assert_eq!(
            lines(SocketProtocol::Tcp, &text, ByteOrder::Big),
            lines(SocketProtocol::Tcp, TCP, ByteOrder::Little)
        );
        let text = UDP6.replace("B80D0120", "20010DB8").replace("01000000:0035", "00000001:0035");
        assert_eq!(
            lines(SocketProtocol::Udp, &text, ByteOrder::Big),
            lines(SocketProtocol::Udp, UDP6, ByteOrder::Little)
        );
    }

    #[test]
    fn each_protocol_displays_what_it_has() {
        assert_eq!(lines(SocketProtocol::Udp, UDP6, ByteOrder::Little), ["udp [2001:db8::1]:53"]);
        assert_eq!(
            lines(SocketProtocol::Packet, PACKET, ByteOrder::Little),
            ["packet on interface 2", "packet on every interface"]
        );
        let icmp = UDP6.replace(":0035", ":0007");
        assert_eq!(lines(SocketProtocol::Icmp, &icmp, ByteOrder::Little), ["icmp 2001:db8::1 identifier 7"]);
        let raw = TCP.replace(":0050 00000000", ":0001 020200C0");
        assert_eq!(lines(SocketProtocol::Raw, &raw, ByteOrder::Little)[0], "raw 192.0.2.1 protocol 1 to 192.0.2.2");
    }

    #[test]
    fn a_row_that_cannot_be_read_is_named_and_not_left_out() {
        let error = |text: &str| table(SocketProtocol::Tcp, text, ByteOrder::Little).unwrap_err().to_string();
        assert_eq!(error("sl\n\n 0: 010200C:0050"), "line 3: no local address in `0: 010200C:0050`");
        assert!(error(&TCP.replace("9989", "x")).starts_with("line 3: no inode in `1: "));
        assert!(error(&TCP.replace(" 06 ", " 123 ")).starts_with("line 4: no state"));
        let cut = table(SocketProtocol::Packet, "sk\n1 2 3 4 5 6", ByteOrder::Little).unwrap_err();
        assert_eq!(cut.wanted, "inode");
    }

    #[test]
    fn an_icmp_socket_that_both_tables_list_is_listed_once_with_its_address() {
        let icmp = |local: &str, inode| OpenSocket {
            protocol: SocketProtocol::Icmp,
            local: Some(local.parse().unwrap()),
            remote: None,
            state: None,
            interface: None,
            inode,
        };
        let once = ordered(vec![icmp("[2001:db8::1]:7", 5), icmp("0.0.0.0:7", 5), icmp("192.0.2.1:8", 6)]);
        assert_eq!(once, [icmp("192.0.2.1:8", 6), icmp("[2001:db8::1]:7", 5)]);
        let mut closed = icmp("192.0.2.1:8", 0);
        closed.protocol = SocketProtocol::Tcp;
        assert_eq!(ordered(vec![closed, closed]).len(), 2, "what belongs to nobody has no identity");
    }

    /// Cut from what Linux 6.18 writes in a namespace with a UDP socket over IPv6.
    const IN_USE: &str = "\
protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br ha uh gp em
PACKET    1600      0      -1   NI       0   no   kernel      n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n
UDPv6     1472      1       0   NI       0   yes  kernel      y  y  y  n  y  y  y  n  y  y  y  y  n  n  y  y  y  n
TCPv6     2432      0      68   no     192   yes  kernel      y  y  y  y  y  y  y  y  y  y  y  y  n  y  y  y  y  y
UDP       1344      0       0   NI       0   yes  kernel      y  y  y  n  y  y  y  n  y  y  y  y  n  n  y  y  y  n
TCP       2304      0      68   no     192   yes  kernel      y  y  y  y  y  y  y  y  y  y  y  y  n  y  y  y  y  y
";

    #[test]
    fn a_table_is_passed_over_only_when_the_kernel_counts_none() {
        let none = |protocols: &str, sockstat: &str| -> Vec<SocketProtocol> {
            let none_of = PROTOCOLS.into_iter().filter(|(of, _, names)| has_none(*of, names, protocols, sockstat));
            none_of.map(|(protocol, ..)| protocol).collect()
        };
        let sockstat = "sockets: used 2\nTCP: inuse 0 orphan 0 tw 0 alloc 9 mem 68\nUDP: inuse 0 mem 0\n";
        assert_eq!(none(IN_USE, sockstat), [SocketProtocol::Tcp, SocketProtocol::Packet]);
        assert_eq!(none(&IN_USE.replace("2304      0", "2304      1"), sockstat), [SocketProtocol::Packet]);
        assert_eq!(none(IN_USE, &sockstat.replace("tw 0", "tw 1")), [SocketProtocol::Packet]);
        assert_eq!(none(IN_USE, ""), [SocketProtocol::Packet]);
        assert_eq!(none("", sockstat), []);
    }

    #[test]
    fn every_state_has_its_name() {
        let names: Vec<String> = (0..14).map(|number| TcpState::of(number).to_string()).collect();
        assert_eq!(
            names.join(" "),
            "state 0 established syn-sent syn-received fin-wait-1 fin-wait-2 time-wait closed close-wait last-ack \
             listening closing syn-received state 13"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "(\\PC|\n){0,200}") {
            for (protocol, _, names) in PROTOCOLS {
                let _ = table(protocol, &text, ByteOrder::Little);
                let _ = has_none(protocol, names, &text, &text);
            }
        }

        /// Something wrong at one place of a good table.
        #[test]
        fn a_damaged_table_is_read_without_panic(at in 0..UDP6.len(), put in any::<char>()) {
            let mut text: Vec<char> = UDP6.chars().collect();
            text[at] = put;
            let text: String = text.into_iter().collect();
            for (protocol, ..) in PROTOCOLS {
                let _ = table(protocol, &text, ByteOrder::Big);
            }
        }
    }
}
