//! What the kernel counts in a network namespace: packets in and out, errors, resets, cookies, drops.
//!
//! Layer: inside `kernel`; plain text in, plain values out. Names are those that `nstat` of iproute2 prints and
//! Documentation/networking/snmp_counter.rst explains: the line's first word in front of the column's.
//!
//! ```text
//!  /proc/thread-self/net/snmp, netstat: a line of names, a line of values     snmp6: one name and value a line
//!  Tcp: RtoAlgorithm RtoMin RtoMax MaxConn … OutRsts InCsumErrors             Ip6InReceives                  3
//!  Tcp: 1            200    120000 -1      … 1       0                        Icmp6InMsgs                    0
//!       └─ TcpRtoAlgorithm 1, TcpRtoMin 200, …, TcpOutRsts 1
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;

/// The calling thread's view; `/proc/net` would be that of the process's first thread.
const TABLES: &str = "/proc/thread-self/net";

/// The counters of a network namespace at one moment.
///
/// ```no_run
/// use tuntap_test::kernel::Counters;
///
/// let before = Counters::read()?;
/// // … a SYN to a closed port …
/// let changes = Counters::read()?.since(&before);
/// assert_eq!(changes.of("TcpOutRsts"), 1);
/// println!("{changes}"); // IpInDelivers +1  IpInReceives +1  …  TcpOutRsts +1  TcpOutSegs +1
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    values: BTreeMap<String, u64>,
}

impl Counters {
    /// Reads those of the calling thread's namespace. The three files are read one after the other, so what happens
    /// meanwhile may be in one of them only.
    ///
    /// # Errors
    /// `NotFound` where /proc is not mounted; `InvalidData`, with the file and the line, for what this cannot read.
    pub fn read() -> io::Result<Self> {
        let mut values = BTreeMap::new();
        for (name, read) in [("snmp", pairs as Reader), ("netstat", pairs), ("snmp6", lines)] {
            let path = format!("{TABLES}/{name}");
            let text = match fs::read_to_string(&path) {
                Ok(text) => text,
                // A kernel without IPv6, or without these extensions (gVisor's).
                Err(error) if error.kind() == io::ErrorKind::NotFound && name != "snmp" => continue,
                Err(error) => return Err(error),
            };
            read(&text, &mut values)
                .map_err(|mistake| io::Error::new(io::ErrorKind::InvalidData, format!("{path}, {mistake}")))?;
        }
        Ok(Self { values })
    }

    /// A counter by the name that `nstat` shows, whole: `TcpOutRsts`, `TcpExtListenDrops`, `Icmp6InMsgs`. `None` for
    /// one that this kernel does not have.
    ///
    /// `TcpMaxConn`, which is −1 for "no fixed limit" (RFC 4022), counts nothing and is not there.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u64> {
        self.values.get(name).copied()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.values.iter().map(|(name, &value)| (name.as_str(), value))
    }

    /// How much each counter grew since an earlier moment in the same namespace.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> CounterChanges {
        // One that exists since something was counted (`IcmpMsgInType8`) was 0 before.
        let change = |name: &str, value: u64| value.wrapping_sub(earlier.get(name).unwrap_or(0)).cast_signed();
        let changes = self.values.iter().map(|(name, &value)| (name.clone(), change(name, value))).collect();
        CounterChanges { changes }
    }
}

/// By how much counters changed between two moments.
///
/// Displays what changed, by name: `IpInDelivers +2  TcpOutRsts +1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterChanges {
    /// With those that did not change, so that a name that does not exist can be told from one.
    changes: BTreeMap<String, i64>,
}

impl CounterChanges {
    /// By how much a counter changed; 0 if it did not. What is no count but a level, such as `TcpCurrEstab`, may have
    /// fallen.
    ///
    /// The name is the whole one, as in [`Counters::get`]: `TcpExtListenDrops` and not `ListenDrops`.
    ///
    /// # Panics
    /// When the kernel has no counter of that name: a misspelt one would seem never to change. The message shows the
    /// names that end so.
    #[must_use]
    #[track_caller]
    pub fn of(&self, name: &str) -> i64 {
        match self.get(name) {
            Some(change) => change,
            None => panic!("the kernel has no counter `{name}`{}", self.hint(name)),
        }
    }

    /// As [`of`](Self::of); `None` when the kernel has no counter of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<i64> {
        // The kernel lists messages of one ICMP type only once there were some.
        self.changes.get(name).copied().or_else(|| is_icmp_type(name).then_some(0))
    }

    /// What changed, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.changes.iter().map(|(name, &change)| (name.as_str(), change)).filter(|&(_, change)| change != 0)
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The same without what was counted for something else: `counts` once for each of `times`, such as the harness's
    /// own [fences](super::Fence::counts). Counters that this kernel lacks are passed over.
    #[must_use]
    pub fn without(mut self, counts: &[(&str, u64)], times: u64) -> Self {
        for (name, count) in counts {
            if let Some(change) = self.changes.get_mut(*name) {
                *change = change.wrapping_sub_unsigned(count.wrapping_mul(times));
            }
        }
        self
    }

    fn hint(&self, name: &str) -> String {
        let lower = name.to_lowercase();
        let close: Vec<_> = self
            .changes
            .keys()
            .filter(|known| !lower.is_empty() && known.to_lowercase().ends_with(&lower))
            .map(|known| format!("`{known}`"))
            .collect();
        if close.is_empty() { String::new() } else { format!("; it has {}", close.join(", ")) }
    }
}

/// `IcmpMsgInType8`, `Icmp6OutType129`.
fn is_icmp_type(name: &str) -> bool {
    ["IcmpMsgInType", "IcmpMsgOutType", "Icmp6InType", "Icmp6OutType"]
        .iter()
        .filter_map(|prefix| name.strip_prefix(prefix))
        .any(|number| number.parse::<u8>().is_ok_and(|parsed| parsed.to_string() == number))
}

impl fmt::Display for CounterChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for (name, change) in self.iter() {
            write!(f, "{between}{name} {change:+}")?;
            between = "  ";
        }
        if between.is_empty() { f.write_str("no counter changed") } else { Ok(()) }
    }
}

/// Reads one file's text into the map.
type Reader = fn(&str, &mut BTreeMap<String, u64>) -> Result<(), Mistake>;

/// Why a file cannot be read.
#[derive(Debug, PartialEq, Eq)]
struct Mistake {
    /// The line, counted from 1.
    line: usize,
    what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// `snmp` and `netstat`: each line of names has its line of values below, with the same first word.
fn pairs(text: &str, values: &mut BTreeMap<String, u64>) -> Result<(), Mistake> {
    let mut lines = text.lines().enumerate();
    while let Some((above, names)) = lines.next() {
        let Some((group, names)) = names.split_once(':') else {
            return Err(Mistake { line: above + 1, what: format!("no group of counters: `{names}`") });
        };
        let line = above + 2;
        let Some(numbers) = lines.next().and_then(|(_, below)| below.strip_prefix(group)?.strip_prefix(':')) else {
            return Err(Mistake { line, what: format!("no values of `{group}`") });
        };
        let mut numbers = numbers.split_ascii_whitespace();
        for name in names.split_ascii_whitespace() {
            let number = numbers.next().unwrap_or_default();
            insert(values, line, format!("{group}{name}"), number)?;
        }
        if numbers.next().is_some() {
            return Err(Mistake { line, what: format!("more values of `{group}` than names") });
        }
    }
    Ok(())
}

/// `snmp6`: a name and a value a line.
fn lines(text: &str, values: &mut BTreeMap<String, u64>) -> Result<(), Mistake> {
    for (index, line) in text.lines().enumerate() {
        let (name, number) = line.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((line, ""));
        insert(values, index + 1, name.to_owned(), number.trim_ascii())?;
    }
    Ok(())
}

/// A negative number is a limit and no count (`TcpMaxConn`), and is left out.
fn insert(values: &mut BTreeMap<String, u64>, line: usize, name: String, number: &str) -> Result<(), Mistake> {
    match number.parse() {
        Ok(value) => drop(values.insert(name, value)),
        Err(_) if number.parse::<i64>().is_ok() => {}
        Err(_) => return Err(Mistake { line, what: format!("the value of `{name}` is no number: `{number}`") }),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Cut from what Linux 6.18 writes.
    const SNMP: &str = "\
Ip: Forwarding DefaultTTL InReceives InDelivers
Ip: 2 64 3 3
IcmpMsg: InType8 OutType0
IcmpMsg: 1 1
Tcp: RtoAlgorithm RtoMin RtoMax MaxConn CurrEstab OutRsts
Tcp: 1 200 120000 -1 4 0
";
    const SNMP6: &str = "Ip6InReceives                   \t3\nIcmp6InMsgs                     \t0\n";

    fn counters(texts: &[(Reader, &str)]) -> Counters {
        let mut values = BTreeMap::new();
        for (read, text) in texts {
            read(text, &mut values).unwrap();
        }
        Counters { values }
    }

    fn snmp(text: &str) -> Counters {
        counters(&[(pairs, text)])
    }

    #[test]
    fn names_are_those_that_nstat_shows() {
        let counters = counters(&[(pairs, SNMP), (lines, SNMP6)]);
        let names: Vec<&str> = counters.iter().map(|(name, _)| name).collect();
        assert_eq!(
            names.join(" "),
            "Icmp6InMsgs IcmpMsgInType8 IcmpMsgOutType0 Ip6InReceives IpDefaultTTL IpForwarding IpInDelivers \
             IpInReceives TcpCurrEstab TcpOutRsts TcpRtoAlgorithm TcpRtoMax TcpRtoMin"
        );
        assert_eq!(counters.get("Ip6InReceives"), Some(3));
        assert_eq!(counters.get("InReceives"), None, "the whole name only");
    }

    #[test]
    fn a_negative_value_counts_nothing() {
        assert_eq!(snmp(SNMP).get("TcpMaxConn"), None);
    }

    #[test]
    fn changes_show_what_grew_and_what_fell() {
        let later = SNMP.replace("2 64 3 3", "2 64 5 4").replace("-1 4 0", "-1 3 1");
        let changes = snmp(&later).since(&snmp(SNMP));
        assert_eq!(changes.to_string(), "IpInDelivers +1  IpInReceives +2  TcpCurrEstab -1  TcpOutRsts +1");
        assert_eq!((changes.of("TcpOutRsts"), changes.of("IpForwarding")), (1, 0));
        assert_eq!(changes.get("TcpOutRst"), None);
        assert!(!changes.is_empty());
        assert_eq!(snmp(SNMP).since(&snmp(SNMP)).to_string(), "no counter changed");
        assert!(snmp(SNMP).since(&snmp(SNMP)).is_empty());
    }

    #[test]
    fn a_counter_that_wrapped_around_grew() {
        let at = |value: u64| snmp(&format!("Ip: InOctets\nIp: {value}\n"));
        assert_eq!(at(1).since(&at(u64::MAX)).of("IpInOctets"), 2);
    }

    #[test]
    fn a_message_type_that_never_came_did_not_change_and_a_first_one_did() {
        let none = SNMP.replace("IcmpMsg: InType8 OutType0\nIcmpMsg: 1 1\n", "");
        let changes = snmp(SNMP).since(&snmp(&none));
        assert_eq!(changes.of("IcmpMsgInType8"), 1);
        assert_eq!(changes.of("IcmpMsgOutType3"), 0);
        assert_eq!(changes.of("Icmp6OutType255"), 0);
        for no_type in ["IcmpMsgInType256", "IcmpMsgInType+8", "IcmpMsgInType08", "IcmpMsgInType", "Icmp6Type1"] {
            assert_eq!(changes.get(no_type), None, "{no_type}");
        }
    }

    #[test]
    #[should_panic(expected = "the kernel has no counter `outrsts`; it has `TcpOutRsts`")]
    fn a_name_that_does_not_exist_fails_and_shows_those_that_end_so() {
        let _ = snmp(SNMP).since(&snmp(SNMP)).of("outrsts");
    }

    #[test]
    fn what_the_harness_itself_caused_can_be_taken_out() {
        let later = SNMP.replace("2 64 3 3", "2 64 9 8");
        let changes = snmp(&later).since(&snmp(SNMP));
        let left = changes.without(&[("IpInReceives", 2), ("IpInDelivers", 1), ("NotOnThisKernel", 1)], 3);
        assert_eq!(left.to_string(), "IpInDelivers +2");
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        let error = |read: Reader, text: &str| read(text, &mut BTreeMap::new()).unwrap_err().to_string();
        assert_eq!(error(pairs, "Ip InReceives"), "line 1: no group of counters: `Ip InReceives`");
        assert_eq!(error(pairs, "Ip: A\nIp: 1\nTcp: A\n"), "line 4: no values of `Tcp`");
        assert_eq!(error(pairs, "Ip: A\nIpExt: 1\n"), "line 2: no values of `Ip`");
        assert_eq!(error(pairs, "Ip: A B\nIp: 1\n"), "line 2: the value of `IpB` is no number: ``");
        assert_eq!(error(pairs, "Ip: A\nIp: 1 2\n"), "line 2: more values of `Ip` than names");
        assert_eq!(error(lines, "A\t1\nB\n"), "line 2: the value of `B` is no number: ``");
        assert_eq!(
            error(lines, "A\t18446744073709551616"),
            "line 1: the value of `A` is no number: `18446744073709551616`"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "(\\PC|\n|:){0,200}") {
            let _ = pairs(&text, &mut BTreeMap::new());
            let _ = lines(&text, &mut BTreeMap::new());
        }

        #[test]
        fn a_damaged_table_is_read_without_panic(at in 0..SNMP.len(), put in any::<char>()) {
            let mut text: Vec<char> = SNMP.chars().collect();
            text[at] = put;
            let text: String = text.into_iter().collect();
            let _ = pairs(&text, &mut BTreeMap::new());
            let _ = lines(&text, &mut BTreeMap::new());
        }
    }
}
