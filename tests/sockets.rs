//! The list of a namespace's sockets against the sockets that a test makes, and against what `ss` says.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{self, Read};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};
use tuntap_test::kernel::{Namespace, OpenSocket, SocketProtocol, TcpState, sockets};
use tuntap_test::{Stack, Tun, tuntap_test};

/// The number by which the kernel names a socket.
fn inode(socket: impl AsFd) -> u64 {
    let descriptor: OwnedFd = socket.as_fd().try_clone_to_owned().unwrap();
    File::from(descriptor).metadata().unwrap().ino()
}

fn shown() -> Vec<String> {
    sockets().unwrap().iter().map(ToString::to_string).collect()
}

#[track_caller]
fn the_one_of(socket: impl AsFd) -> OpenSocket {
    let inode = inode(socket);
    let found: Vec<OpenSocket> = sockets().unwrap().into_iter().filter(|listed| listed.inode == inode).collect();
    let [one] = found[..] else { panic!("{found:?}") };
    one
}

#[tuntap_test(kernel)]
fn a_fresh_link_has_no_sockets(tun: Tun) {
    assert_eq!(shown(), [""; 0], "{}", tun.name());
}

#[tuntap_test(kernel)]
fn each_socket_of_the_test_is_listed_with_its_addresses_and_its_inode(tun: Tun) -> io::Result<()> {
    let listener = TcpListener::bind((tun.host_v4(), 80))?;
    let client = TcpStream::connect((tun.host_v4(), 80))?;
    let port = client.local_addr()?.port();
    assert_eq!(the_one_of(&listener).to_string(), "tcp 192.0.2.1:80 listening");
    assert_eq!(the_one_of(&client).to_string(), format!("tcp 192.0.2.1:{port} to 192.0.2.1:80 established"));
    let (accepted, _) = listener.accept()?;
    assert_eq!(the_one_of(&accepted).remote, Some(client.local_addr()?));
    assert_eq!(the_one_of(&accepted).state, Some(TcpState::Established));

    let listener = TcpListener::bind((tun.host_v6(), 81))?;
    assert_eq!(the_one_of(&listener).to_string(), "tcp [2001:db8::1]:81 listening");
    let any = UdpSocket::bind("0.0.0.0:53")?;
    assert_eq!(the_one_of(&any).to_string(), "udp 0.0.0.0:53");
    let connected = UdpSocket::bind((tun.host_v6(), 54))?;
    connected.connect((tun.peer_v6(), 9))?;
    assert_eq!(the_one_of(&connected).to_string(), "udp [2001:db8::1]:54 to [2001:db8::2]:9");
    Ok(())
}

/// A `SOCK_RAW` socket.
fn raw(family: AddressFamily, protocol: SockProtocol) -> OwnedFd {
    socket(family, SockType::Raw, SockFlag::empty(), protocol).unwrap()
}

#[tuntap_test(kernel)]
fn raw_and_packet_sockets_are_listed(tun: Tun) {
    let v4 = raw(AddressFamily::Inet, SockProtocol::Icmp);
    assert_eq!(the_one_of(&v4).to_string(), "raw 0.0.0.0 protocol 1");
    let v6 = raw(AddressFamily::Inet6, SockProtocol::IcmpV6);
    assert_eq!(the_one_of(&v6).to_string(), "raw :: protocol 58");
    let all = raw(AddressFamily::Packet, SockProtocol::EthAll);
    assert_eq!(the_one_of(&all).to_string(), "packet on every interface");
    let _host_end = tun.host_end();
    let index = tun.kernel().unwrap().index();
    assert!(shown().contains(&format!("packet on interface {index}")), "{:?}", shown());
}

#[tuntap_test(kernel)]
fn a_connection_that_nobody_accepted_is_listed_without_an_inode(tun: Tun) -> io::Result<()> {
    let _listener = TcpListener::bind((tun.host_v4(), 80))?;
    let client = TcpStream::connect((tun.host_v4(), 80))?;
    let waiting: Vec<OpenSocket> = sockets()?.into_iter().filter(|listed| listed.inode == 0).collect();
    let [waiting] = waiting[..] else { panic!("{waiting:?}") };
    assert_eq!((waiting.protocol, waiting.remote), (SocketProtocol::Tcp, Some(client.local_addr()?)));
    Ok(())
}

#[tuntap_test(kernel)]
fn a_closed_connection_is_listed_while_the_kernel_remembers_it(tun: Tun) -> io::Result<()> {
    let listener = TcpListener::bind((tun.host_v6(), 80))?;
    let mut client = TcpStream::connect((tun.host_v6(), 80))?;
    let (mut accepted, from) = listener.accept()?;
    client.shutdown(Shutdown::Write)?;
    assert_eq!(accepted.read(&mut [0])?, 0);
    drop(accepted);
    assert_eq!(client.read(&mut [0])?, 0);
    drop((listener, client));
    let remembered = format!("tcp {from} to [2001:db8::1]:80 time-wait");
    assert!(shown().contains(&remembered), "{:?}", shown());
    Ok(())
}

#[tuntap_test(kernel)]
fn each_host_has_its_own_list(_: Namespace, #[device(host = "other")] other: Stack) -> io::Result<()> {
    let _socket = UdpSocket::bind("0.0.0.0:53")?;
    assert_eq!(shown(), ["udp 0.0.0.0:53"]);
    assert_eq!(other.run(shown)?, [""; 0]);
    Ok(())
}

#[tuntap_test(kernel)]
fn a_thread_that_the_test_starts_sees_the_tests_namespace(_: Namespace) -> io::Result<()> {
    let _socket = UdpSocket::bind("0.0.0.0:7777")?;
    assert_eq!(std::thread::spawn(shown).join().unwrap(), ["udp 0.0.0.0:7777"]);
    Ok(())
}

/// `ss` asks by another way (sock_diag; not for raw sockets) and must see the same.
#[tuntap_test(kernel)]
fn ss_sees_the_same_inodes(tun: Tun) -> io::Result<()> {
    let _listener = (TcpListener::bind((tun.host_v4(), 80))?, TcpListener::bind("[::]:81")?);
    let _udp = (UdpSocket::bind((tun.host_v4(), 53))?, UdpSocket::bind((tun.host_v6(), 53))?);
    let _packet = tun.host_end();
    let output = Command::new("ss").args(["-Hnae", "-A", "tcp,udp,packet"]).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut theirs: Vec<u64> = text
        .split_ascii_whitespace()
        .filter_map(|word| word.strip_prefix("ino:"))
        .map(|number| number.parse().unwrap())
        .collect();
    let mut ours: Vec<u64> = sockets()?.iter().map(|listed| listed.inode).collect();
    theirs.sort_unstable();
    ours.sort_unstable();
    assert_eq!(ours.len(), 5, "{ours:?}");
    assert_eq!(ours, theirs, "{text}");
    Ok(())
}
