//! Parquet, column by column.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use anyhow::{Context, anyhow, bail, ensure};
use foldhash::fast::FixedState;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::csv_table::{expected, parse};
use super::names::Dictionary;
use super::refusal::{Refusal, Refusals};
use super::table::{Batch, Column, Kind};

pub(super) struct ParquetTable {
    file: SerializedFileReader<File>,
    columns: &'static [Column],
    /// Where each column stands in the file, and how its values become ours.
    places: Vec<Option<(usize, Scale)>>,
    batch_rows: usize,
    group: usize,
    open: Vec<Option<Cells>>,
    left_in_group: usize,
    row: u64,
}

/// How a physical value becomes nanoseconds, days, 1e-9 or a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    Times(i64),
    Over(i64),
    Float,
    Text,
}

impl ParquetTable {
    pub(super) fn open(file: File, columns: &'static [Column], batch_rows: usize) -> anyhow::Result<Self> {
        let file = SerializedFileReader::new(file)?;
        let schema = file.metadata().file_metadata().schema_descr();
        let mut places = Vec::new();
        for column in columns {
            let found = (0..schema.num_columns()).find(|i| schema.column(*i).name().eq_ignore_ascii_case(column.name));
            ensure!(found.is_some() || !column.required, "no column `{}` in the schema", column.name);
            let place = found.map(|i| scale(column, &schema.column(i)).map(|scale| (i, scale)));
            places.push(place.transpose()?);
        }
        Ok(Self { file, columns, places, batch_rows, group: 0, open: Vec::new(), left_in_group: 0, row: 0 })
    }

    pub(super) fn read(
        &mut self,
        path: &Path,
        dictionary: &mut Dictionary,
        batch: &mut Batch,
        refusals: &mut Refusals,
    ) -> anyhow::Result<bool> {
        batch.clear(self.columns.len());
        if self.left_in_group == 0 && !self.next_group()? {
            return Ok(false);
        }
        let rows = self.batch_rows.min(self.left_in_group);
        for (column, cells) in batch.columns.iter_mut().zip(&mut self.open) {
            match cells {
                Some(cells) => cells.read(rows, dictionary, column)?,
                None => column.resize(rows, None),
            }
        }
        let first = self.row + 1;
        batch.lines.extend(first..first + rows as u64);
        (self.left_in_group, self.row) = (self.left_in_group - rows, self.row + rows as u64);
        for (at, column) in self.columns.iter().enumerate().filter(|(_, c)| c.required) {
            if batch.columns[at].contains(&None) {
                drop_holes(path, column, at, batch, refusals)?;
            }
        }
        Ok(true)
    }

    fn next_group(&mut self) -> anyhow::Result<bool> {
        while self.group < self.file.num_row_groups() {
            let group = self.file.get_row_group(self.group)?;
            self.group += 1;
            self.left_in_group = group.metadata().num_rows() as usize;
            if self.left_in_group > 0 {
                let open = |place: &Option<(usize, Scale)>| place.map(|p| Cells::open(&*group, p)).transpose();
                let cells = self.places.iter().map(open).collect::<anyhow::Result<Vec<_>>>()?;
                self.open = cells;
                for (cells, column) in self.open.iter_mut().zip(self.columns) {
                    if let Some(cells) = cells {
                        cells.kind = column.kind;
                    }
                }
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Refuses the rows without a value in a required column and takes them out.
fn drop_holes(
    path: &Path,
    column: &Column,
    at: usize,
    batch: &mut Batch,
    refusals: &mut Refusals,
) -> Result<(), Refusal> {
    let keep: Vec<bool> = batch.columns[at].iter().map(Option::is_some).collect();
    for (line, _) in batch.lines.iter().zip(&keep).filter(|(_, keep)| !**keep) {
        refusals.add(Refusal::new(path, *line, column.name, "", expected(column.kind)))?;
    }
    let mut kept = keep.iter();
    batch.lines.retain(|_| kept.next() == Some(&true));
    for column in &mut batch.columns {
        let mut kept = keep.iter();
        column.retain(|_| kept.next() == Some(&true));
    }
    Ok(())
}

fn scale(column: &Column, found: &ColumnDescriptor) -> anyhow::Result<Scale> {
    let unit = match found.logical_type_ref() {
        Some(LogicalType::Timestamp(stamp)) => Some(stamp.unit),
        _ => None,
    };
    let decimals = matches!(found.converted_type(), ConvertedType::DECIMAL).then(|| found.type_scale());
    let scale = match (column.kind, found.physical_type()) {
        (_, Type::BYTE_ARRAY) => Scale::Text,
        (Kind::Time, Type::INT64) => match (unit, found.converted_type()) {
            (Some(TimeUnit::MILLIS), _) | (None, ConvertedType::TIMESTAMP_MILLIS) => Scale::Times(1_000_000),
            (Some(TimeUnit::MICROS), _) | (None, ConvertedType::TIMESTAMP_MICROS) => Scale::Times(1_000),
            (Some(TimeUnit::NANOS) | None, _) => Scale::Times(1),
        },
        (Kind::Decimal, Type::INT32 | Type::INT64) => match decimals {
            None => Scale::Times(1),
            Some(digits @ 0..=9) => Scale::Times(10_i64.pow(9 - digits as u32)),
            Some(digits @ 10..=18) => Scale::Over(10_i64.pow(digits as u32 - 9)),
            Some(digits) => bail!("column `{}` has a scale of {digits}, at most 18 are read", column.name),
        },
        (Kind::Date, Type::INT32) | (Kind::Count, Type::INT32 | Type::INT64) => Scale::Times(1),
        (Kind::Decimal | Kind::Count, Type::DOUBLE) => Scale::Float,
        (kind, physical) => {
            bail!("column `{}` is {physical}, which is not read as {}", column.name, expected(kind))
        }
    };
    Ok(scale)
}

/// The open chunk of one column.
struct Cells {
    reader: ColumnReader,
    kind: Kind,
    scale: Scale,
    nullable: bool,
    levels: Vec<i16>,
    /// Texts that have been parsed or numbered, so that repeated ones cost a look-up.
    known: HashMap<Vec<u8>, Option<i64>, FixedState>,
}

/// How many parsed texts a chunk remembers; times repeat too seldom to be worth more.
const KNOWN_MAX: usize = 65_536;

impl Cells {
    fn open(group: &dyn RowGroupReader, (at, scale): (usize, Scale)) -> anyhow::Result<Self> {
        let descriptor = group.metadata().column(at).column_descr_ptr();
        ensure!(descriptor.max_rep_level() == 0, "column `{}` is a list", descriptor.name());
        let nullable = descriptor.max_def_level() > 0;
        let reader = group.get_column_reader(at)?;
        Ok(Self { reader, kind: Kind::Text, scale, nullable, levels: Vec::new(), known: HashMap::default() })
    }

    fn read(&mut self, rows: usize, dictionary: &mut Dictionary, out: &mut Vec<Option<i64>>) -> anyhow::Result<()> {
        let (kind, scale) = (self.kind, self.scale);
        let levels = &mut self.levels;
        let level = self.nullable;
        match &mut self.reader {
            ColumnReader::Int64ColumnReader(reader) => {
                spread(reader, rows, level, levels, out, |value| whole(scale, *value))
            }
            ColumnReader::Int32ColumnReader(reader) => {
                spread(reader, rows, level, levels, out, |value| whole(scale, i64::from(*value)))
            }
            ColumnReader::DoubleColumnReader(reader) => {
                spread(reader, rows, level, levels, out, |value| float(kind, *value))
            }
            ColumnReader::ByteArrayColumnReader(reader) => {
                let known = &mut self.known;
                spread(reader, rows, level, levels, out, |value| {
                    if let Some(found) = known.get(value.data()) {
                        return *found;
                    }
                    let text = std::str::from_utf8(value.data()).ok()?.trim();
                    let parsed = match kind {
                        _ if text.is_empty() => None,
                        Kind::Text => Some(i64::from(dictionary.number(text))),
                        _ => parse(kind, text),
                    };
                    if known.len() < KNOWN_MAX {
                        known.insert(value.data().to_vec(), parsed);
                    }
                    parsed
                })
            }
            _ => bail!("a column type that is not read"),
        }
    }
}

/// Reads `rows` values and puts them where their definition levels say.
fn spread<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    nullable: bool,
    levels: &mut Vec<i16>,
    out: &mut Vec<Option<i64>>,
    mut convert: impl FnMut(&T::T) -> Option<i64>,
) -> anyhow::Result<()> {
    let mut values: Vec<T::T> = Vec::with_capacity(rows);
    levels.clear();
    let mut read = 0;
    while read < rows {
        let (records, _, _) =
            reader.read_records(rows - read, nullable.then_some(&mut *levels), None, &mut values).context("damaged")?;
        if records == 0 {
            return Err(anyhow!("the file ends after {read} of {rows} rows"));
        }
        read += records;
    }
    if nullable {
        let highest = levels.iter().copied().max().unwrap_or(0);
        let mut given = values.iter();
        let all = values.len() == rows;
        out.extend(levels.iter().map(|level| {
            let defined = all || *level == highest && highest > 0;
            if defined { given.next().and_then(&mut convert) } else { None }
        }));
    } else {
        out.extend(values.iter().map(convert));
    }
    Ok(())
}

fn whole(scale: Scale, value: i64) -> Option<i64> {
    match scale {
        Scale::Times(1) => Some(value),
        Scale::Times(factor) => value.checked_mul(factor),
        Scale::Over(divisor) => (value % divisor == 0).then(|| value / divisor),
        Scale::Float | Scale::Text => None,
    }
}

fn float(kind: Kind, value: f64) -> Option<i64> {
    match kind {
        Kind::Decimal => domain::Price::from_f64(value).map(domain::Price::nanos),
        Kind::Count if value.fract() == 0.0 && value.abs() < 9e15 => Some(value as i64),
        Kind::Count | Kind::Time | Kind::Date | Kind::Eastern | Kind::Noisy | Kind::Text => None,
    }
}
