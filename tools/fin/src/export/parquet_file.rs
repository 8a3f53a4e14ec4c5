//! A table as Parquet: row groups of bounded size, compressed as the archive is.

use std::fs::File;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use research::features::column;
use store::tables::{Kind, Table};
use store::{Value, Values};

/// Most rows of a row group.
const ROWS_MAX: usize = 100_000;
/// Texts and bytes that wait for their row group at most, but for the last part.
const BYTES_MAX: usize = 64 * 1024 * 1024;

pub(super) struct ParquetFile<'t> {
    table: &'t Table,
    writer: SerializedFileWriter<File>,
    waiting: Vec<Values>,
    bytes: usize,
}

impl<'t> ParquetFile<'t> {
    pub(super) fn new(table: &'t Table, file: File) -> anyhow::Result<Self> {
        let compression = Compression::ZSTD(ZstdLevel::try_new(3)?);
        let properties = WriterProperties::builder().set_compression(compression).build();
        let schema = Arc::new(parse_message_type(&schema(table))?);
        let writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
        Ok(Self { table, writer, waiting: Vec::new(), bytes: 0 })
    }

    pub(super) fn write(&mut self, rows: Vec<Values>) -> anyhow::Result<()> {
        self.bytes += rows.iter().flatten().map(length).sum::<usize>();
        self.waiting.extend(rows);
        if self.waiting.len() >= ROWS_MAX || self.bytes >= BYTES_MAX { self.flush() } else { Ok(()) }
    }

    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        self.flush()?;
        self.writer.close()?;
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        let mut group = self.writer.next_row_group()?;
        for (place, (_, kind)) in self.table.columns.iter().enumerate() {
            let values = rows.iter().map(|row| &row[place]);
            match kind {
                Kind::Text => {
                    let levels: Vec<i16> = values.clone().map(|value| i16::from(*value != Value::Null)).collect();
                    column::<ByteArrayType>(&mut group, &values.filter_map(bytes).collect::<Vec<_>>(), Some(&levels))?;
                }
                Kind::Bytes => {
                    column::<ByteArrayType>(&mut group, &values.filter_map(bytes).collect::<Vec<_>>(), None)?;
                }
                Kind::Int => {
                    let number = |value: &Value<'_>| if let Value::Int(number) = value { Some(*number) } else { None };
                    column::<Int64Type>(&mut group, &values.filter_map(number).collect::<Vec<_>>(), None)?;
                }
                Kind::Bool => {
                    let truth = |value: &Value<'_>| if let Value::Bool(truth) = value { Some(*truth) } else { None };
                    column::<BoolType>(&mut group, &values.filter_map(truth).collect::<Vec<_>>(), None)?;
                }
            }
        }
        group.close()?;
        Ok(())
    }
}

/// Only texts may be unknown.
fn schema(table: &Table) -> String {
    let columns = table.columns.iter().map(|(name, kind)| match kind {
        Kind::Text => format!("optional binary {name} (STRING); "),
        Kind::Int => format!("required int64 {name}; "),
        Kind::Bool => format!("required boolean {name}; "),
        Kind::Bytes => format!("required binary {name}; "),
    });
    format!("message {} {{ {}}}", table.name, columns.collect::<String>())
}

fn length(value: &Value<'_>) -> usize {
    match value {
        Value::Null | Value::Int(_) | Value::Bool(_) => 0,
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
    }
}

fn bytes(value: &Value<'_>) -> Option<ByteArray> {
    match value {
        Value::Text(text) => Some(ByteArray::from(&**text)),
        Value::Bytes(bytes) => Some(ByteArray::from(bytes.to_vec())),
        Value::Null | Value::Int(_) | Value::Bool(_) => None,
    }
}
