use tuntap_test::prelude::*;

const PAYLOAD: &[u8] = b"GET /index.html HTTP/1.0\r\n\
    Host: example.test\r\n\
    \r\n";
const PAYLOAD_2: &[u8] = b"HTTP/1.0 404 Not Found\r\n\
    Content-Length: 0\r\n\
    \r\n";

/// Made from `tcp_client.pcapng` by `tuntap_test::capture::to_test`. The test plays 192.0.2.2; what
/// 192.0.2.1 sent is expected.
#[tuntap_test(kernel)]
fn tcp_client(tun: Tun) {
    super::host::fetch(&tun);
    let syn = tun.expect(
        Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Tcp::new()
                .dport(80)
                .flags(TcpFlags::SYN & !TcpFlags::ACK)
                .mss(1460),
    );
    let mut tcp = TcpFlow::opened_by(syn.as_ref()).unwrap().mss(1460);
    tun.send(tcp.syn_ack());
    tun.expect(tcp.reply().data(b""));
    tun.expect(tcp.reply().data(PAYLOAD));
    tun.expect(tcp.reply().fin());
    tun.send(tcp.ack());
    tun.send(tcp.data(PAYLOAD_2));
    tun.expect(tcp.reply().data(b""));
    tun.send(tcp.fin());
    tun.expect(tcp.reply().data(b""));
    tun.expect_nothing_else();
}
