//! The host end's sockets for tasks: one body on both backends and both flavours of tokio's runtime, beside the verbs,
//! dropped on the way, and in virtual time.

#![expect(clippy::indexing_slicing, reason = "a test that panics has failed")]

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;
use tuntap_test::AsyncHost;
use tuntap_test::device::{Deadline, patience};
use tuntap_test::host::{AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, PingAnswer};
use tuntap_test::prelude::*;

const SHORT: Duration = Duration::from_millis(20);

#[test]
fn all_of_them_go_into_tasks_of_any_thread() {
    fn goes<T: Send + Sync + Unpin + 'static>() {}
    goes::<AsyncHost>();
    goes::<AsyncUdpSocket>();
    goes::<AsyncTcpListener>();
    goes::<AsyncTcpStream>();
}

/// One of each, with the test as the peer; each socket waits before there is anything.
async fn every_socket(tun: Tun, host: Host) -> io::Result<()> {
    let (tun, host) = (Arc::new(tun), host.as_async());
    let mut tasks = JoinSet::new();
    let echo = host.udp_bind((tun.host_v4(), 53))?;
    tasks.spawn(async move {
        let mut buffer = [0; 100];
        assert_eq!(echo.peek_from(&mut buffer).await?.0, 4);
        let (length, from) = echo.recv_from(&mut buffer).await?;
        assert_eq!(echo.send_to(&buffer[..length], from).await?, 4);
        echo.connect(from)?;
        assert_eq!(echo.recv(&mut buffer).await?, 5);
        echo.send(b"bye").await.map(drop)
    });
    let listener = host.tcp_listen((tun.host_v4(), 80))?;
    tasks.spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut request = Vec::new();
        stream.read_to_end(&mut request).await?;
        stream.write_all(&request).await?;
        stream.shutdown().await
    });
    let gre = host.raw(tun.host_v4(), 47)?;
    tasks.spawn(async move {
        let received = gre.recv_from(&mut [0; 100]).await?;
        gre.send_to(b"back", received.from).await.map(drop)
    });
    let pings = host.ping_socket(tun.host_v4())?;
    let (identifier, peer) = (pings.identifier(), tun.peer_v4());
    tasks.spawn(async move {
        pings.send_to(peer, 7, b"data").await?;
        let PingAnswer::Reply { sequence: 7, .. } = pings.receive().await? else { panic!("another answer") };
        Ok(())
    });
    let client = host.clone();
    tasks.spawn(async move {
        let mut stream = client.tcp_connect((peer, 81)).await?;
        stream.write_all(b"GET").await?;
        let mut answer = [0; 3];
        stream.read_exact(&mut answer).await?;
        assert_eq!(&answer, b"200");
        assert_eq!(stream.read(&mut answer).await?, 0);
        Ok(())
    });

    let device = tun.as_async();
    let mut serve = None;
    for _ in 0..2 {
        let first = device.expect(one_of((Icmpv4::echo_request(identifier, 7), Tcp::new().dport(81)))).await;
        if first[9] == 6 {
            serve = TcpFlow::opened_by(first.as_ref()).ok();
        } else {
            device.send(Icmpv4::echo_reply(identifier, 7) / b"data");
        }
    }
    let mut flow = serve.expect("a SYN");
    device.send(flow.syn_ack());
    device.expect(flow.reply().any()).await;
    device.expect(flow.reply().data(b"GET")).await;
    device.send(flow.data(b"200"));
    device.send(flow.fin());
    device.expect_eventually(flow.reply().fin()).await;
    device.send(flow.ack());

    device.send(Udp::new().sport(9).dport(53) / b"who?");
    device.expect(Udp::new().sport(53).dport(9) / b"who?").await;
    device.send(Udp::new().sport(9).dport(53) / b"again");
    device.expect(Udp::new().sport(53).dport(9) / b"bye").await;

    let mut flow = device.tcp_flow(40_000, 80);
    device.send(flow.syn());
    device.expect(flow.reply().syn_ack()).await;
    device.send(flow.ack());
    device.send(flow.data(b"hello"));
    device.expect(flow.reply().ack_rel(6)).await;
    device.send(flow.fin());
    device.expect_eventually(flow.reply().data(b"hello")).await;

    device.send(Ipv4::new().protocol(47) / b"\0\0\x08\0");
    device.expect_eventually(Ipv4::new().protocol(47) / b"back").await;
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap()?;
    }
    Ok(())
}

#[tuntap_test]
#[tokio::test]
async fn every_socket_on_one_thread(tun: Tun, host: Host) -> io::Result<()> {
    every_socket(tun, host).await
}

#[tuntap_test]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_socket_on_several_threads(tun: Tun, host: Host) -> io::Result<()> {
    tokio::spawn(every_socket(tun, host)).await.unwrap()
}

#[tuntap_test]
#[tokio::test]
async fn a_closed_port_refuses(tun: Tun, host: Host) {
    let (device, host) = (tun.as_async(), host.as_async());
    let reset = async {
        let syn = device.expect(Tcp::new().dport(81).flags(TcpFlags::SYN)).await;
        device.send(TcpFlow::opened_by(syn.as_ref()).unwrap().rst());
    };
    let (refused, ()) = tokio::join!(host.tcp_connect((tun.peer_v4(), 81)), reset);
    assert_eq!(refused.unwrap_err().raw_os_error(), Some(libc::ECONNREFUSED));
}

/// The error comes while somebody waits, and without anything to read.
#[tuntap_test]
#[tokio::test]
async fn an_icmp_error_ends_a_wait(tun: Tun, host: Host) -> io::Result<()> {
    let socket = host.as_async().udp_bind((tun.host_v4(), 4000))?;
    socket.connect((tun.peer_v4(), 9))?;
    socket.send(b"x").await?;
    let device = tun.as_async();
    let unreachable = async {
        let sent = device.expect(Udp::new().sport(4000).dport(9) / b"x").await;
        yield_now().await;
        device.send(Icmpv4::port_unreachable() / &sent[..28]);
    };
    let mut buffer = [0; 9];
    let began = Instant::now();
    let (error, ()) = tokio::join!(socket.recv(&mut buffer), unreachable);
    assert!(began.elapsed() < patience(), "it was the deadline that found it");
    assert_eq!(error.unwrap_err().raw_os_error(), Some(libc::ECONNREFUSED));
    Ok(())
}

#[tuntap_test]
#[tokio::test]
async fn pings_are_answered(tun: Tun, host: Host) -> io::Result<()> {
    let _peer = tun.answer(IcmpEcho::any_address());
    let host = host.as_async();
    for peer in [IpAddr::from(tun.peer_v4()), tun.peer_v6().into()] {
        let reply = host.ping(peer).await?;
        assert_eq!((reply.from, reply.hop_limit, reply.payload.len()), (peer, 64, 56));
    }
    Ok(())
}

/// What never comes is told in the words of the sockets that block, and costs the time that was said.
#[tuntap_test]
#[tokio::test]
async fn a_wait_in_vain_names_the_socket(tun: Tun, host: Host) -> io::Result<()> {
    let host = host.as_async();
    let socket = host.udp_bind((tun.host_v4(), 53))?;
    socket.set_timeout(SHORT);
    let began = host.clock().now();
    let error = socket.recv_from(&mut [0; 9]).await.unwrap_err();
    assert!(host.clock().now() - began >= SHORT);
    assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::TimedOut, None));
    assert_eq!(error.to_string(), format!("UDP {}:53 of the host waited 20ms in vain: recv_from", tun.host_v4()));
    socket.set_timeout(Deadline::Now);
    assert_eq!(socket.recv_from(&mut [0; 9]).await.unwrap_err().kind(), ErrorKind::WouldBlock);
    let listener = host.tcp_listen((tun.host_v4(), 80))?;
    listener.set_timeout(SHORT);
    let error = listener.accept().await.unwrap_err();
    assert!(error.to_string().contains("in vain: accept"), "{error}");
    let error = host.tcp_connect_timeout((tun.peer_v4(), 80), SHORT).await.unwrap_err();
    assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::TimedOut, None));
    assert!(error.to_string().contains("waited 20ms in vain: connect"), "{error}");
    Ok(())
}

/// Polls a future once, sees that it waits, and drops it.
async fn poll_and_drop<F: Future>(future: F) {
    let mut future = pin!(future);
    // A socket lets others run now and then: that is no wait.
    for _ in 0..2 {
        let waits = poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await;
        assert!(waits, "it had to wait");
    }
}

#[tuntap_test]
#[tokio::test]
async fn a_dropped_future_takes_nothing_with_it(tun: Tun, host: Host) -> io::Result<()> {
    let (device, host) = (tun.as_async(), host.as_async());
    let socket = host.udp_bind((tun.host_v4(), 53))?;
    let mut buffer = [0; 100];
    for _ in 0..3 {
        poll_and_drop(socket.recv_from(&mut buffer)).await;
        timeout(SHORT, socket.recv_from(&mut buffer)).await.unwrap_err();
    }
    for number in 0..200_u8 {
        device.send(Udp::new().sport(9).dport(53) / [number]);
    }
    // Whichever branch is ready first, the other one has taken none.
    let (twin, mut other) = (socket.clone(), [0; 100]);
    for number in 0..200_u8 {
        let octet = tokio::select! {
            received = socket.recv(&mut buffer) => received.map(|_| buffer[0])?,
            received = twin.recv(&mut other) => received.map(|_| other[0])?,
        };
        assert_eq!(octet, number);
    }

    let listener = host.tcp_listen((tun.host_v4(), 80))?;
    poll_and_drop(listener.accept()).await;
    timeout(SHORT, listener.accept()).await.unwrap_err();
    let mut flow = device.tcp_flow(40_000, 80);
    device.send(flow.syn());
    device.expect(flow.reply().syn_ack()).await;
    device.send(flow.ack());
    let (mut stream, from) = listener.accept().await?;
    assert_eq!(from.port(), 40_000);

    let mut octets = [0; 5];
    poll_and_drop(stream.read(&mut octets)).await;
    timeout(SHORT, AsyncReadExt::read(&mut stream, &mut octets)).await.unwrap_err();
    let aborted = tokio::spawn({
        let mut stream = stream.clone();
        async move { stream.read_u8().await }
    });
    yield_now().await;
    aborted.abort();
    assert!(aborted.await.unwrap_err().is_cancelled());
    device.send(flow.data(b"hello"));
    stream.read_exact(&mut octets).await?;
    assert_eq!(&octets, b"hello");
    Ok(())
}

/// Its SYNs stop, and an answer to them is answered with a reset.
#[tuntap_test(mock)]
#[tokio::test(start_paused = true)]
async fn a_dropped_connect_gives_up(tun: Tun, host: Host) {
    let device = tun.as_async();
    timeout(Duration::from_millis(500), host.as_async().tcp_connect((tun.peer_v4(), 80))).await.unwrap_err();
    let syn = device.expect(Tcp::new().flags(TcpFlags::SYN)).await;
    let mut flow = TcpFlow::opened_by(syn.as_ref()).unwrap();
    device.never(Tcp::new()).during(Duration::from_secs(200)).await;
    device.send(flow.syn_ack());
    device.expect(flow.reply().rst()).await;
}

/// A stream's two halves wait at once, in two tasks.
#[tuntap_test]
#[tokio::test]
async fn the_halves_of_a_stream_wait_by_themselves(tun: Tun, host: Host) -> io::Result<()> {
    let host = host.as_async();
    let listener = host.tcp_listen((tun.host_v4(), 80))?;
    let (client, accepted) = tokio::join!(host.tcp_connect((tun.host_v4(), 80)), listener.accept());
    let (client, (server, _)) = (client?, accepted?);
    let sent: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    // It gives back what it reads: both directions fill, and both halves of the client wait.
    let echo = tokio::spawn(async move {
        let (mut from, mut to) = tokio::io::split(server);
        tokio::io::copy(&mut from, &mut to).await?;
        to.shutdown().await
    });
    let (mut reader, mut writer) = tokio::io::split(client);
    let write = tokio::spawn({
        let sent = sent.clone();
        async move {
            writer.write_all(&sent).await?;
            writer.shutdown().await
        }
    });
    let mut back = Vec::new();
    timeout(patience(), reader.read_to_end(&mut back)).await.expect("no wake-up was lost")?;
    write.await.unwrap()?;
    echo.await.unwrap()?;
    assert!(back == sent, "other octets came back");
    Ok(())
}

/// Frames from one link to the other, and back.
async fn forward(one: &Tun, other: &Tun) {
    let way = async |from: &Tun, to: &Tun| {
        while let Ok(frame) = from.as_async().try_receive(Deadline::Never).await {
            to.try_send_raw(&*frame).unwrap();
        }
    };
    tokio::join!(way(one, other), way(other, one));
}

async fn a_mebioctet_between_two_hosts(a: Tun, b: Tun) -> io::Result<()> {
    let (here, there) = (a.host().as_async(), b.host().as_async());
    let server = (b.host_v4(), 80);
    let listener = there.tcp_listen(server)?;
    let router = tokio::spawn(async move { forward(&a, &b).await });
    let received = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut all = Vec::new();
        tokio::io::copy(&mut stream, &mut all).await?;
        Ok::<_, io::Error>(all)
    });
    let sent: Vec<u8> = (0..=250).cycle().take(1 << 20).collect();
    let mut stream = here.tcp_connect(server).await?;
    assert_eq!(tokio::io::copy(&mut &sent[..], &mut stream).await?, 1 << 20);
    stream.shutdown().await?;
    let received = received.await.unwrap()?;
    assert!(received == sent, "other octets arrived");
    router.abort();
    Ok(())
}

#[tuntap_test]
#[tokio::test]
async fn a_mebioctet_on_one_thread(
    #[device(address = "192.0.2.1/24", peer = "192.0.2.2")] a: Tun,
    #[device(host = "b", address = "192.0.2.2/24", peer = "192.0.2.1")] b: Tun,
) -> io::Result<()> {
    timeout(patience(), a_mebioctet_between_two_hosts(a, b)).await.expect("no wake-up was lost")
}

#[tuntap_test]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mebioctet_on_several_threads(
    #[device(address = "192.0.2.1/24", peer = "192.0.2.2")] a: Tun,
    #[device(host = "b", address = "192.0.2.2/24", peer = "192.0.2.1")] b: Tun,
) -> io::Result<()> {
    timeout(patience(), a_mebioctet_between_two_hosts(a, b)).await.expect("no wake-up was lost")
}

/// Ten retransmissions and the end, as Linux has them: 131 s by a clock that jumps.
#[tuntap_test(mock)]
#[tokio::test(start_paused = true)]
async fn a_syn_that_nobody_answers_costs_no_real_time(tun: Tun, host: Host) {
    let (began, real) = (tokio::time::Instant::now(), Instant::now());
    let (device, host) = (tun.as_async(), host.as_async());
    let connect = async {
        let connected = host.tcp_connect_timeout((tun.peer_v4(), 80), Deadline::Never).await;
        (connected.unwrap_err().raw_os_error(), began.elapsed().as_secs())
    };
    let syn = Tcp::new().flags(TcpFlags::SYN);
    let (ended, syns) = tokio::join!(connect, device.sniff(syn, Sniff::count(99).at_most(Duration::from_secs(200))));
    assert_eq!(ended, (Some(libc::ETIMEDOUT), 131));
    let times: Vec<_> = syns.iter().map(|syn| (syn.time() - syns[0].time()).as_secs()).collect();
    assert_eq!(times, [0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67]);
    assert!(real.elapsed() < Duration::from_secs(5), "it took {:?}", real.elapsed());
}

/// On the mock a clock that is not paused goes with the system's.
#[tuntap_test(mock)]
#[tokio::test]
async fn a_clock_that_runs_takes_its_time(tun: Tun, host: Host) {
    let real = Instant::now();
    let wait = Duration::from_millis(1100);
    let error = host.as_async().tcp_connect_timeout((tun.peer_v4(), 80), wait).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(real.elapsed() >= wait);
    let syns = tun.as_async().sniff(Tcp::new().flags(TcpFlags::SYN), Sniff::count(99).at_most(SHORT)).await;
    assert_eq!(syns.len(), 2, "the second after a second");
}

/// The default patience, by a clock that jumps: what waits for ever fails, and takes no time.
#[tuntap_test]
#[tokio::test(start_paused = true)]
async fn nothing_waits_for_ever(tun: Tun, host: Host) -> io::Result<()> {
    let host = host.as_async();
    let (socket, listener) = (host.udp_bind((tun.host_v4(), 53))?, host.tcp_listen((tun.host_v4(), 80))?);
    let mut buffer = [0; 9];
    let began = tokio::time::Instant::now();
    let (one, other, ping) = tokio::join!(socket.recv(&mut buffer), listener.accept(), host.ping(tun.peer_v4()));
    let kinds = [one.map(drop), other.map(drop), ping.map(drop)].map(|waited| waited.unwrap_err().kind());
    assert_eq!(kinds, [ErrorKind::TimedOut; 3]);
    assert!((patience()..patience() * 2).contains(&began.elapsed()), "{:?}", began.elapsed());
    Ok(())
}

/// Whoever waits at the device end does what is due at the host end, also what became due after the wait had begun and
/// sends nothing yet: half a datagram is given up after 30 s.
#[tuntap_test(mock)]
#[tokio::test(start_paused = true)]
async fn a_verb_that_waits_drives_the_host(tun: Tun) {
    let (device, began) = (tun.as_async(), tokio::time::Instant::now());
    let half = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        device.send(Ipv4::new().more_fragments(true) / Udp::new().dport(53) / [0; 16]);
    };
    let (told, ()) = tokio::join!(
        device.sniff(Icmpv4::new().icmp_type(11).code(1), Sniff::count(1).at_most(Duration::from_secs(60))),
        half
    );
    assert_eq!((told.len(), began.elapsed().as_secs()), (1, 31));
}

/// The verbs that block, on a thread of tokio's for such, and the sockets of tasks.
#[tuntap_test]
#[tokio::test]
async fn verbs_that_block_and_sockets_that_do_not(tun: Tun, host: Host) -> io::Result<()> {
    let socket = host.as_async().udp_bind((tun.host_v4(), 53))?;
    let device = tokio::task::spawn_blocking(move || {
        for number in 0..50_u8 {
            tun.send(Udp::new().sport(9).dport(53) / [number]);
            tun.expect(Udp::new().sport(53).dport(9) / [number]);
        }
    });
    for _ in 0..50 {
        let mut buffer = [0; 9];
        let (length, from) = socket.recv_from(&mut buffer).await?;
        socket.send_to(&buffer[..length], from).await?;
    }
    device.await.unwrap();
    Ok(())
}

/// A blocking socket's view is the same socket.
#[tuntap_test]
#[tokio::test]
async fn a_socket_that_blocks_has_a_twin(tun: Tun, host: Host) -> io::Result<()> {
    let socket = host.udp_bind((tun.host_v4(), 53))?;
    let (one, other) = (socket.as_async(), socket.as_async());
    let device = tun.as_async();
    for _ in 0..2 {
        device.send(Udp::new().sport(9).dport(53) / b"x");
    }
    let (mut here, mut there) = ([0; 9], [0; 9]);
    let (one, other) = tokio::join!(one.recv(&mut here), other.recv(&mut there));
    assert_eq!((one?, other?), (1, 1));
    Ok(())
}

/// What has no time to wait sends nothing; what has no room reads nothing, at once.
#[tuntap_test]
#[tokio::test]
async fn no_time_and_no_room(tun: Tun, host: Host) -> io::Result<()> {
    let host = host.as_async();
    let nothing = host.tcp_connect_timeout((tun.peer_v4(), 80), Deadline::Now).await.unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    assert!(tun.try_receive(Deadline::Now).is_err(), "no SYN was sent");
    let listener = host.tcp_listen((tun.host_v4(), 80))?;
    let mut flow = tun.tcp_flow(40_000, 80);
    tun.send(flow.syn());
    tun.as_async().expect(flow.reply().syn_ack()).await;
    tun.send(flow.ack());
    let (stream, _) = listener.accept().await?;
    assert_eq!((stream.read(&mut []).await?, stream.peek(&mut []).await?), (0, 0));
    Ok(())
}
