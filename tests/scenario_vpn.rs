//! The scenario "VPN endpoint echo": two hosts with a TUN each, and a VPN between the devices. What is asked of one host is
//! answered by the other; on the wire nobody reads it; what was tampered with never arrives.

#![expect(clippy::indexing_slicing, reason = "a test that slices wrongly fails, as it should")]

mod vpn;

use std::io::{self, ErrorKind};
use std::net::IpAddr;

use tuntap_test::device::Clock;
use tuntap_test::exchange::Exchange;
use tuntap_test::fault::{Call, CallFault, Calls};
use tuntap_test::prelude::*;
use vpn::{MTU, OVERHEAD, Tunnel};

const KEYS: (u64, u64) = (7, 8);

/// Runs a body while the endpoints carry packets both ways.
fn connected(
    (a, b): (&Exchange, &Exchange),
    (there, back): (&Tunnel, &Tunnel),
    body: impl FnOnce(&Clock) -> io::Result<()>,
) -> io::Result<()> {
    let clock = a.clock();
    clock.scope(|scope| {
        let both = [
            scope.spawn("a to b", || there.run(a.device(), b.device(), clock)),
            scope.spawn("b to a", || back.run(b.device(), a.device(), clock)),
        ];
        let result = body(clock);
        a.device().interrupt();
        b.device().interrupt();
        for one in both {
            one.join().unwrap()?;
        }
        result
    })
}

#[tuntap_test]
fn a_ping_goes_through_and_nobody_reads_it(
    #[device(address = "192.0.2.1/24")] a: Tun,
    #[device(address = "192.0.2.2/24", host = "b")] b: Tun,
) -> io::Result<()> {
    let (there, back) = (Tunnel::new(KEYS.0), Tunnel::new(KEYS.1));
    connected((&a, &b), (&there, &back), |_| {
        let reply = a.host().ping(b.host_v4())?;
        assert_eq!((reply.from, reply.hop_limit), (b.host_v4().into(), 64));
        let (request, answer) = (there.wire(), back.wire());
        assert_eq!((request.len(), answer.len()), (1, 1));
        for datagram in request.iter().chain(&answer) {
            assert_eq!(datagram.len(), 20 + 8 + 56 + OVERHEAD, "the packet and a fixed overhead");
            let counting: Vec<u8> = (8..16).collect();
            assert!(!datagram.windows(8).any(|octets| octets == counting), "the data is on the wire");
        }
        Ok(())
    })?;
    // Octet by octet what host a sent is what host b got, and back.
    let packets = |link: &Tun| link.frames().iter().map(|frame| frame.to_vec()).collect::<Vec<_>>();
    assert_eq!(packets(&a), packets(&b));
    Ok(())
}

/// The device of the far endpoint has no room every third time, for a while: the order is kept and nothing is lost.
#[tuntap_test]
fn a_device_without_room_loses_nothing(
    #[device(address = "192.0.2.1/24")] a: Tun,
    #[device(address = "192.0.2.2/24", host = "b")] b: Tun,
) -> io::Result<()> {
    const COUNT: u32 = 1000;
    let (there, back) = (Tunnel::new(KEYS.0), Tunnel::new(KEYS.1));
    b.faults().device(|faults| faults.on(Call::Transmit, Calls::every(3), CallFault::Eagain));
    connected((&a, &b), (&there, &back), |clock| {
        let (from, to) = (a.host().udp_bind((a.host_v4(), 0))?, b.host().udp_bind((b.host_v4(), 9))?);
        clock.scope(|scope| {
            scope.spawn("sender", || {
                for number in 0..COUNT {
                    from.send_to(&number.to_be_bytes(), (b.host_v4(), 9)).unwrap();
                    clock.advance(Duration::from_micros(100));
                }
            });
            for number in 0..COUNT {
                let mut buffer = [0; 4];
                assert_eq!(to.recv(&mut buffer)?, 4);
                assert_eq!(u32::from_be_bytes(buffer), number, "in order");
            }
            Ok(())
        })
    })
}

#[tuntap_test]
fn what_was_tampered_with_never_arrives(
    #[device(address = "192.0.2.1/24")] a: Tun,
    #[device(address = "192.0.2.2/24", host = "b")] b: Tun,
) -> io::Result<()> {
    let (there, back) = (Tunnel::new(KEYS.0), Tunnel::new(KEYS.1));
    connected((&a, &b), (&there, &back), |clock| {
        let (from, to) = (a.host().udp_bind((a.host_v4(), 0))?, b.host().udp_bind((b.host_v4(), 9))?);
        from.send_to(b"once", (b.host_v4(), 9))?;
        assert_eq!(to.recv(&mut [0; 9])?, 4);
        let genuine = there.wire().pop().unwrap_or_default();
        there.arrive(&genuine, b.device(), clock)?;
        for octet in 0..genuine.len() {
            let mut flipped = genuine.clone();
            // A replayed counter would be refused for that alone.
            flipped[..8].copy_from_slice(&9_u64.to_be_bytes());
            flipped[octet] ^= 1;
            there.arrive(&flipped, b.device(), clock)?;
            there.arrive(genuine.get(..octet).unwrap_or_default(), b.device(), clock)?;
        }
        assert_eq!(b.accounting().written, 1, "{}", b.accounting());
        to.set_timeout(Duration::from_millis(20));
        assert_eq!(to.recv(&mut [0; 9]).unwrap_err().kind(), ErrorKind::TimedOut);
        // And it still works.
        from.send_to(b"again", (b.host_v4(), 9))?;
        assert_eq!(to.recv(&mut [0; 9])?, 5);
        Ok(())
    })
}

#[tuntap_test]
fn a_packet_that_does_not_fit_is_answered(
    #[device(address = "192.0.2.1/24")] a: Tun,
    #[device(address = "192.0.2.2/24", host = "b")] b: Tun,
) -> io::Result<()> {
    let (there, back) = (Tunnel::new(KEYS.0), Tunnel::new(KEYS.1));
    connected((&a, &b), (&there, &back), |_| {
        let (from, to) = (a.host().udp_bind((a.host_v4(), 5))?, b.host().udp_bind((b.host_v4(), 9))?);
        let raw = a.host().raw(a.host_v4(), 1)?;
        from.send_to(&[7; MTU - 28], (b.host_v4(), 9))?;
        assert_eq!(to.recv(&mut [0; 2000])?, MTU - 28);
        from.send_to(&[7; MTU - 27], (b.host_v4(), 9))?;
        let mut error = [0; 100];
        let told = raw.recv_from(&mut error)?;
        assert_eq!(told.from, IpAddr::from(b.host_v4()), "who cannot be reached");
        assert_eq!((&error[..2], &error[6..8]), ([3, 4].as_slice(), [5, 140].as_slice()), "an MTU of 1420");
        assert_eq!(there.wire().len(), 1, "it was not sent");
        Ok(())
    })
}

/// One interface goes down and comes back, and the keys change meanwhile.
#[tuntap_test]
fn traffic_goes_on_after_a_flap_and_new_keys(
    #[device(address = "192.0.2.1/24")] a: Tun,
    #[device(address = "192.0.2.2/24", host = "b")] b: Tun,
) -> io::Result<()> {
    let (there, back) = (Tunnel::new(KEYS.0), Tunnel::new(KEYS.1));
    connected((&a, &b), (&there, &back), |clock| {
        a.host().ping(b.host_v4())?;
        b.down();
        let pings = a.host().ping_socket(a.host_v4())?;
        pings.send_to(b.host_v4(), 2, b"lost")?;
        pings.set_timeout(Duration::from_millis(50));
        assert_eq!(pings.receive().unwrap_err().kind(), ErrorKind::TimedOut);
        there.rekey(17);
        back.rekey(18);
        b.up();
        let began = clock.now();
        a.host().ping(b.host_v4())?;
        assert!(clock.now() - began < Duration::from_secs(1));
        Ok(())
    })
}
