//! The Parquet files of trades: columns as `docs/data-files.md` has them, and three that say where a trade came from.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::market::TradeBatch;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::TypePtr;

const SCHEMA: &str = "message trades { required int64 ts_event (TIMESTAMP(NANOS, true)); required binary symbol (STRING); \
    required int64 price (DECIMAL(18, 9)); required int64 size; required binary conditions (STRING); \
    required binary source (STRING); required binary scheme (STRING); required int64 stream_seq; }";

/// Values handed to a column at once: bounds what a flush needs beside its rows.
const CHUNK: usize = 8_192;

/// Trades in the order of the stream, in memory.
#[derive(Debug, Default)]
pub(super) struct Rows {
    ts_event: Vec<i64>,
    price: Vec<i64>,
    size: Vec<i64>,
    stream_seq: Vec<i64>,
    texts: [Texts; 4],
}

impl Rows {
    pub(super) const fn len(&self) -> usize {
        self.ts_event.len()
    }

    /// Appends the trade in row `at` of a batch; false where its dictionaries lack what it names.
    pub(super) fn push(&mut self, batch: &TradeBatch, scheme: &str, at: usize, seq: u64) -> bool {
        let columns = &batch.trades;
        let (Some(symbol), Some(conditions)) =
            (batch.symbols.get(columns.symbol[at] as usize), batch.condition_sets.get(columns.conditions[at] as usize))
        else {
            return false;
        };
        self.ts_event.push(columns.ts_event[at]);
        self.price.push(columns.price[at]);
        self.size.push(i64::from(columns.size[at]));
        self.stream_seq.push(i64::try_from(seq).unwrap_or(i64::MAX));
        let texts = [symbol.as_str(), conditions, &batch.source, scheme];
        for (column, text) in self.texts.iter_mut().zip(texts) {
            column.push(text);
        }
        true
    }

    /// Writes them as a file of one row group that is on the disk when this returns.
    pub(super) fn write(&self, path: &Path) -> Result<(), ParquetError> {
        whole_file(path, |writer| {
            let mut group = writer.next_row_group()?;
            numbers(&mut group, &self.ts_event)?;
            self.texts[0].write(&mut group)?;
            numbers(&mut group, &self.price)?;
            numbers(&mut group, &self.size)?;
            for texts in &self.texts[1..] {
                texts.write(&mut group)?;
            }
            numbers(&mut group, &self.stream_seq)?;
            group.close().map(drop)
        })
    }
}

/// Puts the row groups of `parts`, in their order, into one file that is on the disk when this returns. Nothing is decoded, so
/// that a day of any size needs the memory of its footers.
pub(super) fn join(parts: &[PathBuf], path: &Path) -> Result<(), ParquetError> {
    whole_file(path, |writer| {
        for part in parts {
            let file = File::open(part)?;
            let reader = SerializedFileReader::new(file.try_clone()?)?;
            for rows in reader.metadata().row_groups() {
                let mut group = writer.next_row_group()?;
                for column in rows.columns() {
                    let close = ColumnCloseResult {
                        bytes_written: column.compressed_size() as u64,
                        rows_written: rows.num_rows() as u64,
                        metadata: column.clone(),
                        bloom_filter: None,
                        column_index: None,
                        offset_index: None,
                    };
                    group.append_column(&file, close)?;
                }
                group.close()?;
            }
        }
        Ok(())
    })
}

/// One column of texts that repeat.
#[derive(Debug, Default)]
struct Texts {
    known: std::collections::HashMap<String, u32>,
    values: Vec<ByteArray>,
    rows: Vec<u32>,
}

impl Texts {
    fn push(&mut self, text: &str) {
        let number = match self.known.get(text) {
            Some(number) => *number,
            None => {
                let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
                self.values.push(ByteArray::from(text));
                self.known.insert(text.to_owned(), number);
                number
            }
        };
        self.rows.push(number);
    }

    fn write(&self, group: &mut SerializedRowGroupWriter<'_, File>) -> Result<(), ParquetError> {
        let chunks =
            self.rows.chunks(CHUNK).map(|rows| rows.iter().map(|row| self.values[*row as usize].clone()).collect());
        column::<ByteArrayType>(group, chunks)
    }
}

fn numbers(group: &mut SerializedRowGroupWriter<'_, File>, values: &[i64]) -> Result<(), ParquetError> {
    column::<Int64Type>(group, values.chunks(CHUNK).map(<[i64]>::to_vec))
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    chunks: impl Iterator<Item = Vec<T::T>>,
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("fewer columns than the schema has".to_owned()));
    };
    for chunk in chunks {
        column.typed::<T>().write_batch(&chunk, None, None)?;
    }
    column.close()
}

/// Writes beside `path`, syncs, and gives it its name: under that name a file is whole, whenever the process or machine ends.
fn whole_file(
    path: &Path,
    fill: impl FnOnce(&mut SerializedFileWriter<File>) -> Result<(), ParquetError>,
) -> Result<(), ParquetError> {
    put(path, |file| {
        let mut writer = SerializedFileWriter::new(file.try_clone()?, schema()?, properties()?)?;
        fill(&mut writer)?;
        writer.close()?;
        Ok(())
    })
}

/// The same for a file of any bytes.
pub(super) fn put_bytes(path: &Path, bytes: &[u8]) -> Result<(), ParquetError> {
    put(path, |file| Ok(file.write_all(bytes)?))
}

fn put(path: &Path, fill: impl FnOnce(&mut File) -> Result<(), ParquetError>) -> Result<(), ParquetError> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)?;
    let unfinished = path.with_extension(UNFINISHED);
    let written = File::create(&unfinished).map_err(ParquetError::from).and_then(|mut file| {
        fill(&mut file)?;
        file.sync_all()?;
        std::fs::rename(&unfinished, path)?;
        Ok(())
    });
    if written.is_err() {
        // What a full disk holds of it is room for another try.
        drop(std::fs::remove_file(&unfinished));
    }
    written?;
    sync_folder(folder)?;
    Ok(())
}

/// The ending of a file that is being written.
pub(super) const UNFINISHED: &str = "unfinished";

/// Makes the names in `folder`, and its own, outlast a loss of power.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()?;
    folder.parent().map_or(Ok(()), |above| File::open(above)?.sync_all())
}

fn schema() -> Result<TypePtr, ParquetError> {
    parse_message_type(SCHEMA).map(Arc::new)
}

fn properties() -> Result<WriterPropertiesPtr, ParquetError> {
    let compression = Compression::ZSTD(ZstdLevel::try_new(3)?);
    Ok(Arc::new(WriterProperties::builder().set_compression(compression).build()))
}
