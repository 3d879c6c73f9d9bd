//! Reads `#[tuntap_test(…)]` and the function under it, and goes on after a mistake, so that all are reported at once.

use proc_macro2::{Group, Ident, Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::{Attribute, Error, FnArg, Meta, PatType, Receiver, Signature, Token, Visibility};

use crate::options::{self, Key, Place, Setting, Value};

/// Every mistake found so far.
#[derive(Debug, Default)]
pub(crate) struct Errors(Vec<Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: Error) {
        self.0.push(error);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One `compile_error!` each.
    pub(crate) fn to_compile_errors(&self) -> TokenStream {
        self.0.iter().map(Error::to_compile_error).collect()
    }
}

/// Where a test runs; in the order of the generated tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Mock,
    Kernel,
}

impl Backend {
    pub(crate) const ALL: [Self; 2] = [Self::Mock, Self::Kernel];

    /// The word in the attribute, which is also the generated test's name.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Mock => "mock",
            Self::Kernel => "kernel",
        }
    }

    /// The variant of the runtime's `Backend`.
    pub(crate) fn variant(self) -> &'static str {
        match self {
            Self::Mock => "Mock",
            Self::Kernel => "Kernel",
        }
    }
}

/// The bare word beside the backends that makes a test strict.
pub(crate) const STRICT: &str = "strict";

/// The bare words that the attribute accepts.
const WORDS: [&str; 3] = ["mock", "kernel", STRICT];

/// How a sentence about a bare word begins; `None` for what is no such word.
pub(crate) fn bare_word(text: &str) -> Option<String> {
    match text {
        STRICT => Some(format!("`{text}`")),
        _ if WORDS.contains(&text) => Some(format!("`{text}` is a backend and")),
        _ => None,
    }
}

/// What stands in the attribute's parentheses.
#[derive(Default)]
pub(crate) struct Arguments {
    backends: Vec<Backend>,
    pub(crate) strict: bool,
    pub(crate) settings: Vec<Setting>,
}

impl Arguments {
    pub(crate) fn read(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut arguments = Self::default();
        let parsed = (|input: ParseStream<'_>| {
            each_item(input, errors, |input, word, errors| {
                if parse_equals(input) {
                    arguments.settings.extend(options::setting(input, word, Place::Attribute, errors));
                } else {
                    arguments.bare_word(input, &word, errors);
                }
            })
        })
        .parse2(tokens);
        if let Err(error) = parsed {
            errors.push(error);
        }
        options::check_repetition(&arguments.settings, errors);
        arguments
    }

    fn bare_word(&mut self, input: ParseStream<'_>, word: &Ident, errors: &mut Errors) {
        let text = word.unraw().to_string();
        let message = if !input.is_empty() && !input.peek(Token![,]) {
            options::skip_item(input);
            match (bare_word(&text), Key::of(&text)) {
                (Some(it), _) => format!("{it} takes nothing: write `{text}`"),
                (None, Some(key)) => format!("`{text}` takes its value behind `=`, such as `{}`", key.example()),
                (None, None) => "expected `,` or `=` behind this word".to_owned(),
            }
        } else if bare_word(&text).is_some() {
            if self.take(&text) {
                return;
            }
            format!("`{text}` is given twice; give it once")
        } else if let Some(key) = Key::of(&text) {
            format!("`{text}` has no value: write `{}`", key.example())
        } else {
            let hint = options::did_you_mean(&text, &WORDS);
            format!("unknown word `{text}`{hint}; expected `mock`, `kernel` or `strict`")
        };
        errors.push(Error::new(word.span(), message));
    }

    /// Takes note of a bare word; `false` when it was given before.
    fn take(&mut self, text: &str) -> bool {
        match Backend::ALL.into_iter().find(|backend| backend.word() == text) {
            Some(backend) if self.backends.contains(&backend) => false,
            Some(backend) => {
                self.backends.push(backend);
                true
            }
            None => !std::mem::replace(&mut self.strict, true),
        }
    }

    /// The backends that the test runs on; no backend's word means both.
    pub(crate) fn backends(&self) -> impl Iterator<Item = Backend> {
        Backend::ALL.into_iter().filter(|backend| self.backends.is_empty() || self.backends.contains(backend))
    }

    /// The path to the crate, when the user renamed it.
    pub(crate) fn renamed_crate(&self) -> Option<&syn::Path> {
        self.settings.iter().find_map(|setting| match &setting.value {
            Value::Path(path) => Some(path),
            _ => None,
        })
    }
}

/// The function under the attribute. Its body stays a group of tokens: nobody here looks inside.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: Group,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self {
            attributes: input.call(Attribute::parse_outer)?,
            visibility: input.parse()?,
            signature: input.parse()?,
            body: input.parse()?,
        })
    }
}

/// One argument of the function.
pub(crate) struct Argument {
    /// Without its `#[device(…)]`.
    pub(crate) typed: PatType,
    pub(crate) settings: Vec<Setting>,
}

/// Takes the arguments out of the signature's reach: each with the options of its `#[device(…)]`, and the `self`
/// that should not be there.
pub(crate) fn arguments(signature: &Signature, errors: &mut Errors) -> (Vec<Argument>, Option<Receiver>) {
    let mut arguments = Vec::new();
    let mut receiver = None;
    for input in &signature.inputs {
        match input {
            FnArg::Receiver(found) => receiver = Some(found.clone()),
            FnArg::Typed(typed) => {
                let mut typed = typed.clone();
                let mut settings = Vec::new();
                let mut seen = false;
                typed.attrs.retain(|attribute| {
                    if !is_device(attribute) {
                        return true;
                    }
                    if seen {
                        errors.push(Error::new_spanned(
                            attribute.path(),
                            "`#[device(…)]` is given twice; write all options into one",
                        ));
                    }
                    seen = true;
                    settings.extend(device_settings(attribute, errors));
                    false
                });
                options::check_repetition(&settings, errors);
                arguments.push(Argument { typed, settings });
            }
        }
    }
    (arguments, receiver)
}

/// Whether an argument's attribute is ours.
pub(crate) fn is_device(attribute: &Attribute) -> bool {
    attribute.path().is_ident("device")
}

fn device_settings(attribute: &Attribute, errors: &mut Errors) -> Vec<Setting> {
    let list = match &attribute.meta {
        Meta::List(list) => list,
        other => {
            let message = "`#[device]` has no options: write `#[device(mtu = 1280)]`, or leave it out";
            errors.push(Error::new_spanned(other, message));
            return Vec::new();
        }
    };
    let mut settings = Vec::new();
    let parsed = (|input: ParseStream<'_>| {
        each_item(input, errors, |input, word, errors| {
            if parse_equals(input) {
                settings.extend(options::setting(input, word, Place::Argument, errors));
                return;
            }
            options::skip_item(input);
            let text = word.unraw().to_string();
            let message = if let Some(it) = bare_word(&text) {
                format!("{it} belongs to the whole test: write `#[tuntap_test({text})]`")
            } else if let Some(key) = Key::of(&text) {
                format!("`{text}` takes its value behind `=`, such as `{}`", key.example())
            } else {
                format!("expected an option `name = value`, one of: {}", Place::Argument.words().join(", "))
            };
            errors.push(Error::new(word.span(), message));
        })
    })
    .parse2(list.tokens.clone());
    if let Err(error) = parsed {
        errors.push(error);
    }
    settings
}

fn parse_equals(input: ParseStream<'_>) -> bool {
    input.peek(Token![=]) && !input.peek(Token![==]) && input.parse::<Token![=]>().is_ok()
}

/// Calls `item` behind the word that begins each item of a list separated by commas.
fn each_item(
    input: ParseStream<'_>,
    errors: &mut Errors,
    mut item: impl FnMut(ParseStream<'_>, Ident, &mut Errors),
) -> syn::Result<()> {
    while !input.is_empty() {
        if input.peek(Ident::peek_any) {
            let word = input.call(Ident::parse_any)?;
            item(input, word, errors);
        } else {
            let span: Span = input.span();
            errors.push(Error::new(
                span,
                "expected a word: a backend (`mock`, `kernel`), `strict`, or an option `name = value`",
            ));
            options::skip_item(input);
        }
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(())
}
