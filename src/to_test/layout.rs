//! Lays expressions out as rustfmt does with its defaults (style edition 2024), as far as generated tests need it.
//!
//! Layer: `to_test`. rustfmt's rules that count here: a line has at most 100 columns; a chain of two calls or more that
//! has more than 60 columns is broken before each call; a stack of layers that does not fit is broken before each `/`;
//! what is broken is indented by 4.
//!
//! ```text
//!     tun.send(Udp::new().dport(53) / b"hi");
//!     tun.send(
//!         Ipv4::new().src([192, 0, 2, 9])
//!             / Tcp::new()
//!                 .sport(40000)
//!                 .dport(80)
//!             / PAYLOAD,
//!     );
//! ```

/// The columns of a line.
const WIDTH: usize = 100;
/// The columns of a chain of calls, and of the arguments of a call, on one line.
const NARROW: usize = 60;
const TAB: usize = 4;

/// An expression, as far as its layout must be known.
#[derive(Clone, Debug)]
pub(super) enum Code {
    /// Stands on one line, whatever its width.
    Text(String),
    /// `name(argument, argument)`.
    Call { name: &'static str, arguments: Vec<String> },
    /// `start.call().call()`.
    Chain { start: Box<Self>, calls: Vec<Method> },
    /// `a / b / c`: two or more.
    Stack(Vec<Self>),
    /// `(…)`
    Parens(Box<Self>),
}

/// A call in a chain.
#[derive(Clone, Debug)]
pub(super) enum Method {
    /// `.dport(53)`: never broken.
    Text(String),
    /// `.send(…)`: broken inside.
    With(&'static str, Code),
}

impl Code {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The same with one more call.
    pub(super) fn call(self, call: Method) -> Self {
        match self {
            Self::Chain { start, mut calls } => {
                calls.push(call);
                Self::Chain { start, calls }
            }
            Self::Stack(_) => Self::Chain { start: Box::new(Self::Parens(Box::new(self))), calls: vec![call] },
            other => Self::Chain { start: Box::new(other), calls: vec![call] },
        }
    }

    /// The same with one more call that is never broken.
    pub(super) fn then(self, call: impl Into<String>) -> Self {
        self.call(Method::Text(call.into()))
    }

    /// One behind the other; a single one is itself.
    pub(super) fn stack(mut layers: Vec<Self>) -> Self {
        match (layers.len(), layers.pop()) {
            (1, Some(only)) => only,
            (_, last) => {
                layers.extend(last);
                Self::Stack(layers)
            }
        }
    }

    /// The expression on one line, where rustfmt leaves it there.
    fn line(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Call { name, arguments } => {
                let arguments = arguments.join(", ");
                (columns(&arguments) <= NARROW).then(|| format!("{name}({arguments})"))
            }
            Self::Chain { start, calls } => {
                let mut text = start.line()?;
                for call in calls {
                    if let Method::With(_, argument) = call {
                        argument.line()?;
                    }
                    text.push_str(&call.line());
                }
                (calls.len() < 2 || columns(&text) <= NARROW).then_some(text)
            }
            Self::Stack(layers) => {
                let lines = layers.iter().map(Self::line).collect::<Option<Vec<_>>>()?;
                Some(lines.join(" / "))
            }
            Self::Parens(inside) => Some(format!("({})", inside.line()?)),
        }
    }

    /// The expression in a block that is indented so far, beginning at that column, with so many columns behind it.
    pub(super) fn layout(&self, indent: usize, column: usize, behind: usize) -> String {
        if let Some(line) = self.line().filter(|line| column + columns(line) + behind <= WIDTH) {
            return line;
        }
        let inner = indent + TAB;
        let new_line = format!("\n{:inner$}", "");
        match self {
            Self::Text(text) => text.clone(),
            Self::Call { name, arguments } => {
                let arguments = arguments.iter().map(|argument| format!("{new_line}{argument},")).collect::<String>();
                format!("{name}({arguments}\n{:indent$})", "")
            }
            Self::Stack(layers) => {
                let mut text = String::new();
                for (at, layer) in layers.iter().enumerate() {
                    // What stands behind the last one is kept free in each line.
                    if at == 0 {
                        text.push_str(&layer.layout(indent, column, behind));
                    } else {
                        text.push_str(&format!("{new_line}/ {}", layer.layout(inner, inner + 2, behind)));
                    }
                }
                text
            }
            Self::Parens(inside) => format!("({})", inside.layout(indent, column + 1, behind + 1)),
            Self::Chain { start, calls } => match (start.line(), calls.split_last()) {
                (Some(start), Some((Method::With(name, argument), before))) => {
                    let before: String = before.iter().map(Method::line).collect();
                    let argument = argument.layout(inner, inner, 1);
                    format!("{start}{before}.{name}({new_line}{argument},\n{:indent$})", "")
                }
                _ => broken_chain(start, calls, indent, column),
            },
        }
    }

    /// The expression as a statement of a function's body, behind `let name = ` or nothing.
    pub(super) fn statement(&self, begin: &str) -> String {
        let column = TAB + columns(begin);
        let line = self.line();
        let fits = |column: usize, text: &str| column + columns(text) < WIDTH;
        let broken = match (&line, self) {
            (Some(line), _) if fits(column, line) => line.clone(),
            (Some(line), _) if !begin.is_empty() && fits(2 * TAB, line) => {
                let below = 2 * TAB;
                return format!("{:TAB$}{}\n{:below$}{line};\n", "", begin.trim_end(), "");
            }
            (Some(_), Self::Chain { start, calls }) if !begin.is_empty() || !start.is_short() => {
                let below = broken_chain(start, calls, TAB, column);
                let widest = below.lines().skip(1).map(columns).max().unwrap_or_default();
                if widest < WIDTH { below } else { self.layout(TAB, column, 1) }
            }
            _ => self.layout(TAB, column, 1),
        };
        format!("{:TAB$}{begin}{broken};\n", "")
    }

    fn is_short(&self) -> bool {
        matches!(self, Self::Text(text) if columns(text) <= TAB)
    }

    /// Whether calls behind it, when it is broken, stand below its beginning: it ends with a call's parenthesis.
    fn ends_with_call(&self) -> bool {
        match self {
            Self::Text(text) => text.ends_with(')'),
            Self::Call { .. } | Self::Chain { .. } => true,
            Self::Stack(layers) => layers.last().is_some_and(Self::ends_with_call),
            Self::Parens(inside) => inside.ends_with_call(),
        }
    }
}

impl Method {
    fn line(&self) -> String {
        match self {
            Self::Text(call) => call.clone(),
            Self::With(name, argument) => format!(".{name}({})", argument.line().unwrap_or_default()),
        }
    }
}

/// Each call on a line of its own; the first one behind a start that is as short as an indentation.
fn broken_chain(start: &Code, calls: &[Method], indent: usize, column: usize) -> String {
    let mut text = start.layout(indent, column, 1);
    let is_short = column == indent && columns(&text) <= TAB;
    let indent = if text.contains('\n') && start.ends_with_call() { indent } else { indent + TAB };
    for (at, call) in calls.iter().enumerate() {
        if at > 0 || !is_short {
            text.push_str(&format!("\n{:indent$}", ""));
        }
        text.push_str(&call.line());
    }
    text
}

fn columns(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    use super::*;

    /// What rustfmt makes of it with its defaults.
    pub(in crate::to_test) fn formatted(source: &str) -> String {
        let nowhere = std::env::temp_dir();
        let mut rustfmt = Command::new("rustfmt")
            .args(["--edition", "2024", "--emit", "stdout", "--config", "max_width=100"])
            .current_dir(nowhere)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("rustfmt is a part of the toolchain here");
        rustfmt.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
        let output = rustfmt.wait_with_output().unwrap();
        assert!(output.status.success(), "{source}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn setter() -> impl Strategy<Value = String> {
        (0..6_usize, 1..30_usize).prop_map(|(which, long)| match which {
            0 => ".syn()".to_owned(),
            1 => ".sport(40000)".to_owned(),
            2 => ".src([192, 0, 2, 1])".to_owned(),
            3 => ".dst(tun.host_v4())".to_owned(),
            4 => format!(".option({}, b\"{}\")", long, "x".repeat(long)),
            _ => ".flags(TcpFlags::PSH | TcpFlags::ACK)".to_owned(),
        })
    }

    fn layer() -> impl Strategy<Value = Code> {
        let start = prop_oneof![
            Just("Udp::new()"),
            Just("Icmpv6::neighbor_solicitation([0x2001, 0xdb8, 0, 0])"),
            Just("Icmpv4::echo_request(7, 1)"),
        ];
        let chain = (start, prop::collection::vec(setter(), 0..7))
            .prop_map(|(start, calls)| calls.into_iter().fold(Code::text(start), Code::then));
        prop_oneof![
            4 => chain,
            1 => (1..40_usize).prop_map(|long| Code::text(format!("b\"{}\"", "x".repeat(long)))),
            1 => Just(Code::text("PAYLOAD")),
        ]
    }

    fn packet() -> impl Strategy<Value = Code> {
        (layer(), prop::collection::vec(layer(), 0..5))
            .prop_map(|(first, rest)| Code::stack([vec![first], rest].concat()))
            .prop_filter("it begins with a layer", |code| {
                let first = if let Code::Stack(layers) = code { layers.first() } else { Some(code) };
                !matches!(first, Some(Code::Text(text)) if !text.ends_with(')'))
            })
    }

    fn reply() -> impl Strategy<Value = Code> {
        let call = prop_oneof![
            Just(".syn_ack()"),
            Just(".data(b\"hello\")"),
            Just(".seq_rel(1)"),
            Just(".ack_rel(1234567890)"),
            Just(".with(Tcp::new().mss(1460))"),
            Just(".with(Tcp::new().flags(TcpFlags::FIN | TcpFlags::ACK))"),
            Just(".within(Duration::from_millis(460))"),
        ];
        (prop_oneof![Just("tcp"), Just("tcp_2")], prop::collection::vec(call, 0..5))
            .prop_map(|(flow, calls)| calls.into_iter().fold(Code::text(flow).then(".reply()"), Code::then))
    }

    fn argument() -> impl Strategy<Value = Code> {
        prop_oneof![
            3 => packet(),
            1 => packet().prop_map(|packet| packet.then(".within(Duration::from_millis(460))")),
            1 => packet().prop_map(|packet| packet.then(".unverified()").then(".within(Duration::from_millis(460))")),
            2 => reply(),
            1 => Just(Code::text("tcp.segment(Tcp::new().flags(TcpFlags::RST))")),
        ]
    }

    fn flow() -> impl Strategy<Value = Code> {
        let arguments = |own: &str, other: &str| Code::Call {
            name: "TcpFlow::new",
            arguments: vec![own.to_owned(), "40000".to_owned(), other.to_owned(), "80".to_owned()],
        };
        let start = prop_oneof![
            Just(Code::text("tun").then(".tcp_flow(40000, 80)")),
            Just(Code::text("TcpFlow::opened_by(syn.as_ref())").then(".unwrap()")),
            Just(arguments("[192, 0, 2, 1]", "[192, 0, 2, 2]")),
            Just(arguments("[0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]", "[0x2001, 0xdb8, 0, 0, 0, 0, 0, 2]")),
        ];
        let call = prop_oneof![Just(".window(64240)"), Just(".mss(1460)"), Just(".window_scale(7)")];
        (start, prop::collection::vec(call, 0..4)).prop_map(|(start, calls)| calls.into_iter().fold(start, Code::then))
    }

    fn statement() -> impl Strategy<Value = String> {
        let call =
            (prop_oneof![Just(""), Just("let datagram_2 = ")], prop_oneof![Just("tun"), Just("eth0_7")], argument())
                .prop_map(|(begin, link, argument)| (begin, Code::text(link).call(Method::With("expect", argument))));
        let segment =
            packet().prop_map(|packet| ("let segment = ", Code::text("tcp").call(Method::With("segment", packet))));
        prop_oneof![4 => call, 1 => segment, 1 => flow().prop_map(|flow| ("let mut tcp_2 = ", flow))]
            .prop_map(|(begin, code)| code.statement(begin))
    }

    #[test]
    fn it_is_what_rustfmt_does() {
        let mut runner = TestRunner::deterministic();
        let statements = (0..5000).map(|_| statement().new_tree(&mut runner).unwrap().current());
        let mine: Vec<String> = statements.map(|statement| format!("fn f() {{\n{statement}}}\n")).collect();
        let theirs = formatted(&mine.concat());
        let theirs: Vec<&str> = theirs.split_inclusive("\n}\n").collect();
        assert_eq!(mine.len(), theirs.len());
        let differing: Vec<_> = mine.iter().zip(&theirs).filter(|(mine, theirs)| mine != *theirs).collect();
        let shown: String =
            differing.iter().take(6).map(|(mine, theirs)| format!("mine\n{mine}rustfmt\n{theirs}")).collect();
        assert!(differing.is_empty(), "{} of {} differ:\n{shown}", differing.len(), mine.len());
    }
}
