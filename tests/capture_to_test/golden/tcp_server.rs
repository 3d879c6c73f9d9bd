use tuntap_test::prelude::*;

/// Made from `tcp_server.pcapng` by `tuntap_test::capture::to_test`. The test plays 192.0.2.2; what
/// 192.0.2.1 sent is expected.
#[tuntap_test(kernel)]
fn tcp_server(tun: Tun) {
    super::host::serve(&tun);
    let mut tcp = tun.tcp_flow(40000, 80).window(64240).mss(1400);
    tun.send(tcp.syn());
    tun.expect(tcp.reply().syn_ack().with(Tcp::new().mss(1460)));
    tun.send(tcp.ack());
    tun.send(tcp.data(b"hello"));
    tun.expect(tcp.reply().data(b""));
    tun.expect(tcp.reply().data(b"world"));
    tun.send(tcp.ack());
    tun.send(tcp.rst());
    tun.expect_nothing_else();
}
