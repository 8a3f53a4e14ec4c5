use domain::market::{
    DailyBar, Eligibility, OpeningVolume, ReferenceUpdated, SecurityType, Tape, Trade, TradingStatus,
    TradingStatusChanged,
};
use domain::scan::{
    BatchHead, BatchOrder, CriterionName, Features, ModelIdentity, Outcome, PartitionState, RoundResult, ScorePart,
    ScoringModel,
};
use domain::{Micro, Price, SessionDate, Symbol, UnixNanos};
use proptest::prelude::*;

use super::strategy;

fn date() -> SessionDate {
    "2026-11-24".parse().unwrap()
}

fn symbol() -> Symbol {
    "GME".parse().unwrap()
}

/// Yesterday closed at 100.00, ATR 2.00, usual opening volume 10,000.
fn reference() -> ReferenceUpdated {
    let day = |back: i32| SessionDate::from_epoch_days(date().epoch_days() - back).unwrap();
    let bar = |back| DailyBar {
        date: day(back),
        open: Price::from_cents(10_000),
        high: Price::from_cents(10_100),
        low: Price::from_cents(9_900),
        close: Price::from_cents(10_000),
        volume: 2_000_000,
    };
    ReferenceUpdated {
        symbol: symbol(),
        session_date: date(),
        source: "yahoo".into(),
        tape: Tape::Simulated,
        prev_close: Price::from_cents(10_000),
        daily_bars: (1..=30).rev().map(bar).collect(),
        opening_volumes: (1..=20).rev().map(|back| OpeningVolume { date: day(back), volume: 10_000 }).collect(),
        opening_minutes: 5,
        float_shares: None,
        sector: None,
        security_type: SecurityType::Common,
        as_of: UnixNanos::default(),
        actions: Vec::new(),
        second_close: None,
        float_source: None,
        session_volumes: Vec::new(),
        volume_step_minutes: 0,
        lending: None,
    }
}

fn at(hour: u32, minute: u32, second: i64) -> UnixNanos {
    date().at_hm(hour, minute).plus_seconds(second)
}

fn trade(instant: UnixNanos, cents: i64, size: u32) -> Trade {
    Trade { ts_event: instant, price: Price::from_cents(cents), size }
}

/// A gap of 5 %, a range of 104.50 to 106.00 that closes up on 50,000 shares, and prints after it.
fn session() -> Vec<Trade> {
    vec![
        trade(at(7, 0, 0), 10_400, 500),
        trade(at(9, 30, 0), 10_500, 20_000),
        trade(at(9, 31, 0), 10_450, 10_000),
        trade(at(9, 34, 59), 10_600, 20_000),
        trade(at(9, 35, 0), 10_900, 7_000),
        trade(at(9, 36, 0), 11_000, 7_000),
    ]
}

fn head(batch_no: u64, watermark: UnixNanos) -> BatchHead<'static> {
    BatchHead { source: "finnhub", epoch: 1, batch_no, tape: Tape::Simulated, watermark }
}

fn play(batches: &[&[Trade]]) -> Vec<RoundResult> {
    play_told(batches, &[])
}

/// The same where the exchange has said so much of trading status.
fn play_told(batches: &[&[Trade]], told: &[(TradingStatus, UnixNanos)]) -> Vec<RoundResult> {
    let mut state = PartitionState::new(0, 1, strategy()).unwrap();
    state.reference(&reference());
    for (status, at) in told {
        let (symbol, at) = (symbol(), *at);
        let (source, detail) = ("alpaca".into(), "H T1".into());
        state.trading_status(&TradingStatusChanged { symbol, status: *status, at, source, detail });
    }
    let mut rounds = Vec::new();
    let opening = head(1, at(4, 0, 0));
    state.begin_batch(&opening);
    rounds.extend(state.advance(opening.watermark, &[]));
    for (number, batch) in (2..).zip(batches) {
        let watermark = batch.iter().map(|t| t.ts_event).max().unwrap_or(at(9, 36, 0));
        assert_eq!(state.begin_batch(&head(number, watermark)), BatchOrder::Next);
        let slot = state.slot("GME").unwrap();
        for t in *batch {
            state.fold(slot, *t, Eligibility::REGULAR);
        }
        rounds.extend(state.advance(watermark, &[]));
    }
    rounds
}

#[test]
fn a_gapper_on_volume_becomes_a_signal_with_every_value() {
    let rounds = play(&[&session()]);
    let names: Vec<_> = rounds.iter().map(|r| r.completed.round.round_id.to_string()).collect();
    assert_eq!(names, ["2026-11-24-watch-0700", "2026-11-24-trade-0935"]);
    let signal = &rounds[1].signals[0].candidate;
    let f = &signal.features;
    assert_eq!(f.gap_pct.unwrap().to_string(), "5");
    assert_eq!(f.rvol.unwrap().to_string(), "5");
    assert_eq!(f.atr_14, Some(Price::from_cents(200)));
    assert_eq!(
        (f.or_high, f.or_low, f.or_volume),
        (Some(Price::from_cents(10_600)), Some(Price::from_cents(10_450)), 50_000)
    );
    let open_questions: Vec<_> =
        signal.criteria.iter().filter(|c| c.outcome != Outcome::Pass).map(|c| (c.name.as_str(), c.outcome)).collect();
    let not_told = ["not_leveraged", "no_cash_merger", "spread", "spread_of_stop"];
    assert_eq!(open_questions, not_told.map(|name| (name, Outcome::NotEvaluated)));
}

#[test]
fn a_stock_that_the_exchange_halts_is_refused_until_it_trades_again_or_is_told_to() {
    use TradingStatus::{Halted, Resumed};
    let trades = session();
    let last = trades.iter().map(|t| t.ts_event).filter(|t| *t < at(9, 35, 0)).max().unwrap();
    let refused =
        |told: &[(TradingStatus, UnixNanos)]| play_told(&[&trades], told)[1].candidates[0].candidates[0].refused_by;
    assert_eq!(refused(&[]), None);
    let halted = (Halted, last);
    assert_eq!(refused(&[halted]), Some(CriterionName::NotHalted));
    assert_eq!(refused(&[(Halted, last.plus_nanos(-1))]), None, "it has traded since");
    assert_eq!(refused(&[(Halted, at(9, 35, 1))]), None, "the round was due before");
    assert_eq!(refused(&[halted, (Resumed, last.plus_nanos(1))]), None);
    assert_eq!(refused(&[halted, (Resumed, last.plus_nanos(-1))]), Some(CriterionName::NotHalted), "an old word");
}

#[test]
fn a_halt_is_known_before_the_open_and_outlasts_the_session() {
    let watched = |told: &[(TradingStatus, UnixNanos)]| {
        let early = [trade(at(5, 0, 0), 10_500, 1_000), trade(at(7, 0, 1), 10_500, 100)];
        play_told(&[&early], told)[0].candidates[0].candidates[0].features.halted
    };
    assert_eq!(watched(&[]), None);
    assert_eq!(watched(&[(TradingStatus::Halted, at(6, 0, 0))]), Some(true));
    let mut state = PartitionState::new(0, 1, strategy()).unwrap();
    let (source, detail) = ("alpaca".to_owned(), String::new());
    let yesterday = UnixNanos::new(at(15, 0, 0).nanos() - 86_400_000_000_000);
    let halted =
        TradingStatusChanged { symbol: symbol(), status: TradingStatus::Halted, at: yesterday, source, detail };
    state.trading_status(&halted);
    let mut restored = PartitionState::new(0, 1, strategy()).unwrap().restore(state.snapshot()).unwrap();
    restored.begin_batch(&head(1, at(4, 0, 0)));
    let slot = restored.slot("GME").unwrap();
    // Reported today, traded before the halt.
    restored.fold(slot, trade(yesterday.plus_nanos(-1), 10_500, 100), Eligibility::REGULAR);
    let rounds = restored.advance(at(7, 0, 0), &[]);
    assert_eq!(rounds[0].candidates[0].candidates[0].features.halted, Some(true));
}

#[test]
fn a_stock_that_fell_silent_before_the_round_looks_halted() {
    let refused = |second: i64| {
        let mut trades = session();
        trades[3].ts_event = at(9, 33, 0).plus_seconds(second);
        play(&[&trades])[1].candidates[0].candidates[0].refused_by
    };
    assert_eq!(refused(59), Some(CriterionName::NotHalted));
    assert_eq!(refused(60), None);
}

#[test]
fn nothing_is_known_of_an_opening_range_that_is_not_over() {
    let mut early = super::shipped_strategy();
    early.schedules.trade.cron = "32 9 * * 1-5".into();
    let mut state = PartitionState::new(0, 1, std::sync::Arc::new(early)).unwrap();
    state.reference(&reference());
    state.begin_batch(&head(1, at(4, 0, 0)));
    let slot = state.slot("GME").unwrap();
    let mut trades = session();
    trades[2].ts_event = at(9, 31, 30);
    trades.into_iter().for_each(|t| state.fold(slot, t, Eligibility::REGULAR));
    let rounds = state.advance(at(9, 33, 0), &[]);
    let candidate = &rounds.last().unwrap().candidates[0].candidates[0];
    assert_eq!((candidate.features.or_high, candidate.features.rvol), (None, None));
    assert_eq!(candidate.features.day_high, Some(Price::from_cents(10_500)));
    assert_eq!(candidate.refused_by, Some(CriterionName::RelativeVolume));
}

#[test]
fn a_model_that_gives_no_score_refuses_the_candidate_and_its_name_stands_in_signals() {
    #[derive(Debug)]
    struct ByRange(ModelIdentity);
    impl ScoringModel for ByRange {
        fn identity(&self) -> &ModelIdentity {
            &self.0
        }
        fn score(&self, features: &Features) -> Option<Vec<ScorePart>> {
            let value = Micro::from(features.or_high?);
            (value > Micro::from_int(105)).then(|| vec![ScorePart { name: "range".into(), value }])
        }
    }
    let identity = ModelIdentity { name: "by_range".into(), version: "7".into(), hash: "h".into() };
    let scan = |trades: &[Trade]| {
        let model = std::sync::Arc::new(ByRange(identity.clone()));
        let mut state = PartitionState::with_model(0, 1, strategy(), model).unwrap();
        state.reference(&reference());
        state.begin_batch(&head(1, at(4, 0, 0)));
        let slot = state.slot("GME").unwrap();
        trades.iter().for_each(|t| state.fold(slot, *t, Eligibility::REGULAR));
        state.advance(at(9, 36, 0), &[]).remove(1)
    };
    let passed = scan(&session());
    assert_eq!(passed.signals[0].model, Some(identity.clone()));
    assert_eq!(passed.signals[0].candidate.score.unwrap().to_string(), "106");
    let mut low = session();
    low[3].price = Price::from_cents(10_500);
    low[1].price = Price::from_cents(10_480);
    let refused = scan(&low);
    assert_eq!(refused.signals, []);
    assert_eq!(refused.candidates[0].candidates[0].refused_by, Some(CriterionName::Scored));
}

#[test]
fn a_refused_candidate_names_the_first_criterion_that_failed() {
    let mut trades = session();
    trades[1].price = Price::from_cents(10_100);
    let candidate = &play(&[&trades])[1].candidates[0].candidates[0];
    assert_eq!(candidate.refused_by, Some(CriterionName::Gap));
    let gap = candidate.criteria.iter().find(|c| c.name == CriterionName::Gap).unwrap();
    assert_eq!((gap.value.unwrap().to_string(), gap.threshold.to_string()), ("1".into(), "4".into()));
}

#[test]
fn a_symbol_without_history_is_refused_and_the_rest_is_not_evaluated() {
    let mut state = PartitionState::new(0, 1, strategy()).unwrap();
    state.begin_batch(&head(1, at(9, 0, 0)));
    let slot = state.slot("GME").unwrap();
    session().into_iter().for_each(|t| state.fold(slot, t, Eligibility::REGULAR));
    let rounds = state.advance(at(9, 36, 0), &[]);
    let candidate = &rounds[0].candidates[0].candidates[0];
    assert_eq!(candidate.refused_by, Some(CriterionName::Reference));
    assert!(candidate.criteria.iter().any(|c| c.name == CriterionName::Gap && c.outcome == Outcome::NotEvaluated));
}

#[test]
fn a_hole_in_the_batch_numbers_refuses_the_round() {
    let mut state = PartitionState::new(0, 1, strategy()).unwrap();
    state.reference(&reference());
    state.begin_batch(&head(1, at(9, 29, 0)));
    let _ = state.advance(at(9, 29, 0), &[]);
    assert_eq!(state.begin_batch(&head(3, at(9, 36, 0))), BatchOrder::Hole);
    let slot = state.slot("GME").unwrap();
    session().into_iter().for_each(|t| state.fold(slot, t, Eligibility::REGULAR));
    let rounds = state.advance(at(9, 36, 0), &[]);
    assert_eq!(rounds[0].candidates[0].candidates[0].refused_by, Some(CriterionName::FeedComplete));
    assert_eq!(state.begin_batch(&head(3, at(9, 36, 0))), BatchOrder::Repeated);
}

proptest! {
    #[test]
    fn rounds_do_not_depend_on_how_trades_were_batched(cuts in proptest::collection::vec(0_usize..=6, 0..5)) {
        let trades = session();
        let mut cuts = cuts;
        cuts.extend([0, trades.len()]);
        cuts.sort_unstable();
        let batches: Vec<&[Trade]> = cuts.windows(2).map(|w| &trades[w[0]..w[1]]).filter(|b| !b.is_empty()).collect();
        prop_assert_eq!(play(&batches), play(&[&trades]));
    }
}
