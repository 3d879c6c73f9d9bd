//! Rivals that take turns: each does the same work in every round, so that whatever else the machine does hits all of
//! them, in an order that changes from round to round.

use std::io;

use super::rounds::median;

/// One way to do the work.
pub(crate) struct Rival<'a> {
    name: &'static str,
    /// Does the work once, and says how much of it was done in a second.
    rate: Box<dyn FnMut() -> io::Result<f64> + 'a>,
}

impl<'a> Rival<'a> {
    pub(crate) fn new(name: &'static str, rate: impl FnMut() -> io::Result<f64> + 'a) -> Self {
        Self { name, rate: Box::new(rate) }
    }
}

/// Lets them take turns after one that does not count, and prints the median rate of each; beside it the median of the
/// rounds' own quotients of the first one's rate and this one's: 1 is as fast, 2 is the first twice as fast.
pub(crate) fn take_turns(work: &str, unit: &str, rounds: usize, mut rivals: Vec<Rival<'_>>) -> io::Result<()> {
    for rival in &mut rivals {
        (rival.rate)()?;
    }
    let mut rates = vec![Vec::with_capacity(rounds); rivals.len()];
    for round in 0..rounds {
        for turn in 0..rivals.len() {
            let which = (round + turn) % rivals.len();
            if let (Some(rival), Some(rates)) = (rivals.get_mut(which), rates.get_mut(which)) {
                rates.push((rival.rate)()?);
            }
        }
    }
    println!("{work} ({unit}, median of {rounds})");
    let first = rates.first().cloned().unwrap_or_default();
    for (at, (rival, rates)) in rivals.iter().zip(rates).enumerate() {
        let ratio = median(first.iter().zip(&rates).map(|(first, this)| first / this).collect());
        let rate = median(rates);
        if at == 0 {
            println!("  {:<34} {rate:>12.0}", rival.name);
        } else {
            println!("  {:<34} {rate:>12.0}   the first / this {ratio:.2}", rival.name);
        }
    }
    Ok(())
}
