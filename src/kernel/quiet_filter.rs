//! The classic BPF program that keeps a quiet TAP quiet (DESIGN.md 9).
//!
//! Layer: only `kernel` uses it; it is attached with TUNATTACHFILTER, sees each frame that the host sends from its
//! Ethernet header on, and its return value is how many octets to keep: 0 drops the frame.
//!
//! An IPv6 address on an Ethernet interface makes the host join the address's solicited-node group and report that
//! (RFC 4291 section 2.7.1, RFC 3810). The test did not cause these reports; one for a group that it joined itself it
//! did. So only a report all of whose groups are solicited-node groups is dropped:
//!
//! ```text
//!  octet  12        20             54              62                 68            70 + 20 i
//!         86dd      00 (hop by     3a (ICMPv6)     8f (MLDv2 report)  number of     type · 00 · 0000 ·
//!                   hop options)                   83 (MLDv1 report)  records       ff02::1:ffXX:XXXX
//! ```

use libc::sock_filter;

/// Records that are looked at; a report with more passes. A link has at most 8 addresses.
const MOST_RECORDS: u32 = 8;
/// What is kept of a frame that passes: all of it.
const KEEP: u32 = u32::MAX;

/// Where a jump goes.
#[derive(Clone, Copy)]
enum Target {
    Next,
    Keep,
    Drop,
    /// So many instructions further than the next.
    Skip(u8),
}

enum Instruction {
    LoadOctet(u32),
    LoadHalf(u32),
    LoadWord(u32),
    And(u32),
    Equal { to: u32, then: Target, otherwise: Target },
}

/// The program.
pub(super) fn program() -> Vec<sock_filter> {
    use Instruction::{And, Equal, LoadHalf, LoadOctet, LoadWord};
    let must = |to| Equal { to, then: Target::Next, otherwise: Target::Keep };
    let mut body = vec![LoadHalf(12), must(0x86dd), LoadOctet(20), must(0), LoadOctet(54), must(58), LoadOctet(62)];
    let solicited_node = |group: u32| {
        [
            LoadWord(group),
            must(0xff02_0000),
            LoadWord(group + 4),
            must(0),
            LoadWord(group + 8),
            must(1),
            LoadOctet(group + 12),
        ]
    };
    let version_1: Vec<_> = solicited_node(70)
        .into_iter()
        .chain([Equal { to: 0xff, then: Target::Drop, otherwise: Target::Keep }])
        .collect();
    let past_version_1 = u8::try_from(version_1.len() + 1).unwrap_or(u8::MAX);
    body.push(Equal { to: 131, then: Target::Next, otherwise: Target::Skip(past_version_1 - 1) });
    body.extend(version_1);
    // Version 1 ends above; version 2 reads the type again, so that either can be read on its own.
    body.extend([LoadOctet(62), must(143), LoadHalf(68), Equal { to: 0, then: Target::Keep, otherwise: Target::Next }]);
    for record in 0..MOST_RECORDS {
        let at = 70 + 20 * record;
        // No auxiliary data and no sources, or the next record would begin elsewhere.
        body.extend([LoadWord(at), And(0x00ff_ffff), must(0)]);
        body.extend(solicited_node(at + 4));
        body.extend([must(0xff), LoadHalf(68), Equal { to: record + 1, then: Target::Drop, otherwise: Target::Next }]);
    }
    assemble(&body)
}

/// Turns targets into distances; `keep` stands directly behind the body, `drop` behind that.
fn assemble(body: &[Instruction]) -> Vec<sock_filter> {
    let mut program = Vec::with_capacity(body.len() + 2);
    for (at, instruction) in body.iter().enumerate() {
        let distance = |target| match target {
            Target::Next => 0,
            Target::Skip(count) => count,
            Target::Keep => u8::try_from(body.len() - at - 1).unwrap_or(u8::MAX),
            Target::Drop => u8::try_from(body.len() - at).unwrap_or(u8::MAX),
        };
        let load = |size: u32, k| code(libc::BPF_LD | size | libc::BPF_ABS, 0, 0, k);
        program.push(match *instruction {
            Instruction::LoadOctet(k) => load(libc::BPF_B, k),
            Instruction::LoadHalf(k) => load(libc::BPF_H, k),
            Instruction::LoadWord(k) => load(libc::BPF_W, k),
            Instruction::And(k) => code(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0, 0, k),
            Instruction::Equal { to, then, otherwise } => {
                code(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, distance(then), distance(otherwise), to)
            }
        });
    }
    program.push(code(libc::BPF_RET | libc::BPF_K, 0, 0, KEEP));
    program.push(code(libc::BPF_RET | libc::BPF_K, 0, 0, 0));
    program
}

fn code(code: u32, jt: u8, jf: u8, k: u32) -> sock_filter {
    // Every code is below 256 (linux/bpf_common.h).
    sock_filter { code: u16::try_from(code).unwrap_or(u16::MAX), jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An interpreter of the four kinds of instructions used. A load beyond the frame ends the program with 0, as in
    /// the kernel.
    fn kept(frame: &[u8]) -> bool {
        let program = program();
        let (mut at, mut accumulator) = (0_usize, 0_u32);
        loop {
            let instruction = program[at];
            at += 1;
            let load = |octets: usize| {
                let start = instruction.k as usize;
                frame.get(start..start + octets).map(|part| part.iter().fold(0, |value, &o| value << 8 | u32::from(o)))
            };
            let loaded = match u32::from(instruction.code) {
                0x30 => load(1),
                0x28 => load(2),
                0x20 => load(4),
                0x54 => Some(accumulator & instruction.k),
                0x15 => {
                    at += usize::from(if accumulator == instruction.k { instruction.jt } else { instruction.jf });
                    continue;
                }
                0x06 => return instruction.k > 0,
                other => panic!("unknown instruction {other:#x}"),
            };
            match loaded {
                Some(value) => accumulator = value,
                None => return false,
            }
        }
    }

    const SOLICITED: [u8; 16] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 7];
    const JOINED: [u8; 16] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34];

    fn report(kind: u8, groups: &[[u8; 16]]) -> Vec<u8> {
        let mut frame = vec![0; 62];
        frame[12..14].copy_from_slice(&[0x86, 0xdd]);
        frame[54] = 58;
        frame.extend([kind, 0, 0, 0, 0, 0]);
        if kind == 131 {
            frame.extend([0, 0]);
            frame.extend(groups[0]);
            return frame;
        }
        frame.extend(u16::try_from(groups.len()).unwrap().to_be_bytes());
        for group in groups {
            frame.extend([4, 0, 0, 0]);
            frame.extend(group);
        }
        frame
    }

    #[test]
    fn only_reports_of_solicited_node_groups_alone_are_dropped() {
        assert!(!kept(&report(143, &[SOLICITED])));
        assert!(!kept(&report(143, &[SOLICITED; 8])));
        assert!(!kept(&report(131, &[SOLICITED])));
        assert!(kept(&report(131, &[JOINED])));
        assert!(kept(&report(143, &[JOINED])));
        assert!(kept(&report(143, &[SOLICITED, JOINED])));
        assert!(kept(&report(143, &[JOINED, SOLICITED])));
        assert!(kept(&report(143, &[SOLICITED; 9])), "more than are looked at");
    }

    #[test]
    fn what_is_no_report_passes() {
        let mut query = report(143, &[SOLICITED]);
        query[62] = 130;
        assert!(kept(&query));
        let mut arp = vec![0; 42];
        arp[12..14].copy_from_slice(&[8, 6]);
        assert!(kept(&arp));
        let mut with_sources = report(143, &[SOLICITED]);
        with_sources[73] = 1;
        assert!(kept(&with_sources));
    }

    proptest! {
        #[test]
        fn a_report_is_dropped_if_all_its_groups_are_solicited_node_groups(solicited in prop::collection::vec(any::<bool>(), 1..=8)) {
            let groups: Vec<_> = solicited.iter().map(|&yes| if yes { SOLICITED } else { JOINED }).collect();
            prop_assert_eq!(kept(&report(143, &groups)), solicited.contains(&false));
        }
    }
}
