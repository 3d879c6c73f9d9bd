//! Replays every committed seed through the body of its fuzz target: on stable, without privileges.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tuntap_test::fuzz::targets::{TARGETS, Target};

/// Targets with bodies that are no part of the crate, and the test that replays their seeds.
const REPLAYED_ELSEWHERE: &[(&str, &str)] = &[
    ("answering_exchange", "tests/fuzz_examples.rs"),
    ("kernel_write", "tests/fuzz_kernel.rs"),
    ("smoltcp_stack", "tests/fuzz_examples.rs"),
    ("smoltcp_tcp", "tests/fuzz_smoltcp.rs"),
    ("toy", "tests/fuzz_examples.rs"),
];

fn is_replayed_here(target: &str) -> bool {
    !REPLAYED_ELSEWHERE.iter().any(|(name, _)| *name == target)
}

/// Targets that have no seeds, and why.
const WITHOUT_SEEDS: &[(&str, &str)] = &[
    ("empty", "measures the fuzzer's own speed"),
    ("frame_all", "is frame with all rules for every input, with its seeds"),
    ("smoltcp_tcp_octets", "is the rival of smoltcp_tcp, with its seeds"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

/// The folders of fixtures/corpus by name, with their files.
fn corpus() -> BTreeMap<String, Vec<PathBuf>> {
    entries(&root().join("fixtures/corpus"))
        .into_iter()
        .map(|folder| (folder.file_name().unwrap().to_str().unwrap().to_owned(), entries(&folder)))
        .collect()
}

/// Every body by the name of its target.
fn bodies() -> BTreeMap<&'static str, Target> {
    TARGETS.iter().copied().collect()
}

/// The `name` of each `[[bin]]` in fuzz/Cargo.toml that has seeds.
fn fuzz_targets() -> Vec<String> {
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    let names: Vec<_> = manifest
        .split("[[bin]]")
        .skip(1)
        .map(|table| {
            let line =
                table.lines().find_map(|line| line.trim().strip_prefix("name = ")).expect("a [[bin]] without a name");
            line.trim_matches('"').to_owned()
        })
        .collect();
    for (name, why) in WITHOUT_SEEDS {
        assert!(names.iter().any(|present| present == name), "the target `{name}`, which {why}, is gone: {names:?}");
    }
    let mut names: Vec<_> =
        names.into_iter().filter(|name| WITHOUT_SEEDS.iter().all(|(without, _)| without != name)).collect();
    names.sort();
    names
}

#[test]
fn every_seed_passes_its_target() {
    let bodies = bodies();
    let mut replayed = 0;
    for (name, seeds) in corpus().into_iter().filter(|(name, _)| is_replayed_here(name)) {
        let body = bodies.get(&*name).unwrap_or_else(|| panic!("fixtures/corpus/{name} has no body in TARGETS"));
        assert!(!seeds.is_empty(), "fixtures/corpus/{name} is empty");
        for seed in seeds {
            println!("{}", seed.display()); // shown when the body panics
            body(&fs::read(&seed).unwrap());
            replayed += 1;
        }
    }
    assert!(replayed > 0, "no seed was replayed");
}

#[test]
fn every_target_has_a_body_and_seeds() {
    let corpus: Vec<_> = corpus().into_keys().collect();
    let mut bodies: Vec<_> = bodies().into_keys().map(str::to_owned).collect();
    assert_eq!(bodies.len(), TARGETS.len(), "two targets have one name");
    for (name, test) in REPLAYED_ELSEWHERE {
        let source = fs::read_to_string(root().join(test)).unwrap_or_else(|error| panic!("{test}: {error}"));
        assert!(source.contains(&**name), "{test} does not replay {name}");
        bodies.push((*name).to_owned());
    }
    bodies.sort();
    assert_eq!(fuzz_targets(), bodies, "fuzz/Cargo.toml and TARGETS");
    assert_eq!(corpus, bodies, "fixtures/corpus and TARGETS");
}

#[test]
fn seeds_are_small_and_named_for_what_they_are() {
    for seed in corpus().into_values().flatten() {
        let shown = seed.display();
        let target = seed.parent().and_then(Path::file_name).unwrap();
        let extensions = if target == "capture" || target == "to_test" { &["pcap", "pcapng"][..] } else { &["bin"] };
        assert!(extensions.iter().any(|wanted| seed.extension().is_some_and(|is| is == *wanted)), "{shown}");
        assert!(fs::metadata(&seed).unwrap().len() <= 512, "{shown} has more than 512 octets");
    }
}
