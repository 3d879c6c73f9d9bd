//! The command line.

use std::ffi::OsString;

/// What `--help` prints.
pub(crate) const USAGE: &str = "\
Usage: answer_ping [OPTIONS]

Makes a throwaway TUN link (192.0.2.1 the host, 192.0.2.2 the peer), lets the kernel ping the peer, and answers.

Options:
  --count N      echo requests to send (default: 3; with --flood 10000)
  --tap          a TAP link instead of a TUN link
  --ipv6         ping 2001:db8::2 instead of 192.0.2.2
  --flood        as fast as the answers come
  --iface NAME   no throwaway link and no ping: open NAME in this network namespace and answer until Ctrl-C;
                 bring it up in another terminal:
                   ip link set NAME up; ip addr add 192.0.2.1 peer 192.0.2.2 dev NAME; ping 192.0.2.2
  --help         this text
";

/// What the caller wants.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Help,
    Run(Arguments),
}

/// The options.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) count: u32,
    pub(crate) tap: bool,
    pub ipv6: bool,
    pub(crate) flood: bool,
    pub(crate) interface: Option<String>,
}

impl Arguments {
    /// Reads the command line, or says what is wrong with it.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Asked, String> {
        let (mut count, mut tap, mut ipv6, mut flood, mut interface) = (None, false, false, false, None);
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let text = argument.to_str().ok_or_else(|| format!("{argument:?} is not text"))?;
            let mut value = |of: &str| {
                let value = arguments.next().ok_or_else(|| format!("{of} needs a value"))?;
                value.into_string().map_err(|value| format!("{value:?} is not text"))
            };
            match text {
                "--help" | "-h" => return Ok(Asked::Help),
                "--tap" => tap = true,
                "--ipv6" => ipv6 = true,
                "--flood" => flood = true,
                "--iface" => interface = Some(value("--iface")?),
                "--count" => {
                    let given = value("--count")?;
                    let number = given.parse().ok().filter(|number| (1..=10_000_000).contains(number));
                    count = Some(number.ok_or_else(|| format!("--count takes 1 to 10000000, not `{given}`"))?);
                }
                _ => return Err(format!("unknown argument `{text}`")),
            }
        }
        if interface.is_some() && (count.is_some() || ipv6 || flood) {
            return Err("--iface only answers, so --count, --ipv6 and --flood have no meaning with it".to_owned());
        }
        let count = count.unwrap_or(if flood { 10_000 } else { 3 });
        Ok(Asked::Run(Self { count, tap, ipv6, flood, interface }))
    }
}
