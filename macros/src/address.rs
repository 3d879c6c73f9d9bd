//! Literals that can be checked while expanding: addresses and MTUs. Everything else is rustc's or the run time's.

use std::net::IpAddr;

use syn::{Error, Expr, ExprLit, Lit};

/// Checks `address = "192.0.2.1/24"` if it is a literal.
pub(crate) fn check_address(value: &Expr) -> Result<(), Error> {
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = value else { return Ok(()) };
    let wrong = |what: &str| {
        Err(Error::new(
            text.span(),
            format!("{what}; expected an address with its prefix length, such as `192.0.2.1/24` or `2001:db8::1/64`"),
        ))
    };
    let text_value = text.value();
    let Some((address, prefix)) = text_value.split_once('/') else { return wrong("no prefix length") };
    let longest = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return wrong(&format!("`{address}` is no IPv4 or IPv6 address")),
    };
    match prefix.parse::<u8>() {
        Ok(bits) if bits <= longest => Ok(()),
        _ => wrong(&format!("`{prefix}` is no prefix length of 0 to {longest} bits")),
    }
}

/// Checks `peer = "192.0.2.2"` if it is a literal.
pub(crate) fn check_peer(value: &Expr) -> Result<(), Error> {
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = value else { return Ok(()) };
    if text.value().parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    let what = format!(
        "`{}` is no IPv4 or IPv6 address; expected one without prefix length, such as `192.0.2.2`",
        text.value()
    );
    Err(Error::new(text.span(), what))
}

/// Checks `mtu = 1280` if it is a literal. A TAP's limit is 14 octets lower, which only the run time knows.
pub(crate) fn check_mtu(value: &Expr) -> Result<(), Error> {
    let Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) = value else { return Ok(()) };
    match number.base10_parse::<u64>() {
        Ok(68..=65_535) => Ok(()),
        _ => Err(Error::new(number.span(), "`mtu` is in octets and must lie in 68..=65535 (on a TAP 68..=65521)")),
    }
}
