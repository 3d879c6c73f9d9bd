//! Every mistake with `#[tuntap_test]` has a message of its own, under its own token. One mistake a file in `tests/ui`.
//!
//! The messages around ours are rustc's and change with it, so they are compared on one version only, which is the one
//! that `.ci/run` uses: `TRYBUILD=overwrite cargo test -p tuntap-test-macros --test ui` writes them anew.

#[rustversion::attr(not(stable(1.95)), ignore = "compares the messages of rustc 1.95")]
#[test]
fn mistakes() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
    cases.compile_fail("tests/ui/rustc/*.rs");
}
