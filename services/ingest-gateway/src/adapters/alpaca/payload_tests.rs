//! Saved payloads of the vendor, where `FIN_TEST_DATA` says they are, and a few of our own.

use std::collections::HashMap;
use std::path::PathBuf;

use domain::market::{ActionKind, Lending};
use domain::{Price, SessionDate, Symbol};

use super::{parse, wire};

fn saved(name: &str) -> Option<String> {
    let folder = std::env::var_os("FIN_TEST_DATA").map(PathBuf::from)?;
    let path = folder.join("payloads/alpaca").join(name);
    Some(std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
}

fn date(text: &str) -> SessionDate {
    text.parse().unwrap()
}

fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

#[test]
fn saved_bars_are_understood() {
    for (name, bars, token) in
        [("data-bars-1min.json", 5, false), ("data-bars-multi.json", 2, false), ("data-bars-adjustment.json", 2, true)]
    {
        let Some(text) = saved(name) else { return };
        let page: wire::Bars<'_> = serde_json::from_str(&text).unwrap();
        let all: Vec<_> = page.bars.as_ref().unwrap().values().flatten().collect();
        assert_eq!((all.len(), page.next_page_token.is_some()), (bars, token), "{name}");
        assert!(all.iter().all(|bar| parse::start(bar).is_some() && parse::daily_bar(bar).is_some()), "{name}");
    }
    let text = saved("data-bars-adjustment.json").unwrap();
    let page: wire::Bars<'_> = serde_json::from_str(&text).unwrap();
    let first = parse::daily_bar(&page.bars.unwrap()["GE"][0]).unwrap();
    assert_eq!((first.date, first.close, first.volume), (date("2024-04-01"), Price::from_cents(13_829), 5_905_509));
}

#[test]
fn a_snapshot_gives_the_close_of_the_day_asked_for_whichever_bar_it_is_in() {
    let Some(text) = saved("data-snapshots.json") else { return };
    let snapshots: HashMap<String, Option<wire::Snapshot<'_>>> = serde_json::from_str(&text).unwrap();
    let close = |symbol: &str, day: &str| {
        let snapshot = snapshots[symbol].as_ref()?;
        parse::close(snapshot, date(day)).map(|close| close.price.to_string())
    };
    assert_eq!(close("AAPL", "2021-04-30").as_deref(), Some("131.46"));
    assert_eq!(close("AAPL", "2021-05-03").as_deref(), Some("133.42"), "before the open of 05-04");
    assert_eq!(close("AAPL", "2021-05-04"), None);
    assert_eq!((close("MSFT", "2021-04-30"), close("INVALID", "2021-04-30")), (None, None));
}

#[test]
fn saved_corporate_actions_are_understood() {
    let Some(text) = saved("corporate-actions.json") else { return };
    let page: wire::Actions<'_> = serde_json::from_str(&text).unwrap();
    let actions = parse::actions(&page.corporate_actions);
    let check = |name: &str, day: &str, kind: ActionKind| {
        assert!(actions[&symbol(name)].contains(&(date(day), kind)), "{name}: {:?}", actions[&symbol(name)]);
    };
    check("MNTS", "2023-08-24", ActionKind::Split { old: 50, new: 1 });
    check("SRE", "2023-08-22", ActionKind::Split { old: 1, new: 2 });
    check("MSBC", "2023-05-19", ActionKind::Split { old: 20, new: 21 });
    check("FCF", "2023-05-04", ActionKind::Dividend(Price::from_nanos(125_000_000)));
    check("JUPW", "2023-08-15", ActionKind::SpinOff);
    check("GLOP", "2023-07-17", ActionKind::Merger);
    check("EXR", "2023-07-20", ActionKind::Merger);
    check("VFS", "2023-08-15", ActionKind::SymbolChange);
    check("TPBAU", "2023-03-01", ActionKind::Split { old: 1, new: 1 });
}

#[test]
fn saved_news_and_assets_are_understood() {
    for name in ["data-news.json", "data-news-page.json"] {
        let Some(text) = saved(name) else { return };
        let page: wire::News = serde_json::from_str(&text).unwrap();
        let count = page.news.len();
        let articles: Vec<_> = page.news.into_iter().filter_map(parse::article).collect();
        assert!(!articles.is_empty() && articles.len() == count, "{name}");
        assert!(articles.iter().all(|a| a.news_id.starts_with("alpaca:") && a.source == "benzinga"), "{name}");
    }
    let text = saved("asset.json").unwrap();
    let asset: wire::Asset<'_> = serde_json::from_str(&text).unwrap();
    assert_eq!(parse::lending(&asset), Lending { shortable: true, easy_to_borrow: true });
    let halted: wire::Asset<'_> =
        serde_json::from_str(r#"{"symbol":"GME","status":"inactive","shortable":true}"#).unwrap();
    assert_eq!(parse::lending(&halted), Lending { shortable: false, easy_to_borrow: false });
}
