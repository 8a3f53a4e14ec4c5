//! What the vendors know of some symbols before a session, put together.

use std::collections::HashMap;
use std::sync::Arc;

use domain::market::{
    ActionKind, CorporateAction, FloatSource, Lending, ReferenceUpdated, SecondClose, at_new_terms, closes_differ,
};
use domain::{Price, SessionDate, Symbol, UnixNanos};
use ports::{Close, CompanyProfile, History, HistoryPort, Listing, ProfilePort, VendorError};

use crate::sources::{Sources, ask};

/// Calendar days before the session whose corporate actions are asked for: as far as daily bars reach.
const ACTION_DAYS: i32 = 366;

/// A company, and who tells of it.
type Company = (Arc<dyn ProfilePort>, CompanyProfile);

/// What the vendors know of some symbols. Facts that a vendor fails to tell are missing; a history that all of them
/// fail to tell is the first failure.
pub(crate) struct Facts {
    session: SessionDate,
    histories: HashMap<Symbol, (Arc<dyn HistoryPort>, History)>,
    closes: HashMap<Symbol, (&'static str, Close)>,
    actions: HashMap<Symbol, Vec<(SessionDate, ActionKind)>>,
    sectors: HashMap<Symbol, Company>,
    floats: HashMap<Symbol, Company>,
    /// The failure that kept histories away, if any was one that may pass, else the last.
    pub(crate) failure: Option<VendorError>,
}

impl Facts {
    /// Asks the vendors about `symbols`; `failed` is told of every failure.
    pub(crate) async fn gather(
        sources: &Sources,
        symbols: &[Symbol],
        session: SessionDate,
        failed: impl Fn(&VendorError) + Sync,
    ) -> Self {
        let mut failure: Option<VendorError> = None;
        let call =
            |port: Arc<dyn HistoryPort>, symbols: Vec<Symbol>| async move { port.histories(&symbols, session).await };
        let histories = ask(&sources.history, symbols, call, |error| {
            failed(&error);
            if failure.as_ref().is_none_or(|known| !known.is_transient()) {
                failure = Some(error);
            }
        })
        .await;
        let known: Vec<Symbol> = symbols.iter().filter(|symbol| histories.contains_key(*symbol)).cloned().collect();
        let from = SessionDate::from_epoch_days(session.epoch_days() - ACTION_DAYS).unwrap_or(session);
        let actions = ask(
            &sources.actions,
            &known,
            |port, symbols| async move { port.actions(&symbols, from, session).await },
            |error| failed(&error),
        );
        let (actions, closes, (sectors, floats)) = tokio::join!(
            actions,
            second_closes(sources, &histories, session, &failed),
            companies(sources, &known, &failed)
        );
        let actions = actions.into_iter().map(|(symbol, (_, actions))| (symbol, actions)).collect();
        Self { session, histories, closes, actions, sectors, floats, failure }
    }

    /// The event about `listing`; `None` without a history.
    pub(crate) fn reference(
        &mut self,
        listing: &Listing,
        lending: Option<Lending>,
        as_of: UnixNanos,
    ) -> Option<ReferenceUpdated> {
        let symbol = &listing.symbol;
        let (port, history) = self.histories.remove(symbol)?;
        let close = self.closes.remove(symbol);
        let actions = self.actions.remove(symbol).unwrap_or_default();
        let actions = applied(actions, &history, close.map(|(_, close)| close), self.session);
        let float = self.floats.remove(symbol).filter(|(_, company)| company.shares_outstanding.is_some());
        Some(ReferenceUpdated {
            symbol: symbol.clone(),
            session_date: self.session,
            source: port.source().to_owned(),
            tape: history.tape,
            prev_close: history.prev_close,
            daily_bars: history.daily_bars,
            opening_volumes: history.opening_volumes,
            opening_minutes: history.opening_minutes,
            float_shares: float.as_ref().and_then(|(_, company)| company.shares_outstanding),
            sector: self.sectors.remove(symbol).and_then(|(_, company)| company.sector),
            security_type: listing.security_type,
            as_of,
            second_close: close.and_then(|(source, close)| {
                Some(SecondClose { source: source.to_owned(), price: at_todays_terms(close, &actions, self.session)? })
            }),
            actions,
            float_source: float.map(|(port, _)| FloatSource {
                source: format!("{}, shares outstanding", port.source()),
                date: self.session,
            }),
            session_volumes: history.session_volumes,
            volume_step_minutes: history.volume_step_minutes,
            lending,
        })
    }
}

/// Each symbol's company as the sources of the sector know it, and as those of the float do.
async fn companies(
    sources: &Sources,
    symbols: &[Symbol],
    failed: &(impl Fn(&VendorError) + Sync),
) -> (HashMap<Symbol, Company>, HashMap<Symbol, Company>) {
    let call = |port: Arc<dyn ProfilePort>, symbols: Vec<Symbol>| async move { port.profiles(&symbols).await };
    let asked = |ports| ask(ports, symbols, call, |error| failed(&error));
    let sectors = asked(&sources.sector).await;
    let first = |ports: &[Arc<dyn ProfilePort>]| ports.first().map(|port| port.source());
    // One call tells both.
    let same = first(&sources.float) == first(&sources.sector);
    let floats = if same { sectors.clone() } else { asked(&sources.float).await };
    (sectors, floats)
}

/// Each symbol's close by another than the source of its history.
async fn second_closes(
    sources: &Sources,
    histories: &HashMap<Symbol, (Arc<dyn HistoryPort>, History)>,
    session: SessionDate,
    failed: &(impl Fn(&VendorError) + Sync),
) -> HashMap<Symbol, (&'static str, Close)> {
    let mut by_source: HashMap<&'static str, Vec<Symbol>> = HashMap::new();
    for (symbol, (port, _)) in histories {
        by_source.entry(port.source()).or_default().push(symbol.clone());
    }
    let mut found = HashMap::new();
    for (first, mut symbols) in by_source {
        symbols.sort();
        let others: Vec<_> = sources.second_close.iter().filter(|port| port.source() != first).cloned().collect();
        let call =
            |port: Arc<dyn ports::ClosePort>, symbols: Vec<Symbol>| async move { port.closes(&symbols, session).await };
        let told = ask(&others, &symbols, call, |error| failed(&error)).await;
        found.extend(told.into_iter().map(|(symbol, (port, close))| (symbol, (port.source(), close))));
    }
    found
}

/// The actions, and whether the history is at their terms. Of a split on the session's own morning a raw close by
/// another source tells: a history that shows another price has applied it.
fn applied(
    actions: Vec<(SessionDate, ActionKind)>,
    history: &History,
    second: Option<Close>,
    session: SessionDate,
) -> Vec<CorporateAction> {
    let raw = second.filter(|close| close.raw).map(|close| close.price);
    let mark = |(ex_date, kind): (SessionDate, ActionKind)| {
        let is_split = matches!(kind, ActionKind::Split { .. });
        let applied = match raw {
            Some(raw) if ex_date == session => closes_differ(history.prev_close, raw),
            _ => history.splits_applied,
        };
        CorporateAction { ex_date, kind, applied: is_split && applied }
    };
    let mut actions: Vec<CorporateAction> = actions.into_iter().map(mark).collect();
    actions.sort_by_key(|action| action.ex_date);
    actions
}

/// A raw close is brought to the terms of `session`; one that is not raw is there already, as far as its source knows.
fn at_todays_terms(close: Close, actions: &[CorporateAction], session: SessionDate) -> Option<Price> {
    let today = actions.iter().filter(|action| action.ex_date == session).map(|action| action.kind);
    if close.raw { at_new_terms(close.price, today) } else { Some(close.price) }
}

#[cfg(test)]
mod tests {
    use domain::market::Tape;

    use super::*;

    fn day(text: &str) -> SessionDate {
        text.parse().unwrap()
    }

    fn history(cents: i64, splits_applied: bool) -> History {
        History {
            tape: Tape::Consolidated,
            prev_close: Price::from_cents(cents),
            daily_bars: Vec::new(),
            opening_volumes: Vec::new(),
            opening_minutes: 5,
            session_volumes: Vec::new(),
            volume_step_minutes: 0,
            splits_applied,
        }
    }

    #[test]
    fn a_split_of_this_morning_is_applied_where_the_history_differs_from_the_raw_close() {
        let session = day("2026-11-24");
        let split = ActionKind::Split { old: 10, new: 1 };
        let check = |cents: i64, raw: Option<i64>, source_applies: bool, expected: bool| {
            let second = raw.map(|cents| Close { price: Price::from_cents(cents), raw: true });
            let marked = applied(vec![(session, split)], &history(cents, source_applies), second, session);
            assert_eq!(marked[0].applied, expected, "{cents} {raw:?}");
            if let Some(second) = second {
                let terms = at_todays_terms(second, &marked, session).unwrap();
                assert_eq!(terms.nanos(), second.price.nanos() * 10);
            }
        };
        check(1_000, Some(100), false, true);
        check(100, Some(100), true, false);
        check(100, None, true, true);
        check(100, None, false, false);
    }

    #[test]
    fn dividends_are_never_taken_off_by_a_source_and_older_splits_are_as_the_source_does() {
        let session = day("2026-11-24");
        let raw = Some(Close { price: Price::from_cents(100), raw: true });
        let actions = vec![
            (session, ActionKind::Dividend(Price::from_cents(5))),
            (day("2026-11-02"), ActionKind::Split { old: 1, new: 2 }),
        ];
        let marked = applied(actions, &history(500, true), raw, session);
        assert_eq!(
            marked.iter().map(|a| (a.ex_date, a.applied)).collect::<Vec<_>>(),
            [(day("2026-11-02"), true), (session, false)]
        );
    }
}
