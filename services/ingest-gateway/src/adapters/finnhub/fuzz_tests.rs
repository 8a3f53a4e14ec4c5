//! Spoiled frames of the stream, and spoiled answers.

use std::sync::Arc;

use domain::Symbol;
use domain::market::SecurityType;
use ports::{Listing, PrintBuffer};

use super::{FrameParser, parse, wire};
use crate::universe::Universe;

#[test]
fn fuzz_finnhub_stream() {
    let corpus = [
        r#"{"data":[{"c":["1","12"],"p":21.5,"s":"GME","t":1795530600123,"v":100},{"c":null,"p":181.0001,"s":"BRK.B","t":1795530600124,"v":1}],"type":"trade"}"#,
        r#"{"type":"trade","data":[{"s":"GME","p":0.0001,"t":1795530600123,"v":0}]}"#,
        r#"{"type":"ping"}"#,
        r#"{"msg":"Invalid symbol","type":"error"}"#,
    ];
    let listing = |symbol: &str| Listing { symbol: symbol.parse().unwrap(), security_type: SecurityType::Common };
    let mut parser = FrameParser::new(Arc::new(Universe::new(["GME", "BRK.B"].map(listing), 4)));
    let mut buffer = PrintBuffer::default();
    testkit::fuzz("finnhub stream", &corpus, |input| {
        buffer.clear();
        parser.parse(&String::from_utf8_lossy(input), &mut buffer);
        for print in &buffer.prints {
            assert!(print.symbol < 2 && print.trade.price.nanos() > 0 && print.trade.size > 0);
        }
        buffer.refused.is_empty()
    });
}

#[test]
fn fuzz_finnhub_answers() {
    let corpus = [
        r#"[{"symbol":"GME","type":"Common Stock","mic":"XNYS","currency":"USD","description":"GAMESTOP"}]"#,
        r#"[{"id":7,"datetime":1795530600,"headline":"Acme beats","related":"GME","source":"Wire","summary":"s","url":"https://x.invalid/1","category":"company","image":""}]"#,
        r#"{"c":21.6,"d":1.35,"dp":6.67,"h":21.9,"l":21.1,"o":21.5,"pc":20.25,"t":1795530600}"#,
        r#"{"ticker":"GME","finnhubIndustry":"Retail","shareOutstanding":304.5,"country":"US","currency":"USD"}"#,
        r#"{"data":[{"eventName":"Thanksgiving Day","atDate":"2026-11-27","tradingHour":"09:30-13:00"}],"exchange":"US","timezone":"America/New_York"}"#,
    ];
    let asked: Symbol = "GME".parse().unwrap();
    testkit::fuzz("finnhub answers", &corpus, |input| {
        let body = String::from_utf8_lossy(input);
        let listings = serde_json::from_str::<Vec<wire::Listing>>(&body);
        listings.iter().flatten().for_each(|listing| _ = parse::listing(listing));
        let quote = serde_json::from_str::<wire::Quote<'_>>(&body);
        quote.iter().for_each(|quote| _ = (parse::price(quote.c.get()), parse::price(quote.pc.get())));
        let holidays = serde_json::from_str::<wire::Holidays>(&body);
        holidays.iter().flat_map(|list| &list.data).for_each(|holiday| _ = parse::holiday(holiday));
        let profile = serde_json::from_str::<wire::Profile>(&body);
        let articles = serde_json::from_str::<Vec<wire::Article>>(&body);
        let taken =
            [listings.is_ok(), quote.is_ok(), holidays.is_ok(), profile.is_ok(), articles.is_ok()].contains(&true);
        profile.into_iter().for_each(|profile| _ = parse::profile(profile));
        articles.into_iter().flatten().for_each(|article| _ = parse::article(article, &asked));
        taken
    });
}
