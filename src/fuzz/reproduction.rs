//! A finding told: the script in words, what went over the link, a capture, and the source of a test that does it again.

use std::any::type_name;
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use super::{Body, Script, run};
use crate::context::{Backend, FromTestContext, TestContext, evidence};

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
        catch_unwind(AssertUnwindSafe(|| run::run_script(script.clone(), self.body))).err().map(|panic| told(&*panic))
    }

    /// Runs the body with that script on a link that is recorded, and keeps what a failed test keeps.
    pub fn reproduce(&self, script: &Script) -> Finding {
        let made = TestContext::new(Backend::Mock, self.name);
        let (message, (exchange, files)) = match made {
            Ok(mut context) => {
                let ran = catch_unwind(AssertUnwindSafe(|| run::on_a_link(&mut context, self.body, script.clone())));
                let message = ran.err().map(|panic| told(&*panic));
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
        if let Some(first) = message.and_then(|message| message.lines().next()) {
            let _ = writeln!(source, "//! Found by fuzzing: {}", first.trim_end());
        }
        let used = |names: &[&str], word: fn(&str) -> String| {
            let used: Vec<_> = names.iter().copied().filter(|name| expression.contains(&word(name))).collect();
            match &*used {
                [] => None,
                [only] => Some((*only).to_owned()),
                several => Some(format!("{{{}}}", several.join(", "))),
            }
        };
        let path = |name: &str| format!("{name}::");
        if let Some(names) =
            used(&["Call", "CallFault", "FrameFault", "LinkFault", "Towards"], |name| format!("{name}::"))
        {
            let _ = writeln!(source, "use tuntap_test::fault::{names};");
        }
        if let Some(names) = used(&["Answer", "Fault", "Script", "SocketCall", "Step"], path) {
            let _ = writeln!(source, "use tuntap_test::fuzz::{names};");
        }
        // Messages of applications are no part of the prelude.
        if ["Dns::", "Dhcp::"].iter().any(|layer| expression.contains(layer)) {
            source.push_str("use tuntap_test::packet::*;\n");
        }
        source.push_str("use tuntap_test::prelude::*;\n\n");
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

/// What the panic said.
fn told(panic: &(dyn std::any::Any + Send)) -> String {
    match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(text), _) => text.clone(),
        (None, Some(text)) => (*text).to_owned(),
        (None, None) => "a panic without a message".to_owned(),
    }
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
