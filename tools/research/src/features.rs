//! `fin features`: one row a candidate, with every criterion's value, the features that models are trained on, and what
//! a trade of it came to, as Parquet.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use domain::execution::CloseReason;
use domain::scan::{FEATURE_NAMES, FEATURES_VERSION};
use domain::{Event, PlanId, SessionDate, SignalId};
use learned_score::metadata;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use crate::backtest::{AccountArguments, MarketArguments, Run, Witness};

/// The command line of `fin features`.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub market: MarketArguments,
    /// First session.
    #[arg(long, value_name = "DATE", default_value = "1990-01-01")]
    pub from: SessionDate,
    /// Last session.
    #[arg(long, value_name = "DATE")]
    pub to: SessionDate,
    /// The Parquet file.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub account: AccountArguments,
}

/// Plays the sessions and writes the rows.
///
/// # Errors
/// As a backtest; or the file cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut run = Run::open(&arguments.market, &arguments.account, arguments.from..=arguments.to)?;
    let mut candidates = Candidates::default();
    let outcome = run.play_each_alone(&mut candidates)?;
    for plan in &outcome.plans {
        candidates.closed(&plan.plan.plan_id, plan.closed);
    }
    for trade in &outcome.trades {
        candidates.came_to(&trade.plan_id, trade.r.to_f64());
    }
    let file = File::create(&arguments.out).with_context(|| arguments.out.display().to_string())?;
    candidates.write(file).with_context(|| arguments.out.display().to_string())
}

struct Row {
    date: SessionDate,
    round: String,
    symbol: String,
    passed: bool,
    planned: bool,
    score: Option<f64>,
    features: [f64; FEATURE_NAMES.len()],
    values: BTreeMap<String, f64>,
    r: Option<f64>,
    reason: Option<String>,
}

/// The candidates of every round that may trade.
#[derive(Default)]
struct Candidates {
    rows: Vec<Row>,
    by_plan: BTreeMap<PlanId, usize>,
    by_signal: BTreeMap<SignalId, usize>,
}

impl Witness for Candidates {
    fn decided(&mut self, event: &Event) -> anyhow::Result<()> {
        match event {
            Event::CandidatesEvaluated(evaluated) if evaluated.round.schedule == "trade" => {
                let round = &evaluated.round;
                for candidate in &evaluated.candidates {
                    let known = candidate.criteria.iter().filter_map(|c| Some((c.name.to_string(), c.value?.to_f64())));
                    // A criterion on a feature of the same name has its value.
                    let known = known.filter(|(name, _)| !FEATURE_NAMES.contains(&name.as_str()));
                    let signal = SignalId::new(&round.round_id, &round.strategy, &candidate.symbol);
                    self.by_signal.insert(signal, self.rows.len());
                    self.rows.push(Row {
                        date: round.session_date,
                        round: round.round_id.to_string(),
                        symbol: candidate.symbol.to_string(),
                        passed: candidate.refused_by.is_none(),
                        planned: false,
                        score: candidate.score.map(domain::Micro::to_f64),
                        features: candidate.features.vector(),
                        values: known.collect(),
                        r: None,
                        reason: None,
                    });
                }
            }
            Event::PlanProposed(proposed) => {
                if let Some(place) = self.by_signal.get(&proposed.plan.signal_id) {
                    self.rows[*place].planned = true;
                    self.by_plan.insert(proposed.plan.plan_id.clone(), *place);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end_session(&mut self) -> anyhow::Result<()> {
        self.by_signal.clear();
        Ok(())
    }
}

impl Candidates {
    fn closed(&mut self, plan: &PlanId, reason: Option<CloseReason>) {
        if let Some(row) = self.row(plan) {
            row.reason = serde_json::to_value(reason).ok().and_then(|v| v.as_str().map(str::to_owned));
        }
    }

    fn came_to(&mut self, plan: &PlanId, r: f64) {
        if let Some(row) = self.row(plan) {
            row.r = Some(r);
        }
    }

    fn row(&mut self, plan: &PlanId) -> Option<&mut Row> {
        self.rows.get_mut(*self.by_plan.get(plan)?)
    }

    fn write(&self, file: File) -> anyhow::Result<()> {
        let names: BTreeSet<&String> = self.rows.iter().flat_map(|row| row.values.keys()).collect();
        let doubles_of = |names: &[&str]| {
            let fields: Vec<String> = names.iter().map(|name| format!("optional double {name};")).collect();
            fields.concat()
        };
        let features = doubles_of(&FEATURE_NAMES);
        let criteria = doubles_of(&names.iter().map(|name| name.as_str()).collect::<Vec<_>>());
        let schema = format!(
            "message features {{ required int32 session_date (DATE); required binary round (STRING); \
             required binary symbol (STRING); \
             required boolean passed; required boolean planned; optional double score; {features} {criteria} optional double r; \
             optional binary reason (STRING); }}"
        );
        let compression = Compression::ZSTD(ZstdLevel::default());
        let about =
            [(metadata::FEATURES, FEATURE_NAMES.join(",")), (metadata::FEATURES_VERSION, FEATURES_VERSION.to_string())];
        let about = about.map(|(key, value)| KeyValue::new(key.to_owned(), value));
        let properties =
            WriterProperties::builder().set_compression(compression).set_key_value_metadata(Some(about.into())).build();
        let schema = Arc::new(parse_message_type(&schema)?);
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
        let mut group = writer.next_row_group()?;
        let rows = &self.rows;
        let dates: Vec<i32> = rows.iter().map(|row| row.date.epoch_days()).collect();
        column::<Int32Type>(&mut group, &dates, None)?;
        for text in [|row: &Row| row.round.as_str().into(), |row: &Row| row.symbol.as_str().into()] {
            let values: Vec<ByteArray> = rows.iter().map(text).collect();
            column::<ByteArrayType>(&mut group, &values, None)?;
        }
        for flag in [|row: &Row| row.passed, |row: &Row| row.planned] {
            column::<BoolType>(&mut group, &rows.iter().map(flag).collect::<Vec<_>>(), None)?;
        }
        doubles(&mut group, rows.iter().map(|row| row.score))?;
        for place in 0..FEATURE_NAMES.len() {
            doubles(&mut group, rows.iter().map(|row| Some(row.features[place]).filter(|value| !value.is_nan())))?;
        }
        for name in names {
            doubles(&mut group, rows.iter().map(|row| row.values.get(name).copied()))?;
        }
        doubles(&mut group, rows.iter().map(|row| row.r))?;
        let reasons: Vec<ByteArray> =
            rows.iter().filter_map(|row| row.reason.as_deref().map(ByteArray::from)).collect();
        let levels: Vec<i16> = rows.iter().map(|row| i16::from(row.reason.is_some())).collect();
        column::<ByteArrayType>(&mut group, &reasons, Some(&levels))?;
        group.close()?;
        writer.close()?;
        Ok(())
    }
}

fn doubles(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: impl Iterator<Item = Option<f64>>,
) -> anyhow::Result<()> {
    let values: Vec<Option<f64>> = values.collect();
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    column::<DoubleType>(group, &values.into_iter().flatten().collect::<Vec<_>>(), Some(&levels))
}

/// Writes the next column of a row group; `levels` is 1 for each row that has a value and 0 for the others, where the
/// column is optional.
///
/// # Errors
/// The schema has no such column, or the file cannot be written.
pub fn column<T: parquet::data_type::DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> anyhow::Result<()> {
    let mut column = group.next_column()?.context("fewer columns than the schema has")?;
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()?;
    Ok(())
}
