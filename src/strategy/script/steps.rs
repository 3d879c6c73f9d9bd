//! Steps of which each can go, and a choice that stays.

use std::fmt;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::{NewTree, ValueTree};
use proptest::test_runner::TestRunner;
use proptest::{collection, sample};

use super::built;
use super::conversation::Conversations;
use crate::device::Mode;
use crate::fuzz::{Answer, Step};
use crate::packet::{Icmpv4, Icmpv6, Ipv4, Ipv6, Tcp, Udp};

/// The steps of a script. What is drawn first, which conversations it holds, does not shrink; each of the steps that they
/// come to does, on its own.
#[derive(Debug)]
pub(super) struct Steps(Conversations);

impl Steps {
    pub(super) fn new(mode: Mode) -> Self {
        Self(Conversations::new(mode))
    }
}

impl Strategy for Steps {
    type Tree = StepTrees;
    type Value = Vec<Step>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let drawn = self.0.drawn().new_tree(runner)?.current();
        let strategies = drawn.iter().flat_map(|one| self.0.steps(one));
        let slots = strategies.map(|step| step.new_tree(runner).map(|tree| Slot { kept: true, plain: None, tree }));
        let slots = slots.collect::<Result<Vec<_>, _>>()?;
        Ok(StepTrees { mode: self.0.mode(), slots, next: Try::Remove(0), tried: None })
    }
}

/// The steps of a script, as they shrink: each is taken out, then each is replaced by a plain step of its kind, then each
/// that was not is shrunk as what drew it has it.
pub(super) struct StepTrees {
    mode: Mode,
    slots: Vec<Slot>,
    next: Try,
    /// What can be undone.
    tried: Option<Try>,
}

struct Slot {
    kept: bool,
    /// What stands in for the tree.
    plain: Option<Step>,
    tree: Box<dyn ValueTree<Value = Step>>,
}

impl Slot {
    fn current(&self) -> Step {
        self.plain.clone().unwrap_or_else(|| self.tree.current())
    }
}

#[derive(Clone, Copy)]
enum Try {
    Remove(usize),
    /// The step at the first place by the plain one of the second.
    Replace(usize, usize),
    Simplify(usize),
}

impl fmt::Debug for StepTrees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.current()).finish()
    }
}

impl StepTrees {
    /// Makes the change that is next; false where there is nothing to change.
    fn make(&mut self, change: Try) -> bool {
        let mode = self.mode;
        let (Try::Remove(at) | Try::Replace(at, _) | Try::Simplify(at)) = change;
        let Some(slot) = self.slots.get_mut(at) else { return false };
        match change {
            Try::Remove(_) => slot.kept = false,
            _ if !slot.kept || slot.plain.is_some() => return false,
            Try::Replace(_, which) => slot.plain = plain(mode, &slot.tree.current()).into_iter().nth(which),
            Try::Simplify(_) => return slot.tree.simplify(),
        }
        !slot.kept || slot.plain.is_some()
    }

    /// What comes after a change, when it was made, and when there was nothing to change.
    fn after(&self, change: Try, made: bool) -> Option<Try> {
        Some(match change {
            Try::Remove(at) if at < self.slots.len() => Try::Remove(at + 1),
            Try::Remove(_) => Try::Replace(0, 0),
            Try::Replace(at, which) if made => Try::Replace(at, which + 1),
            Try::Replace(at, _) if at < self.slots.len() => Try::Replace(at + 1, 0),
            Try::Replace(..) => Try::Simplify(0),
            Try::Simplify(at) if made => Try::Simplify(at),
            Try::Simplify(at) if at < self.slots.len() => Try::Simplify(at + 1),
            Try::Simplify(_) => return None,
        })
    }
}

impl ValueTree for StepTrees {
    type Value = Vec<Step>;

    fn current(&self) -> Vec<Step> {
        self.slots.iter().filter(|slot| slot.kept).map(Slot::current).collect()
    }

    fn simplify(&mut self) -> bool {
        loop {
            let change = self.next;
            let made = self.make(change);
            let Some(next) = self.after(change, made) else { return false };
            self.next = next;
            if made {
                self.tried = Some(change);
                return true;
            }
        }
    }

    fn complicate(&mut self) -> bool {
        let Some(change) = self.tried else { return false };
        let (Try::Remove(at) | Try::Replace(at, _) | Try::Simplify(at)) = change;
        let Some(slot) = self.slots.get_mut(at) else { return false };
        match change {
            Try::Remove(_) => slot.kept = true,
            Try::Replace(..) => slot.plain = None,
            // That may be complicated again.
            Try::Simplify(_) if slot.tree.complicate() => return true,
            Try::Simplify(_) => {
                self.tried = None;
                return false;
            }
        }
        self.tried = None;
        true
    }
}

/// Steps of that one's kind that a person would write, the simplest first, as far as they are simpler than it.
fn plain(mode: Mode, step: &Step) -> Vec<Step> {
    let steps = match step {
        Step::Frame(_) => plain_frames(mode).into_iter().map(Step::Frame).collect(),
        Step::Observed(_) => plain_frames(mode).into_iter().map(Step::Observed).collect(),
        Step::Answer(_) => vec![Step::Answer(Answer::peer())],
        Step::Advance(_) => vec![Step::Advance(Duration::from_secs(1))],
        _ => Vec::new(),
    };
    let simpler = steps.iter().position(|plain| plain == step).unwrap_or(steps.len());
    steps.into_iter().take(simpler).collect()
}

fn plain_frames(mode: Mode) -> Vec<Vec<u8>> {
    let packets = [
        Ipv4::new() / Udp::new(),
        Ipv4::new() / Tcp::new(),
        Ipv4::new() / Icmpv4::echo_request(0, 0),
        Ipv6::new() / Udp::new(),
        Ipv6::new() / Tcp::new(),
        Ipv6::new() / Icmpv6::echo_request(0, 0),
    ];
    packets.iter().map(|packet| built(mode, packet)).collect()
}

/// One of several strategies, each as often as its weight says. Shrinking stays with the one that was drawn, where
/// `prop_oneof!` goes on to those before it.
pub(super) fn one_of<T: fmt::Debug + 'static>(choices: Vec<(u32, BoxedStrategy<T>)>) -> OneOf<T> {
    OneOf(choices)
}

#[derive(Debug)]
pub(super) struct OneOf<T>(Vec<(u32, BoxedStrategy<T>)>);

impl<T: fmt::Debug + 'static> Strategy for OneOf<T> {
    type Tree = Box<dyn ValueTree<Value = T>>;
    type Value = T;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let all: u32 = self.0.iter().map(|(weight, _)| weight).sum();
        let mut at = (0..all).new_tree(runner)?.current();
        let drawn = self.0.iter().find(|(weight, _)| match at.checked_sub(*weight) {
            Some(behind) => {
                at = behind;
                false
            }
            None => true,
        });
        drawn.ok_or("nothing to choose from")?.1.new_tree(runner)
    }
}

/// So many numbers, by which a conversation chooses what follows.
pub(super) fn picks() -> BoxedStrategy<Vec<sample::Index>> {
    collection::vec(any::<sample::Index>(), 0..=6).boxed()
}
