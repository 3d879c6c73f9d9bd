//! The seeds of the fuzz target `smoltcp_tcp`, whose body is in the fuzz workspace.
#![cfg(target_os = "linux")]

#[path = "../fuzz/src/smoltcp_tcp.rs"]
#[expect(unreachable_pub, reason = "it is public there")]
mod smoltcp_tcp;

#[test]
fn every_seed_passes() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/corpus/smoltcp_tcp");
    let mut replayed = 0;
    for seed in std::fs::read_dir(folder).unwrap() {
        let seed = seed.unwrap().path();
        println!("{}", seed.display()); // shown when the body panics
        smoltcp_tcp::smoltcp_tcp(&std::fs::read(&seed).unwrap());
        replayed += 1;
    }
    assert!(replayed > 5, "{replayed} seeds");
}
