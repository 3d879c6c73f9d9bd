//! The replay on its way: each frame at its time.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use super::plan::{Planned, Refusal, plan};
use super::{Pace, Replay, Replayed};
use crate::device::dispatch::Received;
use crate::exchange::failure::Problem;
use crate::exchange::verb::{Need, Until, Verb};
use crate::exchange::{Exchange, Failure, Line, lock};

/// A replay, and how far it is.
pub(in crate::exchange) struct Replaying<'a, 'c> {
    exchange: &'a Exchange,
    line: Line,
    replay: Replay<'c>,
    /// What is still to be sent; `None` before the first frame.
    rest: Option<VecDeque<Planned<'c>>>,
    /// When the first frame was sent: the others follow from there.
    start: Instant,
    /// When the last one was to be sent, after the first.
    last: Duration,
    /// The next frame's time has come.
    due: bool,
    replayed: Replayed,
}

impl<'a, 'c> Replaying<'a, 'c> {
    pub(in crate::exchange) fn new(exchange: &'a Exchange, replay: Replay<'c>, line: Line) -> Self {
        Self {
            exchange,
            line,
            replay,
            rest: None,
            start: exchange.now(),
            last: Duration::ZERO,
            due: false,
            replayed: Replayed::default(),
        }
    }

    /// Decides what is sent, and begins.
    fn begin(&mut self) -> Result<(), Failure> {
        let Self { exchange, replay, .. } = self;
        let planned = plan(replay, exchange.sends, exchange.mode(), &exchange.defaults);
        let planned = planned.map_err(|Refusal { what, help }| {
            let mut problem = Problem::new(format!("replay: {what}"), Some(self.line));
            problem.notes.push(help);
            Failure::new(exchange, problem)
        })?;
        // The reader's thread is no part of the first pause.
        exchange.end.reader(None).map_err(|error| self.ended(&error))?;
        self.rest = Some(planned.into());
        self.start = self.exchange.now();
        Ok(())
    }

    /// The device failed while it waited.
    fn ended(&self, error: &io::Error) -> Failure {
        Failure::new(
            self.exchange,
            Problem::nothing_came("replay", Some(self.line), self.exchange.since(self.start), error),
        )
    }

    fn send(&mut self, frame: &Planned<'_>) -> Result<(), Failure> {
        let now = self.exchange.now();
        if self.replayed.frames == 0 {
            self.start = now;
        }
        let sent = self.exchange.transmit(&frame.octets, self.line);
        let number = sent.map_err(|error| {
            let headline = format!("replay, frame {} of the capture: {error}", frame.number);
            Failure::new(self.exchange, Problem::new(headline, Some(self.line)))
        })?;
        self.replayed.frames += 1;
        if let Pace::Times(_) = self.replay.pace {
            let late = now.saturating_duration_since(self.start).saturating_sub(frame.after);
            self.replayed.latest = late.max(self.replayed.latest);
            lock(&self.exchange.record.stalls).sent_late(number, late, frame.after.saturating_sub(self.last));
        }
        self.last = frame.after;
        Ok(())
    }
}

impl Verb for Replaying<'_, '_> {
    type Output = Replayed;

    fn line(&self) -> Option<Line> {
        Some(self.line)
    }

    fn need(&mut self) -> Result<Need, Failure> {
        if self.rest.is_none() {
            self.begin()?;
        }
        let Some(rest) = &mut self.rest else { return Ok(Need::Nothing) };
        if std::mem::take(&mut self.due)
            && let Some(frame) = rest.pop_front()
        {
            self.send(&frame)?;
        }
        Ok(match self.rest.as_ref().and_then(VecDeque::front) {
            None => Need::Nothing,
            Some(next) => Need::Time(match self.replay.pace {
                Pace::AtOnce => Until::Now,
                Pace::Times(_) => Until::after(self.start, next.after),
            }),
        })
    }

    fn judge(&mut self, received: Received) -> Result<(), Failure> {
        // It asks for no frame.
        self.exchange.put_back(vec![received]);
        Ok(())
    }

    fn nothing(&mut self, error: io::Error) -> Result<(), Failure> {
        Err(self.ended(&error))
    }

    fn due(&mut self) {
        self.due = true;
    }

    fn end(&mut self) -> Result<Replayed, Failure> {
        Ok(self.replayed)
    }

    fn abandon(&mut self) -> Vec<Received> {
        Vec::new()
    }
}
