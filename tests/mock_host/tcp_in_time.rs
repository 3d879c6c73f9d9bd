//! TCP of the mock host on instants of the test's: when it sends again, how much it sends at once, and when it gives up.
//! Figures are those of Linux 6.18, by measurement.

use std::io::ErrorKind;
use std::net::Shutdown;
use std::time::Duration;

use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::exchange::TcpFlow;
use tuntap_test::prelude::*;

use crate::world::{HOST, PEER, World, assert_errno, opened, read, seconds, tcp};

#[test]
fn a_syn_is_sent_again_at_the_instants_of_linux_and_then_given_up() {
    let mut world = World::tun();
    let stream = world.host.tcp_connect((PEER, 99).into()).unwrap();
    let instants = world.instants(99);
    assert_eq!(instants, seconds(&[0., 1., 2., 3., 4., 5., 7., 11., 19., 35., 67.]));
    assert_eq!(world.now, Duration::from_secs(131));
    assert_errno(stream.try_connected(), libc::ETIMEDOUT);
    assert_errno(stream.write(b"x"), libc::EPIPE);
    assert_eq!(read(&stream), b"");
}

#[test]
fn a_syn_ack_is_sent_again_five_times_and_on_every_syn() {
    let mut world = World::tun();
    let listener = world.host.tcp_listen((HOST, 80).into()).unwrap();
    let mut tcp = tcp();
    let syn = tcp.syn();
    world.send(syn.clone());
    assert_eq!(world.instants(99), seconds(&[0., 1., 3., 7., 15., 31.]));
    assert_eq!(world.now, Duration::from_secs(63));
    world.send(syn.clone());
    let first = world.expect_in(&tcp, tcp.reply().syn_ack());
    world.send(syn);
    assert_eq!(world.expect(tcp.reply().syn_ack()), first);
    world.send(tcp.ack());
    listener.accept().unwrap();
}

#[test]
fn data_that_nobody_acknowledges_is_sent_again_with_doubled_pauses_for_a_quarter_of_an_hour() {
    let (mut world, _tcp, stream) = opened();
    stream.write(&[7; 100]).unwrap();
    let instants = world.instants(99);
    let expected = [0., 0.2, 0.6, 1.4, 3., 6.2, 12.6, 25.4, 51., 102.2, 204.6, 324.6];
    assert_eq!(instants.get(..12).unwrap(), seconds(&expected));
    assert!(instants.len() == 16 || instants.len() == 17, "{}", instants.len());
    assert!(world.now > Duration::from_secs(924) && world.now < Duration::from_secs(1100), "{:?}", world.now);
    assert_errno(stream.read(&mut [0]), libc::ETIMEDOUT);
    assert_eq!(read(&stream), b"");
    assert_errno(stream.write(b"x"), libc::EPIPE);
}

#[test]
fn an_acknowledgement_ends_the_pauses() {
    let (mut world, mut tcp, stream) = opened();
    stream.write(&[7; 100]).unwrap();
    world.instants(5);
    world.send(tcp.segment(Tcp::new().ack(tcp.host_sequence(101).unwrap())));
    assert_eq!(world.poll(), None);
    let begin = world.now;
    stream.write(&[8; 100]).unwrap();
    assert_eq!(world.instants(2), [begin, begin + Duration::from_millis(200)]);
}

#[test]
fn a_round_trip_makes_the_time_out_longer() {
    let mut world = World::tun();
    let listener = world.host.tcp_listen((HOST, 80).into()).unwrap();
    let mut tcp = tcp();
    world.send(tcp.syn());
    world.expect_in(&tcp, tcp.reply().syn_ack());
    world.now += Duration::from_millis(400);
    world.send(tcp.ack());
    let (stream, _) = listener.accept().unwrap();
    stream.write(b"x").unwrap();
    let begin = world.now;
    // 400 ms and four deviations of 200 ms (RFC 6298 section 2.2).
    assert_eq!(world.instants(2), [begin, begin + Duration::from_millis(1200)]);
}

#[test]
fn a_zero_window_is_probed_without_data_and_opens_again() {
    let (mut world, mut tcp, stream) = opened();
    world.send(tcp.ack().with(Tcp::new().window(0)));
    stream.write(b"hello").unwrap();
    world.expect_nothing();
    let mut probes = Vec::new();
    while probes.len() < 4 {
        world.go_on().unwrap();
        for frame in world.take() {
            // One octet before what is expected, and none of data (tcp_xmit_probe_skb).
            let seq = tcp.host_next_sequence().unwrap().wrapping_sub(1);
            let wanted = Ipv4::new() / Tcp::new().seq(seq).flags(TcpFlags::ACK) / Payload::empty();
            assert!(wanted.matches(FrameRef::new(Mode::Tun, &frame)));
            probes.push(world.now);
        }
    }
    assert_eq!(probes, seconds(&[0.2, 0.6, 1.4, 3.]));
    world.send(tcp.ack());
    world.expect_in(&tcp, tcp.reply().data(b"hello"));
}

#[test]
fn what_the_window_does_not_hold_waits_and_what_the_buffer_does_not_hold_is_not_taken() {
    let (mut world, mut tcp, stream) = opened();
    world.send(tcp.ack().with(Tcp::new().window(1000)));
    assert_eq!(stream.write(&[7; 100_000]).unwrap(), 78_840, "as much as Linux takes");
    assert_errno(stream.write(b"x"), libc::EAGAIN);
    world.expect_in(&tcp, tcp.reply().data([7; 1000]));
    world.expect_nothing();
    world.send(tcp.ack());
    for _ in 0..10 {
        world.expect_in(&tcp, tcp.reply().data([7; 1460]));
    }
    world.expect_nothing();
}

#[test]
fn data_that_is_not_read_closes_the_window() {
    let (mut world, mut tcp, stream) = opened();
    for _ in 0..44 {
        world.send(tcp.data([7; 1460]));
    }
    let last = world.take().pop().unwrap();
    assert!(Tcp::new().window(0).into_packet().matches(FrameRef::new(Mode::Tun, &last)));
    assert_eq!(read(&stream).len(), 64_240);
    world.expect(tcp.reply().any().into_packet().with(Tcp::new().window(64_240)));
}

#[test]
fn who_closes_first_waits_a_minute_and_acknowledges_meanwhile() {
    let (mut world, mut tcp, stream) = opened();
    drop(stream);
    world.expect_in(&tcp, tcp.reply().fin());
    let fin = tcp.fin();
    world.send(fin.clone());
    let answer = world.expect(tcp.reply());
    assert_eq!(world.poll(), Some(Duration::from_secs(60)));
    world.now = Duration::from_secs(59);
    world.send(fin.clone());
    assert_eq!(world.expect(tcp.reply()).get(20..).unwrap(), answer.get(20..).unwrap());
    world.now = Duration::from_secs(118);
    assert_eq!(world.poll(), Some(Duration::from_secs(119)));
    world.now = Duration::from_secs(119);
    assert_eq!(world.poll(), None);
    world.send(fin);
    world.expect(tcp.reply().rst());
}

#[test]
fn nagle_waits_and_nodelay_does_not() {
    let (mut world, tcp, stream) = opened();
    stream.write(b"a").unwrap();
    world.expect_in(&tcp, tcp.reply().data(b"a"));
    stream.write(b"b").unwrap();
    world.expect_nothing();
    stream.set_nodelay(true).unwrap();
    world.expect_in(&tcp, tcp.reply().data(b"b"));
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn three_duplicates_send_the_first_segment_again_at_once() {
    let (mut world, mut tcp, stream) = opened();
    stream.write(&[7; 5 * 1460]).unwrap();
    world.expect_in(&tcp, tcp.reply().data([7; 1460]));
    let rest = world.take();
    assert_eq!(rest.len(), 4);
    let ack = tcp.ack();
    world.send(ack.clone());
    for _ in 0..3 {
        world.expect_nothing();
        world.send(ack.clone());
    }
    let again = world.take();
    assert_eq!(again.len(), 1);
    assert_eq!(again.first().unwrap().get(24..28), rest.first().unwrap().get(24..28), "the sequence number");
}

#[test]
fn a_connection_begins_with_ten_segments_and_doubles_them() {
    let (mut world, mut tcp, stream) = opened();
    stream.write(&[7; 70_000]).unwrap();
    for _ in 0..10 {
        world.expect_in(&tcp, tcp.reply().data([7; 1460]));
    }
    world.expect_nothing();
    world.send(tcp.ack());
    for _ in 0..20 {
        world.expect_in(&tcp, tcp.reply().data([7; 1460]));
    }
    world.expect_nothing();
}

#[test]
fn after_a_time_out_one_segment_is_sent_again_and_then_two() {
    let (mut world, mut tcp, stream) = opened();
    stream.write(&[7; 14_600]).unwrap();
    assert_eq!(world.take().len(), 10);
    world.go_on();
    assert_eq!(world.now, Duration::from_millis(200));
    world.expect_in(&tcp, tcp.reply().seq_rel(1).data([7; 1460]));
    world.expect_nothing();
    world.send(tcp.segment(Tcp::new().ack(tcp.host_sequence(1461).unwrap())));
    world.expect_in(&tcp, tcp.reply().seq_rel(1461).data([7; 1460]));
    world.expect_in(&tcp, tcp.reply().seq_rel(2921).data([7; 1460]));
    world.expect_nothing();
}

/// smoltcp 0.14 by itself would answer with acknowledgements without end.
#[test]
fn a_closed_window_is_not_probed_when_everything_is_acknowledged() {
    let (mut world, mut tcp, stream) = opened();
    stream.write(b"hi").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    world.expect_in(&tcp, tcp.reply().data(b"hi").fin());
    let closed = |tcp: &mut TcpFlow, offset| tcp.segment(Tcp::new().ack(tcp.host_sequence(offset).unwrap()).window(0));
    world.send(closed(&mut tcp, 2));
    world.send(closed(&mut tcp, 4));
    assert_eq!(world.poll(), None);
    world.now = Duration::from_secs(500);
    world.expect_nothing();

    let (mut world, mut tcp, stream) = opened();
    stream.write(b"hi").unwrap();
    world.expect_in(&tcp, tcp.reply().data(b"hi"));
    world.send(closed(&mut tcp, 2));
    world.send(closed(&mut tcp, 3));
    world.now = Duration::from_secs(500);
    world.expect_nothing();
    // With something to send it is.
    stream.write(b"more").unwrap();
    assert_eq!(world.instants(2).len(), 2);
}

#[test]
fn what_was_not_read_outlives_the_connection() {
    let (mut world, mut tcp, stream) = opened();
    world.send(tcp.data(b"hello"));
    stream.shutdown(Shutdown::Write).unwrap();
    world.take();
    world.send(tcp.segment(Tcp::new().fin().ack(tcp.host_initial_sequence().unwrap().wrapping_add(2))));
    world.take();
    world.now = Duration::from_secs(500);
    world.take();
    assert_eq!(read(&stream), b"hello");
    assert_eq!(read(&stream), b"");
}
