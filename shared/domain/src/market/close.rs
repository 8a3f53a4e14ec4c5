//! The previous close at today's terms.

use super::{ActionKind, CorporateAction, DailyBar, ReferenceUpdated};
use crate::money::{Micro, Price, div_round};
use crate::time::SessionDate;

/// Why a symbol has no previous close that a gap could be measured from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloseRefusal {
    /// The shares change today, and two sources do not tell the same close.
    #[error("{action} takes effect and the previous close is {first} by {first_source}, {second} by {second_source}")]
    Disputed {
        /// What takes effect.
        action: &'static str,
        /// The first source's close at today's terms, USD.
        first: Price,
        /// The first source.
        first_source: String,
        /// The second source's close at today's terms, USD.
        second: Price,
        /// The second source.
        second_source: String,
    },
    /// Nothing is left of it after the dividend, or it leaves the money range.
    #[error("the previous close is {0} at the terms of the day before and none at today's")]
    NoPrice(Price),
}

/// The official close of the last full session at the terms of `reference.session_date`: splits applied, special
/// dividends taken off, ordinary ones where they are more than 0.5 % of the price.
///
/// # Errors
/// A split, symbol change, merger or spin-off takes effect and two sources differ by more than 0.5 %; or the result is
/// not a price.
pub fn previous_close(reference: &ReferenceUpdated) -> Result<Price, CloseRefusal> {
    let none = || CloseRefusal::NoPrice(reference.prev_close);
    let today = reference.actions.iter().filter(|a| a.ex_date == reference.session_date);
    let split_adjusted = split_adjusted_close(reference).ok_or_else(none)?;
    if let (Some(action), Some(second)) = (today.clone().find_map(|a| structural(a.kind)), &reference.second_close)
        && closes_differ(split_adjusted, second.price)
    {
        return Err(CloseRefusal::Disputed {
            action,
            first: split_adjusted,
            first_source: reference.source.clone(),
            second: second.price,
            second_source: second.source.clone(),
        });
    }
    let mut close = split_adjusted;
    for action in today.filter(|a| !a.applied) {
        close = match action.kind {
            ActionKind::SpecialDividend(cash) => Price::from_nanos(close.nanos() - cash.nanos()),
            ActionKind::Dividend(cash) if matters(cash, split_adjusted) => {
                Price::from_nanos(close.nanos() - cash.nanos())
            }
            ActionKind::Dividend(_)
            | ActionKind::Split { .. }
            | ActionKind::SymbolChange
            | ActionKind::Merger
            | ActionKind::SpinOff => close,
        };
    }
    if close > Price::ZERO { Ok(close) } else { Err(none()) }
}

/// The previous close with the splits of `reference.session_date` applied, dividends not taken off; `None` out of range.
pub(crate) fn split_adjusted_close(reference: &ReferenceUpdated) -> Option<Price> {
    let today = reference.actions.iter().filter(|a| a.ex_date == reference.session_date && !a.applied);
    at_new_terms(reference.prev_close, today.map(|a| a.kind))
}

/// `price` of the day before `actions` take effect at their terms, dividends not taken off; `None` out of range.
pub fn at_new_terms(price: Price, actions: impl IntoIterator<Item = ActionKind>) -> Option<Price> {
    actions.into_iter().try_fold(price, |price, action| match action {
        ActionKind::Split { old, new } => rescaled(price, old, new),
        ActionKind::Dividend(_)
        | ActionKind::SpecialDividend(_)
        | ActionKind::SymbolChange
        | ActionKind::Merger
        | ActionKind::SpinOff => Some(price),
    })
}

/// The bars at the terms of `session`: of those before a split that the source has not applied, prices by old over new
/// shares and volumes by new over old. `None` when one of them leaves its range.
pub fn adjusted_bars(bars: &[DailyBar], actions: &[CorporateAction], session: SessionDate) -> Option<Vec<DailyBar>> {
    let mut adjusted = bars.to_vec();
    for action in actions.iter().filter(|a| !a.applied && a.ex_date <= session) {
        let ActionKind::Split { old, new } = action.kind else { continue };
        for bar in adjusted.iter_mut().filter(|bar| bar.date < action.ex_date) {
            for price in [&mut bar.open, &mut bar.high, &mut bar.low, &mut bar.close] {
                *price = rescaled(*price, old, new)?;
            }
            bar.volume = in_new_shares(bar.volume, old, new)?;
        }
    }
    Some(adjusted)
}

/// `volume` of the session `date` in the shares of `session`; `None` out of range.
pub(crate) fn adjusted_volume(
    volume: u64,
    date: SessionDate,
    actions: &[CorporateAction],
    session: SessionDate,
) -> Option<u64> {
    let mut since = actions.iter().filter(|a| !a.applied && a.ex_date <= session && date < a.ex_date);
    since.try_fold(volume, |volume, action| match action.kind {
        ActionKind::Split { old, new } => in_new_shares(volume, old, new),
        ActionKind::Dividend(_)
        | ActionKind::SpecialDividend(_)
        | ActionKind::SymbolChange
        | ActionKind::Merger
        | ActionKind::SpinOff => Some(volume),
    })
}

fn in_new_shares(volume: u64, old: u32, new: u32) -> Option<u64> {
    u64::try_from(div_round(i128::from(volume) * i128::from(new), i128::from(old))?).ok()
}

/// Distance of two closes over the first, per cent; `None` when the first is zero.
pub(crate) fn difference_pct(first: Price, second: Price) -> Option<Micro> {
    let distance = first.nanos().saturating_sub(second.nanos()).saturating_abs();
    Micro::ratio(distance, first.nanos(), 100)
}

/// Two sources may differ, and an ordinary dividend be ignored, by this part of the price: 0.5 %.
const TOLERANCE: i128 = 200;

/// True when two closes differ by more than sources may: 0.5 % of the first.
pub fn closes_differ(first: Price, second: Price) -> bool {
    let distance = i128::from(first.nanos()) - i128::from(second.nanos());
    distance.abs() * TOLERANCE > i128::from(first.nanos())
}

fn matters(cash: Price, price: Price) -> bool {
    i128::from(cash.nanos()) * TOLERANCE > i128::from(price.nanos())
}

fn structural(kind: ActionKind) -> Option<&'static str> {
    match kind {
        ActionKind::Split { .. } => Some("a split"),
        ActionKind::SymbolChange => Some("a change of symbol"),
        ActionKind::Merger => Some("a merger"),
        ActionKind::SpinOff => Some("a spin-off"),
        ActionKind::Dividend(_) | ActionKind::SpecialDividend(_) => None,
    }
}

fn rescaled(price: Price, old: u32, new: u32) -> Option<Price> {
    let nanos = div_round(i128::from(price.nanos()) * i128::from(old), i128::from(new))?;
    i64::try_from(nanos).ok().map(Price::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{SecondClose, SecurityType, Tape};
    use crate::time::UnixNanos;

    fn day(offset: i32) -> SessionDate {
        SessionDate::from_epoch_days(20_000 + offset).unwrap()
    }

    fn reference(close: i64, actions: &[(i32, ActionKind, bool)], second: Option<i64>) -> ReferenceUpdated {
        let action = |(offset, kind, applied): &(i32, ActionKind, bool)| CorporateAction {
            ex_date: day(*offset),
            kind: *kind,
            applied: *applied,
        };
        ReferenceUpdated {
            symbol: "GME".parse().unwrap(),
            session_date: day(0),
            source: "yahoo".into(),
            tape: Tape::Consolidated,
            prev_close: Price::from_cents(close),
            daily_bars: Vec::new(),
            opening_volumes: Vec::new(),
            opening_minutes: 5,
            float_shares: None,
            sector: None,
            security_type: SecurityType::Common,
            as_of: UnixNanos::default(),
            actions: actions.iter().map(action).collect(),
            second_close: second.map(|cents| SecondClose { source: "alpaca".into(), price: Price::from_cents(cents) }),
            float_source: None,
            session_volumes: Vec::new(),
            volume_step_minutes: 0,
            lending: None,
        }
    }

    const ONE_FOR_TEN: ActionKind = ActionKind::Split { old: 10, new: 1 };
    const FOUR_FOR_ONE: ActionKind = ActionKind::Split { old: 1, new: 4 };

    #[test]
    fn the_close_is_at_the_terms_of_the_session() {
        let cents = Price::from_cents;
        let check = |close: i64, actions: &[(i32, ActionKind, bool)], expected: i64| {
            assert_eq!(previous_close(&reference(close, actions, None)), Ok(cents(expected)), "{actions:?}");
        };
        check(150, &[], 150);
        check(150, &[(0, ONE_FOR_TEN, false)], 1_500);
        check(40_000, &[(0, FOUR_FOR_ONE, false)], 10_000);
        check(150, &[(0, ONE_FOR_TEN, true)], 150);
        check(150, &[(1, ONE_FOR_TEN, false), (-1, FOUR_FOR_ONE, false)], 150);
        check(10_000, &[(0, ActionKind::Dividend(cents(50)), false)], 10_000);
        check(10_000, &[(0, ActionKind::Dividend(cents(51)), false)], 9_949);
        check(10_000, &[(0, ActionKind::SpecialDividend(cents(10)), false)], 9_990);
        check(10_000, &[(0, ActionKind::SpecialDividend(cents(10)), false), (0, FOUR_FOR_ONE, false)], 2_490);
    }

    #[test]
    fn sources_that_disagree_on_a_day_of_change_refuse_the_symbol() {
        let check = |kind: ActionKind, second: i64, refused: bool| {
            let found = previous_close(&reference(1_000, &[(0, kind, true)], Some(second)));
            assert_eq!(found.is_err(), refused, "{kind:?} {second}: {found:?}");
        };
        check(ONE_FOR_TEN, 100, true);
        check(ONE_FOR_TEN, 1_005, false);
        check(ONE_FOR_TEN, 1_006, true);
        check(ActionKind::SpinOff, 900, true);
        check(ActionKind::Merger, 900, true);
        check(ActionKind::SymbolChange, 900, true);
        check(ActionKind::Dividend(Price::from_cents(5)), 900, false);
        let text = previous_close(&reference(100, &[(0, ONE_FOR_TEN, false)], Some(100))).unwrap_err().to_string();
        assert!(
            text.contains("a split") && text.contains("10.00 by yahoo") && text.contains("1.00 by alpaca"),
            "{text}"
        );
    }

    #[test]
    fn a_dividend_that_leaves_nothing_is_refused() {
        let all = ActionKind::SpecialDividend(Price::from_cents(100));
        let refused = previous_close(&reference(100, &[(0, all, false)], None));
        assert_eq!(refused, Err(CloseRefusal::NoPrice(Price::from_cents(100))));
    }

    #[test]
    fn bars_before_a_split_are_rescaled_once() {
        let price = Price::from_cents(400);
        let bar =
            |offset| DailyBar { date: day(offset), open: price, high: price, low: price, close: price, volume: 10 };
        let split = |applied| [CorporateAction { ex_date: day(-1), kind: FOUR_FOR_ONE, applied }];
        let closes = |applied: bool| -> Vec<(Price, u64)> {
            let bars = adjusted_bars(&[bar(-2), bar(-1)], &split(applied), day(0)).unwrap();
            bars.iter().map(|b| (b.close, b.volume)).collect()
        };
        assert_eq!(closes(false), [(Price::from_cents(100), 40), (price, 10)]);
        assert_eq!(closes(true), [(price, 10), (price, 10)]);
    }
}
