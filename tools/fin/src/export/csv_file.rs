//! A table as CSV, its columns' names first.

use std::fs::File;

use data_encoding::HEXLOWER;
use store::tables::Table;
use store::{Value, Values};

pub(super) struct CsvFile {
    writer: csv::Writer<File>,
}

impl CsvFile {
    pub(super) fn new(table: &Table, file: File) -> anyhow::Result<Self> {
        let mut writer = csv::Writer::from_writer(file);
        writer.write_record(table.columns.iter().map(|(name, _)| *name))?;
        Ok(Self { writer })
    }

    pub(super) fn write(&mut self, rows: &[Values]) -> anyhow::Result<()> {
        for row in rows {
            for value in row {
                match value {
                    Value::Null => self.writer.write_field("")?,
                    Value::Text(text) => self.writer.write_field(&**text)?,
                    Value::Int(number) => self.writer.write_field(number.to_string())?,
                    Value::Bool(truth) => self.writer.write_field(truth.to_string())?,
                    Value::Bytes(bytes) => self.writer.write_field(HEXLOWER.encode(bytes))?,
                }
            }
            self.writer.write_record(None::<&[u8]>)?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        Ok(self.writer.flush()?)
    }
}
