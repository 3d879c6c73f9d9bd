//! TCP connections being opened, by the peer and by the host (RFC 9293 section 3.5).

use std::io;

use tuntap_test::Link;
use tuntap_test::device::{Deadline, DeviceConfig};
use tuntap_test::packet::LayerKind;
use tuntap_test::prelude::*;

use crate::behaviour::group;
use crate::flow::{PORT, connecting, doubling, flow, open, read, reply, soon, told};
use crate::seen::{arrived, errno, list};

group! {
    "TCP: opening";
    syn_ack: "a SYN to a listener";
    syn_ack_options: "a SYN with MSS 1,460, SACK, time stamps and window scale 7 to a listener: the options of the SYN-ACK";
    syn_ack_no_options: "a SYN without options to a listener: the options of the SYN-ACK";
    syn_ack_window: "the window of a SYN-ACK, MTU 1,500";
    window_scale: "the window scale of a SYN-ACK";
    mss_of_mtu(DeviceConfig::new().mtu(1000).address("192.0.2.1/24")): "the MSS of a SYN-ACK on a link of MTU 1,000";
    mss_v6: "the MSS of a SYN-ACK over IPv6, MTU 1,500";
    syn_ack_fields: "TTL, DF and identification of a SYN-ACK";
    syn_twice: "a SYN to a listener twice";
    syn_acks: "a SYN to a listener that nobody acknowledges: the SYN-ACKs of 3.6 s";
    wrong_ack: "an ACK of a number that no SYN-ACK had";
    reset_before: "a SYN to a listener, a reset, and the ACK";
    data_in_syn: "a SYN with 3 octets of data to a listener";
    data_for_ack: "data in place of the ACK: what the host answers, and reads";
    fin_for_ack: "a FIN in place of the ACK: what the host answers, and reads";
    full_backlog: "five SYNs to a listener with a backlog of 1, each followed by an ACK: how many SYN-ACKs";
    nobody_accepts: "a connection that nobody accepts, and whose listener is closed";
    accepted_peer: "who accept says has opened a connection";
    reset_before_accept: "accept of a connection that the peer has reset";
    syn_of_host: "the options of the host's own SYN";
    syn_of_host_window: "the window of the host's own SYN";
    connected: "the host connects, and the peer answers";
    refused: "the host connects, and the peer resets";
    refused_by_icmp: "the host connects, and is told that the port is unreachable";
    host_unreachable: "the host connects, and is told that the host is unreachable";
    syns: "the host connects, and nobody answers: the SYNs of 2.5 s after the first";
    no_route: "the host connects to 203.0.113.9, to which there is no route";
    wrong_syn_ack: "the host connects, and the peer acknowledges what was not sent";
    simultaneous: "the host connects, and the peer sends a SYN of its own: the answer, and what becomes of it";
    ephemeral: "whether the port of a connecting host lies in 32,768 to 60,999";
    taken: "listening where somebody listens, and on an address that is not the host's";
    ecn: "a SYN that offers ECN (ECE and CWR) to a listener";
}

/// The SYN-ACK to that segment.
fn syn_ack_to(link: &Link, flow: &mut TcpFlow, tcp: Tcp, host: &Host) -> io::Result<Frame> {
    let _listener = host.tcp_listen(flow.host())?;
    link.send(flow.segment(tcp.syn()));
    Ok(link.expect(flow.reply().syn_ack()))
}

/// The options of a segment as the summary has them, but for time stamps' values and the window.
fn options(frame: &Frame) -> String {
    let header = frame.tcp().unwrap().to_header();
    list(header.options_iterator().map(|option| match option {
        Ok(etherparse::TcpOptionElement::Timestamp(..)) => "time stamps".to_owned(),
        Ok(etherparse::TcpOptionElement::WindowScale(_)) => "window scale".to_owned(),
        Ok(etherparse::TcpOptionElement::MaximumSegmentSize(octets)) => format!("MSS {octets}"),
        Ok(etherparse::TcpOptionElement::SelectiveAcknowledgementPermitted) => "SACK permitted".to_owned(),
        Ok(etherparse::TcpOptionElement::Noop) => "no-operation".to_owned(),
        other => format!("{other:?}"),
    }))
}

fn all_options() -> Tcp {
    Tcp::new().mss(1460).sack_permitted().timestamps(5, 0).window_scale(7)
}

fn syn_ack(tun: Tun, host: Host) -> io::Result<String> {
    let _listener = host.tcp_listen((tun.host_v4(), PORT))?;
    let mut flow = flow(&tun);
    let syn = flow.syn();
    Ok(reply(&tun, &flow, syn))
}

fn syn_ack_options(tun: Tun, host: Host) -> io::Result<String> {
    let mut flow = tun.tcp_flow(40_000, PORT);
    Ok(options(&syn_ack_to(&tun, &mut flow, all_options(), &host)?))
}

fn syn_ack_no_options(tun: Tun, host: Host) -> io::Result<String> {
    let mut flow = tun.tcp_flow(40_000, PORT);
    Ok(options(&syn_ack_to(&tun, &mut flow, Tcp::new(), &host)?))
}

fn window(frame: &Frame) -> String {
    frame.tcp().unwrap().window_size().to_string()
}

fn syn_ack_window(tun: Tun, host: Host) -> io::Result<String> {
    let mut flow = tun.tcp_flow(40_000, PORT);
    Ok(window(&syn_ack_to(&tun, &mut flow, Tcp::new().mss(1460), &host)?))
}

fn scale(frame: &Frame) -> String {
    let header = frame.tcp().unwrap().to_header();
    let scale = header.options_iterator().find_map(|option| match option {
        Ok(etherparse::TcpOptionElement::WindowScale(shift)) => Some(shift),
        _ => None,
    });
    // Linux's depends on how much memory there is.
    match scale {
        None => "none".to_owned(),
        Some(0) => "0".to_owned(),
        Some(1..7) => "less than 7".to_owned(),
        Some(_) => "7 or more".to_owned(),
    }
}

fn window_scale(tun: Tun, host: Host) -> io::Result<String> {
    let mut flow = tun.tcp_flow(40_000, PORT);
    Ok(scale(&syn_ack_to(&tun, &mut flow, all_options(), &host)?))
}

fn mss_of_mtu(tun: Tun, host: Host) -> io::Result<String> {
    let mut flow = tun.tcp_flow(40_000, PORT);
    Ok(options(&syn_ack_to(&tun, &mut flow, Tcp::new().mss(1460), &host)?))
}

fn mss_v6(tun: Tun, host: Host) -> io::Result<String> {
    let mut flow = tun.tcp_flow_v6(40_000, PORT);
    Ok(options(&syn_ack_to(&tun, &mut flow, Tcp::new().mss(1440), &host)?))
}

fn syn_ack_fields(tun: Tun, host: Host) -> io::Result<String> {
    let mut flow = tun.tcp_flow(40_000, PORT);
    let frame = syn_ack_to(&tun, &mut flow, Tcp::new(), &host)?;
    let ip = frame.ipv4().map_err(io::Error::other)?.to_header();
    Ok(format!("TTL {}, DF {}, identification {}", ip.time_to_live, ip.dont_fragment, ip.identification))
}

fn syn_twice(tun: Tun, host: Host) -> io::Result<String> {
    let _listener = host.tcp_listen((tun.host_v4(), PORT))?;
    let mut flow = flow(&tun);
    tun.send(flow.syn());
    let again = flow.retransmit();
    Ok(reply(&tun, &flow, again))
}

fn syn_acks(tun: Tun, host: Host) -> io::Result<String> {
    let _listener = host.tcp_listen((tun.host_v4(), PORT))?;
    let mut flow = flow(&tun);
    let begin = tun.clock().now();
    tun.send(flow.segment(Tcp::new().syn().mss(1460).timestamps(1, 0)));
    Ok(doubling(&tun, &flow, begin, 1.0, Duration::from_millis(3600)))
}

fn wrong_ack(tun: Tun, host: Host) -> io::Result<String> {
    let _listener = host.tcp_listen((tun.host_v4(), PORT))?;
    let mut flow = flow(&tun);
    tun.send(flow.syn());
    tun.expect(flow.reply().syn_ack());
    let wrong = flow.host_sequence(77).map_err(io::Error::other)?;
    let segment = flow.fork().segment(Tcp::new().ack(wrong));
    Ok(reply(&tun, &flow, segment))
}

fn reset_before(tun: Tun, host: Host) -> io::Result<String> {
    let _listener = host.tcp_listen((tun.host_v4(), PORT))?;
    let mut flow = flow(&tun);
    tun.send(flow.syn());
    tun.expect(flow.reply().syn_ack());
    tun.send(flow.fork().rst());
    let acknowledgement = flow.ack();
    Ok(reply(&tun, &flow, acknowledgement))
}

fn data_in_syn(tun: Tun, host: Host) -> io::Result<String> {
    let _listener = host.tcp_listen((tun.host_v4(), PORT))?;
    let mut flow = flow(&tun);
    let syn = flow.segment(Tcp::new().syn() / b"abc");
    Ok(reply(&tun, &flow, syn))
}

fn in_place_of_ack(tun: &Tun, host: &Host, segment: impl FnOnce(&mut TcpFlow) -> Packet) -> io::Result<String> {
    let listener = host.tcp_listen((tun.host_v4(), PORT))?;
    let mut flow = flow(tun);
    tun.send(flow.syn());
    tun.expect(flow.reply().syn_ack());
    tun.send(segment(&mut flow));
    let text = soon(tun, &flow);
    let (stream, _) = listener.accept()?;
    stream.set_timeout(Deadline::Now);
    Ok(list([text, read(&stream)]))
}

fn data_for_ack(tun: Tun, host: Host) -> io::Result<String> {
    in_place_of_ack(&tun, &host, |flow| flow.data(b"hello"))
}

fn fin_for_ack(tun: Tun, host: Host) -> io::Result<String> {
    in_place_of_ack(&tun, &host, TcpFlow::fin)
}

fn full_backlog(tun: Tun, host: Host) -> io::Result<String> {
    let listener = host.tcp_listen((tun.host_v4(), PORT))?;
    listener.set_backlog(1)?;
    let mut answered = 0;
    for port in 40_000..40_005 {
        let mut flow = tun.tcp_flow(port, PORT);
        tun.send(flow.syn());
        let frames = arrived(&tun);
        if frames.iter().any(|frame| flow.learn(frame.as_ref())) {
            answered += 1;
            tun.send(flow.ack());
        }
    }
    Ok(answered.to_string())
}

fn nobody_accepts(tun: Tun, host: Host) -> io::Result<String> {
    let listener = host.tcp_listen((tun.host_v4(), PORT))?;
    let mut flow = flow(&tun);
    tun.send(flow.syn());
    tun.expect(flow.reply().syn_ack());
    tun.send(flow.ack());
    arrived(&tun);
    drop(listener);
    Ok(told(&tun, &flow))
}

fn accepted_peer(tun: Tun, host: Host) -> io::Result<String> {
    let (_, stream) = open(&tun, &host)?;
    Ok(format!("{}, to {}", stream.peer_addr()?, stream.local_addr()?))
}

fn reset_before_accept(tun: Tun, host: Host) -> io::Result<String> {
    let listener = host.tcp_listen((tun.host_v4(), PORT))?;
    let mut flow = flow(&tun);
    tun.send(flow.syn());
    tun.expect(flow.reply().syn_ack());
    tun.send(flow.ack());
    tun.send(flow.rst());
    arrived(&tun);
    listener.set_timeout(Deadline::Now);
    Ok(match listener.accept() {
        Ok((stream, _)) => {
            stream.set_timeout(Deadline::Now);
            format!("a stream; its read: {}", read(&stream))
        }
        Err(error) => errno(&error),
    })
}

/// The host connects; what is said of its SYN.
fn own_syn(tun: &Tun, host: &Host, say: impl FnOnce(&Frame) -> String) -> io::Result<String> {
    let (said, _) = connecting(tun, host, |flow, syn| {
        tun.send(flow.rst());
        say(syn)
    })?;
    Ok(said)
}

fn syn_of_host(tun: Tun, host: Host) -> io::Result<String> {
    own_syn(&tun, &host, options)
}

fn syn_of_host_window(tun: Tun, host: Host) -> io::Result<String> {
    own_syn(&tun, &host, window)
}

fn connected(tun: Tun, host: Host) -> io::Result<String> {
    let (said, given) = connecting(&tun, &host, |flow, _| {
        tun.send(flow.syn_ack());
        tun.expect(flow.reply().any());
        "an ACK".to_owned()
    })?;
    Ok(list([said, given]))
}

fn refused(tun: Tun, host: Host) -> io::Result<String> {
    let (said, given) = connecting(&tun, &host, |flow, _| {
        let reset = flow.rst();
        reply(&tun, flow, reset)
    })?;
    Ok(list([said, given]))
}

fn refused_by_icmp(tun: Tun, host: Host) -> io::Result<String> {
    let (said, given) = connecting(&tun, &host, |flow, syn| reply(&tun, flow, Icmpv4::port_unreachable() / &syn[..]))?;
    Ok(list([said, given]))
}

fn host_unreachable(tun: Tun, host: Host) -> io::Result<String> {
    let (said, given) = connecting(&tun, &host, |flow, syn| reply(&tun, flow, Icmpv4::unreachable(1) / &syn[..]))?;
    Ok(list([said, given]))
}

fn syns(tun: Tun, host: Host) -> io::Result<String> {
    let (said, _) = connecting(&tun, &host, |flow, syn| {
        let again = doubling(&tun, flow, syn.time(), 1.0, Duration::from_millis(2500));
        tun.send(flow.rst());
        again
    })?;
    Ok(said)
}

fn no_route(_: Tun, host: Host) -> String {
    host.tcp_connect(([203, 0, 113, 9], PORT)).map_or_else(|error| errno(&error), |_| "connected".to_owned())
}

fn wrong_syn_ack(tun: Tun, host: Host) -> io::Result<String> {
    let (said, _) = connecting(&tun, &host, |flow, _| {
        let wrong = flow.host_sequence(77).unwrap();
        let segment = flow.fork().segment(Tcp::new().syn().ack(wrong));
        let text = reply(&tun, flow, segment);
        tun.send(flow.rst());
        text
    })?;
    Ok(said)
}

fn simultaneous(tun: Tun, host: Host) -> io::Result<String> {
    let (said, given) = connecting(&tun, &host, |flow, _| {
        let syn = flow.syn();
        let text = reply(&tun, flow, syn);
        let acknowledgement = flow.ack();
        list([text, reply(&tun, flow, acknowledgement)])
    })?;
    Ok(list([said, given]))
}

fn ephemeral(tun: Tun, host: Host) -> io::Result<String> {
    own_syn(&tun, &host, |syn| {
        let port = syn.tcp().unwrap().source_port();
        if (32_768..=60_999).contains(&port) { "it does".to_owned() } else { format!("no: {port}") }
    })
}

fn taken(tun: Tun, host: Host) -> io::Result<String> {
    let _listener = host.tcp_listen((tun.host_v4(), PORT))?;
    let said = |at| host.tcp_listen(at).map_or_else(|error| errno(&error), |_| "listens".to_owned());
    Ok(list([said((tun.host_v4(), PORT)), said((tun.peer_v4(), PORT))]))
}

fn ecn(tun: Tun, host: Host) -> io::Result<String> {
    let _listener = host.tcp_listen((tun.host_v4(), PORT))?;
    let mut flow = tun.tcp_flow(40_000, PORT);
    let offering = TcpFlags::SYN | TcpFlags::ECE | TcpFlags::CWR;
    tun.send(flow.segment(Tcp::new().flags(offering)));
    let frames = arrived(&tun);
    Ok(list(frames.iter().filter(|frame| frame.layers().any(|kind| kind == LayerKind::Tcp)).map(|frame| {
        let header = frame.tcp().unwrap().to_header();
        format!("ECE {}, CWR {}", header.ece, header.cwr)
    })))
}
