//! Sorts the attributes under ours: which of the generated items each belongs to.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Meta, Path, Token, parse_quote};

use crate::args::Errors;

/// The function's attributes by the item they go to.
#[derive(Default)]
pub(crate) struct Sorted {
    /// Doc comments and lint levels, for the outer function.
    pub(crate) outer: Vec<Attribute>,
    /// `#[cfg]`, for the outer function and the module.
    pub(crate) cfg: Vec<Attribute>,
    /// `#[should_panic]`, for the tests.
    pub(crate) should_panic: Vec<Attribute>,
    /// `#[ignore]`, for the tests.
    pub(crate) ignore: Vec<Conditional>,
    /// `#[tokio::test]` and the like.
    pub(crate) runners: Vec<Attribute>,
    /// Whatever else; it stays on the user's function.
    pub(crate) inner: Vec<Attribute>,
}

/// An attribute, perhaps under `cfg_attr`.
pub(crate) struct Conditional {
    pub(crate) predicate: Option<Meta>,
    pub(crate) meta: Meta,
}

impl Sorted {
    pub(crate) fn new(attributes: Vec<Attribute>, errors: &mut Errors) -> Self {
        let mut sorted = Self::default();
        for attribute in attributes {
            match conditional(&attribute) {
                Some((predicate, metas)) => {
                    for meta in metas {
                        let one = parse_quote!(#[cfg_attr(#predicate, #meta)]);
                        sorted.sort(one, meta, Some(predicate.clone()), errors);
                    }
                }
                None => {
                    let meta = attribute.meta.clone();
                    sorted.sort(attribute, meta, None, errors);
                }
            }
        }
        sorted
    }

    fn sort(&mut self, attribute: Attribute, meta: Meta, predicate: Option<Meta>, errors: &mut Errors) {
        let path = meta.path().clone();
        match last_segment(&path).as_str() {
            "doc" | "allow" | "expect" | "warn" | "deny" | "forbid" if path.get_ident().is_some() => {
                self.outer.push(attribute);
            }
            "cfg" => self.cfg.push(attribute),
            "ignore" => self.ignore.push(Conditional { predicate, meta }),
            "should_panic" => self.should_panic.push(attribute),
            "test" if is_built_in_test(&path) => {}
            "tuntap_test" => errors.push(twice(&path)),
            "test" if first_segment(&path) == "tuntap_test" => errors.push(twice(&path)),
            "test" if predicate.is_some() => {
                errors.push(Error::new_spanned(path, "a runner attribute cannot stand in `#[cfg_attr(…)]` here"));
            }
            "test" => self.runners.push(attribute),
            _ => match misplaced(&path) {
                Some(message) => errors.push(Error::new_spanned(path, message)),
                None => self.inner.push(attribute),
            },
        }
    }

    /// What the tests carry for `#[ignore]`. `reason` is ours, which the user's replaces.
    pub(crate) fn ignore(&self, reason: Option<&str>) -> TokenStream {
        let ours = reason.map(|reason| quote!(ignore = #reason));
        if let Some(always) = self.ignore.iter().find(|ignore| ignore.predicate.is_none()) {
            let meta = &always.meta;
            return quote!(#[#meta]);
        }
        let (predicates, theirs): (Vec<_>, TokenStream) = self
            .ignore
            .iter()
            .filter_map(|Conditional { predicate, meta }| {
                let predicate = predicate.as_ref()?;
                Some((predicate, quote!(#[cfg_attr(#predicate, #meta)])))
            })
            .unzip();
        let ours = match ours {
            Some(ours) if predicates.is_empty() => quote!(#[#ours]),
            Some(ours) => quote!(#[cfg_attr(not(any(#(#predicates),*)), #ours)]),
            None => TokenStream::new(),
        };
        quote!(#theirs #ours)
    }
}

/// `cfg_attr(predicate, metas…)` taken apart.
fn conditional(attribute: &Attribute) -> Option<(Meta, Vec<Meta>)> {
    if !attribute.path().is_ident("cfg_attr") {
        return None;
    }
    let mut parts = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?.into_iter();
    Some((parts.next()?, parts.collect()))
}

/// `#[test]`, `#[core::prelude::v1::test]`, `#[::std::prelude::rust_2024::test]`.
fn is_built_in_test(path: &Path) -> bool {
    path.is_ident("test")
        || (matches!(first_segment(path).as_str(), "core" | "std")
            && path.segments.iter().nth(1).is_some_and(|segment| segment.ident == "prelude"))
}

fn twice(path: &Path) -> Error {
    Error::new_spanned(path, "this attribute is given twice; give it once, with all backends and options")
}

/// Attributes that must see the function before we do.
fn misplaced(path: &Path) -> Option<String> {
    let first = first_segment(path);
    let written = path.to_token_stream().to_string().replace(' ', "");
    if first == "case" || matches!(last_segment(path).as_str(), "rstest" | "case") {
        return Some(format!(
            "put `#[{written}]` above `#[tuntap_test]`, and name ours `#[tuntap_test::test]`, so that rstest sees it"
        ));
    }
    match last_segment(path).as_str() {
        "test_case" | "test_matrix" | "property_test" => Some(format!(
            "`#[{written}]` cannot hand a device through; put rstest's `#[rstest]` and `#[case]` above \
             `#[tuntap_test::test]`, or use `proptest!` in the body"
        )),
        _ => None,
    }
}

fn first_segment(path: &Path) -> String {
    path.segments.first().map_or_else(String::new, |segment| segment.ident.to_string())
}

fn last_segment(path: &Path) -> String {
    path.segments.last().map_or_else(String::new, |segment| segment.ident.to_string())
}
