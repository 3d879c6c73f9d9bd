//! Calls of the host's sockets.

use std::net::Shutdown;

/// A call of a socket of the host's. Sockets stand in 256 slots; a call on a slot whose socket cannot do that does
/// nothing, and a socket that is put into a slot in use takes its place.
///
/// None waits: what is not there yet, a later call may find. The peer is the link's, of that IP version.
///
/// Encoded as
///
/// ```text
///  | call 1 | slot 1 | …
///  call 0 UDP bind     | version 1 | port 2 |              version: even IPv4, odd IPv6
///       1 UDP send     | port 2 | octets |                 to the peer
///       2 TCP listen   | version 1 | port 2 |
///       3 TCP connect  | version 1 | port 2 |              to the peer
///       4 accept       | into 1 |                          a connection of the listener, into that slot
///       5 write        | octets |
///       6 read         | most 2 |                          also of UDP
///       7 shutdown     | how 1 |                           0 writing, 1 reading, 2 both
///       8 close        |
///       9 ping         | version 1 | sequence 2 | octets |
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocketCall {
    /// Binds a UDP socket to the host's address; port 0 stands for a free one.
    UdpBind {
        /// Its slot.
        slot: u8,
        /// IPv6 instead of IPv4.
        v6: bool,
        /// The port.
        port: u16,
    },
    /// Sends a datagram to the peer.
    UdpSend {
        /// The slot of the socket.
        slot: u8,
        /// The peer's port.
        port: u16,
        /// The payload.
        octets: Vec<u8>,
    },
    /// Listens at the host's address.
    TcpListen {
        /// Its slot.
        slot: u8,
        /// IPv6 instead of IPv4.
        v6: bool,
        /// The port.
        port: u16,
    },
    /// Begins to connect to the peer.
    TcpConnect {
        /// Its slot.
        slot: u8,
        /// IPv6 instead of IPv4.
        v6: bool,
        /// The peer's port.
        port: u16,
    },
    /// Takes a connection that came in.
    Accept {
        /// The slot of the listener.
        slot: u8,
        /// The slot of the connection.
        into: u8,
    },
    /// Writes to a connection.
    Write {
        /// The slot of the connection.
        slot: u8,
        /// What is written, as far as there is room.
        octets: Vec<u8>,
    },
    /// Reads what has come: from a connection, or one datagram.
    Read {
        /// The slot of the socket.
        slot: u8,
        /// So many octets at most.
        most: u16,
    },
    /// Shuts a connection down.
    Shutdown {
        /// The slot of the connection.
        slot: u8,
        /// Which direction.
        how: Shutdown,
    },
    /// Closes a socket.
    Close {
        /// Its slot.
        slot: u8,
    },
    /// Sends an echo request to the peer.
    Ping {
        /// The slot of the ping socket, which is opened when there is none.
        slot: u8,
        /// IPv6 instead of IPv4.
        v6: bool,
        /// The sequence number.
        sequence: u16,
        /// The payload.
        octets: Vec<u8>,
    },
}
