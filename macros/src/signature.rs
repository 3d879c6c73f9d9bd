//! The function under the attribute: its arguments, its runner, and what belongs on the tests made of it.

use proc_macro2::TokenStream;
use syn::spanned::Spanned;
use syn::{Attribute, Error, FnArg, ItemFn, Meta, ReturnType, Type};

use crate::options::{Options, Place};

/// An argument of the test.
pub(crate) struct Argument {
    pub(crate) kind: Type,
    pub(crate) device: Option<Options>,
}

/// The function, taken apart.
pub(crate) struct Signature {
    /// As the user wrote it, without attributes.
    pub(crate) function: ItemFn,
    pub(crate) arguments: Vec<Argument>,
    /// `#[tokio::test]` and its like.
    pub(crate) runner: Option<Attribute>,
    /// On the function that holds the body: documentation, lints and everything that is not ours.
    pub(crate) attributes: Vec<Attribute>,
    /// On that function and on the module of tests.
    pub(crate) conditions: Vec<Attribute>,
    pub(crate) ignore: Option<Attribute>,
    pub(crate) should_panic: Option<Attribute>,
}

impl Signature {
    /// Takes a function apart; what is wrong is added to `errors`.
    pub(crate) fn new(mut function: ItemFn, errors: &mut Vec<Error>) -> Self {
        let mut signature = Self {
            arguments: arguments(&mut function, errors),
            runner: None,
            attributes: Vec::new(),
            conditions: Vec::new(),
            ignore: None,
            should_panic: None,
            function: function.clone(),
        };
        signature.function.attrs.clear();
        for attribute in function.attrs {
            signature.sort(attribute, errors);
        }
        signature.check(errors);
        signature
    }

    fn sort(&mut self, attribute: Attribute, errors: &mut Vec<Error>) {
        let path = attribute.path();
        let last = path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        match last.as_str() {
            "test" if is_built_in_test(&attribute) => {}
            "test" if self.runner.is_some() => {
                errors.push(Error::new(path.span(), "a test has one runner: this is the second"));
            }
            "test" => self.runner = Some(attribute),
            "cfg" => self.conditions.push(attribute),
            "ignore" => self.ignore = Some(attribute),
            "should_panic" => self.should_panic = Some(attribute),
            "rstest" | "case" | "test_case" | "apply" | "property_test" => errors.push(Error::new(
                path.span(),
                format!(
                    "put `#[{last}]` above `#[tuntap_test::test]`: it makes the functions, each of which becomes a \
                     test of its own (rstest's cases; mark the device `#[ignore] tun: Tun`)"
                ),
            )),
            "tuntap_test" => errors.push(Error::new(path.span(), "`#[tuntap_test]` is given twice")),
            _ => self.attributes.push(attribute),
        }
    }

    fn check(&self, errors: &mut Vec<Error>) {
        let sig = &self.function.sig;
        if let Some(constness) = &sig.constness {
            errors.push(Error::new(constness.span(), "a test is called at run time: remove `const`"));
        }
        if !sig.generics.params.is_empty() || sig.generics.where_clause.is_some() {
            let span = sig.generics.params.first().map_or_else(|| sig.generics.where_clause.span(), Spanned::span);
            errors.push(Error::new(span, "a test cannot be generic: nobody chooses the type"));
        }
        if sig.inputs.is_empty() {
            errors.push(Error::new(
                sig.ident.span(),
                "no argument: take what the test needs, such as `tun: Tun`, `tap: Tap` or `namespace: Namespace`",
            ));
        }
        if let (Some(asyncness), None) = (&sig.asyncness, &self.runner) {
            errors.push(Error::new(
                asyncness.span(),
                "an `async` test needs a runner: write `#[tokio::test]` (or another one) below `#[tuntap_test]`, or \
                 remove `async`",
            ));
        }
        if let (Some(_), ReturnType::Type(_, kind)) = (&self.should_panic, &sig.output)
            && !self.is_unit()
        {
            errors
                .push(Error::new(kind.span(), "a `#[should_panic]` test returns nothing: rustc allows no other type"));
        }
    }

    /// Whether the test returns nothing.
    pub(crate) fn is_unit(&self) -> bool {
        match &self.function.sig.output {
            ReturnType::Default => true,
            ReturnType::Type(_, kind) => matches!(&**kind, Type::Tuple(tuple) if tuple.elems.is_empty()),
        }
    }
}

/// The arguments, with their `#[device(…)]` taken off the function.
fn arguments(function: &mut ItemFn, errors: &mut Vec<Error>) -> Vec<Argument> {
    let mut arguments = Vec::new();
    for input in &mut function.sig.inputs {
        let typed = match input {
            FnArg::Typed(typed) => typed,
            FnArg::Receiver(receiver) => {
                errors.push(Error::new(receiver.span(), "a test is a function, not a method: there is no `self`"));
                continue;
            }
        };
        let mut device = None;
        typed.attrs.retain(|attribute| {
            if !attribute.path().is_ident("device") {
                return true;
            }
            let tokens = match &attribute.meta {
                Meta::List(list) => list.tokens.clone(),
                Meta::Path(_) => TokenStream::new(),
                Meta::NameValue(value) => {
                    errors.push(Error::new(value.span(), "expected `#[device(option = value, …)]`"));
                    TokenStream::new()
                }
            };
            if device.is_some() {
                errors.push(Error::new(attribute.span(), "`#[device]` is given twice"));
            }
            device = Some(Options::parse(Place::Device, tokens, errors));
            false
        });
        arguments.push(Argument { kind: (*typed.ty).clone(), device });
    }
    arguments
}

/// `#[test]`, also as other macros write it.
fn is_built_in_test(attribute: &Attribute) -> bool {
    let segments: Vec<_> = attribute.path().segments.iter().map(|segment| segment.ident.to_string()).collect();
    let segments: Vec<_> = segments.iter().map(String::as_str).collect();
    matches!(segments.as_slice(), ["test"] | ["core" | "std", "prelude", _, "test"])
}
