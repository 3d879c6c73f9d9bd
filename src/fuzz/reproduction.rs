//! A finding told: the script in words, what went over the link, a capture, and the source of a test that does it again.

use std::any::type_name;
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use super::{Body, Script, run};
use crate::context::{Backend, FromTestContext, TestContext, evidence};
use crate::device::dispatch::panic_message;
use crate::shrink::Shrinker;

/// Runs a body with what a fuzzer found, and tells all about it.
///
/// ```
/// use tuntap_test::fuzz::{Reproduction, Script};
/// use tuntap_test::prelude::*;
///
/// fn counts(tun: Tun, script: Script) {
///     let transcript = script.play_at_device_end(&tun, |_| ());
///     assert!(transcript.sent().count() < 2, "the second reply");
/// }
///
/// let script = Script::new().send(Icmpv4::echo_request(7, 1)).send(Icmpv4::echo_request(7, 2));
/// let reproduction = Reproduction::of(counts).named("second_reply").called("my_crate::fuzzing::counts");
/// let finding = reproduction.reproduce(&script);
/// assert_eq!(finding.message(), Some("the second reply"));
/// assert!(finding.exchange().contains("echo reply id 7 seq 2"));
/// assert!(finding.source().contains("my_crate::fuzzing::counts(tun, script);"));
/// # finding.files().iter().for_each(|file| std::fs::remove_file(file).unwrap());
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Reproduction<T> {
    body: Body<T>,
    name: &'static str,
    called: String,
}

impl<T: FromTestContext> Reproduction<T> {
    /// Of what that body does.
    pub fn of(body: Body<T>) -> Self {
        Self { body, name: "found_by_fuzzing", called: "body".to_owned() }
    }

    /// The name of the finding: of the folder in which its capture is kept, and of the test. `found_by_fuzzing` unless
    /// this says otherwise.
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// How a test calls the body, such as `my_crate::fuzzing::exchange`.
    pub fn called(mut self, path: impl Into<String>) -> Self {
        self.called = path.into();
        self
    }

    /// Runs the body with that script as a fuzzer does, and gives the message of its panic. What a panic prints is printed.
    #[must_use]
    pub fn fails(&self, script: &Script) -> Option<String> {
        catch_unwind(AssertUnwindSafe(|| run::run_script(script.clone(), self.body)))
            .err()
            .map(|panic| panic_message(&*panic))
    }

    /// The script with the fewest steps and the simplest fields that makes the body panic in the same way: with the same
    /// message, but for the numbers in it. A script with which it does not panic stays as it is.
    pub fn minimise(&self, script: &Script) -> Script {
        let Some(wanted) = self.fails(script).as_deref().map(without_numbers) else { return script.clone() };
        let fails = |script: &Script| self.fails(script).is_some_and(|told| without_numbers(&told) == wanted);
        Shrinker::new().script(script, fails).map_or_else(|_| script.clone(), |shrunk| shrunk.script)
    }

    /// Runs the body with that script on a link that is recorded, and keeps what a failed test keeps.
    pub fn reproduce(&self, script: &Script) -> Finding {
        let made = TestContext::new(Backend::Mock, self.name);
        let (message, (exchange, files)) = match made {
            Ok(mut context) => {
                let ran = catch_unwind(AssertUnwindSafe(|| run::on_a_link(&mut context, self.body, script.clone())));
                let message = ran.err().map(|panic| panic_message(&*panic));
                let evidence = evidence(&context, message.is_some());
                (message, evidence)
            }
            Err(error) => (Some(error.to_string()), (String::new(), Vec::new())),
        };
        let source = self.source(script, message.as_deref());
        Finding { script: script.clone(), message, exchange, files, source }
    }

    /// The source of a test.
    fn source(&self, script: &Script, message: Option<&str>) -> String {
        let expression = script.as_rust().replace('\n', "\n    ");
        let link = type_name::<T>().rsplit("::").next().unwrap_or("Tun");
        let mut source = String::new();
        let used = |names: &[&str]| {
            let used: Vec<_> = names.iter().copied().filter(|name| is_named(name, &expression)).collect();
            match &*used {
                [] => None,
                [only] => Some((*only).to_owned()),
                several => Some(format!("{{{}}}", several.join(", "))),
            }
        };
        if let Some(names) = used(&["Call", "CallFault", "FrameFault", "LinkFault", "Towards"]) {
            let _ = writeln!(source, "use tuntap_test::fault::{names};");
        }
        if let Some(names) = used(&["Answer", "Fault", "Script", "SocketCall", "Step"]) {
            let _ = writeln!(source, "use tuntap_test::fuzz::{names};");
        }
        // Messages of applications are no part of the prelude.
        if used(&["Dns", "Dhcp"]).is_some() {
            source.push_str("use tuntap_test::packet::*;\n");
        }
        source.push_str("use tuntap_test::prelude::*;\n\n");
        if let Some(first) = message.and_then(|message| message.lines().next()) {
            // A comment has no carriage return.
            let _ = writeln!(source, "/// Found by fuzzing: {}", first.replace(char::is_control, " ").trim_end());
        }
        let variable = link.to_lowercase();
        let Self { name, called, .. } = self;
        let name = name.rsplit("::").next().unwrap_or(name);
        let _ = write!(
            source,
            "#[tuntap_test(mock)]\nfn {name}({variable}: {link}) {{\n    let script = {expression};\n    \
             {called}({variable}, script);\n}}\n"
        );
        source
    }
}

/// Whether an expression has something of that type: `Call::` is no part of `SocketCall::`.
fn is_named(name: &str, expression: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    expression
        .match_indices(name)
        .filter(|(at, _)| !expression.get(..*at).is_some_and(|before| before.ends_with(is_word)))
        .any(|(at, _)| expression.get(at + name.len()..).is_some_and(|behind| behind.starts_with("::")))
}

/// The first line of a message without its numbers: what of a message does not depend on lengths and values.
fn without_numbers(message: &str) -> String {
    message.lines().next().unwrap_or_default().chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

/// What a script does to a body.
#[derive(Clone, Debug)]
pub struct Finding {
    script: Script,
    message: Option<String>,
    exchange: String,
    files: Vec<PathBuf>,
    source: String,
}

impl Finding {
    /// The script.
    pub const fn script(&self) -> &Script {
        &self.script
    }

    /// What the panic said; `None` when there was none.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// What went over the link, as the report of a test has it.
    #[must_use]
    pub fn exchange(&self) -> &str {
        &self.exchange
    }

    /// The files that were kept: `exchange.pcapng`, `report.txt`, and `fault-plan.toml` where the script has faults. None when
    /// no frame was sent.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The source of a test that does it again.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => writeln!(f, "the body panics: {message}")?,
            None => writeln!(f, "the body does not panic")?,
        }
        let steps = self.script.steps().len();
        writeln!(f, "\nthe script, {steps} step{}:", if steps == 1 { "" } else { "s" })?;
        self.script.to_string().lines().try_for_each(|line| writeln!(f, "  {line}"))?;
        writeln!(f, "\nwhat went over the link:")?;
        self.exchange.lines().try_for_each(|line| writeln!(f, "{line}"))?;
        for file in &self.files {
            writeln!(f, "  file: {}", file.display())?;
        }
        writeln!(f, "\nthe test:\n")?;
        self.source.lines().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tun;
    use crate::fault::LinkFault;
    use crate::fuzz::{SocketCall, Step};

    fn source(script: &Script, message: Option<&str>) -> String {
        Reproduction::<Tun>::of(|_, _| ()).called("my::body").source(script, message)
    }

    /// What is imported and not used is a warning, and an error in many a crate.
    #[test]
    fn a_test_imports_what_it_uses() {
        let imports = |script: &Script| -> Vec<String> {
            let source = source(script, None);
            let used = source.lines().filter_map(|line| line.strip_prefix("use tuntap_test::"));
            used.map(str::to_owned).collect()
        };
        let close = Script::new().socket(SocketCall::Close { slot: 0 });
        assert_eq!(imports(&close), ["fuzz::{Script, SocketCall};", "prelude::*;"]);
        let removed = Script::new().step(Step::Link(LinkFault::Removed));
        assert_eq!(imports(&removed), ["fault::LinkFault;", "fuzz::{Script, Step};", "prelude::*;"]);
    }

    /// The message stands at the test, so that the test can stand anywhere in a file.
    #[test]
    fn a_test_is_documented_with_one_line_of_the_message() {
        let source = source(&Script::new(), Some("a\rb\nc"));
        let wanted = "use tuntap_test::fuzz::Script;\nuse tuntap_test::prelude::*;\n\n/// Found by fuzzing: a b\n\
                      #[tuntap_test(mock)]\nfn found_by_fuzzing(tun: Tun) {\n    let script = Script::new();\n    \
                      my::body(tun, script);\n}\n";
        assert_eq!(source, wanted);
    }
}
