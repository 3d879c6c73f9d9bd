::core::compile_error! {
    "unknown word `bogus`; expected `mock`, `kernel` or `strict`"
}
::core::compile_error! {
    "`mtu` is in octets and must lie in 68..=65535"
}
/// Documentation.
#[allow(unused)]
#[allow(dead_code)]
fn mistaken(tun: Tun) {
    body();
}
