//! DNS messages in UDP (RFC 1035 section 4), with those of multicast DNS and LLMNR.
//!
//! ```text
//!   0    2                   4         6         8         10        12
//!  +----+-------------------+---------+---------+---------+---------+-----------+---------+- - -
//!  | id |qr opcode aa tc rd | qdcount | ancount | nscount | arcount | questions | answers |
//!  |    |ra z ad cd rcode   |         |         |         |         |           |         |
//!  +----+-------------------+---------+---------+---------+---------+-----------+---------+- - -
//! ```
//!
//! Between the ports 53, 5353 and 5355 a message is taken apart where its header can be one and all of its names and
//! records can be read; else it stays a payload. DNS over TCP, where two octets of length come first, stays one, too.
//! Reading follows compression; building writes none.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::sync::Arc;

use super::build::Completing;
use super::dissect::{Dissected, Dissection, LengthError, Next};
use super::dns_name::{DomainName, Presented};
use super::dns_record::DnsRecord;
use super::dns_sections::{self as sections, HEADER, Section};
use super::dns_type::{NAMES, RecordType};
use super::field::{Constraint, IntoField, Octets, Value};
use super::layer::{At, Behaviour, LayerKind, Show, bits, layer, octets, option, parts};
use super::parts::Parts;
use super::verify::Defect;
use super::view::View;
use crate::device::FrameRef;

const BEHAVIOUR: Behaviour = Behaviour { fixed: |_| HEADER, align: 1, dissect, complete, verify, summary };

layer! {
    /// A DNS message in UDP (RFC 1035 section 4). Alone it is sent over UDP and IPv4 to or from port 53.
    ///
    /// Recursion is desired unless [`rd`](Self::rd) says otherwise; the four counts are computed unless set. A record
    /// that a template gives must be in its section, beside any others; `ancount` says how many there are.
    ///
    /// ```
    /// use tuntap_test::device::{FrameRef, Mode};
    /// use tuntap_test::packet::{Dns, IntoPacket, RecordType, Udp};
    ///
    /// let query = Dns::query("www.example.test", RecordType::A).id(0x1234);
    /// let reply = Dns::response_to(&query).a("www.example.test", 300, [192, 0, 2, 7]);
    ///
    /// let octets = (Udp::new().sport(53).dport(53_000) / reply).build()?;
    /// let frame = FrameRef::new(Mode::Tun, &octets);
    /// assert_eq!(
    ///     frame.summary().to_string(),
    ///     "192.0.2.2:53 > 192.0.2.1:53000 DNS response 0x1234 A www.example.test: 192.0.2.7"
    /// );
    /// let wanted = Udp::new().sport(53) / Dns::new().question("WWW.example.test").a("www.example.test", 1.., [192, 0, 2, 7]);
    /// assert!(wanted.matches(frame));
    /// assert!(!Dns::response().nxdomain().into_packet().matches(frame));
    /// # Ok::<(), tuntap_test::packet::BuildError>(())
    /// ```
    ///
    /// simple-dns takes the octets of a message that was received, for what no template says:
    ///
    /// ```
    /// use tuntap_test::device::{FrameRef, Mode};
    /// use tuntap_test::packet::{Dissection, Dns, IntoPacket, LayerKind, RecordType};
    ///
    /// let octets = Dns::query("example.test", RecordType::MX).into_packet().build()?;
    /// let frame = Dissection::new(FrameRef::new(Mode::Tun, &octets));
    /// let message = simple_dns::Packet::parse(frame.header(LayerKind::Dns).unwrap()).unwrap();
    /// assert_eq!(message.questions[0].qname.to_string(), "example.test");
    /// # Ok::<(), tuntap_test::packet::BuildError>(())
    /// ```
    Dns, DNS = Dns "DNS", BEHAVIOUR;
    /// Identifier: a response has its query's.
    id: u16 = bits(0, 16).show(Show::Hex(4));
    /// Response.
    qr: bool = bits(16, 1).show(Show::Bool);
    /// Kind of query, 4 bits (IANA "DNS OpCodes").
    opcode: u8 = bits(17, 4).show(Show::Named(OPCODES));
    /// Authoritative answer.
    aa: bool = bits(21, 1).show(Show::Bool);
    /// Truncated.
    tc: bool = bits(22, 1).show(Show::Bool);
    /// Recursion desired: so it is unless set.
    rd: bool = bits(23, 1).default(1).show(Show::Bool);
    /// Recursion available.
    ra: bool = bits(24, 1).show(Show::Bool);
    /// Reserved, 0.
    z: bool = bits(25, 1).show(Show::Bool);
    /// Authentic data (RFC 4035 section 3.2.3).
    ad: bool = bits(26, 1).show(Show::Bool);
    /// Checking disabled (RFC 4035 section 3.2.2).
    cd: bool = bits(27, 1).show(Show::Bool);
    /// Response code, 4 bits (IANA "DNS RCODEs").
    rcode: u8 = bits(28, 4).show(Show::Named(RCODES));
    /// Number of questions.
    qdcount: u16 = bits(32, 16).computed();
    /// Number of answers.
    ancount: u16 = bits(48, 16).computed();
    /// Number of records in the authority section.
    nscount: u16 = bits(64, 16).computed();
    /// Number of records in the additional section.
    arcount: u16 = bits(80, 16).computed();
    /// The first question's name. Building asks it for type A and class 1 unless they are set.
    question: DomainName = octets(sections::question_name, written).show(Show::Name);
    /// The first question's type.
    question_type: RecordType = option(sections::question_type, completed).show(Show::Named(NAMES));
    /// The first question's class: 1 is the Internet; multicast DNS asks for a unicast response with 0x8001 (RFC 6762
    /// section 5.4).
    question_class: u16 = option(sections::question_class, completed);
    /// All answers that a template names: a record, or several. To add one see [`answer`](Self::answer).
    answers: DnsRecord = parts(|message| Section::Answers.range(message), written, show);
    /// The same of the authority section.
    authorities: DnsRecord = parts(|message| Section::Authorities.range(message), written, show);
    /// The same of the additional section.
    additionals: DnsRecord = parts(|message| Section::Additionals.range(message), written, show);
    /// Everything behind the header, as it stands: several questions, compressed or malformed names. Set in what is
    /// built, it takes the place of question and records, and the counts are 0 unless set.
    sections: Octets = octets(behind_header, append);
}

const OPCODES: &[(u128, &str)] =
    &[(0, "query"), (1, "inverse query"), (2, "status"), (4, "notify"), (5, "update"), (6, "stateful operations")];

const RCODES: &[(u128, &str)] = &[
    (0, "NOERROR"),
    (1, "FORMERR"),
    (2, "SERVFAIL"),
    (3, "NXDOMAIN"),
    (4, "NOTIMP"),
    (5, "REFUSED"),
    (6, "YXDOMAIN"),
    (7, "YXRRSET"),
    (8, "NXRRSET"),
    (9, "NOTAUTH"),
    (10, "NOTZONE"),
];

/// Where records of each section are in a template.
const RECORDS: [(&str, &str); 3] = [("answers", "ancount"), ("authorities", "nscount"), ("additionals", "arcount")];

/// The fields that a response has from its query.
const COPIED: [&str; 6] = ["id", "opcode", "rd", "question", "question_type", "question_class"];

impl Dns {
    /// A query for the records of that type of a name.
    pub fn query(name: impl IntoField<DomainName>, record_type: impl IntoField<RecordType>) -> Self {
        Self::new().qr(false).opcode(0).question(name).question_type(record_type)
    }

    /// A response, whatever it is.
    pub fn response() -> Self {
        Self::new().qr(true)
    }

    /// The response to a query without records: with its identifier and its question.
    pub fn response_to(query: &Self) -> Self {
        COPIED.into_iter().fold(Self::response(), |response, field| match query.0.get(field) {
            Some(constraint) => Self(response.0.with(field, constraint.clone())),
            None => response,
        })
    }

    /// The same to the query in a frame; `None` where there is none.
    #[must_use]
    pub fn response_to_frame(query: FrameRef<'_>) -> Option<Self> {
        let query = Dissection::new(query).find(LayerKind::Dns).filter(|query| query.number("qr") == 0)?;
        Some(Self::response_to(&Self::read(query.header)?))
    }

    /// The response code 3: there is no such name.
    pub fn nxdomain(self) -> Self {
        self.rcode(3)
    }

    /// Adds a record to the answers.
    pub fn answer(mut self, record: DnsRecord) -> Self {
        self.0.add("answers", Arc::new(record));
        self
    }

    /// Adds a record to the authority section.
    pub fn authority(mut self, record: DnsRecord) -> Self {
        self.0.add("authorities", Arc::new(record));
        self
    }

    /// Adds a record to the additional section.
    pub fn additional(mut self, record: DnsRecord) -> Self {
        self.0.add("additionals", Arc::new(record));
        self
    }

    /// Adds an IPv4 address to the answers; the time to live is in seconds.
    pub fn a(
        self,
        owner: impl IntoField<DomainName>,
        ttl: impl IntoField<u32>,
        address: impl IntoField<Ipv4Addr>,
    ) -> Self {
        self.answer(DnsRecord::a(owner, ttl, address))
    }

    /// Adds an IPv6 address to the answers; the time to live is in seconds.
    pub fn aaaa(
        self,
        owner: impl IntoField<DomainName>,
        ttl: impl IntoField<u32>,
        address: impl IntoField<Ipv6Addr>,
    ) -> Self {
        self.answer(DnsRecord::aaaa(owner, ttl, address))
    }

    /// Adds the canonical name of an alias to the answers; the time to live is in seconds.
    pub fn cname(
        self,
        owner: impl IntoField<DomainName>,
        ttl: impl IntoField<u32>,
        target: impl IntoField<DomainName>,
    ) -> Self {
        self.answer(DnsRecord::cname(owner, ttl, target))
    }

    /// Adds a pointer to another name to the answers; the time to live is in seconds.
    pub fn ptr(
        self,
        owner: impl IntoField<DomainName>,
        ttl: impl IntoField<u32>,
        target: impl IntoField<DomainName>,
    ) -> Self {
        self.answer(DnsRecord::ptr(owner, ttl, target))
    }

    /// Adds text to the answers; the time to live is in seconds.
    pub fn txt(self, owner: impl IntoField<DomainName>, ttl: impl IntoField<u32>, text: impl AsRef<[u8]>) -> Self {
        self.answer(DnsRecord::txt(owner, ttl, text))
    }

    /// The message that these octets are, with names in full; `None` where they are none. What has several questions
    /// has its sections as they stand.
    pub(crate) fn read(message: &[u8]) -> Option<Self> {
        let end = sections::message_end(message).ok()?;
        let several = Section::Questions.count(message) > 1;
        let mut dns = Self::new();
        for (index, info) in DNS.fields.iter().enumerate() {
            let constraint = match (info.at, info.read(message)) {
                (At::Bits { .. }, Some(Value::Bits(bits))) if several || !info.computed => Constraint::Exact(bits),
                (At::Octets { .. }, Some(Value::Octets(_))) if info.name == "sections" => {
                    let Some(octets) = message.get(HEADER..end).filter(|_| several) else { continue };
                    Constraint::Octets(octets.into())
                }
                (At::Find { .. }, Some(Value::Bits(bits))) if !several => Constraint::Exact(bits),
                (At::Octets { .. }, Some(Value::Octets(octets))) if !several => Constraint::Octets(octets.into()),
                (At::Parts { .. }, Some(Value::Parts(found))) if !several => {
                    let records = sections::entries(message, found.start..found.end);
                    let records: Option<Vec<_>> = records.map(|entry| DnsRecord::read(message, &entry)).collect();
                    records?.into_field().constraint
                }
                _ => continue,
            };
            dns.0.set_at(index, constraint);
        }
        Some(dns)
    }
}

fn behind_header(message: &[u8]) -> Option<Range<usize>> {
    (message.len() > HEADER).then_some(HEADER..message.len())
}

fn append(octets: &[u8], header: &mut Vec<u8>) {
    header.extend_from_slice(octets);
}

/// Question and records are written by [`complete`], in the order of the sections.
fn written(_: &[u8], _: &mut Vec<u8>) {}

/// The same.
fn completed(_: u128, _: &mut Vec<u8>) {}

/// The most records that are written for people.
const MOST_RECORDS: usize = 8;

fn show(parts: Parts<'_>, f: &mut dyn fmt::Write) -> fmt::Result {
    let mut more = 0_usize;
    for (number, entry) in sections::entries(parts.message, parts.start..parts.end).enumerate() {
        match DnsRecord::read(parts.message, &entry) {
            _ if number >= MOST_RECORDS => more += 1,
            Some(record) => write!(f, "{}{record}", if number > 0 { ", " } else { "" })?,
            None => f.write_str("unreadable")?,
        }
    }
    if more > 0 { write!(f, " and {more} more") } else { Ok(()) }
}

fn dissect(octets: &[u8]) -> Result<Dissected, LengthError> {
    Ok(Dissected { header: sections::message_end(octets)?, length: None, next: Next::Payload })
}

fn complete(header: &mut Vec<u8>, cx: &Completing<'_>) {
    if cx.is_set("sections") {
        return;
    }
    let exact = |field| cx.layer.get(field).and_then(Constraint::exact);
    let bits = |field| match exact(field) {
        Some(Value::Bits(bits)) => u16::try_from(bits).unwrap_or(u16::MAX),
        _ => 1,
    };
    let asked = ["question", "question_type", "question_class"].into_iter().any(|field| exact(field).is_some());
    if asked {
        match exact("question") {
            Some(Value::Octets(name)) => header.extend_from_slice(name),
            _ => header.push(0),
        }
        header.extend_from_slice(&bits("question_type").to_be_bytes());
        header.extend_from_slice(&bits("question_class").to_be_bytes());
    }
    cx.write(header, "qdcount", u8::from(asked));
    for (field, count) in RECORDS {
        let Some(Constraint::Parts(records)) = cx.layer.get(field) else { continue };
        for record in records.iter().filter_map(|record| record.octets()) {
            header.extend_from_slice(&record);
        }
        cx.write(header, count, records.len());
    }
}

fn verify(_: &View<'_>, _: &mut dyn FnMut(Defect)) {}

fn summary(view: &View<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let message = view.header;
    let is_response = view.number("qr") == 1;
    let kind = match view.number("opcode") {
        0 if is_response => "response",
        0 => "query",
        4 => "notify",
        5 => "update",
        _ => "message",
    };
    write!(f, "DNS {kind} 0x{:04x}", view.number("id"))?;
    match (is_response, view.number("rcode")) {
        (false, _) | (_, 0) => {}
        (_, code) => match RCODES.iter().find(|(number, _)| *number == code) {
            Some((_, name)) => write!(f, " {name}")?,
            None => write!(f, " rcode {code}")?,
        },
    }
    if view.number("tc") == 1 {
        f.write_str(" truncated")?;
    }
    if let Some(name) = sections::question_name(message).and_then(|range| message.get(range)) {
        let kind = RecordType(u16::try_from(view.number("question_type")).unwrap_or(0));
        write!(f, " {kind} {}", Presented(name))?;
    }
    let Some(answers) = Section::Answers.range(message) else { return Ok(()) };
    let mut between = ":";
    for entry in sections::entries(message, answers).take(MOST_RECORDS) {
        f.write_str(between)?;
        between = ",";
        match DnsRecord::read(message, &entry) {
            Some(record) => record.write_answer(f)?,
            None => f.write_str(" unreadable")?,
        }
    }
    match Section::Answers.count(message).saturating_sub(MOST_RECORDS) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}
