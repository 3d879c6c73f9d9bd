::core::compile_error! {
    "unknown backend `bogus`; expected `mock` or `kernel`"
}
::core::compile_error! {
    "a test is called at run time: remove `const`"
}
::core::compile_error! {
    "a test cannot be generic: nobody chooses the type"
}
#[allow(dead_code, unused)]
fn wrong<T>(tun: Tun) {}
