//! The file around a test's body: imports, constants, doc comment, attribute, signature.
//!
//! Layer: `to_test`.

use std::fmt::Write as _;

use super::constants::Constants;
use super::heading::Heading;
use super::link::{End, Link};
use super::script::Script;
use crate::device::Mode;

/// The columns of what stands in an attribute's parentheses on one line (rustfmt: `attr_fn_like_width`).
const ATTRIBUTE: usize = 70;
const WIDTH: usize = 100;

/// The whole file.
pub(super) fn file(heading: &Heading, links: &[Link], ends: &[End], constants: &Constants, script: &Script) -> String {
    let mut text = "use tuntap_test::prelude::*;\n\n".to_owned();
    let items = constants.items();
    if !items.is_empty() {
        let _ = writeln!(text, "{items}");
    }
    for line in doc(heading) {
        let _ = writeln!(text, "/// {line}");
    }
    text.push_str(&signature(heading, links));
    for link in links {
        text.push_str(&link.preamble());
    }
    for end in ends.iter().filter(|end| end.is_host) {
        let link = links.get(end.link).map(|link| link.name.as_str()).unwrap_or_default();
        let _ = writeln!(text, "    let {} = {link}.host_end();", end.name);
    }
    for line in heading.start.iter().flat_map(|start| start.lines()) {
        let _ = if line.trim().is_empty() { writeln!(text) } else { writeln!(text, "    {}", line.trim_end()) };
    }
    text.push_str(&script.source());
    text.push_str("}\n");
    text
}

/// One line of text for a comment: what would end it, or hide, is left out.
pub(super) fn for_comment(text: &str) -> String {
    let line: String = text.chars().filter(|character| !character.is_control()).take(60).collect();
    line.replace('`', "'")
}

fn doc(heading: &Heading) -> Vec<String> {
    let name = for_comment(&heading.capture);
    let sentence = format!("Made from `{name}` by `tuntap_test::capture::to_test`. {}", heading.sides);
    let mut lines = vec![String::new()];
    for word in sentence.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH - 4 {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

fn signature(heading: &Heading, links: &[Link]) -> String {
    let mut options = vec![(if heading.is_mock { "mock" } else { "kernel" }).to_owned()];
    let name = &heading.name;
    let of = |link: &Link| if link.mode == Mode::Tun { "Tun" } else { "Tap" };
    if let [link] = links {
        options.extend(link.options());
        let attribute = attribute("tuntap_test", &options, "");
        return format!("{attribute}\nfn {name}({}: {}) {{\n", link.name, of(link));
    }
    let attribute_ = attribute("tuntap_test", &options, "");
    let arguments: Vec<(Vec<String>, String)> =
        links.iter().map(|link| (link.options(), format!("{}: {}", link.name, of(link)))).collect();
    let plain = arguments.iter().all(|(options, _)| options.is_empty());
    let line: Vec<&str> = arguments.iter().map(|(_, argument)| argument.as_str()).collect();
    let line = format!("fn {name}({}) {{", line.join(", "));
    if plain && line.chars().count() <= WIDTH {
        return format!("{attribute_}\n{line}\n");
    }
    let mut text = format!("{attribute_}\nfn {name}(\n");
    for (options, argument) in &arguments {
        let device = if options.is_empty() { String::new() } else { attribute("device", options, "    ") };
        let separator = if device.is_empty() {
            ""
        } else if device.contains('\n') || device.len() + argument.len() + 6 > WIDTH {
            "\n    "
        } else {
            " "
        };
        let _ = writeln!(text, "    {device}{separator}{argument},");
    }
    text.push_str(") {\n");
    text
}

fn attribute(name: &str, options: &[String], indent: &str) -> String {
    if options.is_empty() {
        return format!("#[{name}]");
    }
    let line = options.join(", ");
    if line.len() <= ATTRIBUTE {
        return format!("#[{name}({line})]");
    }
    let lines: Vec<String> = options.iter().map(|option| format!("{indent}    {option}")).collect();
    format!("#[{name}(\n{}\n{indent})]", lines.join(",\n"))
}
