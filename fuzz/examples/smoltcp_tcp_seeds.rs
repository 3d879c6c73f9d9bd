//! Writes the seeds of the target `smoltcp_tcp` anew: what a peer sends in exchanges with its host.
//!
//!     cargo run --manifest-path fuzz/Cargo.toml --example smoltcp_tcp_seeds

use std::fs;
use std::path::Path;

use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::fuzz::mutate::input::Frames;
use tuntap_test::packet::{IntoPacket, Ipv4, Ipv6, Packet, Tcp};
use tuntap_test_fuzz::Host;

/// One exchange: the host, and what it was sent.
struct Exchange {
    host: Host,
    input: Vec<u8>,
    /// The host's next sequence number towards us, as its last segment told.
    theirs: u32,
}

impl Exchange {
    fn new() -> Self {
        Self { host: Host::with_connection(), input: Vec::new(), theirs: 0 }
    }

    /// Of the connection that the host has. What it will send is what it answers, in another run, to a segment that is
    /// outside its window.
    fn established() -> Self {
        let mut other = Self::new();
        other.send(v4() / to_7(1).ack(1));
        Self { theirs: other.theirs, ..Self::new() }
    }

    fn learn(&mut self, sent: &[Vec<u8>]) {
        for frame in sent {
            if let Ok(tcp) = FrameRef::new(Mode::Tun, frame).tcp() {
                let octets = u32::try_from(tcp.payload().len()).expect("a frame is short");
                let control = u32::from(tcp.syn()) + u32::from(tcp.fin());
                self.theirs = tcp.sequence_number().wrapping_add(octets + control);
            }
        }
    }

    fn send(&mut self, packet: impl IntoPacket) {
        let frame = packet.into_packet().build().expect("a packet");
        Frames::push(&mut self.input, &frame);
        let sent = self.host.receive(&frame);
        for frame in &sent {
            eprintln!("    {}", FrameRef::new(Mode::Tun, frame).summary());
        }
        self.learn(&sent);
    }

    /// Of the connection that the host asks for: a second later it sends its SYN again.
    fn connecting() -> Self {
        let mut other = Self::new();
        other.send_nothing();
        Self { theirs: other.theirs, ..Self::new() }
    }

    /// A second passes.
    fn send_nothing(&mut self) {
        Frames::push(&mut self.input, &[]);
        let sent = self.host.receive(&[]);
        self.learn(&sent);
    }

    /// A segment, acknowledging all that the host sent.
    fn acknowledge(&mut self, segment: Tcp, octets: &[u8]) {
        let segment = segment.ack(self.theirs);
        self.send(v4() / segment / octets);
    }
}

fn v4() -> Ipv4 {
    Ipv4::new().src([192, 0, 2, 2]).dst([192, 0, 2, 1])
}

fn to_80(seq: u32) -> Tcp {
    Tcp::new().sport(40_000).dport(80).window(4096).seq(seq)
}

fn to_7(seq: u32) -> Tcp {
    Tcp::new().sport(50_000).dport(7).window(4096).seq(seq)
}

fn from_4000(seq: u32) -> Tcp {
    Tcp::new().sport(4000).dport(49_152).window(4096).seq(seq)
}

fn packet(packet: impl IntoPacket) -> Packet {
    packet.into_packet()
}

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/corpus/smoltcp_tcp");
    fs::create_dir_all(&folder).expect("the folder of the seeds");
    let write = |name: &str, exchange: Exchange| {
        fs::write(folder.join(name).with_extension("bin"), exchange.input).expect("a seed is written");
    };

    let mut exchange = Exchange::new();
    exchange.send(v4() / to_80(100).syn());
    write("syn", exchange);

    let mut exchange = Exchange::new();
    exchange.send(v4() / to_80(100).syn().mss(1460).window_scale(7).sack_permitted().timestamps(1, 0));
    exchange.acknowledge(to_80(101).timestamps(2, 0), b"");
    write("handshake-with-options", exchange);

    let mut exchange = Exchange::new();
    exchange.send(v4() / to_80(100).syn());
    exchange.acknowledge(to_80(101), b"");
    exchange.acknowledge(to_80(101).psh(), b"hello");
    write("handshake-and-data", exchange);

    let mut exchange = Exchange::established();
    exchange.acknowledge(to_7(1001).psh(), b"echo");
    exchange.acknowledge(to_7(1005), b"");
    exchange.acknowledge(to_7(1005).fin(), b"");
    write("data-and-fin", exchange);

    // The host closes first, and then we do.
    let mut exchange = Exchange::established();
    exchange.acknowledge(to_7(1001).psh(), b"q");
    exchange.acknowledge(to_7(1002), b"");
    exchange.acknowledge(to_7(1002).fin(), b"");
    write("host-closes", exchange);

    // The second of three segments comes last; the first is retransmitted.
    let mut exchange = Exchange::established();
    exchange.acknowledge(to_7(1001), b"abcd");
    exchange.acknowledge(to_7(1009), b"ijkl");
    exchange.acknowledge(to_7(1005), b"efgh");
    exchange.acknowledge(to_7(1001), b"abcd");
    write("out-of-order", exchange);

    // A window of nothing, an update, a keep-alive.
    let mut exchange = Exchange::established();
    exchange.acknowledge(to_7(1001).window(0).psh(), b"echo");
    exchange.send_nothing();
    exchange.acknowledge(to_7(1005), b"");
    exchange.acknowledge(to_7(1004), b"");
    write("zero-window", exchange);

    // What the host connects to answers, and its data is acknowledged.
    let mut exchange = Exchange::connecting();
    exchange.acknowledge(from_4000(500).syn().mss(1460).timestamps(1, 0), b"");
    exchange.acknowledge(from_4000(501), b"response");
    exchange.acknowledge(from_4000(509).fin(), b"");
    write("client", exchange);

    // Nobody listens there: a SYN, and a segment without one.
    let mut exchange = Exchange::new();
    exchange.send(v4() / to_80(100).dport(81).syn());
    exchange.send(v4() / to_80(100).dport(81).ack(7));
    write("closed-port", exchange);

    let mut exchange = Exchange::established();
    exchange.acknowledge(to_7(1001).rst(), b"");
    write("reset", exchange);

    let mut exchange = Exchange::new();
    let six = Ipv6::new().src([0x2001, 0xdb8, 0, 0, 0, 0, 0, 2]).dst([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]);
    exchange.send(packet(six / to_80(100).syn().mss(1220)));
    write("syn-ipv6", exchange);
}
