//! What the attribute writes, as snapshots in `snapshots/`: `UPDATE_EXPECT=1 cargo test -p tuntap-test-macros` writes
//! them anew.

use expect_test::{ExpectFile, expect_file};
use proc_macro2::TokenStream;
use quote::quote;

use crate::expand;

#[expect(clippy::needless_pass_by_value, reason = "reads better at the call")]
fn check(arguments: TokenStream, item: TokenStream, expected: ExpectFile) {
    let file = syn::parse2(expand::attribute(arguments, item)).expect("the expansion parses");
    expected.assert_eq(&prettyplease::unparse(&file));
}

#[test]
fn a_test_without_options_runs_on_both_backends() {
    let item = quote! {
        /// What it is for.
        pub(crate) fn answers_ping(tun: Tun) {
            let a = tun.name();
        }
    };
    check(quote!(), item, expect_file!["snapshots/simplest.rs"]);
}

#[test]
fn options_of_the_argument_come_before_the_attributes_and_both_before_the_config() {
    let arguments = quote!(
        mock,
        config = BASE,
        mtu = 1280,
        address = "192.0.2.1/24",
        address = "2001:db8::1/64",
        peer = "192.0.2.9",
        packet_info = strip,
    );
    let item = quote! {
        fn options(
            one: Tun,
            #[device(address = "198.51.100.1/24", mtu = 1400, host = "b", chatter = true)] mut two: Tap,
            #[device(config = OTHER, multi_queue = true, queue_length = 2 * N, name = "vpn%d")] _: Tun,
        ) {}
    };
    check(arguments, item, expect_file!["snapshots/options.rs"]);
}

#[test]
fn a_result_reaches_the_harness() {
    let item = quote! {
        fn result(tun: Tun) -> std::io::Result<()> {
            tun.send(&[])
        }
    };
    check(quote!(mock), item, expect_file!["snapshots/result.rs"]);
}

#[test]
fn a_strict_test_calls_the_strict_runtime_on_both_backends() {
    let item = quote! { fn unit(tun: Tun) {} };
    check(quote!(strict), item, expect_file!["snapshots/strict.rs"]);
    let item = quote! { fn result(tun: Tun) -> io::Result<()> {} };
    check(quote!(strict, kernel, mtu = 1280), item, expect_file!["snapshots/strict_result.rs"]);
}

#[test]
fn an_opaque_result_does_not_capture_the_context() {
    let item = quote! { fn opaque(tun: Tun) -> impl Termination {} };
    check(quote!(mock), item, expect_file!["snapshots/opaque_result.rs"]);
}

#[test]
fn each_attribute_goes_to_the_item_it_is_about() {
    let item = quote! {
        /// Documentation.
        #[test]
        #[cfg(feature = "x")]
        #[should_panic(expected = "a reason")]
        #[cfg_attr(windows, ignore = "not here", allow(unused))]
        #[expect(unused_mut, reason = "r")]
        #[inline(never)]
        fn attributes(#[allow(unused)] tun: Tun) {}
    };
    check(quote!(), item, expect_file!["snapshots/attributes.rs"]);
}

#[test]
fn a_runner_starts_inside_the_context() {
    let item = quote! {
        #[ignore = "slow"]
        #[tokio::test(flavor = "multi_thread")]
        async fn runner(left: Tun, #[device(host = "b")] right: Tap) -> io::Result<()> {
            left.recv().await
        }
    };
    check(quote!(mtu = 1280), item, expect_file!["snapshots/runner.rs"]);
}

#[test]
fn a_renamed_crate_is_found_from_the_module_too() {
    let item = quote! { fn renamed(tun: Tun) {} };
    check(quote!(kernel, crate = some::path), item.clone(), expect_file!["snapshots/renamed_crate.rs"]);
    check(quote!(mock, crate = self::path), item, expect_file!["snapshots/renamed_crate_behind_self.rs"]);
}

#[test]
fn a_mistake_keeps_the_function() {
    let item = quote! {
        /// Documentation.
        #[tokio::test]
        #[should_panic]
        #[allow(unused)]
        fn mistaken(#[device(mtu = 9)] tun: Tun) {
            body();
        }
    };
    check(quote!(bogus), item, expect_file!["snapshots/mistake.rs"]);
}

#[test]
fn nothing_makes_the_attribute_panic() {
    let items = [
        quote!(),
        quote!(
            struct S;
        ),
        quote!(fn),
        quote!(
            fn a();
        ),
        quote!(
            fn a(,) {}
        ),
        quote!(
            fn a(self: Box<Self>, ...) {}
        ),
        quote!(
            #[device]
            fn a(
                #[device = 1]
                #[device]
                _: _,
            ) {
            }
        ),
        quote!(
            #[cfg_attr]
            #[cfg_attr()]
            #[cfg_attr(a, test, b::test)]
            #[ignore(1)]
            fn a(_: Tun) -> (()) {}
        ),
        quote!(
            unsafe extern "C" fn a(_: (Tun,)) -> ! {}
        ),
    ];
    let arguments = [
        quote!(),
        quote!(,),
        quote!(=),
        quote!(mtu),
        quote!(mtu =),
        quote!(mtu = = 3, mtu == 3, r#mtu = 1, mtu = 99999999999999999999999),
        quote!(mtu = 1 2, mock kernel, crate, crate = , packet_info = a::b),
        quote!(address = "/", address = "", peer = "/", mock = mock, -1, "a" = "b"),
        quote!(a, b, c = |x| {}),
        quote!(strict strict, strict = strict, strict(kernel), r#strict),
    ];
    for item in &items {
        for arguments in &arguments {
            expand::attribute(arguments.clone(), item.clone());
        }
    }
}
