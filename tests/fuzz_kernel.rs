//! The target `kernel_write` on this kernel: its seeds, and numbers that look like chance.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;

use tuntap_test::fuzz::targets::kernel_write;

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn every_seed_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/corpus/kernel_write");
    let mut seeds: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    seeds.sort();
    assert!(!seeds.is_empty());
    for seed in seeds {
        println!("{}", seed.display()); // shown when the body panics
        kernel_write(&fs::read(seed).unwrap());
    }
}

/// Whatever the length and the first octets are, in every mode.
#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn any_short_write_passes() {
    for about in 0..16 {
        for up in [false, true] {
            let mut script = vec![about];
            if !up {
                script.extend([6, 0, 0, 1, 0]);
            }
            // 31 writes and what comes before are as many steps as the target takes.
            for length in 0..31 {
                script.extend([1, 0, 0, length]);
                script.extend(
                    (0..length).map(|at| [0x45, 0x60, 0, 0x08, 0x86, 0xdd, 0x81][usize::from(at + length) % 7]),
                );
            }
            kernel_write(&script);
        }
    }
}
