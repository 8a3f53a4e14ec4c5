//! One day, traded.

use crate::world::{GAPPER, World};

#[test]
fn breakout_is_bought_at_the_ask_and_sold_at_the_close() {
    let world = World::new(&[100_000], &[(12, 0, 10_800), (15, 54, 10_900), (15, 55, 10_900)]);
    let run = world.write_csv().run(&[]);
    let trade = run.trade();
    assert_eq!(trade["symbol"], GAPPER);
    assert_eq!((trade["entry"].as_f64(), trade["reason"].as_str()), (Some(107.07), Some("flat_by_close")));
    let (quantity, exit) = (trade["quantity"].as_f64().unwrap(), trade["exit"].as_f64().unwrap());
    let gross = quantity * (exit - 107.07);
    let net = gross - trade["fees"].as_f64().unwrap();
    assert!((trade["pnl"].as_f64().unwrap() - net).abs() < 1e-6, "{trade}");
    let equity = run.document["equity"].as_array().unwrap().last().unwrap();
    assert!((equity["equity"].as_f64().unwrap() - 100_000.0 - net).abs() < 1e-6, "{equity}");
    let plan = &run.document["plans"][0];
    assert_eq!((plan["trigger"].as_f64(), plan["binding_cap"].as_str()), (Some(107.06), Some("notional")));
}

#[test]
fn gap_through_the_stop_is_booked_at_the_print() {
    let run = World::new(&[100_000], &[(10, 0, 10_500)]).write_csv().run(&[]);
    let trade = run.trade();
    assert_eq!((trade["exit"].as_f64(), trade["reason"].as_str()), (Some(104.99), Some("stop_loss")));
    let r = trade["r"].as_f64().unwrap();
    assert!((-5.3..-5.2).contains(&r), "{r} R: (104.99 - 107.07) / 0.40 and fees");
}

#[test]
fn print_beyond_the_limit_buys_nothing() {
    let mut world = World::new(&[100_000], &[]);
    world.after_open[0].cents = 10_900;
    let run = world.write_csv().run(&[]);
    assert_eq!(run.document["trades"].as_array().unwrap().len(), 0);
    assert_eq!(run.document["plans"][0]["closed"], "entry_expired");
}

#[test]
fn fills_take_their_part_of_the_prints_and_the_rest_is_withdrawn() {
    let run = World::new(&[500, 500, 500], &[(11, 0, 10_720), (15, 55, 10_800)]).write_csv().run(&[]);
    assert_eq!(run.trade()["quantity"], 150, "ten per cent of three prints of 500");
    let whole = World::new(&[500, 500, 500], &[(11, 0, 10_720), (15, 55, 10_800)]);
    assert!(whole.write_csv().run(&["--participation", "100"]).trade()["quantity"].as_u64() > Some(200));
}

#[test]
fn decisions_do_not_depend_on_when_or_how_files_are_read() {
    let world = World::new(&[100_000], &[(12, 0, 10_800), (15, 55, 10_900)]);
    world.write_csv();
    let first = world.run(&[]);
    assert_eq!(first.sha256().len(), 64);
    for more in [&[][..], &["--batch-rows", "7"], &["--batch-rows", "1"]] {
        let again = world.run(more);
        assert_eq!(
            (again.sha256(), &again.document["trades"]),
            (first.sha256(), &first.document["trades"]),
            "{more:?}"
        );
    }
}

#[test]
fn what_comes_after_the_round_changes_neither_candidates_nor_plans() {
    let calm = World::new(&[100], &[(15, 55, 10_650)]).write_csv().run(&[]);
    let wild = World::new(&[900_000, 900_000], &[(9, 41, 5_000), (15, 55, 20_000)]).write_csv().run(&[]);
    assert_eq!(calm.decisions, wild.decisions);
    assert!(calm.decisions.contains(" plan 1 GAPS "), "{}", calm.decisions);
    assert_ne!(calm.document["trades"], wild.document["trades"]);
}

#[test]
fn every_symbol_has_every_criterion_with_what_refused_it() {
    let run = World::new(&[100_000], &[]).write_csv().run(&[]);
    let candidates = run.document["candidates"].as_array().unwrap();
    let trade: Vec<_> = candidates.iter().filter(|c| c["schedule"] == "trade").collect();
    let refused: Vec<_> = trade.iter().map(|c| (c["symbol"].as_str().unwrap(), c["refused_by"].as_str())).collect();
    assert_eq!(refused, [("CALM", Some("gap")), (GAPPER, None), ("IDLE", Some("gap"))]);
    let gap = |c: &serde_json::Value| c["criteria"].as_array().unwrap().iter().find(|c| c["name"] == "gap").cloned();
    let asked = gap(trade[1]).unwrap();
    assert_eq!(
        (asked["value"].as_f64(), asked["threshold"].as_f64(), asked["passed"].as_bool()),
        (Some(6.0), Some(4.0), Some(true))
    );
}

#[test]
fn report_stands_alone() {
    let world = World::new(&[100_000], &[(10, 0, 10_500)]);
    world.write_csv().run(&[]);
    let page = std::fs::read_to_string(world.out().join("report.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("prefers-color-scheme:dark") && page.contains("width=device-width"));
    for outside in ["http://", "https://", "<script", "<link", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}
