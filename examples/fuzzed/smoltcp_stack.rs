//! smoltcp's own stack as the code under test, in a whole exchange: a TCP listener and a UDP socket that send back what
//! they get, and pings that smoltcp answers itself.

use std::time::Duration;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::{tcp, udp};
use smoltcp::wire::{HardwareAddress, IpCidr};
use tuntap_test::Tun;
use tuntap_test::device::SmoltcpDevice;
use tuntap_test::fuzz::{Player, Script, Turn};

/// Where both sockets listen.
pub(crate) const PORT: u16 = 7;

/// How long a connection goes on when the peer says nothing. Without such a time smoltcp sends again for ever.
const PATIENCE: smoltcp::time::Duration = smoltcp::time::Duration::from_secs(30);

/// By then every timer of the stack has gone off: [`PATIENCE`], and TIME-WAIT after it.
const REST: Duration = Duration::from_secs(600);

/// The body.
pub(crate) fn smoltcp_stack(tun: Tun, script: Script) {
    let mut stack = Stack::on(&tun);
    Player::at_host_end(&tun).rests_within(REST).play(&script, |turn| stack.turn(turn));
}

struct Stack<'a> {
    tun: &'a Tun,
    device: SmoltcpDevice<'a>,
    interface: Interface,
    sockets: SocketSet<'static>,
    tcp: SocketHandle,
    udp: SocketHandle,
    mtu: u32,
}

impl<'a> Stack<'a> {
    fn on(tun: &'a Tun) -> Self {
        let mut device = tun.smoltcp();
        let interface = interface(tun, &mut device);
        let mut sockets = SocketSet::new(Vec::new());
        let buffer = || tcp::SocketBuffer::new(vec![0; 4096]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.set_timeout(Some(PATIENCE));
        let tcp = sockets.add(socket);
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 8], vec![0; 4096]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        assert_eq!(socket.bind(PORT), Ok(()));
        let udp = sockets.add(socket);
        Self { tun, device, interface, sockets, tcp, udp, mtu: tun.mtu() }
    }

    fn turn(&mut self, turn: &mut Turn) {
        self.follow_the_mtu();
        self.poll();
        self.use_sockets();
        self.poll();
        // What the device refused is lost, as on the wire: the link may be down, or a fault of the script's.
        while self.device.take_error().is_some() {}
        let delay = self.interface.poll_delay(self.device.now(), &self.sockets);
        delay.into_iter().for_each(|delay| turn.again_in(delay));
        let socket = self.sockets.get::<tcp::Socket<'_>>(self.tcp);
        turn.level("octets to send", socket.send_queue());
    }

    fn poll(&mut self) {
        self.interface.poll(self.device.now(), &mut self.device, &mut self.sockets);
    }

    /// A smoltcp interface keeps the MTU that it was made with: another one needs another interface.
    fn follow_the_mtu(&mut self) {
        let Ok(mtu) = self.tun.device().mtu() else { return };
        if mtu != self.mtu {
            (self.device, self.mtu) = (self.tun.smoltcp(), mtu);
            self.interface = interface(self.tun, &mut self.device);
        }
    }

    fn use_sockets(&mut self) {
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(self.tcp);
        if !socket.is_open() {
            assert_eq!(socket.listen(PORT), Ok(()));
        }
        while socket.can_recv() && socket.can_send() {
            let room = socket.send_capacity() - socket.send_queue();
            let read = socket.recv(|octets| {
                let taken = octets.get(..room).unwrap_or(octets).to_vec();
                (taken.len(), taken)
            });
            let Ok(octets) = read else { break };
            assert_eq!(socket.send_slice(&octets), Ok(octets.len()));
        }
        if !socket.may_recv() && !socket.can_recv() && socket.may_send() {
            socket.close();
        }
        let socket = self.sockets.get_mut::<udp::Socket<'_>>(self.udp);
        while socket.can_recv() && socket.can_send() {
            let Ok((octets, from)) = socket.recv().map(|(octets, from)| (octets.to_vec(), from.endpoint)) else {
                break;
            };
            // Port 0 cannot be answered.
            let _ = socket.send_slice(&octets, from);
        }
    }
}

fn interface(tun: &Tun, device: &mut SmoltcpDevice<'_>) -> Interface {
    let now = device.now();
    let mut interface = Interface::new(Config::new(HardwareAddress::Ip), device, now);
    interface.update_ip_addrs(|own| {
        let pushed =
            [(tun.peer_v4().into(), 24), (tun.peer_v6().into(), 64)].map(|(at, bits)| own.push(IpCidr::new(at, bits)));
        assert_eq!(pushed, [Ok(()), Ok(())]);
    });
    interface
}
