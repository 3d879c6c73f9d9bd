//! Every mistake has its own message, under its own token. The expected messages stand beside each file in `tests/ui`;
//! `TRYBUILD=overwrite cargo test --test ui` writes them anew: read the difference before you commit it.

/// The attribute's own messages. They do not depend on the compiler, apart from how it draws them.
#[test]
fn mistakes_are_reported_under_their_tokens() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

/// Messages of the compiler, which must point at what the user wrote. Their wording is that of rustc 1.95.
#[test]
fn the_compilers_messages_point_at_the_users_tokens() {
    trybuild::TestCases::new().compile_fail("tests/ui/rustc/*.rs");
}
