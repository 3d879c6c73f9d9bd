//! Names for what a test holds: words of Rust, each once.

use std::collections::BTreeSet;

/// What a name must not be: the keywords of all editions (Rust reference, "Keywords"), and what the attribute makes.
const TAKEN: &[&str] = &[
    "_", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "kernel", "let", "loop",
    "macro", "match", "mock", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "union", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

/// The longest name made from a text.
const LONGEST: usize = 60;

/// A name in Rust's style for functions and variables: `TCP handshake (v6)` is `tcp_handshake_v6`. `otherwise` where
/// nothing of it can stand in one.
pub(super) fn snake_case(text: &str, otherwise: &str) -> String {
    let mut name = String::new();
    for character in text.chars() {
        if character.is_ascii_alphanumeric() {
            name.push(character.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
        if name.len() == LONGEST {
            break;
        }
    }
    let name = name.trim_end_matches('_');
    match name.chars().next() {
        None => otherwise.to_owned(),
        Some('0'..='9') => format!("{otherwise}_{name}"),
        Some(_) if TAKEN.contains(&name) => format!("{name}_"),
        Some(_) => name.to_owned(),
    }
}

/// The names that a file uses.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// That name, or with a number: `port`, `port_2`.
    pub(super) fn unique(&mut self, name: &str) -> String {
        let mut found = name.to_owned();
        for number in 2_u64.. {
            if self.0.insert(found.clone()) {
                break;
            }
            found = format!("{name}_{number}");
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_gives_a_name() {
        for (text, name) in [
            ("TCP handshake (v6)", "tcp_handshake_v6"),
            ("--weird--", "weird"),
            ("match", "match_"),
            ("2026-01-02", "capture_2026_01_02"),
            ("日本", "capture"),
            ("", "capture"),
        ] {
            assert_eq!(snake_case(text, "capture"), name);
        }
        assert!(snake_case(&"long ".repeat(100), "capture").len() <= LONGEST);
    }

    #[test]
    fn a_name_is_given_once() {
        let mut names = Names::default();
        assert_eq!(["port", "port", "id", "port"].map(|name| names.unique(name)), ["port", "port_2", "id", "port_3"]);
    }
}
