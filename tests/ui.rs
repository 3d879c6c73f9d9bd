//! Every mistake with `#[tuntap_test]` has a message of its own, under its own token. One mistake a file in `tests/ui`.
//!
//! The messages around ours are rustc's and change with it, so they are compared on the toolchain that `.ci/run` uses:
//! `TRYBUILD=overwrite cargo test --test ui` writes them anew.

#[test]
fn mistakes() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass-*.rs");
    cases.compile_fail("tests/ui/[!p]*.rs");
    cases.compile_fail("tests/ui/packet-info-unknown.rs");
}
