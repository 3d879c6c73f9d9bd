//! Our reading of a frame against etherparse's and smoltcp's, on any octets.

mod disagreements;
mod etherparse;
#[cfg(any(feature = "host", feature = "smoltcp"))]
mod smoltcp;

use super::{Rules, split_mode};
use crate::device::FrameRef;
use crate::packet::field::Value;
use crate::packet::{Dissection, LayerKind, View};
use disagreements::{DISAGREEMENTS, Known};

/// One of the readers that nobody here wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Etherparse,
    /// With the feature `host` or `smoltcp`.
    Smoltcp,
}

/// A layer as a reader has it.
struct Layer<'a> {
    kind: LayerKind,
    /// Where its header begins.
    start: *const u8,
    /// Values by the names of our table.
    fields: Vec<(&'static str, u128)>,
    /// What it carries, where the reader says so.
    content: Option<&'a [u8]>,
    /// Whether the checksum is right, where the reader says so.
    checksum: Option<bool>,
}

impl<'a> Layer<'a> {
    const fn new(kind: LayerKind, octets: &[u8]) -> Self {
        Self { kind, start: octets.as_ptr(), fields: Vec::new(), content: None, checksum: None }
    }

    fn field(mut self, name: &'static str, value: impl Into<u128>) -> Self {
        self.fields.push((name, value.into()));
        self
    }
}

/// What is behind the last layer that a reader has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Nothing, or nothing that it knows.
    Payload,
    /// A header that it cannot read.
    Refused,
    /// A header of a protocol that is no layer here.
    Foreign,
    /// What it says no more about.
    #[cfg_attr(not(any(feature = "host", feature = "smoltcp")), expect(dead_code, reason = "smoltcp's reading has it"))]
    Silent,
}

/// All that a reader has of a frame, from the outside in, without what is quoted or tunnelled.
struct Reading<'a> {
    layers: Vec<Layer<'a>>,
    end: End,
}

/// How a reading differs from ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// They have a layer where we have another, or none.
    Missing,
    /// We have a layer that they refuse.
    Refused,
    /// We refuse a layer that is payload to them.
    RefusedHere,
    /// We have a layer that is payload to them.
    Further,
    /// They have a header that is no layer here.
    Foreign,
    /// The header begins elsewhere.
    Start,
    /// A field has another value.
    Field(&'static str),
    /// What it carries begins or ends elsewhere.
    Content,
    /// A checksum is right to one and wrong to the other.
    Checksum,
}

impl What {
    /// The rule that is broken when nothing in the table explains it.
    const fn rule(self) -> &'static str {
        match self {
            Self::Missing => "what another reader has as a layer is one here",
            Self::Refused => "what another reader refuses is refused here",
            Self::RefusedHere => "what is refused here, another reader refuses",
            Self::Further => "what is a layer here, another reader has as a layer",
            Self::Foreign => "no other reader has a header that is no layer here",
            Self::Start => "a header begins where another reader finds it",
            Self::Field(_) => "a field has the value that another reader finds",
            Self::Content => "a layer carries what another reader finds in it",
            Self::Checksum => "a checksum is right when another reader says so",
        }
    }

    /// Whether what lies behind has nothing to be compared with.
    const fn ends(self) -> bool {
        !matches!(self, Self::Field(_) | Self::Checksum)
    }
}

/// A difference, and what a row of the table may look at.
struct Difference<'a> {
    reader: Reader,
    what: What,
    /// The layer in question: theirs, or ours where they have none.
    kind: LayerKind,
    /// Ours in that place.
    view: Option<View<'a>>,
    frame: &'a Dissection<'a>,
}

/// The code under test.
trait Code {
    #[inline]
    fn field(view: &View<'_>, name: &str) -> Option<u128> {
        match view.value(view.protocol.index(name)?)? {
            Value::Bits(bits) => Some(bits),
            _ => None,
        }
    }

    #[inline]
    fn content<'a>(view: &View<'a>) -> &'a [u8] {
        view.content
    }

    /// Whether no checksum of that layer is wrong.
    #[inline]
    fn is_intact(view: &View<'_>) -> bool {
        let mut intact = true;
        (view.protocol.behaviour.verify)(view, &mut |defect| intact &= defect.field != "checksum");
        intact
    }
}

struct Library;

impl Code for Library {}

/// The rules that hold for any octets, of which the first says whether the others are a frame of a TUN (even) or of a
/// TAP (odd): etherparse and, with the feature `host` or `smoltcp`, smoltcp's wire find the same layers in the same
/// places, with the same fields and the same content; accept the same checksums; and refuse what is refused here. Where
/// they do not, the table in `differential/disagreements.rs` says why.
///
/// # Panics
/// When a rule is broken.
pub fn differential(data: &[u8]) {
    rules::<Library>(data).judge(data);
}

#[inline]
fn rules<C: Code>(data: &[u8]) -> Rules {
    explained::<C>(data, |known, difference| known.explains(difference))
}

/// The same with a say in what a row of the table explains.
fn explained<C: Code>(data: &[u8], explains: impl Fn(&Known, &Difference<'_>) -> bool) -> Rules {
    let mut rules = Rules::new();
    let Some(frame) = split_mode(data) else { return rules };
    let ours = Dissection::new(frame);
    for (reader, reading) in readings(frame) {
        differences::<C>(reader, &reading, &ours, |difference| {
            let known = DISAGREEMENTS.iter().any(|known| explains(known, &difference));
            rules.keep(difference.what.rule(), known);
        });
    }
    rules
}

fn readings(frame: FrameRef<'_>) -> impl Iterator<Item = (Reader, Reading<'_>)> {
    let readings = [Some((Reader::Etherparse, etherparse::read(frame)))];
    #[cfg(any(feature = "host", feature = "smoltcp"))]
    let readings = readings.into_iter().chain([smoltcp::read(frame).map(|reading| (Reader::Smoltcp, reading))]);
    readings.into_iter().flatten()
}

fn differences<'a, C: Code>(
    reader: Reader,
    reading: &Reading<'a>,
    frame: &'a Dissection<'a>,
    mut tell: impl FnMut(Difference<'a>),
) {
    let mut views = frame.views().take_while(|view| view.nesting == 0).peekable();
    for layer in &reading.layers {
        let view = views.next();
        let mut differs = |what: What| {
            tell(Difference { reader, what, kind: layer.kind, view, frame });
            what.ends()
        };
        let Some(view) = view.filter(|view| view.protocol.kind == layer.kind) else {
            differs(What::Missing);
            return;
        };
        if view.frame.get(view.start..).map(<[u8]>::as_ptr) != Some(layer.start) {
            differs(What::Start);
            return;
        }
        for (name, value) in &layer.fields {
            if C::field(&view, name) != Some(*value) {
                differs(What::Field(name));
            }
        }
        if layer.checksum.is_some_and(|right| right != C::is_intact(&view)) {
            differs(What::Checksum);
        }
        let same = |content: &[u8]| content.as_ptr_range() == C::content(&view).as_ptr_range();
        if layer.content.is_some_and(|content| !same(content)) {
            differs(What::Content);
            return;
        }
    }
    // Messages of applications are payload to both readers.
    let view = views.next();
    let layer =
        view.filter(|view| !matches!(view.protocol.kind, LayerKind::Payload | LayerKind::Dns | LayerKind::Dhcp));
    let error = frame.error().filter(|error| !matches!(error.layer, LayerKind::Dns | LayerKind::Dhcp));
    let what = match (reading.end, layer, error) {
        (End::Silent, ..) => None,
        (End::Foreign, ..) => Some(What::Foreign),
        (End::Refused, None, None) | (End::Refused, Some(_), _) => Some(What::Refused),
        (End::Payload, None, Some(_)) => Some(What::RefusedHere),
        (End::Payload, Some(_), _) => Some(What::Further),
        (End::Refused, None, Some(_)) | (End::Payload, None, None) => None,
    };
    if let Some(what) = what {
        let kind = layer.map(|view| view.protocol.kind).or(error.map(|error| error.layer));
        let kind = kind.unwrap_or(LayerKind::Payload);
        tell(Difference { reader, what, kind, view: layer, frame });
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::caught;
    #[cfg(feature = "smoltcp")]
    use super::super::rules::tests::seeds;
    use super::*;

    struct ReadsPortsInTheOtherOrder;

    impl Code for ReadsPortsInTheOtherOrder {
        fn field(view: &View<'_>, name: &str) -> Option<u128> {
            let value = Library::field(view, name)?;
            Some(if name == "sport" { u16::try_from(value).unwrap().swap_bytes().into() } else { value })
        }
    }

    struct KeepsThePadding;

    impl Code for KeepsThePadding {
        fn content<'a>(view: &View<'a>) -> &'a [u8] {
            let from = view.start + view.header.len();
            view.frame.get(from..view.start + view.available).unwrap_or_default()
        }
    }

    struct VerifiesNothing;

    impl Code for VerifiesNothing {
        fn is_intact(_: &View<'_>) -> bool {
            true
        }
    }

    #[test]
    fn broken_code_is_caught() {
        caught("differential", rules::<ReadsPortsInTheOtherOrder>, "a field has the value that another reader finds");
        caught("differential", rules::<KeepsThePadding>, "a layer carries what another reader finds in it");
        caught("differential", rules::<VerifiesNothing>, "a checksum is right when another reader says so");
    }

    /// A row that no seed needs is no disagreement any more, or never was one.
    #[test]
    #[cfg(feature = "smoltcp")]
    fn every_row_of_the_table_is_needed() {
        let seeds = seeds("differential");
        let needed = |row: &Known| {
            let others =
                |known: &Known, difference: &Difference<'_>| known.name != row.name && known.explains(difference);
            seeds.iter().any(|seed| explained::<Library>(seed, others).is_broken())
        };
        let unneeded: Vec<_> = DISAGREEMENTS.iter().filter(|row| !needed(row)).map(|row| row.name).collect();
        assert!(unneeded.is_empty(), "no seed needs {unneeded:?}");
        for row in DISAGREEMENTS {
            assert!(row.why.ends_with('.'), "{}: {}", row.name, row.why);
        }
    }

    /// Tells what the readers make of a frame: `FRAME=fixtures/corpus/differential/… cargo test … -- --ignored tell`.
    #[test]
    #[ignore = "a tool: it tells the differences of the frame that FRAME names"]
    fn tell_the_differences_of_a_frame() {
        let Some(path) = std::env::var_os("FRAME") else { return };
        let data = std::fs::read(path).unwrap();
        let frame = split_mode(&data).unwrap();
        let ours = Dissection::new(frame);
        println!("{:?} {ours:?} {:?}\n{}", ours.error(), ours.is_sound(), frame.explain());
        for (reader, reading) in readings(frame) {
            let kinds: Vec<_> = reading.layers.iter().map(|layer| layer.kind).collect();
            println!("{reader:?}: {kinds:?} {:?}", reading.end);
            differences::<Library>(reader, &reading, &ours, |difference| {
                let row = DISAGREEMENTS.iter().find(|known| known.explains(&difference)).map(|known| known.name);
                println!("  {:?} of {:?}: {row:?}", difference.what, difference.kind);
            });
        }
    }
}
