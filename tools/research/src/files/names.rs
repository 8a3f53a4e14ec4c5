//! Numbers for texts that repeat, so that nothing is allocated per trade.

use std::collections::HashMap;

use domain::Symbol;
use domain::market::{ConditionScheme, Eligibility};
use domain::symbol::SymbolError;
use foldhash::fast::FixedState;

/// Texts by number, in the order of their first appearance.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    texts: Vec<Box<str>>,
    index: HashMap<Box<str>, u32, FixedState>,
}

impl Dictionary {
    /// The number of `text`.
    pub(super) fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.index.get(text) {
            return *number;
        }
        let number = self.texts.len() as u32;
        self.texts.push(text.into());
        self.index.insert(text.into(), number);
        number
    }

    /// The text of `number`; empty when it was never given out.
    pub(super) fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", AsRef::as_ref)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }
}

/// The symbols and condition lists of a data set.
#[derive(Debug, Default)]
pub struct Names {
    symbols: Vec<Symbol>,
    index: HashMap<Symbol, u32, FixedState>,
    conditions: Dictionary,
    eligibilities: Vec<Eligibility>,
}

impl Names {
    /// The number of a ticker.
    ///
    /// # Errors
    /// `ticker` is not a symbol.
    pub fn symbol(&mut self, ticker: &str) -> Result<u32, SymbolError> {
        if let Some(number) = self.index.get(ticker) {
            return Ok(*number);
        }
        let symbol: Symbol = ticker.parse()?;
        let number = self.symbols.len() as u32;
        self.symbols.push(symbol.clone());
        self.index.insert(symbol, number);
        Ok(number)
    }

    /// The number of a condition list written in `scheme`, its codes apart by commas, semicolons or blanks; letters may
    /// also stand together.
    pub fn conditions(&mut self, scheme: ConditionScheme, list: &str) -> u32 {
        let codes = codes(scheme, list);
        let number = self.conditions.number(&format!("{scheme:?} {codes}"));
        if self.eligibilities.len() < self.conditions.len() {
            self.eligibilities.push(Eligibility::of(scheme, &codes));
        }
        number
    }

    /// Every symbol by number.
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// What a print with each condition list may change, by number.
    pub fn eligibilities(&self) -> &[Eligibility] {
        &self.eligibilities
    }
}

fn codes(scheme: ConditionScheme, list: &str) -> String {
    let parts = list.split([',', ';', ' ']).filter(|part| !part.is_empty());
    match scheme {
        ConditionScheme::Finnhub => parts.collect::<Vec<_>>().join(","),
        ConditionScheme::Cta | ConditionScheme::Utp => {
            parts.flat_map(str::chars).map(String::from).collect::<Vec<_>>().join(",")
        }
        ConditionScheme::Sip => {
            let (tape, letters) = list.split_once(':').unwrap_or(("", list));
            format!("{tape}:{}", codes(ConditionScheme::Cta, letters))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_the_same_however_they_are_set_apart() {
        let mut names = Names::default();
        let same = ["8,12", "8;12", " 8 12"].map(|list| names.conditions(ConditionScheme::Finnhub, list));
        assert_eq!(same, [0, 0, 0]);
        let named = ["C:F,T,I", "C:FTI"].map(|list| names.conditions(ConditionScheme::Sip, list));
        assert_eq!(named[0], named[1]);
        assert_ne!(named[0], names.conditions(ConditionScheme::Sip, "A:F,T,I"), "another tape");
        let letters = names.conditions(ConditionScheme::Cta, "F TI");
        assert_eq!(letters, names.conditions(ConditionScheme::Cta, "F,T,I"));
        assert!(names.eligibilities()[letters as usize].odd_lot && names.eligibilities()[0].odd_lot);
    }
}
