//! One row a candidate.

use std::fs::File;

use clap::Parser;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use research::features::{self, Arguments};

use crate::world::{GAPPER, World, strategy_file};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    arguments: Arguments,
}

#[test]
fn every_candidate_has_its_values_and_a_traded_one_its_outcome() {
    let world = World::new(&[100_000], &[(10, 0, 10_500)]);
    let expected = world.write_csv().run(&[]).trade()["r"].as_f64().unwrap();
    let (day, file) = (world.day.to_string(), world.out().join("features.parquet"));
    let (data, out, strategy) = (world.data(), file.display().to_string(), strategy_file());
    let line = ["features", "--data", &data.display().to_string(), "--strategy", &strategy, "--out", &out];
    features::run(&Cli::parse_from([&line[..], &["--from", &day, "--to", &day]].concat()).arguments).unwrap();
    let reader = SerializedFileReader::new(File::open(file).unwrap()).unwrap();
    let schema = reader.metadata().file_metadata().schema_descr();
    let place = |name: &str| (0..schema.num_columns()).find(|i| schema.column(*i).name() == name).unwrap();
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    let symbols: Vec<_> = rows.iter().map(|row| row.get_string(place("symbol")).unwrap().clone()).collect();
    assert_eq!(symbols, ["CALM", GAPPER, "IDLE"]);
    let traded = &rows[1];
    let said = |name: &str| traded.get_bool(place(name)).unwrap();
    assert_eq!((said("passed"), said("planned")), (true, true));
    assert!((traded.get_double(place("gap")).unwrap() - 6.0).abs() < 1e-9);
    assert!((traded.get_double(place("gap_atr")).unwrap() - 1.5).abs() < 1e-9);
    assert!(traded.get_double(place("spread_pct")).is_err(), "no quotes: not known");
    assert!((traded.get_double(place("r")).unwrap() - expected).abs() < 1e-9);
    assert!(
        !rows[0].get_bool(place("passed")).unwrap() && rows[0].get_double(place("r")).is_err(),
        "refused, and no outcome"
    );
}
