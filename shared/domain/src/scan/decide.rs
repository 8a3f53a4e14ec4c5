//! Holds every symbol of a partition against the criteria.

use super::state::{PartitionState, Profile, RoundResult};
use super::{
    CandidatesEvaluated, Comparison, Criterion, CriterionName, Features, Input, Outcome, Round, ScanRoundCompleted,
    ScorePart, SignalGenerated, TradeCandidate, Unit,
};
use crate::calendar;
use crate::id::SignalId;
use crate::market::{SecurityType, SymbolState, Windows, indicators};
use crate::money::Micro;
use crate::symbol::Symbol;
use crate::time::UnixNanos;

/// Candidates in one message, so that it stays well below the bus's largest.
const CHUNK: usize = 200;

/// Evaluates one round of one partition. Candidates and signals come ordered by symbol.
pub(super) fn evaluate(state: &PartitionState, windows: &Windows, round: &Round, inputs: &[Input]) -> RoundResult {
    let mut symbols: Vec<&Symbol> = state.profiles.keys().collect();
    symbols.extend(state.states().filter(|(s, t)| t.prints > 0 && !state.profiles.contains_key(*s)).map(|(s, _)| s));
    symbols.sort();
    let candidates: Vec<TradeCandidate> = symbols.into_iter().map(|s| candidate(state, windows, round, s)).collect();
    let signals: Vec<SignalGenerated> = candidates
        .iter()
        .filter(|c| c.refused_by.is_none())
        .map(|c| SignalGenerated {
            signal_id: SignalId::new(&round.round_id, &round.strategy, &c.symbol),
            round: round.clone(),
            partition: state.partition,
            candidate: c.clone(),
        })
        .collect();
    let completed = ScanRoundCompleted {
        round: round.clone(),
        partition: state.partition,
        partitions: state.partitions,
        evaluated: candidates.len() as u32,
        signal_ids: signals.iter().map(|s| s.signal_id.clone()).collect(),
    };
    let chunks = candidates.len().div_ceil(CHUNK).max(1) as u32;
    let chunk = |number: usize, part: &[TradeCandidate]| CandidatesEvaluated {
        round: round.clone(),
        partition: state.partition,
        chunk: number as u32,
        chunks,
        candidates: part.to_vec(),
        inputs: inputs.to_vec(),
    };
    let mut parts: Vec<_> = candidates.chunks(CHUNK).enumerate().map(|(n, part)| chunk(n, part)).collect();
    if parts.is_empty() {
        parts.push(chunk(0, &[]));
    }
    RoundResult { signals, candidates: parts, completed }
}

fn candidate(state: &PartitionState, windows: &Windows, round: &Round, symbol: &Symbol) -> TradeCandidate {
    let untraded = SymbolState::default();
    let tape = state.symbol_state(symbol).unwrap_or(&untraded);
    let profile = state.profiles.get(symbol).filter(|p| p.session_date == round.session_date);
    let watch = round.schedule == "watch";
    let features = features(state, round, tape, profile, watch);
    let criteria = Questions { state, windows, round, profile, features: &features, watch }.ask();
    let refused_by = criteria.iter().find(|c| c.outcome == Outcome::Fail).map(|c| c.name);
    let previous_close = calendar::previous_session(round.session_date).close;
    let news_ids: Vec<String> = state.headlines.get(symbol).map_or_else(Vec::new, |known| {
        known
            .iter()
            .filter(|h| h.published_at >= previous_close && h.published_at < round.due)
            .map(|h| h.news_id.clone())
            .collect()
    });
    let score_parts =
        if refused_by.is_none() { score_parts(state, &features, !news_ids.is_empty()) } else { Vec::new() };
    let score = refused_by
        .is_none()
        .then(|| Micro::from_micros(score_parts.iter().fold(0, |sum, p| p.value.micros().saturating_add(sum))));
    TradeCandidate { symbol: symbol.clone(), features, criteria, refused_by, score, score_parts, news_ids }
}

fn features(
    state: &PartitionState,
    round: &Round,
    tape: &SymbolState,
    profile: Option<&Profile>,
    watch: bool,
) -> Features {
    let fresh = |at: UnixNanos| round.due.since(at) <= i64::from(state.strategy.scan.last_age_max_s) * 1_000_000_000;
    let last = tape.last.map(|(price, _)| price);
    let open = tape.regular.is_priced().then_some(tape.regular.open);
    let gap_price = if watch { tape.last.filter(|(_, at)| fresh(*at)).map(|(price, _)| price) } else { open };
    let prev_close = profile.map(|p| p.prev_close);
    let atr_14 = profile.and_then(|p| p.atr_14);
    let distance = gap_price.zip(prev_close).map(|(price, close)| price.nanos() - close.nanos());
    let range = tape.opening.is_priced().then_some(&tape.opening);
    let premarket = tape.premarket.is_priced().then_some(&tape.premarket);
    Features {
        last,
        prev_close,
        open,
        gap_pct: distance.zip(prev_close).and_then(|(d, close)| Micro::ratio(d, close.nanos(), 100)),
        gap_atr: distance.zip(atr_14).and_then(|(d, atr)| Micro::ratio(d, atr.nanos(), 1)),
        atr_14,
        adv_14: profile.and_then(|p| p.adv_14),
        premarket_high: premarket.map(|r| r.high),
        premarket_low: premarket.map(|r| r.low),
        premarket_volume: tape.premarket.volume,
        premarket_dollar_volume: tape.premarket_dollar_volume(),
        or_open: range.map(|r| r.open),
        or_high: range.map(|r| r.high),
        or_low: range.map(|r| r.low),
        or_close: range.map(|r| r.close),
        or_volume: tape.opening.volume,
        rvol: profile
            .filter(|p| Some(p.tape) == state.tape && p.opening_minutes == state.strategy.scan.opening_range_minutes)
            .and_then(|p| indicators::relative_opening_volume(tape.opening.volume, &p.opening_volumes)),
        vwap: tape.vwap(),
        sector: profile.and_then(|p| p.sector.clone()),
    }
}

struct Questions<'a> {
    state: &'a PartitionState,
    windows: &'a Windows,
    round: &'a Round,
    profile: Option<&'a Profile>,
    features: &'a Features,
    watch: bool,
}

impl Questions<'_> {
    fn ask(&self) -> Vec<Criterion> {
        let rules = &self.state.strategy.scan;
        let f = self.features;
        let mut asked = vec![self.reference(), self.feed_complete()];
        if rules.common_stock_only {
            let common = self
                .profile
                .map(|p| u32::from(matches!(p.security_type, SecurityType::Common | SecurityType::Unknown)));
            asked.push(self.question(
                CriterionName::SecurityType,
                common.map(|c| Micro::from_int(i64::from(c))),
                Comparison::Equal,
                Micro::from_int(1),
                Unit::YesNo,
            ));
        }
        let price = if self.watch { f.last } else { f.open };
        self.push(
            &mut asked,
            CriterionName::Price,
            price.map(Micro::from),
            Comparison::MoreThan,
            rules.price_min.map(Micro::from),
            Unit::UsdPerShare,
        );
        self.push(
            &mut asked,
            CriterionName::AverageVolume,
            f.adv_14.map(shares),
            Comparison::AtLeast,
            rules.adv_14_min.map(shares),
            Unit::Shares,
        );
        self.push(
            &mut asked,
            CriterionName::Atr,
            f.atr_14.map(Micro::from),
            Comparison::MoreThan,
            rules.atr_14_min.map(Micro::from),
            Unit::UsdPerShare,
        );
        let gap_min = if self.watch { rules.watch_gap_pct_min } else { rules.gap_pct_min };
        self.push(
            &mut asked,
            CriterionName::Gap,
            f.gap_pct.map(Micro::abs),
            Comparison::AtLeast,
            gap_min,
            Unit::Percent,
        );
        self.push(
            &mut asked,
            CriterionName::PremarketVolume,
            Some(shares(f.premarket_volume)),
            Comparison::AtLeast,
            rules.premarket_volume_min.map(shares),
            Unit::Shares,
        );
        self.push(
            &mut asked,
            CriterionName::PremarketDollarVolume,
            Some(f.premarket_dollar_volume.into()),
            Comparison::AtLeast,
            rules.premarket_dollar_volume_min.map(Micro::from),
            Unit::Usd,
        );
        if !self.watch {
            self.push(
                &mut asked,
                CriterionName::RelativeVolume,
                f.rvol,
                Comparison::AtLeast,
                rules.rvol_min,
                Unit::Ratio,
            );
            asked.push(self.direction());
        }
        asked
    }

    fn reference(&self) -> Criterion {
        let present = Micro::from_int(i64::from(self.profile.is_some()));
        self.question(CriterionName::Reference, Some(present), Comparison::Equal, Micro::from_int(1), Unit::YesNo)
    }

    fn feed_complete(&self) -> Criterion {
        let rules = &self.state.strategy.scan;
        let premarket_matters =
            self.watch || rules.premarket_volume_min.is_some() || rules.premarket_dollar_volume_min.is_some();
        let from = if premarket_matters { self.windows.session.premarket_open } else { self.windows.session.open };
        let holes = self.state.gaps.iter().filter(|(a, b)| *b > from && *a < self.round.due).count();
        self.question(
            CriterionName::FeedComplete,
            Some(Micro::from_int(holes as i64)),
            Comparison::AtMost,
            Micro::default(),
            Unit::Ratio,
        )
    }

    fn direction(&self) -> Criterion {
        let f = self.features;
        let sign = f.or_open.zip(f.or_close).map(|(open, close)| (close.nanos() - open.nanos()).signum());
        let value = if self.state.strategy.plan.long_only { sign } else { sign.map(i64::abs) };
        self.question(
            CriterionName::OpeningRangeDirection,
            value.map(Micro::from_int),
            Comparison::Equal,
            Micro::from_int(1),
            Unit::Direction,
        )
    }

    fn push(
        &self,
        asked: &mut Vec<Criterion>,
        name: CriterionName,
        value: Option<Micro>,
        comparison: Comparison,
        threshold: Option<Micro>,
        unit: Unit,
    ) {
        if let Some(threshold) = threshold {
            asked.push(self.question(name, value, comparison, threshold, unit));
        }
    }

    fn question(
        &self,
        name: CriterionName,
        value: Option<Micro>,
        comparison: Comparison,
        threshold: Micro,
        unit: Unit,
    ) -> Criterion {
        let outcome = match value {
            None if self.profile.is_none() => Outcome::NotEvaluated,
            Some(v) if holds(v, comparison, threshold) => Outcome::Pass,
            None | Some(_) => Outcome::Fail,
        };
        Criterion { name, value, threshold, comparison, outcome, unit, source: self.source(name) }
    }

    fn source(&self, name: CriterionName) -> String {
        let history =
            || self.profile.map_or_else(|| "no reference data".to_owned(), |p| format!("{} daily bars", p.source));
        match name {
            CriterionName::SecurityType | CriterionName::Float => {
                self.profile.map_or_else(|| "no reference data".to_owned(), |p| p.source.clone())
            }
            CriterionName::Reference | CriterionName::AverageVolume | CriterionName::Atr => history(),
            CriterionName::FeedComplete => "feed gaps".to_owned(),
            CriterionName::Price | CriterionName::Gap if self.watch => "last trade".to_owned(),
            CriterionName::Price | CriterionName::Gap => "first trade of regular hours".to_owned(),
            CriterionName::PremarketVolume | CriterionName::PremarketDollarVolume => {
                "trades from 04:00 to the open".to_owned()
            }
            CriterionName::RelativeVolume => match (self.profile, self.state.tape) {
                (Some(p), Some(tape)) if p.tape != tape => {
                    format!("tapes differ: {:?} trades, {:?} history", tape, p.tape)
                }
                _ => format!("opening range against {} sessions", indicators::PERIOD),
            },
            CriterionName::OpeningRangeDirection => "opening range".to_owned(),
            CriterionName::NotHalted => "tape".to_owned(),
        }
    }
}

fn score_parts(state: &PartitionState, features: &Features, fresh_news: bool) -> Vec<ScorePart> {
    let weights = &state.strategy.scoring;
    let part =
        |name: &str, value: Micro, weight: Micro| ScorePart { name: name.to_owned(), value: value.weighted(weight) };
    vec![
        part("rvol", features.rvol.unwrap_or_default(), weights.rvol),
        part("gap_atr", features.gap_atr.map(Micro::abs).unwrap_or_default(), weights.gap_atr),
        part("news", Micro::from_int(i64::from(fresh_news)), weights.news),
    ]
}

fn holds(value: Micro, comparison: Comparison, threshold: Micro) -> bool {
    match comparison {
        Comparison::AtLeast => value >= threshold,
        Comparison::MoreThan => value > threshold,
        Comparison::AtMost => value <= threshold,
        Comparison::Equal => value == threshold,
    }
}

fn shares(count: u64) -> Micro {
    Micro::from_int(i64::try_from(count).unwrap_or(i64::MAX))
}
