//! A plan in one line: `seed 7; to host: loss 0.3, drop_nth 1 of UDP (dport 53); device: transmit 3 EAGAIN`.
//!
//! Layer: `fault`. `Display` tells the first of many exact faults, `Debug` all of them.

use std::fmt;

use super::device_faults::DeviceFaults;
use super::frame_faults::FrameFaults;
use super::plan::FaultPlan;

/// How many exact faults of one kind are told.
const MOST_EXACT: usize = 4;

/// Writes parts with commas between them.
struct List<'a, 'f> {
    f: &'a mut fmt::Formatter<'f>,
    begun: bool,
}

impl List<'_, '_> {
    fn part(&mut self, part: fmt::Arguments<'_>) -> fmt::Result {
        self.f.write_str(if self.begun { ", " } else { "" })?;
        self.begun = true;
        self.f.write_fmt(part)
    }
}

impl FrameFaults {
    fn tell(&self, most: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = List { f, begun: false };
        let rates = [
            ("loss", self.loss),
            ("duplicate", self.duplicate),
            ("corrupt", self.corrupt),
            ("corrupt_and_repair", self.corrupt_and_repair),
            ("truncate", self.truncate),
        ];
        for (name, p) in rates.into_iter().filter(|(_, p)| *p > 0.0) {
            list.part(format_args!("{name} {p}"))?;
        }
        if let Some((p, after)) = self.duplicate_after {
            list.part(format_args!("duplicate_after {p}, {after}"))?;
        }
        if let Some((p, depth)) = self.reorder {
            list.part(format_args!("reorder {p} by {depth}"))?;
        }
        if let Some(delay) = self.delay {
            list.part(format_args!("{} {delay}", if self.in_order { "delay_in_order" } else { "delay" }))?;
        }
        if let Some(pattern) = &self.only {
            list.part(format_args!("only {pattern}"))?;
        }
        if let Some(rate) = self.rate {
            list.part(format_args!("rate {rate}"))?;
        }
        if let Some(queue) = self.queue {
            list.part(format_args!("queue {queue}"))?;
        }
        if let Some(mtu) = self.mtu {
            list.part(format_args!("mtu {mtu}"))?;
        }
        for pattern in &self.black_holes {
            list.part(format_args!("black_hole {pattern}"))?;
        }
        for rule in &self.nth {
            match rule.name() {
                "nth" => list.part(format_args!("{} {} of {}", rule.fault, rule.n, rule.pattern))?,
                name => list.part(format_args!("{name} {} of {}", rule.n, rule.pattern))?,
            }
        }
        for (frame, fault) in self.exact.iter().take(most) {
            list.part(format_args!("#{frame} {fault}"))?;
        }
        match self.exact.len().saturating_sub(most) {
            0 => Ok(()),
            more => list.part(format_args!("{more} more")),
        }
    }
}

impl DeviceFaults {
    fn tell(&self, most: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = List { f, begun: false };
        for rule in self.calls.iter().take(most) {
            list.part(format_args!("{} {} {}", rule.call, rule.calls, rule.fault))?;
        }
        if self.calls.len() > most {
            list.part(format_args!("{} more calls", self.calls.len() - most))?;
        }
        for rule in &self.sometimes {
            list.part(format_args!("{} sometimes {} {}", rule.call, rule.p, rule.fault))?;
        }
        for (when, fault) in self.link.iter().take(most) {
            list.part(format_args!("{fault} {when}"))?;
        }
        if self.link.len() > most {
            list.part(format_args!("{} more of the link", self.link.len() - most))?;
        }
        Ok(())
    }
}

impl FaultPlan {
    fn tell(&self, most: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}", self.seed)?;
        if self.is_empty() {
            return f.write_str("; no faults");
        }
        if !self.to_host.is_empty() {
            f.write_str("; to host: ")?;
            self.to_host.tell(most, f)?;
        }
        if !self.to_device.is_empty() {
            f.write_str("; to device: ")?;
            self.to_device.tell(most, f)?;
        }
        if !self.device.is_empty() {
            f.write_str("; device: ")?;
            self.device.tell(most, f)?;
        }
        Ok(())
    }
}

macro_rules! told {
    ($($type:ident),*) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.tell(MOST_EXACT, f)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($type), "("))?;
                self.tell(usize::MAX, f)?;
                f.write_str(")")
            }
        }
    )*};
}
told!(FrameFaults, DeviceFaults, FaultPlan);
