//! Reads a plan. Total: any text gives a plan or an error that names the line.

use std::collections::BTreeMap;
use std::time::Duration;

use super::lexer::{Lexer, Token};
use super::{PlanError, word};
use crate::codec::{EtherType, TunPi, TunPiFlags};
use crate::fault::exact::{Call, CallFault, ExactFault, FrameFault, LinkFault, Towards, When};
use crate::fault::frame_faults::HOLD_AT_MOST;
use crate::fault::plan::FaultPlan;
use crate::fault::plans::FaultPlans;

/// The plan that a text says which has no sections.
pub(in crate::fault) fn read_one(text: &str) -> Result<FaultPlan, PlanError> {
    let (plan, section) = keys(&mut Lexer::new(text))?;
    match section {
        None => Ok(plan),
        Some(line) => Err(PlanError::new(line, "a section is of a file for several links, and one plan is read here")),
    }
}

/// The plans that a text says: of its sections, or of the whole.
pub(in crate::fault) fn read(text: &str) -> Result<FaultPlans, PlanError> {
    let mut lexer = Lexer::new(text);
    let (plan, mut section) = keys(&mut lexer)?;
    let Some(line) = section else { return Ok(plan.into()) };
    if plan != FaultPlan::new() {
        let what = "a section stands behind what is for every link: give each link its own, or have no section";
        return Err(PlanError::new(line, what));
    }
    let mut links = BTreeMap::new();
    while let Some(line) = section {
        let number = section_number(&mut lexer, line)?;
        let (plan, next) = keys(&mut lexer)?;
        if links.insert(number, plan).is_some() {
            return Err(PlanError::new(line, format!("`[link.{number}]` is there twice")));
        }
        section = next;
    }
    Ok(FaultPlans { whole: None, links })
}

/// What stands in a section's brackets, behind the first.
fn section_number(lexer: &mut Lexer<'_>, line: usize) -> Result<usize, PlanError> {
    match lexer.next()? {
        (Token::Word("link"), _) => {}
        (other, line) => return Err(unexpected(other, line, "a section such as `[link.1]`")),
    }
    sign(lexer, '.')?;
    let mut entry = Entry { line, fields: vec![("link", scalar(lexer)?)] };
    let number = usize::try_from(entry.counted("link")?).map_err(|_| PlanError::new(line, "a test has fewer links"))?;
    sign(lexer, ']')?;
    match lexer.next()? {
        (Token::LineEnd | Token::End, _) => Ok(number),
        (other, line) => Err(unexpected(other, line, "the line's end")),
    }
}

/// The keys up to the next section, whose line that is, or the text's end.
fn keys(lexer: &mut Lexer<'_>) -> Result<(FaultPlan, Option<usize>), PlanError> {
    let mut plan = FaultPlan::new();
    let mut seen = Vec::new();
    loop {
        let (key, line) = match lexer.next()? {
            (Token::End, _) => return Ok((plan, None)),
            (Token::LineEnd, _) => continue,
            (Token::Sign('['), line) => return Ok((plan, Some(line))),
            (Token::Word(key), line) => (key, line),
            (other, line) => return Err(unexpected(other, line, "a key: seed, to_host, to_device or device")),
        };
        if seen.contains(&key) {
            return Err(PlanError::new(line, format!("`{key}` is there twice")));
        }
        seen.push(key);
        sign(lexer, '=')?;
        match key {
            "seed" => {
                let mut entry = Entry { line, fields: vec![("seed", scalar(lexer)?)] };
                plan = plan.seed(entry.number("seed")?);
            }
            "to_host" => table(lexer, |entry| plan_frame(entry, Towards::Host, &mut plan))?,
            "to_device" => table(lexer, |entry| plan_frame(entry, Towards::Device, &mut plan))?,
            "device" => table(lexer, |entry| {
                let fault = device_fault(entry)?;
                plan.extend([fault]);
                Ok(())
            })?,
            _ => {
                let what = format!("`{key}` is no part of a plan: there are seed, to_host, to_device and device");
                return Err(PlanError::new(line, what));
            }
        }
        match lexer.next()? {
            (Token::LineEnd, _) => {}
            (Token::End, _) => return Ok((plan, None)),
            (other, line) => return Err(unexpected(other, line, "the line's end")),
        }
    }
}

fn unexpected(token: Token<'_>, line: usize, wanted: &str) -> PlanError {
    PlanError::new(line, format!("{} stands where {wanted} should be", token.name()))
}

fn sign(lexer: &mut Lexer<'_>, wanted: char) -> Result<(), PlanError> {
    match lexer.next()? {
        (Token::Sign(sign), _) if sign == wanted => Ok(()),
        (other, line) => Err(unexpected(other, line, &format!("`{wanted}`"))),
    }
}

/// A word or a text.
fn scalar<'t>(lexer: &mut Lexer<'t>) -> Result<Token<'t>, PlanError> {
    match lexer.next()? {
        (value @ (Token::Word(_) | Token::Text(_)), _) => Ok(value),
        (other, line) => Err(unexpected(other, line, "a number, a text, true or false")),
    }
}

/// The next token that is no line end.
fn across_lines<'t>(lexer: &mut Lexer<'t>) -> Result<(Token<'t>, usize), PlanError> {
    loop {
        match lexer.next()? {
            (Token::LineEnd, _) => {}
            other => return Ok(other),
        }
    }
}

/// An array of inline tables, one a fault.
fn table<'t>(
    lexer: &mut Lexer<'t>,
    mut row: impl FnMut(&mut Entry<'t>) -> Result<(), PlanError>,
) -> Result<(), PlanError> {
    sign(lexer, '[')?;
    loop {
        match across_lines(lexer)? {
            (Token::Sign(']'), _) => return Ok(()),
            (Token::Sign('{'), line) => {
                let mut entry = Entry { line, fields: fields(lexer)? };
                row(&mut entry)?;
                if let Some((key, _)) = entry.fields.first() {
                    return Err(PlanError::new(line, format!("`{key}` has no meaning for this fault")));
                }
            }
            (other, line) => return Err(unexpected(other, line, "`{` or `]`")),
        }
        match across_lines(lexer)? {
            (Token::Sign(','), _) => {}
            (Token::Sign(']'), _) => return Ok(()),
            (other, line) => return Err(unexpected(other, line, "`,` or `]`")),
        }
    }
}

/// What an inline table holds, behind its `{`.
fn fields<'t>(lexer: &mut Lexer<'t>) -> Result<Vec<(&'t str, Token<'t>)>, PlanError> {
    let mut fields: Vec<(&str, Token<'_>)> = Vec::new();
    loop {
        let (key, line) = match lexer.next()? {
            (Token::Word(key), line) => (key, line),
            (other, line) => return Err(unexpected(other, line, "a key such as frame or fault")),
        };
        if fields.iter().any(|(other, _)| *other == key) {
            return Err(PlanError::new(line, format!("`{key}` is there twice")));
        }
        sign(lexer, '=')?;
        fields.push((key, scalar(lexer)?));
        match lexer.next()? {
            (Token::Sign(','), _) => {}
            (Token::Sign('}'), _) => return Ok(fields),
            (other, line) => return Err(unexpected(other, line, "`,` or `}`")),
        }
    }
}

/// One fault: its fields, which are taken out as they are read.
struct Entry<'t> {
    line: usize,
    fields: Vec<(&'t str, Token<'t>)>,
}

impl<'t> Entry<'t> {
    fn error(&self, what: impl Into<String>) -> PlanError {
        PlanError::new(self.line, what)
    }

    fn take(&mut self, key: &str) -> Option<Token<'t>> {
        let at = self.fields.iter().position(|(name, _)| *name == key)?;
        Some(self.fields.remove(at).1)
    }

    fn need(&mut self, key: &str) -> Result<Token<'t>, PlanError> {
        self.take(key).ok_or_else(|| self.error(format!("this fault needs `{key}`")))
    }

    /// A number, in a text when it is larger than TOML's are.
    fn number<T: TryFrom<u64>>(&mut self, key: &str) -> Result<T, PlanError> {
        let value = self.need(key)?;
        let (Token::Word(digits) | Token::Text(digits)) = value else { return Err(self.no_number(key, value)) };
        let number = match digits.strip_prefix("0x") {
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => u64::from_str_radix(digits, 16),
            _ if digits.bytes().all(|digit| digit.is_ascii_digit()) && !is_padded(digits) => digits.parse(),
            _ => return Err(self.no_number(key, value)),
        };
        let number = number.ok().and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| self.no_number(key, value))
    }

    fn no_number(&self, key: &str, value: Token<'_>) -> PlanError {
        self.error(format!("{} is no number that `{key}` can have: write one as 12 or 0x0c", value.name()))
    }

    /// One that is counted from 1.
    fn counted(&mut self, key: &str) -> Result<u64, PlanError> {
        match self.number(key)? {
            0 => Err(self.error(format!("`{key}` is counted from 1"))),
            number => Ok(number),
        }
    }

    fn time(&mut self, key: &str) -> Result<Duration, PlanError> {
        let value = self.need(key)?;
        let time = if let Token::Text(text) = value { parse_time(text) } else { None };
        time.ok_or_else(|| {
            let what =
                format!("{} is no time that `{key}` can have: write one as \"20ms\", in s, ms, us or ns", value.name());
            self.error(what)
        })
    }

    fn time_or(&mut self, key: &str, otherwise: Duration) -> Result<Duration, PlanError> {
        if self.fields.iter().any(|(name, _)| *name == key) { self.time(key) } else { Ok(otherwise) }
    }

    fn flag(&mut self, key: &str) -> Result<bool, PlanError> {
        match self.take(key) {
            None | Some(Token::Word("false")) => Ok(false),
            Some(Token::Word("true")) => Ok(true),
            Some(other) => Err(self.error(format!("{} is neither true nor false, as `{key}` is", other.name()))),
        }
    }

    fn fault(&mut self) -> Result<&'t str, PlanError> {
        match self.need("fault")? {
            Token::Text(name) => Ok(name),
            other => Err(self.error(format!("{} is no fault's name: write it as \"drop\"", other.name()))),
        }
    }
}

/// Leading zeros, which TOML does not have.
fn is_padded(digits: &str) -> bool {
    digits.len() > 1 && digits.starts_with('0')
}

fn parse_time(text: &str) -> Option<Duration> {
    let unit = text.trim_start_matches(|character: char| character.is_ascii_digit());
    let digits = text.strip_suffix(unit)?;
    let length: u128 = match unit {
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" => 1_000,
        "ns" => 1,
        _ => return None,
    };
    let nanoseconds = digits.parse::<u128>().ok()?.checked_mul(length)?;
    let seconds = u64::try_from(nanoseconds / 1_000_000_000).ok()?;
    let rest = u32::try_from(nanoseconds % 1_000_000_000).ok()?;
    Some(Duration::new(seconds, rest))
}

fn plan_frame(entry: &mut Entry<'_>, towards: Towards, plan: &mut FaultPlan) -> Result<(), PlanError> {
    let frame = entry.counted("frame")?;
    let name = entry.fault()?;
    let fault = match name {
        word::DROP => FrameFault::Drop,
        word::CORRUPT => FrameFault::Corrupt {
            octet: entry.number("octet")?,
            xor: entry.number("xor")?,
            repair: entry.flag("repair")?,
        },
        word::TRUNCATE => FrameFault::Truncate { to: entry.number("to")? },
        word::DUPLICATE => FrameFault::Duplicate { after: entry.time_or("after", Duration::ZERO)? },
        word::HOLD => {
            FrameFault::Hold { behind: entry.number("behind")?, at_most: entry.time_or("at_most", HOLD_AT_MOST)? }
        }
        word::SWAP => FrameFault::Swap { with: later(entry, frame)?, at_most: entry.time_or("at_most", HOLD_AT_MOST)? },
        word::DELAY => FrameFault::Delay { by: entry.time("by")? },
        _ => {
            let what = format!(
                "no fault of a frame is called \"{name}\": there are drop, corrupt, truncate, duplicate, hold, swap, delay"
            );
            return Err(entry.error(what));
        }
    };
    plan.extend([ExactFault::Frame { towards, frame, fault }]);
    Ok(())
}

fn later(entry: &mut Entry<'_>, frame: u64) -> Result<u64, PlanError> {
    match entry.number("with")? {
        with if with > frame => Ok(with),
        with => Err(entry.error(format!("frame {frame} is swapped with a later one, and {with} is none"))),
    }
}

fn device_fault(entry: &mut Entry<'_>) -> Result<ExactFault, PlanError> {
    let has = |key: &str| entry.fields.iter().any(|(name, _)| *name == key);
    if has("transmit") {
        return call_fault(entry, Call::Transmit, "transmit");
    }
    if has("receive") {
        return call_fault(entry, Call::Receive, "receive");
    }
    let when = if has("at") {
        When::At(entry.time("at")?)
    } else if has("before_transmit") {
        When::Before(Call::Transmit, entry.counted("before_transmit")?)
    } else if has("before_receive") {
        When::Before(Call::Receive, entry.counted("before_receive")?)
    } else {
        return Err(entry.error("this fault needs `transmit`, `receive`, `at`, `before_transmit` or `before_receive`"));
    };
    let name = entry.fault()?;
    let fault = match name {
        word::DOWN => LinkFault::Down,
        word::UP => LinkFault::Up,
        word::MTU => LinkFault::Mtu(entry.number("octets")?),
        word::QUEUE => LinkFault::QueueLength(entry.number("frames")?),
        word::REMOVED => LinkFault::Removed,
        _ => {
            let what = format!("no fault of a link is called \"{name}\": there are down, up, mtu, queue, removed");
            return Err(entry.error(what));
        }
    };
    Ok(ExactFault::Link { when, fault })
}

fn call_fault(entry: &mut Entry<'_>, call: Call, key: &str) -> Result<ExactFault, PlanError> {
    let number = entry.counted(key)?;
    let name = entry.fault()?;
    let fault = match name {
        word::EAGAIN => CallFault::Eagain,
        word::EINTR => CallFault::Eintr,
        word::EIO => CallFault::Eio,
        word::ENOBUFS => CallFault::Enobufs,
        word::EBADFD => CallFault::Ebadfd,
        word::SHORT_READ if call == Call::Receive => CallFault::ShortRead { octets: entry.number("octets")? },
        word::PACKET_INFO if call == Call::Receive => CallFault::PacketInfo(TunPi {
            flags: TunPiFlags(entry.number("flags")?),
            protocol: EtherType(entry.number("protocol")?),
        }),
        _ => {
            let more = if call == Call::Receive { ", short_read, packet_info" } else { "" };
            let what = format!(
                "no fault of a {call} is called \"{name}\": there are EAGAIN, EINTR, EIO, ENOBUFS, EBADFD{more}"
            );
            return Err(entry.error(what));
        }
    };
    Ok(ExactFault::Call { call, number, fault })
}
