//! The whole life of a DHCP client, smoltcp's, in the link's virtual time: hours of leases in milliseconds. The test plays
//! the server at the host end.
#![cfg(target_os = "linux")]

use std::net::Ipv4Addr;
use std::time::Instant;

use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::socket::dhcpv4;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpCidr, Ipv4Cidr};
use tuntap_test::context::{Backend, TestContext};
use tuntap_test::device::{Deadline, DeviceConfig, patience};
use tuntap_test::mock::host::PingAnswer;
use tuntap_test::packet::{Defaults, Dhcp, Dissection, LayerKind};
use tuntap_test::prelude::*;

const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);
/// T1, T2 and the lease's end, in seconds (RFC 2131 section 4.4.5).
const LEASE: [u32; 3] = [1800, 3150, 3600];

/// The server as a table: what it answers to a message, after so many seconds.
type Policy = fn(&Seen) -> Option<Dhcp>;

/// A message that passed, and when: milliseconds since the link was made.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    at: u64,
    what: &'static str,
    from: Ipv4Addr,
    to: Ipv4Addr,
}

impl Seen {
    fn of(frame: &Frame, begin: Instant) -> Option<Self> {
        let messages = [
            (Dhcp::discover(), "discover"),
            (Dhcp::offer(), "offer"),
            (Dhcp::request(), "request"),
            (Dhcp::ack(), "ack"),
            (Dhcp::nak(), "nak"),
        ];
        let is = |message: Dhcp| message.into_packet().matches(frame.as_ref());
        let (_, what) = messages.into_iter().find(|(message, _)| is(message.clone()))?;
        let ip = Dissection::new(frame.as_ref()).header(LayerKind::Ipv4)?;
        let address = |from: usize| ip.get(from..).and_then(<[u8]>::first_chunk::<4>).copied().map(Ipv4Addr::from);
        let at = u64::try_from((frame.time() - begin).as_millis()).unwrap();
        Some(Self { at, what, from: address(12)?, to: address(16)? })
    }
}

/// What the client told its owner: when, and the address it has from then on.
type Told = (u64, Option<Ipv4Cidr>);

fn given(message: Dhcp) -> Dhcp {
    let [renewal, rebinding, lease] = LEASE;
    let server = Ipv4Addr::new(192, 0, 2, 1);
    message
        .yiaddr(CLIENT)
        .server_identifier(server)
        .lease_time(lease)
        .renewal_time(renewal)
        .rebinding_time(rebinding)
        .subnet_mask([255, 255, 255, 0])
        .router(server)
}

/// What passed while the client lived.
#[derive(Debug, PartialEq, Eq)]
struct Life {
    messages: Vec<Seen>,
    /// All frames, ARP too.
    octets: Vec<Vec<u8>>,
    told: Vec<Told>,
    /// The host asks for the client at its address after each thing told but the first and the last; which were answered.
    answered: Vec<u16>,
}

/// Lets the client live until it has told its owner so often.
fn live(tap: &Tap, policy: Policy, events: u16) -> Life {
    let begin = tap.device().clock().now();
    let host = tap.host_end();
    let stack = tap.stack().mock_host().unwrap();
    // The server's port is open: otherwise the host's stack says that it is not.
    let _port = stack.udp_bind((tap.host_v4(), 67).into()).unwrap();
    let ping = stack.ping(0).unwrap();

    let mut device = tap.smoltcp();
    let mac = HardwareAddress::Ethernet(EthernetAddress(Defaults::PEER_MAC));
    let now = device.now();
    let mut interface = Interface::new(Config::new(mac), &mut device, now);
    let mut sockets = SocketSet::new(Vec::new());
    let client = sockets.add(dhcpv4::Socket::new());

    let (mut told, mut number) = (Vec::new(), 0);
    device
        .run_until(&mut interface, &mut sockets, Duration::from_secs(86_400), |interface, sockets| {
            while let Ok(frame) = host.try_receive(Deadline::Now) {
                let reply = Seen::of(&frame, begin).as_ref().and_then(policy);
                if let Some(reply) = reply.and_then(|reply| reply.in_reply_to_frame(frame.as_ref())) {
                    host.send(Ipv4::new().dst(CLIENT) / Udp::new().sport(67).dport(68) / reply);
                }
            }
            let address = match sockets.get_mut::<dhcpv4::Socket<'_>>(client).poll() {
                None => None,
                Some(dhcpv4::Event::Deconfigured) => Some(None),
                Some(dhcpv4::Event::Configured(config)) => Some(Some(config.address)),
            };
            if let Some(address) = address {
                interface.update_ip_addrs(|own| {
                    own.clear();
                    own.extend(address.map(IpCidr::Ipv4));
                });
                let at = tap.device().clock().now() - begin;
                told.push((u64::try_from(at.as_millis()).unwrap(), address));
                number += 1;
                if (2..events).contains(&number) {
                    ping.send_to(CLIENT.into(), number, b"are you there?").unwrap();
                }
            }
            (number == events).then_some(())
        })
        .unwrap();
    let frames = host.frames();
    Life {
        messages: frames.iter().filter_map(|frame| Seen::of(frame, begin)).collect(),
        octets: frames.into_iter().map(Frame::into_octets).collect(),
        told,
        answered: std::iter::from_fn(|| ping.receive().ok())
            .filter_map(|answer| if let PingAnswer::Reply { sequence, .. } = answer { Some(sequence) } else { None })
            .collect(),
    }
}

fn line(seen: &Seen) -> String {
    let Seen { at, what, from, to } = seen;
    format!("{:>4}.{:03} s  {what:<8} {from} > {to}", at / 1000, at % 1000)
}

#[track_caller]
fn assert_lines(seen: &[Seen], wanted: &[&str]) {
    let lines: Vec<String> = seen.iter().map(line).collect();
    let differ = lines.iter().map(String::as_str).zip(wanted.iter().copied()).position(|(is, wanted)| is != wanted);
    assert!(lines == wanted, "differs from line {differ:?} on:\n{}", lines.join("\n"));
}

/// It gets a lease, renews it at T1, finds the server silent at the next T1 and again until T2, asks everybody then, loses
/// the address when the lease ends, and begins anew.
fn mortal(seen: &Seen) -> Option<Dhcp> {
    match (seen.what, seen.at) {
        ("discover", ..5_000_000) | ("discover", 5_420_000..) => Some(given(Dhcp::offer())),
        ("request", ..3_000_000) | ("request", 5_420_000..) => Some(given(Dhcp::ack())),
        _ => None,
    }
}

/// The times are those of RFC 2131 section 4.4.5; the 10 s between discovers are smoltcp's.
const MORTAL: &[&str] = &[
    "   0.000 s  discover 0.0.0.0 > 255.255.255.255",
    "   0.000 s  offer    192.0.2.1 > 192.0.2.7",
    "   0.000 s  request  0.0.0.0 > 255.255.255.255",
    "   0.000 s  ack      192.0.2.1 > 192.0.2.7",
    // T1: it asks its server, which answers. The lease begins again.
    "1800.000 s  request  192.0.2.7 > 192.0.2.1",
    "1800.000 s  ack      192.0.2.1 > 192.0.2.7",
    // The next T1, and after half of what is left until T2 each time, at least 60 s.
    "3600.000 s  request  192.0.2.7 > 192.0.2.1",
    "4275.000 s  request  192.0.2.7 > 192.0.2.1",
    "4612.500 s  request  192.0.2.7 > 192.0.2.1",
    "4781.250 s  request  192.0.2.7 > 192.0.2.1",
    "4865.625 s  request  192.0.2.7 > 192.0.2.1",
    "4925.625 s  request  192.0.2.7 > 192.0.2.1",
    // T2: it asks everybody, and after half of what is left of the lease each time, at least 60 s.
    "4950.000 s  request  192.0.2.7 > 255.255.255.255",
    "5175.000 s  request  192.0.2.7 > 255.255.255.255",
    "5287.500 s  request  192.0.2.7 > 255.255.255.255",
    "5347.500 s  request  192.0.2.7 > 255.255.255.255",
    // The lease is over.
    "5400.000 s  discover 0.0.0.0 > 255.255.255.255",
    "5410.000 s  discover 0.0.0.0 > 255.255.255.255",
    "5420.000 s  discover 0.0.0.0 > 255.255.255.255",
    "5420.000 s  offer    192.0.2.1 > 192.0.2.7",
    "5420.000 s  request  0.0.0.0 > 255.255.255.255",
    "5420.000 s  ack      192.0.2.1 > 192.0.2.7",
];

#[tuntap_test(mock)]
fn a_whole_life(tap: Tap) {
    let real = Instant::now();
    let life = live(&tap, mortal, 4);
    assert_lines(&life.messages, MORTAL);
    let address = Some(Ipv4Cidr::new(CLIENT, 24));
    assert_eq!(life.told, [(0, None), (0, address), (5_400_000, None), (5_420_000, address)]);
    assert_eq!(life.answered, [2], "the address is the client's while the lease lasts, and not longer");
    assert!(real.elapsed() < patience() / 5, "an hour and a half took {:?}", real.elapsed());
}

/// At T2 any server may answer: the lease goes on from there.
#[tuntap_test(mock)]
fn another_server_answers_the_rebinding(tap: Tap) {
    fn policy(seen: &Seen) -> Option<Dhcp> {
        match (seen.what, seen.to) {
            ("discover", _) if seen.at > 0 => None,
            ("discover", _) => Some(given(Dhcp::offer())),
            ("request", to) if to.is_broadcast() && seen.at < 4_000_000 => Some(given(Dhcp::ack())),
            _ => None,
        }
    }
    let life = live(&tap, policy, 3);
    let rebound: Vec<_> = life.messages.iter().filter(|seen| seen.what == "ack").map(|seen| seen.at).collect();
    assert_eq!(rebound, [0, 3_150_000]);
    // Had nobody answered, it would have been over at 3,600 s.
    assert_eq!(life.told.last(), Some(&(6_750_000, None)));
}

/// A server that refuses ends the lease at once.
#[tuntap_test(mock)]
fn a_refusal_at_renewal_begins_anew(tap: Tap) {
    fn policy(seen: &Seen) -> Option<Dhcp> {
        match (seen.what, seen.at) {
            ("discover", _) => Some(given(Dhcp::offer())),
            ("request", 1_800_000) if !seen.to.is_broadcast() => {
                Some(Dhcp::nak().server_identifier([192, 0, 2, 1]).message("not yours any more"))
            }
            ("request", _) => Some(given(Dhcp::ack())),
            _ => None,
        }
    }
    let life = live(&tap, policy, 4);
    assert_lines(
        &life.messages,
        &[
            "   0.000 s  discover 0.0.0.0 > 255.255.255.255",
            "   0.000 s  offer    192.0.2.1 > 192.0.2.7",
            "   0.000 s  request  0.0.0.0 > 255.255.255.255",
            "   0.000 s  ack      192.0.2.1 > 192.0.2.7",
            "1800.000 s  request  192.0.2.7 > 192.0.2.1",
            "1800.000 s  nak      192.0.2.1 > 192.0.2.7",
            "1800.000 s  discover 0.0.0.0 > 255.255.255.255",
            "1800.000 s  offer    192.0.2.1 > 192.0.2.7",
            "1800.000 s  request  0.0.0.0 > 255.255.255.255",
            "1800.000 s  ack      192.0.2.1 > 192.0.2.7",
        ],
    );
    let address = Some(Ipv4Cidr::new(CLIENT, 24));
    assert_eq!(life.told, [(0, None), (0, address), (1_800_000, None), (1_800_000, address)]);
}

/// The same life twice, octet by octet.
#[test]
fn a_life_can_be_lived_again() {
    let once = || {
        let mut context = TestContext::new(Backend::Mock, "dhcp").unwrap();
        let tap: Tap = context.argument(DeviceConfig::new()).unwrap();
        live(&tap, mortal, 4)
    };
    assert_eq!(once(), once());
}
