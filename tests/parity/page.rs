//! The page: `src/mock/parity.md`, the record that the tests are held against and the documentation in one.
//!
//! A row is `| sentence | Linux | the mock |`, in the section of its group; where both say the same, the third cell says so.
//! The section on top repeats the rows that differ, with the reasons of the table in `differences.rs`.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;

use tuntap_test::context::Backend;

use crate::all;
use crate::behaviour::Behaviour;
use crate::differences::DIFFERENCES;

const PAGE: &str = include_str!("../../src/mock/parity.md");
const NAME: &str = "src/mock/parity.md";
const CURE: &str = "INSTA_UPDATE=always cargo test --test parity -- --include-ignored";
const SAME: &str = "the same";
const NOT_RUN: &str = "not observed yet";

/// What the two backends say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Row {
    kernel: String,
    mock: String,
}

impl Row {
    fn of(&self, backend: Backend) -> &str {
        match backend {
            Backend::Kernel => &self.kernel,
            Backend::Mock => &self.mock,
        }
    }

    fn differs(&self) -> bool {
        self.kernel != self.mock
    }
}

type Rows = BTreeMap<String, Row>;

/// Reads the groups' tables; what has four cells is the table of differences, which repeats them.
fn rows(page: &str) -> Rows {
    let mut rows = Rows::new();
    for line in page.lines() {
        let Some(cells) = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")) else { continue };
        let cells: Vec<&str> = cells.split(" | ").collect();
        let [sentence, kernel, mock] = cells[..] else { continue };
        if kernel == "---" || kernel == "Linux" {
            continue;
        }
        let mock = if mock == SAME { kernel } else { mock };
        rows.insert(sentence.to_owned(), Row { kernel: kernel.to_owned(), mock: mock.to_owned() });
    }
    rows
}

/// As a cell: nothing in it ends the cell, the row, or the text.
fn cell(text: &str) -> String {
    let text = if text.is_empty() { "nothing" } else { text };
    text.replace('|', "\\|").replace('\n', " ").replace('[', "\\[").replace('<', "\\<")
}

fn render(rows: &Rows) -> String {
    let of = |behaviour: &Behaviour| {
        let unknown = || Row { kernel: NOT_RUN.to_owned(), mock: NOT_RUN.to_owned() };
        rows.get(&cell(behaviour.sentence)).cloned().unwrap_or_else(unknown)
    };
    let differing = || all().filter(|behaviour| of(behaviour).differs());
    let mut page = format!(
        "What one body observed on both backends: a kernel device in a namespace of its own (Linux 6.18), and the mock.\n\
         {} behaviours, {} of which differ. The suite `tests/parity` writes this page (`{CURE}`)\n\
         and holds both backends to it.\n\n\
         Over TUN, from the peer 192.0.2.2 or 2001:db8::2 to the host 192.0.2.1 or 2001:db8::1, unless a row says otherwise;\n\
         packets from the host to the peer are shown without their addresses. `[.] 1..6 ack 1` is a TCP segment: its flags\n\
         but for PSH (`.` is ACK), its numbers from the initial ones on. A semicolon stands between what came one after the other.\n\n\
         # What the mock does otherwise\n\n\
         | behaviour | Linux | the mock | why |\n| --- | --- | --- | --- |\n",
        all().count(),
        differing().count(),
    );
    for behaviour in differing() {
        let row = of(behaviour);
        let why = DIFFERENCES.iter().find(|difference| difference.sentence == behaviour.sentence);
        let why = why.map_or_else(|| "not listed".to_owned(), |why| format!("{}: {}", why.whose, why.reason));
        let _ = writeln!(page, "| {} | {} | {} | {why} |", cell(behaviour.sentence), row.kernel, row.mock);
    }
    let mut group = "";
    for behaviour in all() {
        if behaviour.group != group {
            group = behaviour.group;
            let _ = write!(page, "\n# {group}\n\n| behaviour | Linux | the mock |\n| --- | --- | --- |\n");
        }
        let row = of(behaviour);
        let mock = if row.differs() { &row.mock } else { SAME };
        let _ = writeln!(page, "| {} | {} | {mock} |", cell(behaviour.sentence), row.kernel);
    }
    page
}

fn is_update() -> bool {
    env::var_os("INSTA_UPDATE").is_some_and(|value| value == "always" || value == "force")
}

/// Writes the page anew. Tests run in parallel, also as processes of their own: one at a time.
fn rewrite(change: impl FnOnce(&mut Rows)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = folder.join(NAME);
    let turn = File::open(folder.join("Cargo.toml")).and_then(|file| file.lock().map(|()| file));
    let _turn = turn.unwrap_or_else(|error| panic!("lock {}: {error}", folder.display()));
    let page = fs::read_to_string(&path).unwrap_or_default();
    let mut rows = rows(&page);
    change(&mut rows);
    fs::write(&path, render(&rows)).unwrap_or_else(|error| panic!("write {}: {error}", path.display()));
}

/// Holds what was observed against the page.
///
/// # Panics
/// When the page says something else, or nothing.
pub(crate) fn hold(behaviour: &Behaviour, backend: Backend, seen: &str) {
    let (sentence, seen) = (cell(behaviour.sentence), cell(seen));
    if is_update() {
        return rewrite(|rows| {
            let unknown = Row { kernel: NOT_RUN.to_owned(), mock: NOT_RUN.to_owned() };
            let row = rows.entry(sentence).or_insert(unknown);
            match backend {
                Backend::Kernel => row.kernel = seen,
                Backend::Mock => row.mock = seen,
            }
        });
    }
    let Some(row) = rows(PAGE).remove(&sentence) else {
        panic!("{NAME} does not have this behaviour: {sentence}\n  seen:     {seen}\n{}", cure());
    };
    let recorded = row.of(backend);
    let other = match backend {
        Backend::Kernel => Backend::Mock,
        Backend::Mock => Backend::Kernel,
    };
    assert!(
        recorded == seen,
        "the {backend} says something else than {NAME}: {sentence}\n  recorded: {recorded}\n  seen:     {seen}\n  \
         (the {other}: {})\n{}",
        row.of(other),
        cure()
    );
}

/// Holds the page against the suite and the table of differences.
///
/// # Panics
/// When a row has no behaviour or a behaviour no row, when a difference is not in the table, when one in the table is
/// none, and when the page is not what would be written.
pub(crate) fn hold_page() {
    if is_update() {
        return rewrite(|_| {});
    }
    let rows = rows(PAGE);
    let mut faults = Vec::new();
    for behaviour in all() {
        let listed = DIFFERENCES.iter().any(|difference| difference.sentence == behaviour.sentence);
        match rows.get(&cell(behaviour.sentence)) {
            None => faults.push(format!("{NAME} does not have it: {}", behaviour.sentence)),
            Some(row) if row.differs() && !listed => faults.push(format!(
                "a difference that is not in the table (tests/parity/differences.rs): {}\n  Linux:    {}\n  the mock: {}",
                behaviour.sentence, row.kernel, row.mock
            )),
            Some(row) if !row.differs() && listed => faults.push(format!(
                "no longer a difference, so take it out of the table (tests/parity/differences.rs): {}\n  both: {}",
                behaviour.sentence, row.kernel
            )),
            Some(_) => {}
        }
    }
    for sentence in rows.keys().filter(|sentence| !all().any(|behaviour| cell(behaviour.sentence) == **sentence)) {
        faults.push(format!("{NAME} has what is no behaviour any more: {sentence}"));
    }
    for difference in DIFFERENCES.iter().filter(|difference| !all().any(|it| it.sentence == difference.sentence)) {
        faults.push(format!("the table has what is no behaviour any more: {}", difference.sentence));
    }
    if faults.is_empty() && render(&rows) != PAGE {
        faults.push(format!("{NAME} is not as it would be written"));
    }
    assert!(faults.is_empty(), "{}\n{}", faults.join("\n"), cure());
}

fn cure() -> String {
    format!("if that is right, write the page anew and read what changed:\n  {CURE}")
}
