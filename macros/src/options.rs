//! `key = value` options, of the attribute and of `#[device(…)]`: reading, and the checks that literals allow.

use std::net::IpAddr;

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::parse::discouraged::Speculative as _;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Expr, ExprLit, ExprPath, Lit, Token};

use crate::args::{self, Errors};

/// The most addresses one link is configured with (`DeviceConfig` holds as many).
const MOST_ADDRESSES: usize = 8;

/// An option, in the order in which messages list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Address,
    Chatter,
    Config,
    Crate,
    Host,
    Mtu,
    MultiQueue,
    Name,
    PacketInfo,
    Peer,
    QueueLength,
    Time,
}

impl Key {
    const ALL: [Self; 12] = [
        Self::Address,
        Self::Chatter,
        Self::Config,
        Self::Crate,
        Self::Host,
        Self::Mtu,
        Self::MultiQueue,
        Self::Name,
        Self::PacketInfo,
        Self::Peer,
        Self::QueueLength,
        Self::Time,
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Chatter => "chatter",
            Self::Config => "config",
            Self::Crate => "crate",
            Self::Host => "host",
            Self::Mtu => "mtu",
            Self::MultiQueue => "multi_queue",
            Self::Name => "name",
            Self::PacketInfo => "packet_info",
            Self::Peer => "peer",
            Self::QueueLength => "queue_length",
            Self::Time => "time",
        }
    }

    pub(crate) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.word() == word)
    }

    /// How an example of the option reads.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::Address => r#"address = "192.0.2.1/24""#,
            Self::Chatter => "chatter = true",
            Self::Config => "config = BASE",
            Self::Crate => "crate = some::path",
            Self::Host => r#"host = "b""#,
            Self::Mtu => "mtu = 1280",
            Self::MultiQueue => "multi_queue = true",
            Self::Name => r#"name = "vpn%d""#,
            Self::PacketInfo => "packet_info = keep",
            Self::Peer => r#"peer = "192.0.2.2""#,
            Self::QueueLength => "queue_length = 500",
            Self::Time => "time = real",
        }
    }

    fn most(self) -> usize {
        match self {
            Self::Address => MOST_ADDRESSES,
            Self::Peer => 2,
            _ => 1,
        }
    }
}

/// Where options stand: it decides which are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Attribute,
    Argument,
}

impl Place {
    fn accepts(self, key: Key) -> bool {
        match self {
            Self::Attribute => key != Key::Host,
            Self::Argument => !matches!(key, Key::Crate | Key::Time),
        }
    }

    /// The words accepted here, in the alphabet's order.
    pub(crate) fn words(self) -> Vec<&'static str> {
        Key::ALL.into_iter().filter(|&key| self.accepts(key)).map(Key::word).collect()
    }
}

/// One option as it was written.
pub(crate) struct Setting {
    pub(crate) key: Key,
    /// The key's own token: the method of `DeviceConfig` that it names carries its span.
    pub(crate) word: Ident,
    pub(crate) value: Value,
}

/// What stands behind the `=`.
pub(crate) enum Value {
    Expression(Expr),
    /// A variant of the option's type, with the span of the word that names it.
    Variant(Ident),
    Path(syn::Path),
}

/// Reads the value of `word`, whose `=` is read already, and keeps it if it is one. On a mistake the rest up to the
/// next comma is skipped.
pub(crate) fn setting(input: ParseStream<'_>, word: Ident, place: Place, errors: &mut Errors) -> Option<Setting> {
    let text = word.unraw().to_string();
    let Some(key) = Key::of(&text).filter(|&key| place.accepts(key)) else {
        errors.push(unknown(&word, &text, place));
        skip_item(input);
        return None;
    };
    if input.is_empty() || input.peek(Token![,]) {
        errors.push(Error::new(word.span(), format!("`{text}` has no value: write `{}`", key.example())));
        return None;
    }
    let value = match key {
        Key::Crate => attempt(input, syn::Path::parse_mod_style, errors, |error| {
            Error::new(error.span(), "`crate` takes a path without quotes, such as `crate = some::path`")
        })
        .map(Value::Path),
        Key::PacketInfo => {
            attempt(input, Expr::parse, errors, |error| error).and_then(|value| PACKET_INFO.read(&value, errors))
        }
        // `virtual` is a word that Rust keeps for itself.
        Key::Time => attempt(input, Ident::parse_any, errors, |error| TIME.wants_a_word(error.span()))
            .and_then(|word| TIME.variant(&word, errors)),
        _ => attempt(input, Expr::parse, errors, |error| error).map(|value| {
            check_literal(key, &value, errors);
            Value::Expression(value)
        }),
    }?;
    if !input.is_empty() && !input.peek(Token![,]) {
        errors.push(input.error("expected `,` in front of the next option"));
        skip_item(input);
    }
    Some(Setting { key, word, value })
}

/// Reports options given more often than they may be.
pub(crate) fn check_repetition(settings: &[Setting], errors: &mut Errors) {
    for key in Key::ALL {
        for extra in settings.iter().filter(|setting| setting.key == key).skip(key.most()) {
            let word = key.word();
            errors.push(Error::new(
                extra.word.span(),
                match key {
                    Key::Address => format!("a link takes at most {MOST_ADDRESSES} addresses"),
                    Key::Peer => "a link takes at most two peers, one of each address family".to_owned(),
                    _ => format!("`{word}` is given twice; give it once"),
                },
            ));
        }
    }
    let mut families = Vec::new();
    for setting in settings.iter().filter(|setting| setting.key == Key::Peer) {
        let Value::Expression(value) = &setting.value else { continue };
        let Some(address) = string(value).and_then(|text| text.parse::<IpAddr>().ok()) else { continue };
        if families.contains(&address.is_ipv4()) {
            let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
            errors.push(Error::new_spanned(value, format!("a second {family} peer; a link takes one of each family")));
        }
        families.push(address.is_ipv4());
    }
}

/// Runs a parser that, when it fails, leaves the stream at the next comma.
fn attempt<T>(
    input: ParseStream<'_>,
    parser: impl FnOnce(ParseStream<'_>) -> syn::Result<T>,
    errors: &mut Errors,
    explain: impl FnOnce(Error) -> Error,
) -> Option<T> {
    let ahead = input.fork();
    match parser(&ahead) {
        Ok(value) => {
            input.advance_to(&ahead);
            Some(value)
        }
        Err(error) => {
            errors.push(explain(error));
            skip_item(input);
            None
        }
    }
}

/// Skips to the next comma, or to the end.
pub(crate) fn skip_item(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<proc_macro2::TokenTree>().is_err() {
            return;
        }
    }
}

fn unknown(word: &Ident, text: &str, place: Place) -> Error {
    let message = match (Key::of(text), place, args::bare_word(text)) {
        (Some(Key::Host), Place::Attribute, _) => {
            "`host` belongs to one argument: write `#[device(host = \"b\")]` in front of it".to_owned()
        }
        (Some(Key::Crate), Place::Argument, _) => "`crate` belongs to the whole test: write \
             `#[tuntap_test(crate = some::path)]`"
            .to_owned(),
        (Some(Key::Time), Place::Argument, _) => {
            "`time` belongs to the whole test: write `#[tuntap_test(time = real)]`".to_owned()
        }
        (_, _, Some(it)) => format!("{it} takes no value: write `#[tuntap_test({text})]`"),
        _ => {
            let words = place.words();
            format!("unknown option `{text}`{}; expected one of: {}", did_you_mean(text, &words), words.join(", "))
        }
    };
    Error::new(word.span(), message)
}

/// `, did you mean `mtu`?` when a word is close, otherwise nothing.
pub(crate) fn did_you_mean(text: &str, words: &[&str]) -> String {
    let limit = if text.chars().count() < 5 { 1 } else { 2 };
    words
        .iter()
        .map(|word| (distance(text, word), word))
        .min()
        .filter(|&(away, _)| away <= limit)
        .map_or_else(String::new, |(_, word)| format!(" (did you mean `{word}`?)"))
}

/// How many letters must be inserted, deleted, replaced or swapped with their neighbour, letter case apart (optimal
/// string alignment).
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.to_lowercase().chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX - 1);
            let mut best = (at(&above, j) + usize::from(a != b)).min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            if let (Some(i), Some(j)) = (i.checked_sub(1), j.checked_sub(1))
                && from.get(i) == Some(b)
                && to.get(j) == Some(a)
            {
                best = best.min(at(&before, j) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

/// An option whose values are bare words.
struct Words {
    key: &'static str,
    what: &'static str,
    /// As they are written, and the variants that they name.
    words: &'static [(&'static str, &'static str)],
    /// All of them, in a sentence.
    all: &'static str,
}

const PACKET_INFO: Words = Words {
    key: "packet_info",
    what: "packet-information mode",
    words: &[("off", "Off"), ("keep", "Keep"), ("strip", "Strip")],
    all: "`off`, `keep` or `strip`",
};

const TIME: Words =
    Words { key: "time", what: "time", words: &[("virtual", "Virtual"), ("real", "Real")], all: "`virtual` or `real`" };

impl Words {
    fn read(&self, value: &Expr, errors: &mut Errors) -> Option<Value> {
        let word = match ungrouped(value) {
            Expr::Path(ExprPath { qself: None, path, attrs }) if attrs.is_empty() => path.get_ident().cloned(),
            _ => None,
        };
        if let Some(word) = word {
            return self.variant(&word, errors);
        }
        errors.push(self.wants_a_word(syn::spanned::Spanned::span(value)));
        None
    }

    fn wants_a_word(&self, span: proc_macro2::Span) -> Error {
        Error::new(span, format!("`{}` takes a bare word: {}", self.key, self.all))
    }

    fn variant(&self, word: &Ident, errors: &mut Errors) -> Option<Value> {
        let Self { what, words, all, .. } = self;
        let text = word.to_string();
        match words.iter().find(|(known, _)| *known == text) {
            Some((_, variant)) => Some(Value::Variant(Ident::new(variant, word.span()))),
            None => {
                let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                let hint = did_you_mean(&text, &known);
                errors.push(Error::new(word.span(), format!("unknown {what} `{text}`{hint}; expected {all}")));
                None
            }
        }
    }
}

fn check_literal(key: Key, value: &Expr, errors: &mut Errors) {
    let problem = match key {
        Key::Mtu => integer(value)
            .filter(|octets| !octets.is_some_and(|octets| (68..=65_535).contains(&octets)))
            .map(|_| "`mtu` is in octets and must lie in 68..=65535".to_owned()),
        Key::Address => string(value).and_then(|text| interface_address(&text).err()),
        Key::Peer => string(value).and_then(|text| peer_address(&text).err()),
        _ => None,
    };
    if let Some(message) = problem {
        errors.push(Error::new_spanned(value, message));
    }
}

/// Macro variables arrive in invisible groups; take them off.
fn ungrouped(mut value: &Expr) -> &Expr {
    while let Expr::Group(group) = value {
        value = &group.expr;
    }
    value
}

fn string(value: &Expr) -> Option<String> {
    match ungrouped(value) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

/// An integer literal: `None` inside for one below zero or beyond 64 bits.
fn integer(value: &Expr) -> Option<Option<u64>> {
    match ungrouped(value) {
        Expr::Lit(ExprLit { lit: Lit::Int(digits), .. }) => Some(digits.base10_parse().ok()),
        Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Neg(_)) => integer(&unary.expr).map(|_| None),
        _ => None,
    }
}

/// Checks `A.B.C.D/len` or `X::Y/len`, with the words of `tuntap_test::device::AddressError`.
fn interface_address(text: &str) -> Result<(), String> {
    let Some((address, prefix)) = text.split_once('/') else {
        return Err("no prefix length: write `192.0.2.1/24` or `2001:db8::1/64`".to_owned());
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return Err(format!("`{address}` is not an IPv4 or IPv6 address"));
    };
    let Ok(length) = prefix.parse::<u8>() else {
        return Err(format!("`{prefix}` is not a prefix length in bits"));
    };
    let longest = if address.is_ipv4() { 32 } else { 128 };
    if length > longest {
        return Err(format!("a prefix of {length} bits is longer than the address, which has {longest}"));
    }
    Ok(())
}

fn peer_address(text: &str) -> Result<(), String> {
    match text.parse::<IpAddr>() {
        Ok(_) => Ok(()),
        Err(_) if text.contains('/') => {
            Err("a peer has no prefix length: write `192.0.2.2` or `2001:db8::2`".to_owned())
        }
        Err(_) => Err(format!("`{text}` is not an IPv4 or IPv6 address")),
    }
}
