//! `fin export`: a table of a store as a file that spreadsheets, `DuckDB` and pandas read.

mod csv_file;
mod parquet_file;

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::builder::PossibleValuesParser;
use recorder::store::StoreUrl;
use research::usage::UsageError;
use store::tables::{TABLES, Table, table};
use store::{Scan, Values};

use self::csv_file::CsvFile;
use self::parquet_file::ParquetFile;
use crate::store_access::{address, open_to_read};

/// The command line of `fin export`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Columns and rows are those of the table, in the order of its key: times are UTC nanoseconds, money
1e-9 dollars, days New York dates. In CSV bytes are hexadecimal, and what is not known is empty.

Examples:
  fin export --store sqlite:.data/store.db --table fills --out fills.csv
  fin export --store postgres://fin@db.example/fin --password-file secrets/store_password --table bars --out bars.parquet

Exit codes: 0 ok, 1 failed, 2 usage, 3 no such store."
)]
pub struct Arguments {
    /// The store, sqlite:PATH or postgres://USER@HOST:PORT/DATABASE, without a password. It is never written.
    #[arg(long, value_name = "URL")]
    store: String,
    /// File that holds the password of Postgres; otherwise PGPASSWORD and ~/.pgpass count.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The table.
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(TABLES.iter().map(|table| table.name)))]
    table: String,
    /// The file; its ending, .csv or .parquet, says what becomes of it.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Replace the file if it is there.
    #[arg(long)]
    force: bool,
}

/// What kind of file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Parquet,
}

impl Format {
    fn of(path: &Path) -> Result<Self, UsageError> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("csv") => Ok(Self::Csv),
            Some("parquet") => Ok(Self::Parquet),
            _ => Err(UsageError(format!("--out is `{}`, must end with .csv or .parquet", path.display()))),
        }
    }
}

/// Carries the command out.
///
/// # Errors
/// An address, table or file that cannot be meant; a store that cannot be read; a file that is there or cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    chassis::tls::install_provider();
    let url = address("--store", &arguments.store, arguments.password_file.as_deref())?;
    let (out, format) = (&arguments.out, Format::of(&arguments.out)?);
    let Some(table) = table(&arguments.table) else {
        return Err(UsageError(format!("--table is `{}`, which no store has", arguments.table)).into());
    };
    let refuse_present = || -> anyhow::Result<()> {
        if out.exists() && !arguments.force {
            bail!("{} is there already; --force replaces it", out.display());
        }
        Ok(())
    };
    refuse_present()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Under its name a file is whole, whenever the process ends.
    let mut unfinished = out.clone().into_os_string();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    let written = runtime.block_on(write(&url, table, format, &unfinished)).and_then(|rows| {
        refuse_present()?;
        std::fs::rename(&unfinished, out).with_context(|| out.display().to_string())?;
        Ok(rows)
    });
    match written {
        Ok(rows) => eprintln!("{}: {rows} rows of {}", out.display(), table.name),
        Err(error) => {
            // Not there if the store could not be opened.
            drop(std::fs::remove_file(&unfinished));
            return Err(error);
        }
    }
    Ok(())
}

/// Writes the table, as it is at the start, and returns how many rows it has.
async fn write(url: &StoreUrl, table: &Table, format: Format, path: &Path) -> anyhow::Result<u64> {
    let mut connection = open_to_read(url).await?;
    let mut snapshot = connection.snapshot().await?;
    let (mut scan, mut rows) = (Scan::new(table), 0);
    let file = File::create(path).with_context(|| path.display().to_string())?;
    let disk = file.try_clone()?;
    let mut output = Output::new(format, table, file)?;
    loop {
        let part = scan.part(&mut snapshot).await.with_context(|| format!("{url}: {}", table.name))?;
        if part.is_empty() {
            break;
        }
        rows += part.len() as u64;
        output.write(part).with_context(|| path.display().to_string())?;
    }
    output.finish().with_context(|| path.display().to_string())?;
    disk.sync_all()?;
    Ok(rows)
}

/// The file that is being written.
enum Output<'t> {
    Csv(CsvFile),
    Parquet(ParquetFile<'t>),
}

impl<'t> Output<'t> {
    fn new(format: Format, table: &'t Table, file: File) -> anyhow::Result<Self> {
        Ok(match format {
            Format::Csv => Self::Csv(CsvFile::new(table, file)?),
            Format::Parquet => Self::Parquet(ParquetFile::new(table, file)?),
        })
    }

    fn write(&mut self, rows: Vec<Values>) -> anyhow::Result<()> {
        match self {
            Self::Csv(file) => file.write(&rows),
            Self::Parquet(file) => file.write(rows),
        }
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Csv(file) => file.finish(),
            Self::Parquet(file) => file.finish(),
        }
    }
}
