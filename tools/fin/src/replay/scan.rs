//! Rounds made again from MARKET.

use std::collections::HashMap;

use bus::subject::subject_of;
use bus::{Bus, FoldSpec, RawFold, RawItem};
use domain::scan::{Round, RoundResult};
use domain::strategy::StrategyError;
use domain::{Event, RoundId, SessionDate, StreamName, UnixNanos};
use events::TradeBatchReader;
use gap_scanner::{BatchError, Partition, TRADE_BATCH, events_of};
use research::progress::Progress;

use super::findings::Findings;
use super::recording::{Recorded, Recording, passed_over};
use super::versions::{Scoring, Versions};
use crate::exit::NotFound;

/// What MARKET says of a day.
#[derive(Debug)]
pub(super) struct Made {
    /// The events of its rounds, under every version.
    events: Vec<Event>,
    /// How far all partitions had come.
    watermark: UnixNanos,
}

/// Folds MARKET from its beginning to the end of `day` under each version, as the scanner does.
///
/// # Errors
/// MARKET no longer holds the beginning of `day`.
pub(super) async fn rounds(
    bus: &Bus,
    scorings: &[Scoring],
    partitions: u32,
    day: SessionDate,
    findings: &mut Findings,
) -> anyhow::Result<Made> {
    let mut market = Market::new(partitions, scorings)?;
    let mut fold = RawFold::open(bus, FoldSpec::stream(StreamName::Market))?;
    let (mut events, mut progress) = (Vec::new(), Progress::default());
    let (mut read, mut trades, end) = (0, 0, day.at_hm(20, 0));
    let mut beginning_is_missing = None;
    while market.watermark() < end
        && let RawItem::Message(message) = fold.next().await?
    {
        read += 1;
        let type_name = message.type_name().unwrap_or_default();
        let missing = *beginning_is_missing.get_or_insert(message.seq > 1);
        let batch = TradeBatchReader::new(&message.payload).ok().filter(|_| type_name == TRADE_BATCH);
        if let Some(batch) = &batch {
            trades += u64::from(batch.count());
            if missing && batch.header().watermark >= day.at_hm(4, 0) {
                return Err(NotFound(format!("MARKET no longer holds the beginning of {day}")).into());
            }
            beginning_is_missing = Some(false);
        }
        let partition = batch.map(|batch| batch.header().partition);
        match market.apply(partition, type_name, &message.payload, message.seq) {
            Ok(rounds) => {
                let of_day = rounds.into_iter().filter(|round| round.completed.round.session_date == day);
                events.extend(of_day.flat_map(events_of).map(|(_, event)| event));
            }
            Err(error) => passed_over(StreamName::Market, message.seq, &error.to_string()),
        }
        let left = fold.backlog(StreamName::Market).unwrap_or_default();
        progress.at(&"MARKET", read, read + left as usize, trades);
    }
    progress.clear();
    findings.events += read as u64;
    Ok(Made { events, watermark: market.watermark() })
}

/// The folds of all partitions, under every version.
struct Market {
    folds: Vec<Partition>,
    partitions: u32,
}

impl Market {
    fn new(partitions: u32, scorings: &[Scoring]) -> Result<Self, StrategyError> {
        let under =
            |Scoring { version, model }: &Scoring, index| Partition::under(index, partitions, version.clone(), model);
        let folds = scorings.iter().flat_map(|scoring| (0..partitions).map(move |index| under(scoring, index)));
        Ok(Self { folds: folds.collect::<Result<_, _>>()?, partitions })
    }

    /// Folds a message: a trade batch into its `partition`, anything else into all.
    fn apply(
        &mut self,
        partition: Option<u32>,
        type_name: &str,
        payload: &[u8],
        seq: u64,
    ) -> Result<Vec<RoundResult>, BatchError> {
        let partitions = self.partitions as usize;
        let takes = |place: usize| partition.is_none_or(|partition| partition as usize == place % partitions);
        let takers = self.folds.iter_mut().enumerate().filter(|(index, _)| takes(*index));
        let mut rounds = Vec::new();
        for (_, taker) in takers {
            rounds.extend(taker.apply(type_name, payload, seq)?);
        }
        Ok(rounds)
    }

    /// The slowest partition's.
    fn watermark(&self) -> UnixNanos {
        self.folds.iter().map(Partition::watermark).min().unwrap_or_default()
    }
}

/// Holds the rounds against those of `scan`. Rounds that fell due after MARKET had been read are left out, by name.
/// Of each round those made under the version that it was opened with count, or else evaluated under.
pub(super) fn compare(made: &Made, scan: &Recording, versions: &Versions<'_>, findings: &mut Findings) {
    let mut recorded: HashMap<&str, &Recorded> = HashMap::new();
    let mut settled: HashMap<&RoundId, &str> = HashMap::new();
    for event in &scan.events {
        if let Event::RoundOpened(opened) = &event.event {
            findings.compare(event, versions.opening(opened).map(Event::from).as_ref());
        } else {
            recorded.entry(&event.subject).or_insert(event);
        }
        if let Some(round) = round_of(&event.event) {
            settled.entry(&round.round_id).or_insert(&round.config_version);
        }
    }
    let counts = |round: &Round| match settled.get(&round.round_id) {
        Some(version) => *version == round.config_version,
        None => versions.due(round).as_ref() == Some(&round.config_version),
    };
    for event in made.events.iter().filter(|event| round_of(event).is_some_and(counts)) {
        match recorded.remove(subject_of(event).as_str()) {
            Some(recorded) => findings.compare(recorded, Some(event)),
            None => findings.unrecorded(event),
        }
    }
    let mut rest: Vec<&Recorded> = recorded.into_values().collect();
    rest.sort_by_key(|recorded| recorded.seq);
    let (due, later): (Vec<_>, Vec<_>) = rest.into_iter().partition(|r| due(&r.event) <= Some(made.watermark));
    due.into_iter().for_each(|recorded| findings.compare(recorded, None));
    if let Some(first) = later.first() {
        findings.leave_out(first);
    }
}

fn due(event: &Event) -> Option<UnixNanos> {
    Some(round_of(event)?.due)
}

fn round_of(event: &Event) -> Option<&Round> {
    match event {
        Event::RoundOpened(opened) => Some(&opened.round),
        Event::SignalGenerated(signal) => Some(&signal.round),
        Event::CandidatesEvaluated(evaluated) => Some(&evaluated.round),
        Event::ScanRoundCompleted(completed) => Some(&completed.round),
        _ => None,
    }
}
