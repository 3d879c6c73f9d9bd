//! `sr` and `sr1`: send requests, pair what comes back with what it answers, as Scapy does.

use std::io;
use std::panic::Location;
use std::time::{Duration, Instant};

use super::failure::{Looked, Problem};
use super::report::cut;
use super::unanswered::why_not;
use super::verb::{Need, Until, Verb, is_timeout};
use super::verdict::Excuse;
use super::{Exchange, Failure, Fate, Line};
use crate::device::dispatch::Received;
use crate::device::{Frame, FrameRef, patience, timeout_scale};
use crate::packet::{Dissection, IntoPacket, LayerKind, Packet};

/// The frames told that do not answer a request.
const MOST_TOLD: usize = 4;
/// The longest summary in a headline, in characters.
const LONGEST: usize = 110;

/// What `sr` gives: each request with its answer, and the requests that nothing answered.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Answers {
    /// Request and answer, in the order in which the answers came.
    pub answered: Vec<(Frame, Frame)>,
    /// Requests without an answer, in the order in which they were sent.
    pub unanswered: Vec<Frame>,
}

/// Whether a frame answers a request (Scapy's `answers`): an echo reply its request, an ARP reply or an advertisement
/// the question for its address, a datagram or segment the one that went the other way between the same ports (a DNS
/// response only with the same identifier), an ICMP error the packet that it quotes. Total on any octets.
///
/// ```
/// use tuntap_test::device::{FrameRef, Mode};
/// use tuntap_test::exchange::answers;
/// use tuntap_test::packet::{Icmpv4, IntoPacket, Ipv4};
///
/// let request = Icmpv4::echo_request(7, 1).into_packet().build()?;
/// let reply = Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 2, 2]) / Icmpv4::echo_reply(7, 1);
/// let reply = reply.build()?;
/// assert!(answers(FrameRef::new(Mode::Tun, &reply), FrameRef::new(Mode::Tun, &request)));
/// assert!(!answers(FrameRef::new(Mode::Tun, &request), FrameRef::new(Mode::Tun, &request)));
/// # Ok::<(), tuntap_test::packet::BuildError>(())
/// ```
#[must_use]
pub fn answers(frame: FrameRef<'_>, request: FrameRef<'_>) -> bool {
    answers_dissected(&Dissection::new(frame), &Dissection::new(request))
}

fn answers_dissected(frame: &Dissection<'_>, request: &Dissection<'_>) -> bool {
    quotes(frame, request)
        || answers_arp(frame, request)
        || answers_solicitation(frame, request)
        || answers_between_hosts(frame, request)
}

/// An ICMP error quotes the request: as much of it as it quotes, but for what routers change (TTL, checksum).
pub(super) fn quotes(frame: &Dissection<'_>, request: &Dissection<'_>) -> bool {
    let Some(quoted) = frame.quoted().filter(|_| is_error(frame)) else { return false };
    let Some(sent) = ip_packet(request) else { return false };
    let length = quoted.octets.len().min(sent.len());
    let changes = |at: usize| match sent.first().map(|first| first >> 4) {
        Some(4) => matches!(at, 1 | 8 | 10 | 11),
        _ => matches!(at, 0 | 1 | 7),
    };
    length >= 28 && (0..length).all(|at| changes(at) || quoted.octets.get(at) == sent.get(at))
}

fn is_error(frame: &Dissection<'_>) -> bool {
    matches!(frame.header(LayerKind::Icmpv4), Some([3 | 4 | 5 | 11 | 12, ..]))
        || matches!(frame.header(LayerKind::Icmpv6), Some([0..=127, ..]))
}

/// The request from its IP header on.
fn ip_packet<'a>(frame: &Dissection<'a>) -> Option<&'a [u8]> {
    let ip = frame.find(LayerKind::Ipv4).or_else(|| frame.find(LayerKind::Ipv6))?;
    Some(ip.message())
}

fn answers_arp(frame: &Dissection<'_>, request: &Dissection<'_>) -> bool {
    let (Some(reply), Some(question)) = (frame.header(LayerKind::Arp), request.header(LayerKind::Arp)) else {
        return false;
    };
    let operation = |arp: &[u8]| arp.get(6..8) == Some(&[0, 2]);
    // The sender of the reply is the target of the question, and the other way round.
    operation(reply)
        && question.get(6..8) == Some(&[0, 1])
        && reply.get(14..18) == question.get(24..28)
        && reply.get(24..28) == question.get(14..18)
}

fn answers_solicitation(frame: &Dissection<'_>, request: &Dissection<'_>) -> bool {
    let message = |frame: &Dissection<'_>| frame.find(LayerKind::Icmpv6).map(|view| view.message().to_vec());
    let (Some(reply), Some(question)) = (message(frame), message(request)) else { return false };
    match (reply.first(), question.first()) {
        // An advertisement of the address that was solicited (RFC 4861 sections 4.3, 4.4).
        (Some(136), Some(135)) => reply.get(8..24) == question.get(8..24),
        (Some(134), Some(133)) => true,
        _ => false,
    }
}

fn answers_between_hosts(frame: &Dissection<'_>, request: &Dissection<'_>) -> bool {
    let ends = |frame: &Dissection<'_>| {
        let v4 = frame.header(LayerKind::Ipv4).map(|ip| (ip.get(12..16), ip.get(16..20)));
        v4.or_else(|| frame.header(LayerKind::Ipv6).map(|ip| (ip.get(8..24), ip.get(24..40))))
            .and_then(|(from, to)| Some((from?.to_vec(), to?.to_vec())))
    };
    let (Some((from, to)), Some((asker, asked))) = (ends(frame), ends(request)) else { return false };
    // What was sent to a group or to everybody is answered by anybody.
    let to_many = match asked.as_slice() {
        [255, 255, 255, 255] | [224..=239, _, _, _] => true,
        [0xff, rest @ ..] => rest.len() == 15,
        _ => false,
    };
    if to != asker || !(from == asked || to_many) {
        return false;
    }
    let both = |kind: LayerKind| Some((frame.find(kind)?, request.find(kind)?));
    for kind in [LayerKind::Udp, LayerKind::Tcp] {
        if let Some((reply, question)) = both(kind) {
            let swapped = reply.header.get(..2) == question.header.get(2..4)
                && reply.header.get(2..4) == question.header.get(..2);
            return swapped && (kind == LayerKind::Tcp || same_transaction(reply.content, question));
        }
    }
    for (kind, pairs) in
        [(LayerKind::Icmpv4, &[(0_u8, 8_u8), (14, 13), (18, 17)][..]), (LayerKind::Icmpv6, &[(129, 128)][..])]
    {
        if let Some((reply, question)) = both(kind) {
            let types = reply.header.first().zip(question.header.first());
            return types.is_some_and(|(reply, question)| pairs.contains(&(*reply, *question)))
                && reply.header.get(4..8) == question.header.get(4..8);
        }
    }
    false
}

/// A DNS response has the identifier of its query (RFC 1035 section 4.1.1); other datagrams have none.
fn same_transaction(reply: &[u8], question: crate::packet::View<'_>) -> bool {
    let is_dns = matches!(question.number("dport"), 53 | 5353 | 5355);
    !is_dns || (reply.get(..2) == question.content.get(..2) && reply.get(2).is_some_and(|flags| flags & 0x80 != 0))
}

impl Exchange {
    /// Sends a request and gives the first frame that [`answers`] it. Others wait for later verbs.
    ///
    /// ```
    /// # use tuntap_test::context::{Backend, TestContext};
    /// # use tuntap_test::device::DeviceConfig;
    /// # use tuntap_test::Tun;
    /// use tuntap_test::packet::Icmpv6;
    /// # let mut context = TestContext::new(Backend::Mock, "sr1")?;
    /// # let tun: Tun = context.argument(DeviceConfig::new())?;
    ///
    /// let reply = tun.sr1(Icmpv6::echo_request(7, 1) / b"hello");
    /// assert!(reply.ends_with(b"hello"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the request does not build, or nothing answers in 10 s (times `TUNTAP_TEST_TIMEOUT_SCALE`).
    #[track_caller]
    pub fn sr1(&self, request: impl IntoPacket) -> Frame {
        match self.try_sr1(request) {
            Ok(found) => found,
            Err(failure) => failure.panic(),
        }
    }

    /// As [`sr1`](Self::sr1).
    ///
    /// # Errors
    /// When the request does not build, or nothing answers.
    #[track_caller]
    pub fn try_sr1(&self, request: impl IntoPacket) -> Result<Frame, Failure> {
        self.drive(Pairing::sr1(self, request.into_packet(), Location::caller()))
    }

    /// Sends requests and pairs the frames that come back with those that they answer, one each, until all are
    /// answered or a second (times `TUNTAP_TEST_TIMEOUT_SCALE`) has passed without an answer. Others wait for later
    /// verbs.
    ///
    /// # Panics
    /// When a request does not build, or the device fails. That something is unanswered is for the test to judge.
    #[track_caller]
    pub fn sr<P: IntoPacket>(&self, requests: impl IntoIterator<Item = P>) -> Answers {
        match self.try_sr(requests) {
            Ok(found) => found,
            Err(failure) => failure.panic(),
        }
    }

    /// As [`sr`](Self::sr).
    ///
    /// # Errors
    /// When a request does not build, or the device fails.
    #[track_caller]
    pub fn try_sr<P: IntoPacket>(&self, requests: impl IntoIterator<Item = P>) -> Result<Answers, Failure> {
        let requests = requests.into_iter().map(IntoPacket::into_packet).collect();
        self.drive(Pairing::sr(self, requests, Location::caller()))
    }
}

/// Requests, and what came back so far.
pub(super) struct Pairing<'a, T> {
    exchange: &'a Exchange,
    verb: &'static str,
    line: Line,
    /// How long without an answer ends it.
    quiet: Duration,
    /// What it gives of the answers.
    give: fn(&mut Self, Answers) -> Result<T, Failure>,
    begin: Instant,
    /// When the last answer came.
    last: Instant,
    /// Not sent yet.
    requests: Vec<Packet>,
    /// Sent and not answered.
    open: Vec<Option<Frame>>,
    answered: Vec<(Frame, Received)>,
    others: Vec<Received>,
    /// The others, for a report, once they were put back.
    looked_at: Vec<Looked>,
    over: bool,
}

impl<'a> Pairing<'a, Frame> {
    pub(super) fn sr1(exchange: &'a Exchange, request: Packet, line: Line) -> Self {
        Self::new(exchange, "sr1", vec![request], patience(), line, Self::only)
    }

    /// The answer, of one request.
    fn only(&mut self, mut answers: Answers) -> Result<Frame, Failure> {
        if let Some((_, answer)) = answers.answered.pop() {
            return Ok(answer);
        }
        let request = answers.unanswered.pop();
        let told =
            request.as_ref().map(|frame| cut(&frame.as_ref().summary().to_string(), LONGEST)).unwrap_or_default();
        let headline = match self.looked_at.len() {
            0 => format!("sr1: nothing answers {told}"),
            1 => format!("sr1: the one frame that came does not answer {told}"),
            others => format!("sr1: none of {others} frames answers {told}"),
        };
        let looked_at = std::mem::take(&mut self.looked_at);
        let mut problem = Problem::new(headline, Some(self.line));
        if let Some(request) = &request {
            let others = looked_at.iter().take(MOST_TOLD).map(|looked| {
                let frame = looked.frame.as_ref();
                format!("got   #{} {}: {}", looked.number, frame.summary(), why_not(frame, request.as_ref()))
            });
            problem.details = others.collect();
        }
        if looked_at.len() > MOST_TOLD {
            problem.details.push(format!("… and {} more", looked_at.len() - MOST_TOLD));
        }
        problem.request = request;
        (problem.waited, problem.excuse) = (Some(self.exchange.since(self.begin)), Excuse::Missing { within: None });
        Err(Failure::new(self.exchange, problem.looked_at(looked_at)))
    }
}

impl<'a> Pairing<'a, Answers> {
    pub(super) fn sr(exchange: &'a Exchange, requests: Vec<Packet>, line: Line) -> Self {
        let quiet = Duration::from_secs(1).mul_f64(timeout_scale());
        Self::new(exchange, "sr", requests, quiet, line, |_, answers| Ok(answers))
    }
}

impl<'a, T> Pairing<'a, T> {
    fn new(
        exchange: &'a Exchange,
        verb: &'static str,
        requests: Vec<Packet>,
        quiet: Duration,
        line: Line,
        give: fn(&mut Self, Answers) -> Result<T, Failure>,
    ) -> Self {
        let (begin, over) = (exchange.now(), false);
        let (open, answered, others, looked_at) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self {
            exchange,
            verb,
            line,
            quiet,
            give,
            begin,
            last: begin,
            requests,
            open,
            answered,
            others,
            looked_at,
            over,
        }
    }

    /// Sends what was not sent yet.
    fn send(&mut self) -> Result<(), Failure> {
        if self.requests.is_empty() {
            return Ok(());
        }
        for request in std::mem::take(&mut self.requests) {
            let at = self.exchange.now();
            let sent = self.exchange.build(&request).and_then(|octets| {
                self.exchange.transmit(&octets, self.line)?;
                Ok(octets)
            });
            match sent {
                Ok(octets) => self.open.push(Some(Frame::sent(self.exchange.mode(), octets, at))),
                Err(error) => {
                    let problem = Problem::new(format!("{}: {error}", self.verb), Some(self.line));
                    return Err(Failure::new(self.exchange, problem));
                }
            }
        }
        self.last = self.exchange.now();
        Ok(())
    }

    /// Nothing more is waited for: the others belong to later verbs.
    fn stop(&mut self) {
        self.over = true;
        if self.open.iter().any(Option::is_some) {
            self.looked_at = self.others.iter().cloned().map(Looked::from).collect();
        }
        self.exchange.put_back(std::mem::take(&mut self.others));
    }
}

impl<T> Verb for Pairing<'_, T> {
    type Output = T;

    fn line(&self) -> Option<Line> {
        Some(self.line)
    }

    fn need(&mut self) -> Result<Need, Failure> {
        self.send()?;
        if !self.over && self.open.iter().all(Option::is_none) {
            self.stop();
        }
        Ok(if self.over { Need::Nothing } else { Need::Frame(Until::after(self.last, self.quiet)) })
    }

    fn judge(&mut self, received: Received) -> Result<(), Failure> {
        let frame = Dissection::new(received.frame());
        let answered = self.open.iter_mut().find(|request| {
            let octets = request.as_ref().map(Frame::as_ref);
            octets.is_some_and(|request| answers_dissected(&frame, &Dissection::new(request)))
        });
        match answered.and_then(Option::take) {
            Some(request) => {
                self.last = self.exchange.now();
                self.exchange.event(received.at());
                let fate = Fate::Matched { by: "sr".into(), line: self.line };
                self.exchange.timeline.mark(received.number(), fate);
                self.answered.push((request, received));
            }
            None => self.others.push(received),
        }
        Ok(())
    }

    fn nothing(&mut self, error: io::Error) -> Result<(), Failure> {
        self.stop();
        if is_timeout(&error) {
            return Ok(());
        }
        let problem = Problem::nothing_came(self.verb, Some(self.line), self.exchange.since(self.last), &error);
        Err(Failure::new(self.exchange, problem))
    }

    fn end(&mut self) -> Result<T, Failure> {
        let answered = std::mem::take(&mut self.answered);
        let answers = Answers {
            answered: answered.into_iter().map(|(request, answer)| (request, answer.into_frame())).collect(),
            unanswered: std::mem::take(&mut self.open).into_iter().flatten().collect(),
        };
        (self.give)(self, answers)
    }

    fn abandon(&mut self) -> Vec<Received> {
        self.answered.drain(..).map(|(_, answer)| answer).chain(self.others.drain(..)).collect()
    }
}
