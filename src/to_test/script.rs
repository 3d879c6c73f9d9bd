//! What a test does, line by line, and the variables that it captures from what it expected.
//!
//! Layer: `to_test`. A frame that was expected gets a variable when a later line needs it, and only then.

use super::layout::Code;
use super::name::Names;

/// From which columns on a call as the only argument is a statement of its own: rustfmt breaks it in its own way there.
const LONGEST_CALL: usize = 50;

/// A frame that was expected, which may get a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Binding(usize);

/// A flow's declaration, which later segments may add to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FlowId(usize);

/// What number of a captured frame the test needs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    UdpSource,
    /// Of a DNS message: two octets.
    DnsId,
    EchoId {
        v6: bool,
    },
}

impl Number {
    /// The lines that take it from a frame.
    fn lines(self, frame: &str, called: &str) -> String {
        match self {
            Self::UdpSource => format!("    let {called} = {frame}.udp().unwrap().source_port();\n"),
            Self::DnsId => format!("    let {called} = &{frame}.udp().unwrap().payload()[..2];\n"),
            Self::EchoId { v6 } => {
                let layer = if v6 { "icmpv6" } else { "icmpv4" };
                format!(
                    "    let [high, low, ..] = {frame}.{layer}().unwrap().bytes5to8();\n    \
                     let {called} = u16::from_be_bytes([high, low]);\n"
                )
            }
        }
    }
}

#[derive(Debug)]
struct Captured {
    /// What it is called if it is needed.
    called: &'static str,
    name: Option<String>,
    numbers: Vec<(Number, String)>,
}

#[derive(Debug)]
struct Declared {
    name: String,
    code: Code,
    is_changed: bool,
}

enum Statement {
    Comment(String),
    /// `tun.send(…);`
    Call {
        begin: String,
        code: Code,
    },
    Expect {
        binding: Binding,
        code: Code,
    },
    Flow(FlowId),
    Blank,
}

/// The lines of a test.
#[derive(Default)]
pub(super) struct Script {
    pub(super) names: Names,
    statements: Vec<Statement>,
    captured: Vec<Captured>,
    flows: Vec<Declared>,
    /// Variables that are used in the next line only, and then declared anew.
    passing: Vec<(&'static str, String)>,
}

impl Script {
    pub(super) fn comment(&mut self, text: impl Into<String>) {
        self.statements.push(Statement::Comment(text.into()));
    }

    /// An empty line, but not at the beginning.
    pub(super) fn blank(&mut self) {
        if !matches!(self.statements.last(), None | Some(Statement::Blank | Statement::Comment(_))) {
            self.statements.push(Statement::Blank);
        }
    }

    pub(super) fn call(&mut self, code: Code) {
        self.statements.push(Statement::Call { begin: String::new(), code });
    }

    /// `let name = code;`, for the next line. `begin` is `let ` or `let mut `.
    pub(super) fn declare(&mut self, begin: &str, name: &'static str, code: Code) -> String {
        let known = self.passing.iter().find(|(known, _)| *known == name).map(|(_, name)| name.clone());
        let name = known.unwrap_or_else(|| {
            let unique = self.names.unique(name);
            self.passing.push((name, unique.clone()));
            unique
        });
        self.statements.push(Statement::Call { begin: format!("{begin}{name} = "), code });
        name
    }

    /// Calls a verb of an end with a packet.
    pub(super) fn verb(&mut self, end: &str, verb: &'static str, argument: Code) {
        let argument = self.shorter(argument);
        self.call(Code::text(end).call(super::layout::Method::With(verb, argument)));
    }

    /// Expects a frame, which is called so where it is needed again.
    pub(super) fn expect(&mut self, end: &str, argument: Code, called: &'static str) -> Binding {
        let argument = self.shorter(argument);
        let code = Code::text(end).call(super::layout::Method::With("expect", argument));
        let binding = Binding(self.captured.len());
        self.captured.push(Captured { called, name: None, numbers: Vec::new() });
        self.statements.push(Statement::Expect { binding, code });
        binding
    }

    fn shorter(&mut self, argument: Code) -> Code {
        match &argument {
            Code::Text(text) if text.ends_with(')') && text.len() > LONGEST_CALL => {
                Code::Text(self.declare("let ", "packet", argument))
            }
            _ => argument,
        }
    }

    /// The variable with that frame.
    pub(super) fn frame(&mut self, Binding(at): Binding) -> String {
        let Some(captured) = self.captured.get_mut(at) else { return String::new() };
        let names = &mut self.names;
        captured.name.get_or_insert_with(|| names.unique(captured.called)).clone()
    }

    /// The variable with that number of the frame.
    pub(super) fn number(&mut self, binding: Binding, number: Number) -> String {
        let _ = self.frame(binding);
        let Some(captured) = self.captured.get_mut(binding.0) else { return String::new() };
        let called = match number {
            Number::UdpSource => "port",
            Number::DnsId | Number::EchoId { .. } => "id",
        };
        if let Some((_, name)) = captured.numbers.iter().find(|(known, _)| *known == number) {
            return name.clone();
        }
        let name = self.names.unique(called);
        captured.numbers.push((number, name.clone()));
        name
    }

    /// Declares a flow: `let mut tcp = …;`.
    pub(super) fn flow(&mut self, code: Code) -> FlowId {
        let id = FlowId(self.flows.len());
        let name = self.names.unique("tcp");
        self.flows.push(Declared { name, code, is_changed: false });
        self.statements.push(Statement::Flow(id));
        id
    }

    /// Says more of a flow where it is declared: `.mss(1460)`.
    pub(super) fn refine_flow(&mut self, FlowId(at): FlowId, call: String) {
        if let Some(flow) = self.flows.get_mut(at) {
            flow.code = flow.code.clone().then(call);
        }
    }

    /// The flow's variable, to be read.
    pub(super) fn flow_name(&self, FlowId(at): FlowId) -> String {
        self.flows.get(at).map(|flow| flow.name.clone()).unwrap_or_default()
    }

    /// The flow's variable, for a verb that counts.
    pub(super) fn flow_mut(&mut self, FlowId(at): FlowId) -> String {
        let Some(flow) = self.flows.get_mut(at) else { return String::new() };
        flow.is_changed = true;
        flow.name.clone()
    }

    /// The body of the test's function.
    pub(super) fn source(&self) -> String {
        self.statements.iter().map(|statement| self.statement(statement)).collect()
    }

    fn statement(&self, statement: &Statement) -> String {
        match statement {
            Statement::Blank => "\n".to_owned(),
            Statement::Comment(text) => format!("    // {text}\n"),
            Statement::Call { begin, code } => code.statement(begin),
            Statement::Flow(FlowId(at)) => self.flows.get(*at).map_or_else(String::new, |flow| {
                let changed = if flow.is_changed { "mut " } else { "" };
                flow.code.statement(&format!("let {changed}{} = ", flow.name))
            }),
            Statement::Expect { binding: Binding(at), code } => {
                let captured = self.captured.get(*at);
                let Some((name, captured)) = captured.and_then(|it| Some((it.name.as_ref()?, it))) else {
                    return code.statement("");
                };
                let mut text = code.statement(&format!("let {name} = "));
                for (number, called) in &captured.numbers {
                    text.push_str(&number.lines(name, called));
                }
                text
            }
        }
    }
}
