//! The sockets of a script, in their slots. None waits.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::SocketAddr;

use crate::context::{Host, Link};
use crate::device::Deadline;
use crate::fuzz::script::SocketCall;
use crate::host::{PingSocket, TcpListener, TcpStream, UdpSocket};

enum Socket {
    Udp(UdpSocket, bool),
    Listener(TcpListener),
    Stream(TcpStream),
    Ping(PingSocket),
}

pub(super) struct Sockets<'a> {
    link: &'a Link,
    host: Host,
    slots: BTreeMap<u8, Socket>,
}

impl<'a> Sockets<'a> {
    pub(super) fn of(link: &'a Link) -> Self {
        Self { link, host: link.host(), slots: BTreeMap::new() }
    }

    /// The host's address of that version, if the link has one.
    fn own(&self, v6: bool, port: u16) -> io::Result<SocketAddr> {
        let defaults = self.link.defaults();
        let own = if v6 { defaults.v6.map(|(_, own)| own.into()) } else { defaults.v4.map(|(_, own)| own.into()) };
        Ok(SocketAddr::new(own.ok_or(io::ErrorKind::AddrNotAvailable)?, port))
    }

    /// The peer's address.
    fn peer(&self, v6: bool, port: u16) -> io::Result<SocketAddr> {
        let defaults = self.link.defaults();
        let peer = if v6 { defaults.v6.map(|(peer, _)| peer.into()) } else { defaults.v4.map(|(peer, _)| peer.into()) };
        Ok(SocketAddr::new(peer.ok_or(io::ErrorKind::AddrNotAvailable)?, port))
    }

    /// Makes the call. `None` where the slot has no such socket.
    pub(super) fn call(&mut self, call: &SocketCall) -> Option<io::Result<Vec<u8>>> {
        let nothing = |result: io::Result<()>| result.map(|()| Vec::new());
        Some(match call {
            SocketCall::UdpBind { slot, v6, port } => {
                let bound = self.own(*v6, *port).and_then(|at| self.host.udp_bind(at));
                self.put(*slot, bound.inspect(|socket| socket.set_timeout(Deadline::Now)), |socket| {
                    Socket::Udp(socket, *v6)
                })
            }
            SocketCall::TcpListen { slot, v6, port } => {
                let listening = self.own(*v6, *port).and_then(|at| self.host.tcp_listen(at));
                self.put(*slot, listening.inspect(|socket| socket.set_timeout(Deadline::Now)), Socket::Listener)
            }
            SocketCall::TcpConnect { slot, v6, port } => {
                let begun = self.peer(*v6, *port).and_then(|to| self.host.begin_tcp_connect(to));
                self.put(*slot, begun.inspect(|socket| socket.set_timeout(Deadline::Now)), Socket::Stream)
            }
            SocketCall::UdpSend { slot, port, octets } => {
                let Some(Socket::Udp(socket, v6)) = self.slots.get(slot) else { return None };
                nothing(self.peer(*v6, *port).and_then(|to| socket.send_to(octets, to)).map(drop))
            }
            SocketCall::Accept { slot, into } => {
                let Some(Socket::Listener(listener)) = self.slots.get(slot) else { return None };
                let accepted = listener.accept().map(|(stream, _)| stream);
                self.put(*into, accepted.inspect(|socket| socket.set_timeout(Deadline::Now)), Socket::Stream)
            }
            SocketCall::Write { slot, octets } => {
                let Some(Socket::Stream(stream)) = self.slots.get_mut(slot) else { return None };
                nothing(stream.write(octets).map(drop))
            }
            SocketCall::Read { slot, most } => self.read(*slot, *most)?,
            SocketCall::Shutdown { slot, how } => {
                let Some(Socket::Stream(stream)) = self.slots.get(slot) else { return None };
                nothing(stream.shutdown(*how))
            }
            SocketCall::Close { slot } => self.slots.remove(slot).map(|_| Ok(Vec::new()))?,
            SocketCall::Ping { slot, v6, sequence, octets } => {
                if !matches!(self.slots.get(slot), Some(Socket::Ping(_))) {
                    let opened = self.own(*v6, 0).and_then(|at| self.host.ping_socket(at.ip()));
                    let opened = opened.inspect(|socket| socket.set_timeout(Deadline::Now));
                    if let Err(error) = self.put(*slot, opened, Socket::Ping) {
                        return Some(Err(error));
                    }
                }
                let Some(Socket::Ping(socket)) = self.slots.get(slot) else { return None };
                nothing(self.peer(*v6, 0).and_then(|to| socket.send_to(to.ip(), *sequence, octets)))
            }
        })
    }

    fn put<T>(&mut self, slot: u8, made: io::Result<T>, into: impl FnOnce(T) -> Socket) -> io::Result<Vec<u8>> {
        let made = made?;
        self.slots.insert(slot, into(made));
        Ok(Vec::new())
    }

    fn read(&mut self, slot: u8, most: u16) -> Option<io::Result<Vec<u8>>> {
        let mut buffer = vec![0; most.into()];
        let read = match self.slots.get_mut(&slot)? {
            Socket::Udp(socket, _) => socket.recv_from(&mut buffer).map(|(octets, _)| octets),
            Socket::Stream(stream) => stream.read(&mut buffer),
            Socket::Ping(socket) => return Some(socket.receive().map(|_| Vec::new())),
            Socket::Listener(_) => return None,
        };
        Some(read.map(|octets| {
            buffer.truncate(octets);
            buffer
        }))
    }
}
