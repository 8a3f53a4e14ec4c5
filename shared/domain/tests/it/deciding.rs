//! A made session from its trades to the log of its decisions, under both profiles.

use std::sync::Arc;

use domain::decision_log::DecisionLog;
use domain::event::Event;
use domain::market::{
    DailyBar, Eligibility, NewsPublished, OpeningVolume, ReferenceUpdated, SecurityType, Tape, Trade,
};
use domain::plan::{Effect, PlannerState};
use domain::scan::{BatchHead, PartitionState};
use domain::strategy::Strategy;
use domain::{Price, SessionDate, UnixNanos};
use figment::Figment;
use figment::providers::{Format, Yaml};

fn strategy(text: &str) -> Arc<Strategy> {
    Arc::new(Figment::from(Yaml::string(text)).extract().unwrap())
}

fn opening_range() -> Arc<Strategy> {
    strategy(include_str!("../../../../config/strategy.yaml"))
}

fn gap_and_go() -> Arc<Strategy> {
    strategy(include_str!("../../../../config/strategies/gap_and_go_smallcap.yaml"))
}

fn date() -> SessionDate {
    "2026-11-24".parse().unwrap()
}

/// Closed at `close` cents yesterday, with a true range of `range` cents each day.
fn reference(symbol: &str, close: i64, range: i64, float_shares: Option<u64>) -> Event {
    let day = |back: i32| SessionDate::from_epoch_days(date().epoch_days() - back).unwrap();
    let bar = |back| DailyBar {
        date: day(back),
        open: Price::from_cents(close),
        high: Price::from_cents(close + range / 2),
        low: Price::from_cents(close - range / 2),
        close: Price::from_cents(close),
        volume: 2_000_000,
    };
    ReferenceUpdated {
        symbol: symbol.parse().unwrap(),
        session_date: date(),
        source: "yahoo".into(),
        tape: Tape::Simulated,
        prev_close: Price::from_cents(close),
        daily_bars: (1..=30).rev().map(bar).collect(),
        opening_volumes: (1..=20).rev().map(|back| OpeningVolume { date: day(back), volume: 10_000 }).collect(),
        opening_minutes: 5,
        float_shares,
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
    .into()
}

fn headline(symbol: &str, headline: &str) -> Event {
    NewsPublished {
        news_id: format!("finnhub:{symbol}"),
        symbols: vec![symbol.parse().unwrap()],
        headline: headline.into(),
        summary: String::new(),
        source: "PRNewswire".into(),
        url: String::new(),
        published_at: date().at_hm(7, 35),
        mentions: Vec::new(),
    }
    .into()
}

fn facts() -> Vec<Event> {
    vec![
        reference("BIG", 10_000, 200, None),
        reference("CASH", 10_000, 200, None),
        reference("DOWN", 10_000, 200, None),
        reference("SMALL", 500, 40, Some(15_000_000)),
        headline("BIG", "Big raises full-year guidance"),
        headline("CASH", "Cash to be acquired by Big in all-cash deal"),
        headline("SMALL", "Small announces positive trial results"),
    ]
}

/// Minute after 04:00, cents, shares.
type Print = (i64, i64, u32);

/// Each symbol's prints.
fn trades() -> Vec<(&'static str, Trade)> {
    let prints: [(&str, &[Print]); 4] = [
        ("BIG", &[(180, 10_400, 500), (330, 10_500, 20_000), (331, 10_450, 9_000), (334, 10_600, 21_000)]),
        ("CASH", &[(330, 12_000, 30_000), (334, 12_005, 30_000)]),
        ("DOWN", &[(330, 9_500, 30_000), (334, 9_400, 30_000)]),
        (
            "SMALL",
            &[
                (120, 610, 200_000),
                (150, 625, 20_000),
                (200, 640, 50_000),
                (330, 630, 30_000),
                (334, 645, 10_000),
                (336, 655, 1_000),
                (339, 656, 1_000),
            ],
        ),
    ];
    let mut all: Vec<_> = prints
        .iter()
        .flat_map(|(symbol, rows)| rows.iter().map(move |row| (*symbol, row)))
        .map(|(symbol, (minute, cents, size))| {
            let ts_event = date().at_hm(4, 0).plus_seconds(minute * 60 + 30);
            (symbol, Trade { ts_event, price: Price::from_cents(*cents), size: *size })
        })
        .collect();
    all.sort_by_key(|(symbol, trade)| (trade.ts_event, *symbol));
    all
}

/// Plays the session in batches of `batch` trades over `partitions`.
fn decide(strategy: &Arc<Strategy>, partitions: u32, batch: usize) -> DecisionLog {
    let (mut log, mut planner) = (DecisionLog::default(), PlannerState::new(Arc::clone(strategy)));
    for number in 0..partitions {
        let mut partition = PartitionState::new(number, partitions, Arc::clone(strategy)).unwrap();
        let mut rounds = Vec::new();
        let head =
            |batch_no, watermark| BatchHead { source: "finnhub", epoch: 1, batch_no, tape: Tape::Simulated, watermark };
        partition.begin_batch(&head(1, date().at_hm(4, 0)));
        for fact in facts() {
            match fact {
                Event::ReferenceUpdated(reference) => partition.reference(&reference),
                Event::NewsPublished(news) => partition.news(&news),
                _ => unreachable!("only facts"),
            }
        }
        let mine: Vec<_> = trades()
            .into_iter()
            .filter(|(symbol, _)| domain::symbol::partition_of(symbol.as_bytes(), partitions) == number)
            .collect();
        for (batch_no, part) in (2..).zip(mine.chunks(batch)) {
            let watermark = part.last().unwrap().1.ts_event;
            partition.begin_batch(&head(batch_no, watermark));
            for (symbol, trade) in part {
                let slot = partition.slot(symbol).unwrap();
                partition.fold(slot, *trade, Eligibility::REGULAR);
            }
            rounds.extend(partition.advance(watermark, &[]));
        }
        rounds.extend(partition.advance(date().at_hm(9, 41), &[]));
        for round in rounds {
            round.candidates.into_iter().for_each(|e| log.apply(&e.into()));
            round.signals.into_iter().for_each(|e| planner.apply(&e.into()));
            planner.apply(&round.completed.into());
        }
    }
    while let Some(Effect::Close(closed)) = planner.decide(&[]).into_iter().find(|e| matches!(e, Effect::Close(_))) {
        log.apply(&closed.clone().into());
        planner.apply(&closed.into());
    }
    log
}

/// The lines without the candidates' criteria.
fn outcome(log: &DecisionLog) -> Vec<&str> {
    let shown = |line: &&str| line.contains("-trade-") && !line.contains(" candidate ");
    log.lines().filter(shown).collect()
}

#[test]
fn the_opening_range_profile_decides_as_reviewed() {
    let log = decide(&opening_range(), 1, 3);
    assert_eq!(log.to_string(), include_str!("snapshots/orb_stocks_in_play.txt"), "\n{log}");
}

#[test]
fn the_small_cap_profile_decides_as_reviewed() {
    let log = decide(&gap_and_go(), 1, 3);
    assert_eq!(log.to_string(), include_str!("snapshots/gap_and_go_smallcap.txt"), "\n{log}");
}

#[test]
fn batches_and_partitions_change_no_decision() {
    for strategy in [opening_range(), gap_and_go()] {
        let expected = decide(&strategy, 1, 1);
        assert!(!outcome(&expected).is_empty());
        for (partitions, batch) in [(1, 100), (4, 1), (3, 2)] {
            let log = decide(&strategy, partitions, batch);
            assert_eq!(log.sha256(), expected.sha256(), "{partitions} partitions, {batch} a batch");
        }
    }
}
