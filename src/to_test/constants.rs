//! Octets of a test: short ones where they are used, long ones as constants, text as text.
//!
//! ```text
//!  const PAYLOAD: &[u8] = b"GET / HTTP/1.1\r\n\
//!      Host: example.test\r\n\
//!      \r\n";
//!  const PAYLOAD_2: &[u8] = &[
//!      0x12, 0x34, …                                  16 in a line
//!  ];
//! ```

use std::cell::RefCell;
use std::fmt::Write as _;
use std::net::Ipv6Addr;

use super::name::Names;
use crate::packet::rust;

/// The columns up to which octets stand where they are used.
const SHORT: usize = 40;
/// The columns of one line of a text.
const LINE: usize = 64;
/// The columns between the brackets of an array on one line, as rustfmt has it (`array_width`).
const ARRAY: usize = 60;

/// The constants that a test uses, in the order in which it does.
#[derive(Debug, Default)]
pub(super) struct Constants {
    octets: RefCell<Vec<(String, Vec<u8>)>>,
    /// Arrays: name, type, elements.
    arrays: RefCell<Vec<(String, &'static str, String)>>,
    names: RefCell<Names>,
}

impl Constants {
    /// The octets as an expression: `b"hello"`, or the name of a constant that is called so.
    pub(super) fn octets(&self, octets: &[u8], name: &str) -> String {
        let short = rust::octets(octets);
        if short.len() <= SHORT {
            return short;
        }
        let mut all = self.octets.borrow_mut();
        if let Some((name, _)) = all.iter().find(|(_, known)| known == octets) {
            return name.clone();
        }
        let name = self.names.borrow_mut().unique(name);
        all.push((name.clone(), octets.to_vec()));
        name
    }

    /// The name of the constant where the octets are too long to stand where they are used.
    pub(super) fn long(&self, octets: &[u8], name: &str) -> Option<String> {
        (rust::octets(octets).len() > SHORT).then(|| self.octets(octets, name))
    }

    /// A hardware address as a constant.
    pub(super) fn mac(&self, mac: [u8; 6], name: &str) -> String {
        let elements = mac.map(|octet| format!("{octet:#04x}")).join(", ");
        self.array("[u8; 6]", elements, name)
    }

    /// An IPv6 address as a constant.
    pub(super) fn ipv6(&self, address: Ipv6Addr) -> String {
        let elements = address.segments().map(|segment| format!("{segment:#x}")).join(", ");
        self.array("[u16; 8]", elements, "ADDRESS")
    }

    fn array(&self, of: &'static str, elements: String, name: &str) -> String {
        let mut all = self.arrays.borrow_mut();
        if let Some((name, ..)) = all.iter().find(|(_, _, known)| *known == elements) {
            return name.clone();
        }
        let name = self.names.borrow_mut().unique(name);
        all.push((name.clone(), of, elements));
        name
    }

    /// The constants as items, each on lines of its own.
    pub(super) fn items(&self) -> String {
        let mut text = String::new();
        for (name, of, elements) in &*self.arrays.borrow() {
            let _ = if elements.len() <= ARRAY {
                writeln!(text, "const {name}: {of} = [{elements}];")
            } else {
                writeln!(text, "const {name}: {of} = [\n    {elements},\n];")
            };
        }
        for (name, octets) in &*self.octets.borrow() {
            let value = if is_text(octets) { byte_string(octets) } else { array(octets) };
            let _ = writeln!(text, "const {name}: &[u8] = {value};");
        }
        text
    }
}

/// Nearly all of it is, or words make up a fifth of it, as they do in a DNS message.
fn is_text(octets: &[u8]) -> bool {
    let readable = octets.iter().filter(|octet| matches!(octet, b'\t' | b'\n' | b'\r' | b' '..=b'~')).count();
    let words = octets.split(|octet| !octet.is_ascii_alphanumeric()).map(<[u8]>::len).filter(|length| *length >= 4);
    readable * 8 >= octets.len() * 7 || words.sum::<usize>() * 5 >= octets.len()
}

/// A byte string, with a line for each line of the text.
fn byte_string(octets: &[u8]) -> String {
    let mut lines = vec![String::new()];
    let mut broken = false;
    for octet in octets {
        let is_full = lines.last().is_some_and(|line| line.len() >= LINE);
        if broken || is_full {
            lines.push(String::new());
        }
        let Some(line) = lines.last_mut() else { continue };
        match octet {
            // What stands in front of a line is its indentation.
            b' ' if line.is_empty() && (broken || is_full) => line.push_str("\\x20"),
            _ => {
                let _ = write!(line, "{}", octet.escape_ascii());
            }
        }
        broken = *octet == b'\n';
    }
    format!("b\"{}\"", lines.join("\\\n    "))
}

fn array(octets: &[u8]) -> String {
    let elements: Vec<String> = octets.iter().map(|octet| format!("{octet:#04x}")).collect();
    let line = elements.join(", ");
    if line.len() <= ARRAY {
        return format!("&[{line}]");
    }
    let lines = elements.chunks(16).map(|chunk| format!("    {},\n", chunk.join(", ")));
    format!("&[\n{}]", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::to_test::layout::tests::formatted;

    #[test]
    fn short_octets_stay_where_they_are_and_long_ones_are_named_once() {
        let constants = Constants::default();
        assert_eq!(constants.octets(b"hello", "PAYLOAD"), "b\"hello\"");
        assert_eq!(constants.octets(&[0; 1000], "PAYLOAD"), "[0; 1000]");
        assert_eq!(constants.octets(&[1; 100], "PAYLOAD"), "[0x01; 100]");
        let long: Vec<u8> = (0..=255).collect();
        let names = [&long[..], &long[1..], &long[..]].map(|octets| constants.octets(octets, "PAYLOAD"));
        assert_eq!(names, ["PAYLOAD", "PAYLOAD_2", "PAYLOAD"]);
        assert_eq!(constants.mac([2; 6], "PEER_MAC"), "PEER_MAC");
        assert_eq!(constants.mac([2; 6], "OTHER"), "PEER_MAC");
    }

    #[test]
    fn items_stand_as_rustfmt_has_them() {
        let constants = Constants::default();
        for length in [9_u8, 10, 11, 12, 13, 16, 17, 32, 33, 200] {
            let _ = constants.octets(&(0..length).map(|octet| 255 - octet).collect::<Vec<_>>(), "PAYLOAD");
        }
        let request =
            b"GET / HTTP/1.1\r\nHost: example.test\r\n  folded: a very long line that does not end for a while, \
            and goes on and on, and has a \"quoted\" part\\\r\n\r\n";
        for text in [
            &request[..],
            &[b' '; 70],
            &[b'a'; 15],
            &request[..50],
            &[b'\n'; 41],
            b"abc \n\n x\n   y\n z\n1234567890123456789",
        ] {
            let _ = constants.octets(text, "TEXT");
        }
        let _ = constants.mac([0xfe; 6], "PEER_MAC");
        let _ = constants.ipv6(Ipv6Addr::from_bits(u128::MAX));
        let _ = constants.ipv6(Ipv6Addr::LOCALHOST);
        let items = constants.items();
        assert_eq!(items, formatted(&items));
    }
}
