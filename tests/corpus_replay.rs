//! Replays every committed seed through the body of its fuzz target: on stable, without privileges.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tuntap_test::fuzz::targets::TARGETS;

/// The target that only measures the fuzzer's own speed. It has no body and no seeds.
const WITHOUT_SEEDS: &str = "empty";

/// Targets that fuzz somebody else's code, with bodies in fuzz/src, and the folder of their seeds. Nothing replays those
/// here: the library does not know that code.
const EXAMPLES: [&str; 2] = ["smoltcp_tcp", "smoltcp_tcp_octets"];

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
        .filter(|folder| !EXAMPLES.iter().any(|example| folder.ends_with(example)))
        .map(|folder| (folder.file_name().unwrap().to_str().unwrap().to_owned(), entries(&folder)))
        .collect()
}

/// The `name` of each `[[bin]]` in fuzz/Cargo.toml.
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
    assert!(names.iter().any(|name| name == WITHOUT_SEEDS), "the target `{WITHOUT_SEEDS}` is gone: {names:?}");
    names.into_iter().filter(|name| name != WITHOUT_SEEDS && !EXAMPLES.contains(&name.as_str())).collect()
}

#[test]
fn every_seed_passes_its_target() {
    let mut replayed = 0;
    for (name, seeds) in corpus() {
        let (_, body) = TARGETS
            .iter()
            .find(|(target, _)| *target == name)
            .unwrap_or_else(|| panic!("fixtures/corpus/{name} has no body in tuntap_test::fuzz::targets::TARGETS"));
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
    let bodies: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(fuzz_targets(), bodies, "fuzz/Cargo.toml and tuntap_test::fuzz::targets::TARGETS");
    assert_eq!(corpus, bodies, "fixtures/corpus and tuntap_test::fuzz::targets::TARGETS");
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
