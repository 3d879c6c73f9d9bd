//! What stands between the parentheses of `#[tuntap_test(…)]` and `#[device(…)]`.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, Ident, Path, Token};

use crate::address::{check_address, check_mtu, check_peer};

/// Options of a device, which the attribute and `#[device(…)]` share, in the order of the messages.
const DEVICE_OPTIONS: &[&str] =
    &["address", "chatter", "config", "mtu", "multi_queue", "name", "packet_info", "peer", "queue_length"];

/// Which of the two places.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Attribute,
    Device,
}

/// One entry: a word, or a name with a value.
struct Entry {
    name: Ident,
    value: Option<Expr>,
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        // `crate` is a keyword.
        let name = input.call(Ident::parse_any)?;
        let value = if input.parse::<Option<Token![=]>>()?.is_some() { Some(input.parse()?) } else { None };
        Ok(Self { name, value })
    }
}

/// The options of one place.
#[derive(Default)]
pub(crate) struct Options {
    mock: Option<Span>,
    kernel: Option<Span>,
    krate: Option<Path>,
    device: Vec<(Ident, Expr)>,
}

impl Options {
    /// Parses and checks; errors are added to `errors`, and what is right is kept.
    pub(crate) fn parse(place: Place, tokens: TokenStream, errors: &mut Vec<Error>) -> Self {
        let mut options = Self::default();
        match Punctuated::<Entry, Token![,]>::parse_terminated.parse2(tokens) {
            Ok(entries) => entries.into_iter().for_each(|entry| options.take(place, entry, errors)),
            Err(error) => errors.push(error),
        }
        options
    }

    fn take(&mut self, place: Place, Entry { name, value }: Entry, errors: &mut Vec<Error>) {
        let text = name.to_string();
        let Some(value) = value else { return self.take_word(place, &name, &text, errors) };
        if let ("mock" | "kernel", Place::Attribute) = (text.as_str(), place) {
            return errors.push(Error::new(name.span(), format!("`{text}` is a word and takes no value")));
        }
        if text == "crate" && place == Place::Attribute {
            match syn::parse2(value.to_token_stream()) {
                Ok(_) if self.krate.is_some() => errors.push(twice(&name)),
                Ok(path) => self.krate = Some(path),
                Err(_) => errors.push(Error::new(value.span(), "`crate` takes a path, such as `crate = my::renamed`")),
            }
            return;
        }
        let known = DEVICE_OPTIONS.contains(&text.as_str()) || (text == "host" && place == Place::Device);
        if !known {
            return errors.push(Error::new(name.span(), unknown_option(place, &text)));
        }
        let repeatable = matches!(text.as_str(), "address" | "peer");
        if !repeatable && self.device.iter().any(|(present, _)| *present == text) {
            return errors.push(twice(&name));
        }
        if text == "peer" && self.device.iter().filter(|(present, _)| *present == text).count() == 2 {
            return errors.push(Error::new(name.span(), "a link has at most two peers, one of each address family"));
        }
        let checked = match text.as_str() {
            "address" => check_address(&value),
            "peer" => check_peer(&value),
            "mtu" => check_mtu(&value),
            "packet_info" => packet_info_variant(&value).map(drop),
            _ => Ok(()),
        };
        match checked {
            Ok(()) => self.device.push((name, value)),
            Err(error) => errors.push(error),
        }
    }

    fn take_word(&mut self, place: Place, name: &Ident, text: &str, errors: &mut Vec<Error>) {
        let slot = match (text, place) {
            ("mock", Place::Attribute) => &mut self.mock,
            ("kernel", Place::Attribute) => &mut self.kernel,
            ("mock" | "kernel", Place::Device) => {
                let what = "the backend is the whole test's: write it in `#[tuntap_test(…)]`";
                return errors.push(Error::new(name.span(), what));
            }
            _ if DEVICE_OPTIONS.contains(&text) || matches!(text, "host" | "crate") => {
                return errors.push(Error::new(name.span(), format!("`{text}` needs a value: `{text} = …`")));
            }
            _ if place == Place::Attribute => {
                let what = format!(
                    "unknown backend `{text}`; expected `mock` or `kernel`{}",
                    meant(text, &["mock", "kernel"])
                );
                return errors.push(Error::new(name.span(), what));
            }
            _ => return errors.push(Error::new(name.span(), unknown_option(place, text))),
        };
        if slot.replace(name.span()).is_some() {
            errors.push(twice(name));
        }
    }

    /// Whether the test runs on the mock, and on the kernel.
    pub(crate) const fn backends(&self) -> (bool, bool) {
        match (self.mock, self.kernel) {
            (None, None) => (true, true),
            (mock, kernel) => (mock.is_some(), kernel.is_some()),
        }
    }

    /// The path of the crate `tuntap_test`.
    pub(crate) fn krate(&self) -> TokenStream {
        let Some(path) = &self.krate else { return quote!(::tuntap_test) };
        // Ours now, not the user's: rustc lints what the user wrote, and this is repeated all over the expansion.
        let ours = |mut token: TokenTree| {
            token.set_span(Span::call_site());
            token
        };
        path.to_token_stream().into_iter().map(ours).collect()
    }

    fn base(&self) -> Option<&Expr> {
        self.device.iter().find(|(name, _)| name == "config").map(|(_, value)| value)
    }

    /// The calls on a `DeviceConfig` that these options are.
    fn calls(&self, krate: &TokenStream) -> TokenStream {
        let mut calls = TokenStream::new();
        for (forget, repeatable) in [("without_addresses", "address"), ("without_peers", "peer")] {
            if self.device.iter().any(|(name, _)| name == repeatable) {
                let forget = format_ident!("{forget}");
                calls.extend(quote!(.#forget()));
            }
        }
        for (name, value) in &self.device {
            let span = value.span();
            if name == "config" {
                continue;
            }
            // Checked when it was taken.
            if let (true, Ok(variant)) = (name == "packet_info", packet_info_variant(value)) {
                calls.extend(quote_spanned!(span=> .packet_info(#krate::__private::PacketInfoMode::#variant)));
            } else {
                calls.extend(quote_spanned!(span=> .#name(#value)));
            }
        }
        calls
    }

    /// The `DeviceConfig` of an argument: what its own `#[device(…)]` says, over what the attribute says.
    pub(crate) fn config(&self, device: Option<&Self>, krate: &TokenStream) -> TokenStream {
        let own_base = device.and_then(Self::base);
        let base = own_base.or(self.base()).map_or_else(
            || quote!(#krate::__private::DeviceConfig::new()),
            |config| quote_spanned!(config.span()=> { let base: #krate::__private::DeviceConfig = #config; base }),
        );
        // A base of the argument's own replaces everything that the attribute says.
        let outer = if own_base.is_some() { TokenStream::new() } else { self.calls(krate) };
        let inner = device.map(|device| device.calls(krate));
        quote!(#base #outer #inner)
    }
}

fn packet_info_variant(value: &Expr) -> Result<Ident, Error> {
    let variant = match value.to_token_stream().to_string().as_str() {
        "off" => "Off",
        "strip" => "Strip",
        "keep" => "Keep",
        _ => return Err(Error::new(value.span(), "`packet_info` is one of the words `off`, `strip`, `keep`")),
    };
    Ok(Ident::new(variant, value.span()))
}

fn twice(name: &Ident) -> Error {
    Error::new(name.span(), format!("`{name}` is given twice"))
}

fn unknown_option(place: Place, text: &str) -> String {
    let mut accepted = DEVICE_OPTIONS.to_vec();
    accepted.push(if place == Place::Attribute { "crate" } else { "host" });
    accepted.sort_unstable();
    let hint = match (text, place) {
        ("host", Place::Attribute) => " (`host` belongs to an argument: `#[device(host = \"b\")] b: Tun`)".to_owned(),
        _ => meant(text, &accepted),
    };
    format!("unknown option `{text}`; expected one of: {}{hint}", accepted.join(", "))
}

/// A guess at a slip of the finger: at most two letters off.
fn meant(text: &str, accepted: &[&str]) -> String {
    let close = accepted.iter().map(|word| (distance(text, word), word)).min();
    close
        .filter(|&(distance, _)| distance <= 2)
        .map_or_else(String::new, |(_, word)| format!("; did you mean `{word}`?"))
}

/// The edit distance (Levenshtein) of two words.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut previous = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, &above) in b.chars().zip(row.iter().skip(1)) {
            left = (previous + usize::from(x != y)).min(left + 1).min(above + 1);
            previous = above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn the_distance_counts_edits() {
        assert_eq!(distance("mtu", "mtu"), 0);
        assert_eq!(distance("mut", "mtu"), 2);
        assert_eq!(distance("adress", "address"), 1);
        assert_eq!(distance("", "mtu"), 3);
        assert_eq!(distance("kernal", "kernel"), 1);
    }
}
