//! The target `kernel_write` on this kernel: its seeds, and numbers that look like chance.
#![cfg(target_os = "linux")]

use tuntap_test::fuzz::targets::kernel_write;

macro_rules! seed {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../fixtures/corpus/kernel_write/", $name)))
    };
}

/// The seeds, in the program: as another user it may not read the checkout.
const SEEDS: &[(&str, &[u8])] = &[
    seed!("tap-down-and-up.bin"),
    seed!("tap-header-stripped.bin"),
    seed!("tap-header.bin"),
    seed!("tap-mtus.bin"),
    seed!("tap-short.bin"),
    seed!("tap.bin"),
    seed!("tun-down-and-up.bin"),
    seed!("tun-header-down.bin"),
    seed!("tun-header-of-another-protocol.bin"),
    seed!("tun-header-short.bin"),
    seed!("tun-header-stripped.bin"),
    seed!("tun-header.bin"),
    seed!("tun-mtus.bin"),
    seed!("tun-no-ip.bin"),
    seed!("tun-over-the-mtu.bin"),
    seed!("tun-short.bin"),
    seed!("tun-up-where-the-mtu-is-small.bin"),
    seed!("tun.bin"),
];

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn every_seed_passes() {
    for (name, seed) in SEEDS {
        println!("{name}"); // shown when the body panics
        kernel_write(seed);
    }
}

#[test]
fn every_seed_is_in_the_program() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/corpus/kernel_write");
    let mut there: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    there.sort();
    assert_eq!(there, SEEDS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
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
