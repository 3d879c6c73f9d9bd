//! Simpler steps of the same kind.

use std::net::Shutdown;
use std::time::Duration;

use super::ddmin::UsedUp;
use super::script::Search;
use crate::codec::{EtherType, TunPi, TunPiFlags};
use crate::fault::{Call, CallFault, FrameFault, LinkFault, Towards};
use crate::fuzz::script::{EditValue, NextFault};
use crate::fuzz::{Answer, Fault, Reply, Script, SocketCall, Step};
use crate::packet::TcpFlags;

/// Numbers of fewer bits come out of larger ones of which it is known that they are smaller still.
fn narrow<T: TryFrom<u128>>(number: u128) -> Option<T> {
    T::try_from(number).ok()
}

impl<Fails: FnMut(&Script) -> bool> Search<Fails> {
    /// Makes that step as simple as it can be.
    pub(super) fn simplify(&mut self, at: usize) -> Result<(), UsedUp> {
        match self.best.steps().get(at).cloned() {
            Some(Step::Frame(_) | Step::Observed(_)) => self.frame(at),
            Some(Step::Answer(answer)) => self.answer(at, &answer),
            Some(Step::Advance(by)) => self.time(at, by, &Step::Advance),
            Some(Step::Fault(Fault(NextFault::Frame(towards, fault)))) => self.frame_fault(at, towards, fault),
            Some(Step::Fault(Fault(NextFault::Call(call, fault)))) => self.call_fault(at, call, fault),
            Some(Step::Link(fault)) => self.link(at, fault),
            Some(Step::Socket(call)) => self.socket(at, &call),
            None => Ok(()),
        }
    }

    /// The answer that is there now.
    fn current(&self, at: usize) -> Option<Answer> {
        match self.best.steps().get(at) {
            Some(Step::Answer(answer)) => Some(answer.clone()),
            _ => None,
        }
    }

    fn answer(&mut self, at: usize, whole: &Answer) -> Result<(), UsedUp> {
        let like = |reply: Reply, answer: &Answer| Step::Answer(Answer { reply, ..answer.clone() });
        let plain = [
            Answer::peer(),
            Answer { edits: Vec::new(), ..whole.clone() },
            Answer { reply: Reply::Peer, ..whole.clone() },
        ];
        self.first_of(at, plain.map(Step::Answer))?;
        let mut edit = 0;
        while let Some(mut answer) = self.current(at).filter(|answer| edit < answer.edits.len()) {
            answer.edits.remove(edit);
            if !self.step(at, Step::Answer(answer))? {
                self.edit(at, edit)?;
                edit += 1;
            }
        }
        let Some(answer) = self.current(at) else { return Ok(()) };
        self.number(at, answer.to.into(), &|to| Some(Step::Answer(Answer { to: narrow(to)?, ..answer.clone() })))?;
        let Some(answer) = self.current(at) else { return Ok(()) };
        if !matches!(answer.reply, Reply::Peer) && self.step(at, like(Reply::Peer, &answer))? {
            return Ok(());
        }
        match answer.reply.clone() {
            Reply::Peer | Reply::Mirror => Ok(()),
            Reply::Segment { .. } => self.segment(at),
            Reply::Datagram { payload } => {
                self.octets(at, &payload, &|payload| Some(like(Reply::Datagram { payload: payload.to_vec() }, &answer)))
            }
            Reply::Error { .. } => {
                let known = [(3, 3), (1, 4)].into_iter();
                let known = known.map(|(icmp_type, code)| like(Reply::Error { icmp_type, code }, &answer));
                self.first_of(at, known.take_while(|step| *step != Step::Answer(answer.clone())))?;
                Ok(())
            }
        }
    }

    fn segment(&mut self, at: usize) -> Result<(), UsedUp> {
        /// The answer with its segment changed.
        fn with(answer: &Answer, change: impl FnOnce(&mut TcpFlags, &mut i32, &mut i32, &mut Vec<u8>)) -> Step {
            let mut answer = answer.clone();
            if let Reply::Segment { flags, sequence, acknowledgement, payload } = &mut answer.reply {
                change(flags, sequence, acknowledgement, payload);
            }
            Step::Answer(answer)
        }
        if let Some(answer) = self.current(at)
            && let Reply::Segment { sequence, .. } = answer.reply
        {
            self.signed(at, sequence, &|off| Some(with(&answer, |_, sequence, _, _| *sequence = off)))?;
        }
        if let Some(answer) = self.current(at)
            && let Reply::Segment { acknowledgement, .. } = answer.reply
        {
            self.signed(at, acknowledgement, &|off| Some(with(&answer, |_, _, number, _| *number = off)))?;
        }
        if let Some(answer) = self.current(at)
            && let Reply::Segment { payload, .. } = &answer.reply
        {
            self.octets(at, payload, &|octets| Some(with(&answer, |_, _, _, payload| *payload = octets.to_vec())))?;
        }
        for bit in 0..8 {
            if let Some(answer) = self.current(at) {
                self.step(at, with(&answer, |flags, _, _, _| flags.0 &= !(1 << bit)))?;
            }
        }
        Ok(())
    }

    fn edit(&mut self, at: usize, edit: usize) -> Result<(), UsedUp> {
        let Some(answer) = self.current(at) else { return Ok(()) };
        let with = |value: EditValue| {
            let mut answer = answer.clone();
            answer.edits.get_mut(edit)?.value = value;
            Some(Step::Answer(answer))
        };
        match answer.edits.get(edit).map(|edit| edit.value.clone()) {
            Some(EditValue::Number(number)) => self.number(at, number, &|number| with(EditValue::Number(number))),
            Some(EditValue::Octets(octets)) => {
                self.octets(at, &octets, &|octets| with(EditValue::Octets(octets.to_vec())))
            }
            None => Ok(()),
        }
    }

    fn frame_fault(&mut self, at: usize, towards: Towards, fault: FrameFault) -> Result<(), UsedUp> {
        let step = |fault| Step::Fault(Fault(NextFault::Frame(towards, fault)));
        if fault == FrameFault::Drop || self.step(at, step(FrameFault::Drop))? {
            return Ok(());
        }
        let wide = |number: usize| u128::try_from(number).unwrap_or(u128::MAX);
        match fault {
            FrameFault::Drop | FrameFault::Swap { .. } => Ok(()),
            FrameFault::Corrupt { octet, xor, repair } => {
                let repair = repair && !self.step(at, step(FrameFault::Corrupt { octet, xor, repair: false }))?;
                let simple = (xor != 1) && self.step(at, step(FrameFault::Corrupt { octet, xor: 1, repair }))?;
                let xor = if simple { 1 } else { xor };
                self.number(at, wide(octet), &|octet| {
                    Some(step(FrameFault::Corrupt { octet: narrow(octet)?, xor, repair }))
                })
            }
            FrameFault::Truncate { to } => {
                self.number(at, wide(to), &|to| Some(step(FrameFault::Truncate { to: narrow(to)? })))
            }
            FrameFault::Duplicate { after } => {
                let at_once = step(FrameFault::Duplicate { after: Duration::ZERO });
                match self.step(at, at_once)? {
                    true => Ok(()),
                    false => self.time(at, after, &|after| step(FrameFault::Duplicate { after })),
                }
            }
            FrameFault::Hold { behind, at_most } => {
                self.time(at, at_most, &|at_most| step(FrameFault::Hold { behind, at_most }))?;
                let at_most = match self.best.steps().get(at) {
                    Some(Step::Fault(Fault(NextFault::Frame(_, FrameFault::Hold { at_most, .. })))) => *at_most,
                    _ => at_most,
                };
                self.number(at, behind.into(), &|behind| {
                    Some(step(FrameFault::Hold { behind: narrow(behind)?, at_most }))
                })
            }
            FrameFault::Delay { by } => self.time(at, by, &|by| step(FrameFault::Delay { by })),
        }
    }

    fn call_fault(&mut self, at: usize, call: Call, fault: CallFault) -> Result<(), UsedUp> {
        let step = |fault| Step::Fault(Fault(NextFault::Call(call, fault)));
        if fault == CallFault::Eagain || self.step(at, step(CallFault::Eagain))? {
            return Ok(());
        }
        match fault {
            CallFault::ShortRead { octets } => {
                let from = u128::try_from(octets).unwrap_or(u128::MAX);
                self.number(at, from, &|octets| Some(step(CallFault::ShortRead { octets: narrow(octets)? })))
            }
            CallFault::PacketInfo(TunPi { flags, protocol }) => {
                let pi = |flags, protocol| step(CallFault::PacketInfo(TunPi { flags, protocol }));
                let plain = self.step(at, pi(TunPiFlags(0), protocol))?;
                let flags = if plain { TunPiFlags(0) } else { flags };
                self.number(at, protocol.0.into(), &|number| Some(pi(flags, EtherType(narrow(number)?))))
            }
            _ => Ok(()),
        }
    }

    fn link(&mut self, at: usize, fault: LinkFault) -> Result<(), UsedUp> {
        match fault {
            LinkFault::Mtu(octets) => {
                // Ethernet's, the least of IPv6 and of IPv4.
                let known = [1500, 1280, 68].into_iter().take_while(|known| *known != octets);
                let found = self.first_of(at, known.map(|octets| Step::Link(LinkFault::Mtu(octets))))?;
                if found || [1500, 1280, 68].contains(&octets) {
                    return Ok(());
                }
                self.number(at, octets.into(), &|octets| Some(Step::Link(LinkFault::Mtu(narrow(octets)?))))
            }
            LinkFault::QueueLength(frames) => {
                self.number(at, frames.into(), &|frames| Some(Step::Link(LinkFault::QueueLength(narrow(frames)?))))
            }
            LinkFault::Down | LinkFault::Up | LinkFault::Removed => Ok(()),
        }
    }

    /// One field after the other; slots are for the whole script.
    fn socket(&mut self, at: usize, call: &SocketCall) -> Result<(), UsedUp> {
        let mut fields = 0;
        let mut call = call.clone();
        while fields < 3 {
            match fields {
                0 => self.socket_flag(at, &call)?,
                1 => self.socket_number(at, &call)?,
                _ => self.socket_octets(at, &call)?,
            }
            if let Some(Step::Socket(found)) = self.best.steps().get(at) {
                call = found.clone();
            }
            fields += 1;
        }
        Ok(())
    }

    fn socket_flag(&mut self, at: usize, call: &SocketCall) -> Result<(), UsedUp> {
        let mut simple = call.clone();
        match &mut simple {
            SocketCall::UdpBind { v6, .. }
            | SocketCall::TcpListen { v6, .. }
            | SocketCall::TcpConnect { v6, .. }
            | SocketCall::Ping { v6, .. } => *v6 = false,
            SocketCall::Shutdown { how, .. } => *how = Shutdown::Write,
            _ => {}
        }
        self.step(at, Step::Socket(simple)).map(|_| ())
    }

    fn socket_number(&mut self, at: usize, call: &SocketCall) -> Result<(), UsedUp> {
        /// The number of a call that is neither a slot nor a length.
        const fn number(call: &mut SocketCall) -> Option<&mut u16> {
            match call {
                SocketCall::UdpBind { port, .. }
                | SocketCall::UdpSend { port, .. }
                | SocketCall::TcpListen { port, .. }
                | SocketCall::TcpConnect { port, .. } => Some(port),
                SocketCall::Read { most, .. } => Some(most),
                SocketCall::Ping { sequence, .. } => Some(sequence),
                _ => None,
            }
        }
        let mut now = call.clone();
        let Some(from) = number(&mut now).map(|number| *number) else { return Ok(()) };
        self.number(at, from.into(), &|found| {
            let mut call = call.clone();
            *number(&mut call)? = narrow(found)?;
            Some(Step::Socket(call))
        })
    }

    fn socket_octets(&mut self, at: usize, call: &SocketCall) -> Result<(), UsedUp> {
        const fn octets(call: &mut SocketCall) -> Option<&mut Vec<u8>> {
            match call {
                SocketCall::UdpSend { octets, .. }
                | SocketCall::Write { octets, .. }
                | SocketCall::Ping { octets, .. } => Some(octets),
                _ => None,
            }
        }
        let mut now = call.clone();
        let Some(from) = octets(&mut now).map(|octets| octets.clone()) else { return Ok(()) };
        self.octets(at, &from, &|found| {
            let mut call = call.clone();
            *octets(&mut call)? = found.to_vec();
            Some(Step::Socket(call))
        })
    }
}
