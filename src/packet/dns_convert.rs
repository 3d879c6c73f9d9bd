//! Records and messages of simple-dns, as parts of a template: for the types that have no constructor here.

use simple_dns::{Packet, ResourceRecord, SimpleDnsError};

use super::dns::Dns;
use super::dns_record::DnsRecord;
use super::dns_sections::{Section, entries};

/// A record that simple-dns made, of any of its types. Its names match in either case where the type is one of those
/// that [`DnsRecord`] has a constructor for; the data of others matches as it stands.
///
/// # Errors
/// What simple-dns cannot write.
///
/// ```
/// use simple_dns::rdata::{CAA, RData};
/// use simple_dns::{CLASS, Name, ResourceRecord};
/// use tuntap_test::packet::{Dns, DnsRecord};
///
/// let authority = CAA { flag: 0, tag: "issue".try_into()?, value: b"ca.example.test".into() };
/// let record = ResourceRecord::new(Name::new("example.test")?, CLASS::IN, 300, RData::CAA(authority));
/// let reply = Dns::response().answer(DnsRecord::try_from(&record)?);
/// # let _ = reply;
/// # Ok::<(), simple_dns::SimpleDnsError>(())
/// ```
impl TryFrom<&ResourceRecord<'_>> for DnsRecord {
    type Error = SimpleDnsError;

    fn try_from(record: &ResourceRecord<'_>) -> Result<Self, SimpleDnsError> {
        let mut message = Packet::new_reply(0);
        message.answers.push(record.clone());
        let octets = message.build_bytes_vec()?;
        let answer = Section::Answers.range(&octets).and_then(|range| entries(&octets, range).next());
        answer.and_then(|entry| Self::read(&octets, &entry)).ok_or(SimpleDnsError::InvalidDnsPacket)
    }
}

/// A whole message that simple-dns made: header, question and records.
///
/// # Errors
/// What simple-dns cannot write.
impl TryFrom<&Packet<'_>> for Dns {
    type Error = SimpleDnsError;

    fn try_from(message: &Packet<'_>) -> Result<Self, SimpleDnsError> {
        Self::read(&message.build_bytes_vec()?).ok_or(SimpleDnsError::InvalidDnsPacket)
    }
}
