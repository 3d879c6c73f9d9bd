//! TCP connections that stand: data, what is out of place, resets, retransmissions, windows (RFC 9293, RFC 6298, RFC 5961).

use std::io::{self, Write};

use tuntap_test::Link;
use tuntap_test::device::Deadline;
use tuntap_test::prelude::*;

use crate::behaviour::group;
use crate::flow::{doubling, flow, open, open_as, open_stamped, read, reply, told, within};
use crate::seen::{arrived, errno, list};

group! {
    "TCP: data, resets, retransmissions, windows";
    data: "data, and what is read";
    data_later: "data after the host has sent some: when it is acknowledged";
    two_segments: "two segments of data";
    old_data: "a segment of data once more";
    wrong_checksum: "data with a wrong checksum";
    no_ack: "data without the ACK flag";
    out_of_order: "the second of two segments, then the first: what is acknowledged, and read";
    out_of_order_sack: "the second of two segments, where SACK is permitted: the SACK option of the answer";
    ten_gaps: "every second of 20 segments of 10 octets, then the others: how much is acknowledged in the end, and read";
    overlapping: "data that overlaps what has come already, with other octets: what is read";
    beyond_window: "data that begins 1,000,000 octets ahead";
    ack_of_unsent: "an ACK of what the host has not sent";
    old_ack: "an ACK of what was acknowledged long ago, without data";
    syn_in_connection: "a SYN within a connection";
    reset: "a reset with the next number: what the host answers, and reads twice";
    reset_ahead: "a reset in the window, but not with the next number, and what is read";
    reset_behind: "a reset with the number before, and what is read";
    write_after_reset: "write and write again after a reset";
    keep_alive: "a keep-alive probe (no data, the number before)";
    urgent: "data with an urgent pointer: what is acknowledged, and read";
    write: "the host writes 5 octets";
    push: "the PSH flag of 5 octets that the host writes";
    write_3000: "the host writes 3,000 octets, MSS 1,460";
    write_no_mss: "the host writes 1,200 octets to a peer that gave no MSS";
    write_small_mss: "the host writes 600 octets to a peer of MSS 200";
    nagle: "the host writes 1 octet, 1 octet and 1 octet, and the first is acknowledged";
    partial: "the host writes 2,000 octets, then 10, then 10";
    three_writes: "the host writes 1 octet three times without a pause: segments";
    no_delay: "the host writes 1 octet three times with TCP_NODELAY";
    first_flight: "the host writes 100,000 octets, and nobody acknowledges: segments";
    retransmissions: "the host writes, and nobody acknowledges: the segments of 1 s";
    acknowledged_late: "the first retransmission is acknowledged: what follows in 0.6 s";
    fast_retransmit: "the host writes 10 segments, and gets three duplicate ACKs of the first";
    small_window: "the host writes 3,000 octets to a peer with a window of 1,000";
    zero_window: "the host writes to a window of 0: what comes in 1 s";
    window_opens: "the host writes 5 octets to a window of 0, and the window opens";
    window_of_fin: "the host writes 5 octets and closes, with a window of 3";
    reads_nothing: "the peer sends 200,000 octets that nobody reads, scale 0: whether the window becomes less than a segment";
    traffic_class: "the class and TTL of the host's data";
}

const SECOND: Duration = Duration::from_secs(1);

fn data(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    let segment = flow.data(b"hello");
    Ok(list([reply(&tun, &flow, segment), read(&stream), read(&stream)]))
}

fn data_later(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, mut stream) = open(&tun, &host)?;
    tun.send(flow.data(b"hello"));
    told(&tun, &flow);
    stream.write_all(b"world")?;
    tun.expect(flow.reply().any());
    let begin = tun.clock().now();
    tun.send(flow.data(b"again"));
    let acknowledged = tun.expect(flow.reply().any()).time().saturating_duration_since(begin);
    // Linux waits for 40 ms, TCP_DELACK_MIN, at least.
    Ok(if acknowledged < Duration::from_millis(35) { "at once" } else { "after 40 ms or more" }.to_owned())
}

fn two_segments(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    tun.send(flow.data([b'a'; 1460]));
    tun.send(flow.data([b'a'; 1460]));
    Ok(list([told(&tun, &flow), read(&stream)]))
}

fn old_data(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    tun.send(flow.data(b"hello"));
    told(&tun, &flow);
    let again = flow.retransmit();
    Ok(list([reply(&tun, &flow, again), read(&stream)]))
}

fn wrong_checksum(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    let segment = flow.data(b"hello").with(Tcp::new().checksum(1));
    Ok(list([reply(&tun, &flow, segment), read(&stream)]))
}

fn no_ack(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    let segment = flow.segment(Tcp::new().flags(TcpFlags::PSH) / b"hello");
    Ok(list([reply(&tun, &flow, segment), read(&stream)]))
}

fn out_of_order(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    let (first, second) = (flow.data(b"hello"), flow.data(b"world"));
    let ahead = reply(&tun, &flow, second);
    Ok(list([ahead, reply(&tun, &flow, first), read(&stream)]))
}

fn out_of_order_sack(tun: Tun, host: Host) -> io::Result<String> {
    let mut flow = tun.tcp_flow(40_000, crate::flow::PORT);
    let _listener = host.tcp_listen(flow.host())?;
    tun.send(flow.segment(Tcp::new().syn().mss(1460).sack_permitted()));
    tun.expect(flow.reply().syn_ack());
    tun.send(flow.ack());
    arrived(&tun);
    let _first = flow.data(b"hello");
    tun.send(flow.data(b"world"));
    let zero = flow.peer_sequence(0);
    let relative = |number: u32| number.wrapping_sub(zero);
    Ok(list(arrived(&tun).iter().map(|frame| {
        let header = frame.tcp().unwrap().to_header();
        let sack = header.options_iterator().find_map(|option| match option {
            Ok(etherparse::TcpOptionElement::SelectiveAcknowledgement((from, to), _)) => {
                Some(format!("SACK {}..{}", relative(from), relative(to)))
            }
            _ => None,
        });
        sack.unwrap_or_else(|| "no SACK".to_owned())
    })))
}

fn ten_gaps(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    let segments: Vec<Packet> = (0..20).map(|_| flow.data([b'a'; 10])).collect();
    for segment in segments.iter().skip(1).step_by(2).chain(segments.iter().step_by(2)) {
        tun.send(segment);
    }
    let last = arrived(&tun).last().map(|frame| frame.tcp().unwrap().acknowledgment_number());
    let acknowledged = last.unwrap_or_default().wrapping_sub(flow.peer_sequence(1));
    Ok(list([format!("{acknowledged} octets acknowledged"), read(&stream)]))
}

fn overlapping(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    tun.send(flow.data(b"hello"));
    let segment =
        flow.segment(Tcp::new().seq(flow.peer_sequence(4)).psh().ack(flow.host_sequence(1).unwrap()) / b"LOworld");
    Ok(list([reply(&tun, &flow, segment), read(&stream)]))
}

fn beyond_window(tun: Tun, host: Host) -> io::Result<String> {
    let (flow, stream) = open(&tun, &host)?;
    let segment = flow.fork().segment(Tcp::new().seq(flow.peer_sequence(1_000_000)) / b"hello");
    Ok(list([reply(&tun, &flow, segment), read(&stream)]))
}

fn ack_of_unsent(tun: Tun, host: Host) -> io::Result<String> {
    let (flow, _stream) = open(&tun, &host)?;
    let segment = flow.fork().segment(Tcp::new().ack(flow.host_sequence(100).map_err(io::Error::other)?));
    Ok(reply(&tun, &flow, segment))
}

fn old_ack(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, mut stream) = open(&tun, &host)?;
    stream.write_all(b"hello")?;
    tun.expect(flow.reply().any());
    tun.send(flow.ack());
    let segment = flow.fork().segment(Tcp::new().ack(flow.host_sequence(1).map_err(io::Error::other)?));
    Ok(reply(&tun, &flow, segment))
}

fn syn_in_connection(tun: Tun, host: Host) -> io::Result<String> {
    let (flow, _stream) = open(&tun, &host)?;
    let syn = flow.fork().syn();
    Ok(reply(&tun, &flow, syn))
}

fn reset(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    let segment = flow.rst();
    Ok(list([reply(&tun, &flow, segment), read(&stream), read(&stream)]))
}

/// A reset with that number.
fn reset_at(tun: &Tun, host: &Host, offset: u32) -> io::Result<String> {
    let (flow, stream) = open(tun, host)?;
    let segment = flow.fork().segment(Tcp::new().flags(TcpFlags::RST).seq(flow.peer_sequence(offset)));
    Ok(list([reply(tun, &flow, segment), read(&stream)]))
}

fn reset_ahead(tun: Tun, host: Host) -> io::Result<String> {
    reset_at(&tun, &host, 100)
}

fn reset_behind(tun: Tun, host: Host) -> io::Result<String> {
    reset_at(&tun, &host, 0)
}

fn write_after_reset(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, mut stream) = open(&tun, &host)?;
    let segment = flow.rst();
    reply(&tun, &flow, segment);
    let mut write = || stream.write(b"x").map_or_else(|error| errno(&error), |length| length.to_string());
    Ok(list([write(), write()]))
}

fn keep_alive(tun: Tun, host: Host) -> io::Result<String> {
    let (flow, _stream) = open(&tun, &host)?;
    let probe = flow.fork().segment(Tcp::new().seq(flow.peer_sequence(0)));
    Ok(reply(&tun, &flow, probe))
}

fn urgent(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    let next = flow.host_sequence(1).map_err(io::Error::other)?;
    let segment = flow.segment(Tcp::new().psh().urg(2).ack(next) / b"hello");
    Ok(list([reply(&tun, &flow, segment), read(&stream), read(&stream)]))
}

fn write(tun: Tun, host: Host) -> io::Result<String> {
    let (flow, mut stream) = open(&tun, &host)?;
    stream.write_all(b"hello")?;
    Ok(told(&tun, &flow))
}

fn push(tun: Tun, host: Host) -> io::Result<String> {
    let (_flow, mut stream) = open(&tun, &host)?;
    stream.write_all(b"hello")?;
    Ok(list(arrived(&tun).iter().map(|frame| frame.tcp().unwrap().psh().to_string())))
}

fn write_3000(tun: Tun, host: Host) -> io::Result<String> {
    let (flow, mut stream) = open(&tun, &host)?;
    stream.write_all(&[b'a'; 3000])?;
    Ok(told(&tun, &flow))
}

fn write_no_mss(tun: Tun, host: Host) -> io::Result<String> {
    let (flow, mut stream) = open_as(&tun, &host, tun.tcp_flow(40_000, crate::flow::PORT))?;
    stream.write_all(&[b'a'; 1200])?;
    Ok(told(&tun, &flow))
}

fn write_small_mss(tun: Tun, host: Host) -> io::Result<String> {
    let (flow, mut stream) = open_as(&tun, &host, tun.tcp_flow(40_000, crate::flow::PORT).mss(200))?;
    stream.write_all(&[b'a'; 600])?;
    Ok(told(&tun, &flow))
}

fn nagle(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, mut stream) = open(&tun, &host)?;
    let mut said = Vec::new();
    for _ in 0..3 {
        stream.write_all(b"x")?;
        said.push(told(&tun, &flow));
    }
    let acknowledgement = flow.ack();
    said.push(reply(&tun, &flow, acknowledgement));
    Ok(list(said))
}

fn partial(tun: Tun, host: Host) -> io::Result<String> {
    let (flow, mut stream) = open(&tun, &host)?;
    let mut said = Vec::new();
    for octets in [2000, 10, 10] {
        stream.write_all(&vec![b'a'; octets])?;
        said.push(told(&tun, &flow));
    }
    Ok(list(said))
}

fn three_writes(tun: Tun, host: Host) -> io::Result<String> {
    let (flow, mut stream) = open(&tun, &host)?;
    for _ in 0..3 {
        stream.write_all(b"x")?;
    }
    Ok(told(&tun, &flow))
}

fn no_delay(tun: Tun, host: Host) -> io::Result<String> {
    let (flow, mut stream) = open(&tun, &host)?;
    stream.set_nodelay(true)?;
    for _ in 0..3 {
        stream.write_all(b"x")?;
        arrived_counts(&tun, &flow);
    }
    Ok(flow.received().to_string() + " octets")
}

/// Lets the flow learn what has come.
fn arrived_counts(link: &Link, flow: &TcpFlow) -> usize {
    let frames = arrived(link);
    frames.iter().filter(|frame| flow.learn(frame.as_ref())).count()
}

fn first_flight(tun: Tun, host: Host) -> io::Result<String> {
    let (flow, mut stream) = open(&tun, &host)?;
    // Whatever the send buffer takes.
    let _taken = stream.write(&[b'a'; 100_000])?;
    Ok(format!("{} segments", arrived_counts(&tun, &flow)))
}

fn retransmissions(tun: Tun, host: Host) -> io::Result<String> {
    let (flow, mut stream) = open_stamped(&tun, &host)?;
    let begin = tun.clock().now();
    stream.write_all(b"hello")?;
    Ok(doubling(&tun, &flow, begin, 0.2, SECOND))
}

fn acknowledged_late(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, mut stream) = open(&tun, &host)?;
    stream.write_all(b"hello")?;
    tun.expect(flow.reply().any());
    tun.expect(flow.reply().seq_rel(1).any());
    let begin = tun.clock().now();
    tun.send(flow.ack());
    Ok(doubling(&tun, &flow, begin, 0.2, Duration::from_millis(600)))
}

fn fast_retransmit(tun: Tun, host: Host) -> io::Result<String> {
    let (flow, mut stream) = open(&tun, &host)?;
    stream.write_all(&[b'a'; 14_600])?;
    arrived_counts(&tun, &flow);
    let duplicate = flow.fork().segment(Tcp::new().ack(flow.host_sequence(1461).map_err(io::Error::other)?));
    tun.send(&duplicate);
    arrived_counts(&tun, &flow);
    for _ in 0..3 {
        tun.send(&duplicate);
    }
    // Linux may wait for a quarter of the round trip (RFC 8985), and the retransmission timer is not due yet.
    Ok(within(&tun, &flow, Duration::from_millis(150)))
}

fn small_window(tun: Tun, host: Host) -> io::Result<String> {
    let (flow, mut stream) = open_as(&tun, &host, flow(&tun).window(1000))?;
    stream.write_all(&[b'a'; 3000])?;
    Ok(told(&tun, &flow))
}

fn zero_window(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, mut stream) = open_stamped(&tun, &host)?;
    tun.send(flow.segment(Tcp::new().window(0)));
    arrived(&tun);
    let begin = tun.clock().now();
    stream.write_all(b"hello")?;
    Ok(doubling(&tun, &flow, begin, 0.2, SECOND))
}

fn window_opens(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, mut stream) = open(&tun, &host)?;
    tun.send(flow.segment(Tcp::new().window(0)));
    arrived(&tun);
    stream.write_all(b"hello")?;
    let closed = told(&tun, &flow);
    let update = flow.segment(Tcp::new().window(5000));
    Ok(list([closed, reply(&tun, &flow, update)]))
}

fn window_of_fin(tun: Tun, host: Host) -> io::Result<String> {
    let (flow, mut stream) = open_as(&tun, &host, flow(&tun).window(3))?;
    stream.write_all(b"hello")?;
    drop(stream);
    Ok(told(&tun, &flow))
}

fn reads_nothing(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, _stream) = open(&tun, &host)?;
    let mut least = u16::MAX;
    for _ in 0..200 {
        tun.send(flow.data([b'a'; 1000]));
        for frame in arrived(&tun) {
            least = least.min(frame.tcp().unwrap().window_size());
        }
    }
    Ok(if least < 1000 { "it does".to_owned() } else { format!("no: {least}") })
}

fn traffic_class(tun: Tun, host: Host) -> io::Result<String> {
    let (_flow, mut stream) = open(&tun, &host)?;
    stream.set_timeout(Deadline::Now);
    stream.write_all(b"hello")?;
    Ok(list(arrived(&tun).iter().map(|frame| {
        let ip = frame.ipv4().unwrap().to_header();
        format!("class {:#x}, TTL {}, DF {}", ip.dscp.value() << 2 | ip.ecn.value(), ip.time_to_live, ip.dont_fragment)
    })))
}
