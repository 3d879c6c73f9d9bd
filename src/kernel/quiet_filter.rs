//! The classic BPF program that keeps a quiet TAP quiet: it drops the multicast listener reports that the kernel sends
//! for the solicited-node groups of its own addresses, and nothing else.
//!
//! Layer: inside `kernel`; plain data, whoever attaches it (`TUNATTACHFILTER`) turns it into `struct sock_filter`.
//! The program sees a frame from its Ethernet header and returns how many octets of it to keep: all or none.
//!
//! ```text
//!  octet   0        12      14   20     54     55       62       63…  66        68       70
//!          | MACs   | 86dd  | IPv6 0 … | 58   | 0 (8)  | type    …  | …       | records | …
//!
//!  type 131, MLDv1 report (RFC 2710 section 3):    the group at 70, 16 octets
//!  type 143, MLDv2 report (RFC 3810 section 5.2):  the number of records at 68, the first record at 70:
//!          | type 1 | auxiliary words 1 | sources 2 | group 16 | sources … | auxiliary data … |
//! ```
//!
//! The kernel collects changes, so that one report can carry a group that the test joined beside a solicited-node
//! group: such a report is kept. A report is dropped when **all** its records, 1 to 8 of them, are without sources and
//! auxiliary data and name groups in `ff02::1:ff00:0/104` (RFC 4291 section 2.7.1). Whatever is more complicated is
//! kept. A load behind a frame's end would end the program with "drop", so every load comes after a check of the
//! frame's length.

/// One instruction, laid out as `struct sock_filter` (linux/filter.h): operation, jumps if true and if false, operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    /// Operation.
    pub(crate) code: u16,
    /// Instructions to skip when a jump's condition is true.
    pub(crate) jt: u8,
    /// Instructions to skip when it is false.
    pub(crate) jf: u8,
    /// Operand.
    pub(crate) k: u32,
}

/// Operations (linux/bpf_common.h).
mod op {
    pub(super) const LOAD_WORD: u16 = 0x20;
    pub(super) const LOAD_HALF: u16 = 0x28;
    pub(super) const LOAD_OCTET: u16 = 0x30;
    pub(super) const LOAD_LENGTH: u16 = 0x80;
    pub(super) const JUMP_EQUAL: u16 = 0x15;
    pub(super) const JUMP_GREATER: u16 = 0x25;
    pub(super) const JUMP_AT_LEAST: u16 = 0x35;
    pub(super) const JUMP_ANY_BIT: u16 = 0x45;
    pub(super) const RETURN: u16 = 0x06;
}

/// Where things stand in the frame, in octets.
mod field {
    pub(super) const ETHER_TYPE: u32 = 12;
    pub(super) const NEXT_HEADER: u32 = 20;
    /// The hop-by-hop header's next header and length in one.
    pub(super) const HOP_BY_HOP: u32 = 54;
    pub(super) const ICMP_TYPE: u32 = 62;
    pub(super) const RECORDS: u32 = 68;
    pub(super) const BODY: u32 = 70;
    pub(super) const GROUP_OCTETS: u32 = 16;
    /// What stands before the group in a record.
    pub(super) const RECORD_HEADER: u32 = 4;
    pub(super) const RECORD_OCTETS: u32 = RECORD_HEADER + GROUP_OCTETS;
}

/// How many records a dropped report has at most.
const MOST_RECORDS: u32 = 8;
/// Instructions before the records, for the group of an MLDv1 report, for each record, and the two verdicts.
const PREAMBLE: usize = 14;
const GROUP: usize = 8;
const RECORD: usize = 6 + GROUP;
const LENGTH: usize = PREAMBLE + GROUP + RECORD * 8 + 2;
const DROP: usize = LENGTH - 2;
const KEEP: usize = LENGTH - 1;
const NEXT: usize = usize::MAX;

/// The program.
pub(crate) const fn program() -> [Instruction; LENGTH] {
    const PROGRAM: [Instruction; LENGTH] = build();
    PROGRAM
}

/// Writes instructions one after the other; jumps are given as absolute places.
struct Assembler {
    program: [Instruction; LENGTH],
    at: usize,
}

impl Assembler {
    #[expect(clippy::indexing_slicing, reason = "runs at compile time only, where a wrong index is an error")]
    #[expect(clippy::cast_possible_truncation, reason = "asserted just above")]
    const fn put(&mut self, code: u16, k: u32, yes: usize, no: usize) {
        let jt = if yes == NEXT { 0 } else { yes - self.at - 1 };
        let jf = if no == NEXT { 0 } else { no - self.at - 1 };
        assert!(jt <= 255 && jf <= 255, "a jump skips at most 255 instructions");
        self.program[self.at] = Instruction { code, jt: jt as u8, jf: jf as u8, k };
        self.at += 1;
    }

    const fn plain(&mut self, code: u16, k: u32) {
        self.put(code, k, NEXT, NEXT);
    }

    /// Loads, goes on when the value is `k`, keeps the frame otherwise.
    const fn require(&mut self, load: u16, at: u32, k: u32) {
        self.plain(load, at);
        self.put(op::JUMP_EQUAL, k, NEXT, KEEP);
    }

    /// Goes on when the frame has at least that many octets, keeps it otherwise.
    const fn require_octets(&mut self, octets: u32) {
        self.plain(op::LOAD_LENGTH, 0);
        self.put(op::JUMP_AT_LEAST, octets, NEXT, KEEP);
    }

    /// Keeps the frame when the group at `at` is none of `ff02::1:ff00:0/104`; otherwise ends at `yes`.
    const fn solicited_node(&mut self, at: u32, yes: usize) {
        self.require(op::LOAD_WORD, at, 0xff02_0000);
        self.require(op::LOAD_WORD, at + 4, 0);
        self.require(op::LOAD_WORD, at + 8, 1);
        self.plain(op::LOAD_OCTET, at + 12);
        self.put(op::JUMP_EQUAL, 0xff, yes, KEEP);
    }
}

const fn build() -> [Instruction; LENGTH] {
    let nothing = Instruction { code: op::RETURN, jt: 0, jf: 0, k: u32::MAX };
    let mut a = Assembler { program: [nothing; LENGTH], at: 0 };
    a.require_octets(field::BODY + field::GROUP_OCTETS);
    a.require(op::LOAD_HALF, field::ETHER_TYPE, 0x86dd);
    a.require(op::LOAD_OCTET, field::NEXT_HEADER, 0);
    a.require(op::LOAD_HALF, field::HOP_BY_HOP, 0x3a00);
    a.plain(op::LOAD_OCTET, field::ICMP_TYPE);
    a.put(op::JUMP_EQUAL, 131, NEXT, a.at + 1 + GROUP);
    a.solicited_node(field::BODY, DROP);
    a.put(op::JUMP_EQUAL, 143, NEXT, KEEP);
    a.plain(op::LOAD_HALF, field::RECORDS);
    a.put(op::JUMP_EQUAL, 0, KEEP, NEXT);
    a.put(op::JUMP_GREATER, MOST_RECORDS, KEEP, NEXT);
    let mut record = 0;
    while record < MOST_RECORDS {
        let start = field::BODY + record * field::RECORD_OCTETS;
        a.plain(op::LOAD_HALF, field::RECORDS);
        a.put(op::JUMP_GREATER, record, NEXT, DROP);
        a.require_octets(start + field::RECORD_OCTETS);
        a.plain(op::LOAD_WORD, start);
        a.put(op::JUMP_ANY_BIT, 0x00ff_ffff, KEEP, NEXT);
        a.solicited_node(start + field::RECORD_HEADER, NEXT);
        record += 1;
    }
    a.plain(op::RETURN, 0);
    a.plain(op::RETURN, u32::MAX);
    assert!(a.at == LENGTH, "the counts of instructions above are right");
    a.program
}

#[cfg(test)]
mod tests {

    use std::net::Ipv6Addr;

    use proptest::prelude::*;

    use super::*;

    const TARGET: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 1);
    const JOINED: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

    /// What the kernel does with the program: `None` would be an operation it refuses.
    fn interpret(program: &[Instruction], frame: &[u8]) -> Option<u32> {
        let (mut accumulator, mut at) = (0u32, 0usize);
        loop {
            let Instruction { code, jt, jf, k } = *program.get(at)?;
            at += 1;
            let load = |octets: usize| {
                let start = usize::try_from(k).ok()?;
                let field = frame.get(start..start.checked_add(octets)?)?;
                Some(field.iter().fold(0, |value, &octet| value << 8 | u32::from(octet)))
            };
            let width = match code {
                op::LOAD_WORD => 4,
                op::LOAD_HALF => 2,
                op::LOAD_OCTET => 1,
                _ => 0,
            };
            if width > 0 {
                // A load behind the end of the frame ends the program with 0.
                let Some(value) = load(width) else { return Some(0) };
                accumulator = value;
                continue;
            }
            let truth = match code {
                op::LOAD_LENGTH => {
                    accumulator = u32::try_from(frame.len()).ok()?;
                    continue;
                }
                op::RETURN => return Some(k),
                op::JUMP_EQUAL => accumulator == k,
                op::JUMP_GREATER => accumulator > k,
                op::JUMP_AT_LEAST => accumulator >= k,
                op::JUMP_ANY_BIT => accumulator & k != 0,
                _ => return None,
            };
            at += usize::from(if truth { jt } else { jf });
        }
    }

    /// The rule, read from the RFCs: the groups of a report that is simple enough, else nothing.
    fn groups(frame: &[u8]) -> Option<Vec<Ipv6Addr>> {
        let group = |octets: &[u8]| Some(Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?));
        let (ethernet, packet) = frame.split_at_checked(14)?;
        let (ip, rest) = packet.split_at_checked(40)?;
        let (hop_by_hop, icmp) = rest.split_at_checked(8)?;
        if !ethernet.ends_with(&[0x86, 0xdd]) || ip.get(6) != Some(&0) || !hop_by_hop.starts_with(&[58, 0]) {
            return None;
        }
        match icmp.first()? {
            131 => Some(vec![group(icmp.get(8..24)?)?]),
            143 => {
                let count = u16::from_be_bytes(icmp.get(6..8)?.try_into().ok()?);
                let mut records = icmp.get(8..)?;
                let mut groups = Vec::new();
                for _ in 0..count {
                    let (record, rest) = records.split_at_checked(20)?;
                    if record.get(1..4)? != [0, 0, 0] {
                        return None;
                    }
                    groups.push(group(record.get(4..)?)?);
                    records = rest;
                }
                Some(groups)
            }
            _ => None,
        }
    }

    fn dropped_by_the_rule(frame: &[u8]) -> bool {
        groups(frame).is_some_and(|groups| {
            (1..=8).contains(&groups.len())
                && groups.iter().all(|group| group.octets().starts_with(&TARGET.octets()[..13]))
        })
    }

    fn dropped(frame: &[u8]) -> bool {
        match interpret(&program(), frame).expect("only operations that the interpreter knows") {
            0 => true,
            u32::MAX => false,
            other => panic!("neither dropped nor kept whole: {other}"),
        }
    }

    fn frame(icmp: &[u8]) -> Vec<u8> {
        let mut frame = vec![0x33, 0x33, 0, 0, 0, 0x16, 2, 0, 0, 0, 0, 1, 0x86, 0xdd];
        frame.extend([0x60, 0, 0, 0, 0, 0, 0, 1]);
        frame.extend([0; 32]);
        frame.extend([58, 0, 5, 2, 0, 0, 1, 0]);
        frame.extend(icmp);
        frame
    }

    fn version_1(group: Ipv6Addr) -> Vec<u8> {
        let mut icmp = vec![131, 0, 0, 0, 0, 0, 0, 0];
        icmp.extend(group.octets());
        frame(&icmp)
    }

    fn version_2(groups: &[Ipv6Addr]) -> Vec<u8> {
        let mut icmp = vec![143, 0, 0, 0, 0, 0];
        icmp.extend(u16::try_from(groups.len()).unwrap().to_be_bytes());
        for group in groups {
            icmp.extend([4, 0, 0, 0]);
            icmp.extend(group.octets());
        }
        frame(&icmp)
    }

    #[test]
    fn reports_of_solicited_node_groups_alone_are_dropped() {
        assert!(dropped(&version_1(TARGET)));
        for count in 1..=8 {
            assert!(dropped(&version_2(&vec![TARGET; count])), "{count} records");
        }
    }

    #[test]
    fn a_report_with_a_group_that_the_test_joined_is_kept() {
        assert!(!dropped(&version_1(JOINED)));
        for count in 1..=8 {
            for joined in 0..count {
                let mut groups = vec![TARGET; count];
                groups[joined] = JOINED;
                assert!(!dropped(&version_2(&groups)), "record {joined} of {count}");
            }
        }
    }

    #[test]
    fn what_is_more_complicated_than_eight_plain_records_is_kept() {
        assert!(!dropped(&version_2(&[])));
        assert!(!dropped(&version_2(&[TARGET; 9])));
        for at in [71, 72, 73] {
            let mut with_sources = version_2(&[TARGET]);
            with_sources[at] = 1;
            assert!(!dropped(&with_sources), "octet {at}");
        }
    }

    #[test]
    fn a_frame_cut_short_is_kept() {
        for whole in [version_1(TARGET), version_2(&[TARGET; 3])] {
            for length in 0..whole.len() {
                assert!(!dropped(&whole[..length]), "{length} of {} octets", whole.len());
            }
        }
    }

    fn group() -> impl Strategy<Value = Ipv6Addr> {
        prop_oneof![
            6 => any::<[u8; 3]>().prop_map(|[a, b, c]| {
                Ipv6Addr::from_bits(TARGET.to_bits() & !0xff_ffff | u128::from(u32::from_be_bytes([0, a, b, c])))
            }),
            1 => (0..128u32).prop_map(|bit| Ipv6Addr::from_bits(TARGET.to_bits() ^ (1 << bit))),
            1 => Just(JOINED),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn the_program_drops_what_the_rule_says(
            groups in prop::collection::vec(group(), 0..11),
            first_version: bool,
            damage in prop::option::weighted(0.5, (any::<prop::sample::Index>(), any::<u8>())),
            tail in prop::option::weighted(0.3, prop::collection::vec(any::<u8>(), 0..40)),
            cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        ) {
            let mut frame = match (first_version, groups.first()) {
                (true, Some(group)) => version_1(*group),
                _ => version_2(&groups),
            };
            frame.extend(tail.unwrap_or_default());
            if let Some((at, octet)) = damage {
                *at.get_mut(&mut frame) = octet;
            }
            if let Some(cut) = cut {
                frame.truncate(cut.index(frame.len()));
            }
            prop_assert_eq!(dropped(&frame), dropped_by_the_rule(&frame));
        }
    }
}
