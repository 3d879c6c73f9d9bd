//! TCP connections being closed, by either side, in order and not (RFC 9293 section 3.6).

use std::io::{self, Write};
use std::net::Shutdown;

use tuntap_test::Link;
use tuntap_test::host::TcpStream;
use tuntap_test::prelude::*;

use crate::behaviour::group;
use crate::flow::{doubling, open, open_stamped, read, reply, soon, told};
use crate::seen::{arrived, errno, list};

group! {
    "TCP: closing";
    close: "the host closes";
    close_unread: "the host closes with 5 octets unread";
    close_after_write: "the host writes 5 octets and closes";
    shutdown_write: "the host ends its writing, and gets data";
    shutdown_twice: "the host ends its writing, and writes";
    shutdown_read: "the host ends its reading: what is read, and the answer to data then";
    fins: "the host closes, and nobody acknowledges: the FINs of 1 s";
    peer_closes: "the peer closes: the answer, and what is read";
    peer_closes_with_data: "the peer sends 5 octets with its FIN: the answer, and what is read";
    fin_out_of_order: "the peer's FIN before its data: what is acknowledged then, and after the data";
    write_after_fin: "the host writes 5 octets after the peer's FIN";
    last_ack: "the host closes after the peer did, the peer acknowledges, and sends a stray ACK";
    data_after_close: "data to a connection that the host has closed and the peer not";
    data_after_fin: "data behind the peer's own FIN";
    fin_wait: "the peer acknowledges the host's FIN, and closes";
    simultaneous: "both close at once, and acknowledge";
    time_wait_fin: "the peer's FIN once more in TIME-WAIT";
    time_wait_ack: "a stray ACK in TIME-WAIT";
    time_wait_reset: "a reset in TIME-WAIT, and a stray ACK then";
    time_wait_syn: "a SYN with a greater number in TIME-WAIT, with a listener";
    reset_in_fin_wait: "a reset after the host has closed, and a stray ACK then";
    reset_after_fin: "a reset after the peer's FIN: what write gives";
    write_after_close_of_peer: "the host writes, gets a reset for it, and writes twice";
    error_after_reset: "the waiting error (SO_ERROR) after a reset, twice";
}

fn close(tun: Tun, host: Host) -> io::Result<String> {
    let (flow, stream) = open(&tun, &host)?;
    drop(stream);
    Ok(told(&tun, &flow))
}

fn close_unread(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    tun.send(flow.data(b"hello"));
    arrived(&tun);
    drop(stream);
    Ok(told(&tun, &flow))
}

fn close_after_write(tun: Tun, host: Host) -> io::Result<String> {
    let (flow, mut stream) = open(&tun, &host)?;
    stream.write_all(b"hello")?;
    tun.expect(flow.reply().any());
    drop(stream);
    Ok(told(&tun, &flow))
}

fn shutdown_write(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    stream.shutdown(Shutdown::Write)?;
    let fin = told(&tun, &flow);
    let data = flow.data(b"hello");
    Ok(list([fin, reply(&tun, &flow, data), read(&stream)]))
}

fn shutdown_twice(tun: Tun, host: Host) -> io::Result<String> {
    let (_flow, mut stream) = open(&tun, &host)?;
    stream.shutdown(Shutdown::Write)?;
    Ok(written(&mut stream))
}

fn written(stream: &mut TcpStream) -> String {
    stream.write(b"hello").map_or_else(|error| errno(&error), |length| length.to_string())
}

fn shutdown_read(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    stream.shutdown(Shutdown::Read)?;
    let ended = read(&stream);
    let data = flow.data(b"hello");
    Ok(list([ended, reply(&tun, &flow, data)]))
}

fn fins(tun: Tun, host: Host) -> io::Result<String> {
    let (flow, stream) = open_stamped(&tun, &host)?;
    let begin = tun.clock().now();
    drop(stream);
    Ok(doubling(&tun, &flow, begin, 0.2, Duration::from_secs(1)))
}

fn peer_closes(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    tun.send(flow.fin());
    Ok(list([soon(&tun, &flow), read(&stream), read(&stream)]))
}

fn peer_closes_with_data(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    tun.send(flow.segment(Tcp::new().flags(TcpFlags::FIN | TcpFlags::PSH | TcpFlags::ACK) / b"hello"));
    Ok(list([soon(&tun, &flow), read(&stream), read(&stream)]))
}

fn fin_out_of_order(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    let (data, fin) = (flow.data(b"hello"), flow.fin());
    let ahead = reply(&tun, &flow, fin);
    Ok(list([ahead, reply(&tun, &flow, data), read(&stream), read(&stream)]))
}

fn write_after_fin(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, mut stream) = open(&tun, &host)?;
    tun.send(flow.fin());
    soon(&tun, &flow);
    let taken = written(&mut stream);
    Ok(list([taken, told(&tun, &flow)]))
}

fn last_ack(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    tun.send(flow.fin());
    soon(&tun, &flow);
    drop(stream);
    let fin = told(&tun, &flow);
    let (acknowledgement, stray) = (flow.ack(), flow.ack());
    Ok(list([fin, reply(&tun, &flow, acknowledgement), reply(&tun, &flow, stray)]))
}

fn data_after_close(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    drop(stream);
    told(&tun, &flow);
    let data = flow.data(b"hello");
    Ok(reply(&tun, &flow, data))
}

fn data_after_fin(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    tun.send(flow.fin());
    soon(&tun, &flow);
    let behind = flow.fork().segment(Tcp::new().seq(flow.next_sequence()) / b"hello");
    Ok(list([reply(&tun, &flow, behind), read(&stream)]))
}

/// The host has closed, and the peer has acknowledged that and closed: TIME-WAIT.
fn time_wait(link: &Link, host: &Host) -> io::Result<(TcpFlow, String)> {
    let (mut flow, stream) = open(link, host)?;
    drop(stream);
    told(link, &flow);
    let acknowledgement = flow.ack();
    let nothing = reply(link, &flow, acknowledgement);
    let fin = flow.fin();
    let text = list([nothing, reply(link, &flow, fin)]);
    Ok((flow, text))
}

fn fin_wait(tun: Tun, host: Host) -> io::Result<String> {
    Ok(time_wait(&tun, &host)?.1)
}

fn simultaneous(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    let before = flow.fin();
    drop(stream);
    let fin = told(&tun, &flow);
    let answer = reply(&tun, &flow, before);
    let acknowledgement = flow.ack();
    Ok(list([fin, answer, reply(&tun, &flow, acknowledgement)]))
}

fn time_wait_fin(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, _) = time_wait(&tun, &host)?;
    let again = flow.retransmit();
    Ok(reply(&tun, &flow, again))
}

fn time_wait_ack(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, _) = time_wait(&tun, &host)?;
    let stray = flow.ack();
    Ok(reply(&tun, &flow, stray))
}

fn time_wait_reset(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, _) = time_wait(&tun, &host)?;
    let reset = flow.fork().rst();
    let stray = flow.ack();
    Ok(list([reply(&tun, &flow, reset), reply(&tun, &flow, stray)]))
}

fn time_wait_syn(tun: Tun, host: Host) -> io::Result<String> {
    let (before, _) = time_wait(&tun, &host)?;
    let _listener = host.tcp_listen(before.host())?;
    let mut flow = crate::flow::flow(&tun).initial_sequence(before.peer_sequence(1_000_000));
    let syn = flow.syn();
    Ok(reply(&tun, &flow, syn))
}

fn reset_in_fin_wait(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    drop(stream);
    told(&tun, &flow);
    let reset = flow.fork().rst();
    let stray = flow.ack();
    Ok(list([reply(&tun, &flow, reset), reply(&tun, &flow, stray)]))
}

fn reset_after_fin(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, mut stream) = open(&tun, &host)?;
    tun.send(flow.fin());
    soon(&tun, &flow);
    tun.send(flow.rst());
    arrived(&tun);
    Ok(list([written(&mut stream), read(&stream)]))
}

fn write_after_close_of_peer(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, mut stream) = open(&tun, &host)?;
    let first = written(&mut stream);
    told(&tun, &flow);
    tun.send(flow.rst());
    arrived(&tun);
    Ok(list([first, written(&mut stream), written(&mut stream)]))
}

fn error_after_reset(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    tun.send(flow.rst());
    arrived(&tun);
    let taken =
        || -> io::Result<String> { Ok(stream.take_error()?.map_or_else(|| "none".to_owned(), |error| errno(&error))) };
    Ok(list([taken()?, taken()?]))
}
