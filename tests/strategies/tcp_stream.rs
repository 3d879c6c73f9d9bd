//! The numbers of a conversation are right: for a model of both ends, and for tshark.

use std::collections::BTreeMap;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::packet::{Dissection, IntoPacket, Ipv4, Packet, Tcp, TcpFlags};
use tuntap_test::strategy::tcp_stream::{Conversation, Side, conversation, conversation_without_loss};

use crate::shrinking::minimal;
use crate::tshark;

/// An end of the connection, as who watches both sees it.
#[derive(Debug, Default)]
struct End {
    /// The number of the next octet that it sends; `None` before its SYN.
    next: Option<u32>,
    sent: Vec<u8>,
    finished: bool,
}

/// Follows a conversation; gives what each side sent, and how often something was sent again.
fn follow(conversation: &Conversation) -> (Vec<u8>, Vec<u8>, usize) {
    let mut ends = BTreeMap::from([(false, End::default()), (true, End::default())]);
    let (mut again, mut reset) = (0, false);
    for segment in &conversation.segments {
        let octets = segment.packet.build().unwrap();
        let frame = FrameRef::new(Mode::Tun, &octets);
        assert!(Dissection::new(frame).is_sound());
        assert!(!reset, "nothing follows a RST");
        let tcp = frame.tcp().unwrap();
        let from_server = segment.from == Side::Server;
        let other = ends[&!from_server].next;
        let end = ends.get_mut(&from_server).unwrap();
        let seq = tcp.sequence_number();
        // All that the other side sent is acknowledged, and nothing that it did not send.
        match other {
            Some(next) => assert!(tcp.ack() && tcp.acknowledgment_number() == next, "{}", frame.summary()),
            None => assert!(tcp.syn() && !tcp.ack() && !from_server),
        }
        let Some(next) = end.next else {
            assert!(tcp.syn() && tcp.payload().is_empty());
            end.next = Some(seq.wrapping_add(1));
            continue;
        };
        assert!(!tcp.syn());
        if segment.again {
            again += 1;
            assert!(!tcp.payload().is_empty() && end.sent.ends_with(tcp.payload()));
            assert_eq!(seq.wrapping_add(u32::try_from(tcp.payload().len()).unwrap()), next);
        } else {
            assert_eq!(seq, next, "{}", frame.summary());
            assert!(tcp.payload().is_empty() && !tcp.fin() || !end.finished);
            end.sent.extend(tcp.payload());
            end.finished |= tcp.fin();
            let octets = u32::try_from(tcp.payload().len()).unwrap() + u32::from(tcp.fin());
            end.next = Some(next.wrapping_add(octets));
        }
        reset |= tcp.rst();
    }
    let [client, server] = [false, true].map(|side| ends.remove(&side).unwrap());
    assert!(reset || client.finished && server.finished);
    (client.sent, server.sent, again)
}

fn some(strategy: impl Strategy<Value = Conversation>, number: usize) -> Vec<Conversation> {
    let mut runner = TestRunner::deterministic();
    (0..number).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

#[test]
fn numbers_are_right() {
    let mut again = 0;
    for conversation in some(conversation(), 500) {
        let (client, server, times) = follow(&conversation);
        assert_eq!((client, server), (conversation.from_client, conversation.from_server));
        again += times;
    }
    assert!(again > 100, "{again}");
    for conversation in some(conversation_without_loss(), 200) {
        assert_eq!(follow(&conversation).2, 0);
    }
}

/// A number that is one off is seen.
#[test]
#[should_panic(expected = "seq")]
fn the_model_sees_a_wrong_number() {
    let conversations = some(conversation_without_loss(), 20);
    let mut wrong = conversations.into_iter().find(|conversation| !conversation.from_client.is_empty()).unwrap();
    let data = |segment: &&mut tuntap_test::strategy::tcp_stream::Segment| {
        segment.from == Side::Client && segment.packet.to_string().contains("payload")
    };
    let segment = wrong.segments.iter_mut().find(data).unwrap();
    segment.packet = segment.packet.clone().with(Tcp::new().seq(7));
    follow(&wrong);
}

fn segment(from: Side, seq: u32, acknowledgement: Option<u32>, flags: TcpFlags) -> Packet {
    let (ip, tcp) = match from {
        Side::Client => (Ipv4::new().src([192, 0, 2, 2]).dst([192, 0, 2, 1]), Tcp::new().sport(50_000).dport(80)),
        Side::Server => (Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 2, 2]), Tcp::new().sport(80).dport(50_000)),
    };
    let tcp = tcp.seq(seq).flags(flags).window(65_535);
    let tcp = if flags.contains(TcpFlags::SYN) { tcp.mss(1460) } else { tcp };
    ip / acknowledgement.into_iter().fold(tcp, Tcp::acknowledgement)
}

#[test]
fn shrinking_ends_in_the_conversation_that_a_person_would_write() {
    use Side::{Client, Server};
    const A: TcpFlags = TcpFlags::ACK;
    let octets = |packets: &[Packet]| packets.iter().map(|packet| packet.build().unwrap()).collect::<Vec<_>>();
    let built = |conversation: Conversation| {
        octets(&conversation.segments.into_iter().map(|segment| segment.packet).collect::<Vec<_>>())
    };
    let opened = [
        segment(Client, 100, None, TcpFlags::SYN),
        segment(Server, 300, Some(101), TcpFlags::SYN | A),
        segment(Client, 101, Some(301), A),
    ];
    let closed = |client| {
        [
            segment(Client, client, Some(301), TcpFlags::FIN | A),
            segment(Server, 301, Some(client + 1), TcpFlags::FIN | A),
            segment(Client, client + 1, Some(302), A),
        ]
    };
    let data = [segment(Client, 101, Some(301), TcpFlags::PSH | A) / b"aaa", segment(Server, 301, Some(104), A)];
    for run in 0..6 {
        let least = minimal(run, &conversation(), |_| true);
        assert_eq!(built(least), octets(&[opened.to_vec(), closed(101).to_vec()].concat()));
        let with_data = minimal(run, &conversation(), |conversation| conversation.from_client.len() >= 3);
        assert_eq!(built(with_data), octets(&[opened.to_vec(), data.to_vec(), closed(104).to_vec()].concat()));
        let again = minimal(run, &conversation(), |conversation| {
            conversation.segments.iter().any(|segment| segment.again && segment.from == Client)
        });
        assert_eq!((again.segments.len(), again.from_client.as_slice()), (3 + 4 + 3, &b"a"[..]));
        let reset = minimal(run, &conversation(), |conversation| {
            conversation.segments.iter().any(|segment| segment.packet.to_string().contains("flags R."))
        });
        assert_eq!(reset.segments.len(), 4);
    }
}

/// What tshark's analysis says of each segment, one line a conversation. A capture has one conversation: its frames come
/// a second after each other.
#[test]
#[ignore = "needs tshark (apt-get install tshark)"]
fn tshark_finds_no_fault_with_them() {
    const RAW: usize = 101;
    let analysed = |conversations: &[Conversation], allowed: &[&str]| {
        let mut found = 0;
        for conversation in conversations {
            let frames: Vec<_> = conversation.segments.iter().map(|segment| segment.packet.build().unwrap()).collect();
            let format = ["-T", "fields", "-o", "tcp.check_checksum:TRUE", "-e", "tcp.checksum.status"];
            let analysis = ["-e", "tcp.analysis.flags", "-e", "_ws.expert.message"];
            let told = tshark::run(RAW, &frames, format.into_iter().chain(analysis));
            assert_eq!(told.lines().count(), frames.len());
            for (line, segment) in told.lines().zip(&conversation.segments) {
                let fields: Vec<_> = line.split('\t').collect();
                assert_eq!(fields[0], "1", "{line}");
                found += usize::from(!fields[1].is_empty());
                let is_allowed = fields[1].is_empty() || allowed.iter().any(|allowed| fields[2].contains(allowed));
                assert!(is_allowed, "{line}\n{}", segment.packet);
            }
        }
        found
    };
    assert_eq!(analysed(&some(conversation_without_loss(), 12), &[]), 0);
    let again = ["retransmission", "Duplicate ACK", "Duplicate to the ACK", "duplicate"];
    assert!(analysed(&some(conversation(), 12), &again) > 0);
}
