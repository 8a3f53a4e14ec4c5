//! Spoiled pages of market data.

use std::collections::HashMap;

use super::{parse, wire};
use crate::adapters::volumes::Volumes;

#[test]
fn fuzz_alpaca_market_data() {
    let bar = r#"{"t":"2026-11-24T14:30:00Z","o":21.5,"h":21.9,"l":21.1,"c":21.6,"v":120000,"n":812,"vw":21.55}"#;
    let corpus = [
        format!(r#"{{"bars":{{"GME":[{bar},{bar}],"BRK.B":[]}},"next_page_token":"QUFQTA=="}}"#),
        format!(r#"{{"GME":{{"latestTrade":{{"p":21.6}},"dailyBar":{bar},"prevDailyBar":{bar}}},"NOSUCH":null}}"#),
        r#"{"corporate_actions":{"forward_splits":[{"symbol":"GME","new_rate":4,"old_rate":1,"ex_date":"2022-07-22","process_date":"2022-07-22"}],"cash_dividends":[{"symbol":"GE","rate":0.08,"special":false,"foreign":false,"ex_date":"2026-11-24"}],"name_changes":[{"old_symbol":"FB","new_symbol":"META","process_date":"2022-06-09"}]},"next_page_token":null}"#.to_owned(),
        r#"{"news":[{"id":1,"headline":"Acme beats","author":"a","created_at":"2026-11-24T12:00:00Z","updated_at":"2026-11-24T12:00:00Z","summary":"","content":"","url":"https://x.invalid/1","symbols":["GME"],"source":"benzinga"}],"next_page_token":null}"#.to_owned(),
        r#"[{"id":"a","class":"us_equity","exchange":"NYSE","symbol":"GME","status":"active","tradable":true,"shortable":true,"easy_to_borrow":true}]"#.to_owned(),
    ];
    let session = "2026-11-25".parse().unwrap();
    testkit::fuzz("alpaca market data", &corpus, |input| {
        let body = String::from_utf8_lossy(input);
        let bars = serde_json::from_str::<wire::Bars<'_>>(&body);
        for bars in bars.iter().filter_map(|page| page.bars.as_ref()).flat_map(HashMap::values) {
            let mut volumes = Volumes::new(session, 5);
            for bar in bars {
                parse::daily_bar(bar);
                if let Some(start) = parse::start(bar) {
                    volumes.add(start, bar.v);
                }
            }
            volumes.opening(15);
            volumes.through_the_day();
        }
        let snapshots = serde_json::from_str::<HashMap<String, Option<wire::Snapshot<'_>>>>(&body);
        snapshots.iter().flat_map(HashMap::values).flatten().for_each(|snapshot| _ = parse::close(snapshot, session));
        let actions =
            serde_json::from_str::<wire::Actions<'_>>(&body).map(|page| parse::actions(&page.corporate_actions));
        let news = serde_json::from_str::<wire::News>(&body);
        let is_taken = [bars.is_ok(), snapshots.is_ok(), actions.is_ok(), news.is_ok()].contains(&true);
        news.into_iter().flat_map(|page| page.news).for_each(|article| _ = parse::article(article));
        let assets = serde_json::from_str::<Vec<wire::Asset<'_>>>(&body);
        assets.iter().flatten().for_each(|asset| _ = parse::lending(asset));
        is_taken || assets.is_ok()
    });
}
