use tuntap_test::prelude::*;

/// Made from `retransmission.pcapng` by `tuntap_test::capture::to_test`. The test plays 192.0.2.2;
/// what 192.0.2.1 sent is expected.
#[tuntap_test(kernel)]
fn retransmission(tun: Tun) {
    super::host::serve(&tun);
    let mut tcp = tun.tcp_flow(40000, 80).window(64240).mss(1400);
    tun.send(tcp.syn());
    tun.expect(tcp.reply().syn_ack().with(Tcp::new().mss(1460)));
    tun.send(tcp.ack());
    tun.send(tcp.data(b"hello"));
    tun.expect(tcp.reply().data(b""));
    tun.expect(tcp.reply().data(b"world"));
    // It comes again.
    // 0.201 s after the frame before.
    tun.expect(
        tcp.reply()
            .data(b"world")
            .seq_rel(1)
            .within(Duration::from_millis(410)),
    );
    tun.send(tcp.ack());
    // Not the next number: sent before.
    let segment = tcp.segment(
        Tcp::new()
            .seq(tcp.peer_sequence(4))
            .flags(TcpFlags::PSH | TcpFlags::ACK)
            / b"lo",
    );
    tun.send(segment);
    tun.expect(tcp.reply().data(b""));
    // Not the next number: ahead of it.
    let segment = tcp.segment(
        Tcp::new()
            .seq(tcp.peer_sequence(8))
            .flags(TcpFlags::PSH | TcpFlags::ACK)
            / b"cd",
    );
    tun.send(segment);
    tun.expect(tcp.reply().data(b""));
    let segment = tcp.segment(Tcp::new().flags(TcpFlags::ACK) / b"ab");
    tun.send(segment);
    tun.expect(tcp.reply().data(b""));
    tun.send(tcp.rst());
    tun.expect_nothing_else();
}
