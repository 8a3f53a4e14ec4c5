//! Finnhub's messages to domain types. What cannot be converted is refused by field and value.

use std::sync::Arc;

use domain::market::{NewsPublished, SecurityType, Trade};
use domain::{Price, SessionDate, Symbol, UnixNanos};
use ports::{CompanyProfile, Listing, Print, PrintBuffer, Refusal};

use super::{Holiday, scan, wire};
use crate::adapters::decimal::{self, DecimalError};
use crate::universe::Universe;

/// Reads WebSocket frames of the symbols it was made for.
#[derive(Debug)]
pub struct FrameParser {
    universe: Arc<Universe>,
    joined: String,
}

impl FrameParser {
    /// A parser that knows the symbols of `universe`.
    pub fn new(universe: Arc<Universe>) -> Self {
        Self { universe, joined: String::new() }
    }

    /// Adds what `frame` holds to `buffer`: its trades, and a refusal for each that is wrong. A frame that is not
    /// Finnhub's JSON is refused whole; pings and unknown kinds add nothing.
    pub fn parse(&mut self, frame: &str, buffer: &mut PrintBuffer) {
        buffer.frames += 1;
        if scan::scan(frame, &self.universe, &mut self.joined, buffer).is_some() {
            return;
        }
        if let Err(error) = self.read_thoroughly(frame, buffer) {
            let shown: String = frame.chars().take(200).collect();
            buffer.refused.push(refusal("malformed_frame", None, format!("{error} in `{shown}`")));
        }
    }

    fn read_thoroughly(&mut self, text: &str, buffer: &mut PrintBuffer) -> Result<(), serde_json::Error> {
        let frame: wire::Frame<'_> = serde_json::from_str(text)?;
        match &*frame.kind {
            "trade" => {
                let data = frame.data.ok_or_else(|| serde::de::Error::missing_field("data"))?;
                let trades: Vec<wire::Trade<'_>> = serde_json::from_str(data.get())?;
                for trade in &trades {
                    match self.judge(trade, buffer) {
                        Ok(Some(print)) => buffer.prints.push(print),
                        Ok(None) => buffer.price_updates += 1,
                        Err(refused) => buffer.refused.push(refused),
                    }
                }
            }
            "error" => buffer.refused.push(refusal("vendor_error", None, frame.msg.unwrap_or_default())),
            _ => {}
        }
        Ok(())
    }

    /// The print, or `None` for a price without a whole share.
    fn judge(&mut self, trade: &wire::Trade<'_>, buffer: &mut PrintBuffer) -> Result<Option<Print>, Refusal> {
        let refused = |code, detail: String| refusal(code, Some(&*trade.s), detail);
        let symbol = self
            .universe
            .find(&trade.s)
            .ok_or_else(|| refused("unknown_symbol", format!("s = `{}` is not one we asked for", trade.s)))?;
        let number = |code, field: &str, text: &str| {
            decimal::nanos(text).map_err(|error| refused(code, format!("{field} = `{text}` {error}")))
        };
        let price = number("bad_price", "p", trade.p.get())?;
        if price <= 0 {
            return Err(refused("bad_price", format!("p = `{}` is not positive", trade.p.get())));
        }
        let volume = number("bad_size", "v", trade.v.get())?;
        let size = u32::try_from(volume / 1_000_000_000)
            .ok()
            .filter(|_| volume >= 0)
            .ok_or_else(|| refused("bad_size", format!("v = `{}` is not a number of shares", trade.v.get())))?;
        let millis = trade
            .t
            .get()
            .parse::<i64>()
            .ok()
            .filter(|millis| (0..9_000_000_000_000).contains(millis))
            .ok_or_else(|| refused("bad_time", format!("t = `{}` is not a Unix time in ms", trade.t.get())))?;
        self.joined.clear();
        for (n, condition) in trade.c.iter().flatten().enumerate() {
            if n > 0 {
                self.joined.push(',');
            }
            self.joined.push_str(condition);
        }
        let conditions = buffer
            .condition_sets
            .intern(&self.joined)
            .ok_or_else(|| refused("bad_conditions", format!("c = `{}` is one list too many", self.joined)))?;
        Ok((size > 0).then_some(Print {
            symbol,
            conditions,
            trade: Trade { ts_event: UnixNanos::from_millis(millis), price: Price::from_nanos(price), size },
        }))
    }
}

fn refusal(code: &'static str, subject: Option<&str>, detail: String) -> Refusal {
    Refusal { code, subject: subject.map(|s| s.chars().take(24).collect()), detail }
}

/// The listing, or `None` for a ticker that is no symbol to us.
pub(super) fn listing(listing: &wire::Listing) -> Option<Listing> {
    let security_type = match listing.kind.as_str() {
        "Common Stock" | "ADR" | "REIT" | "NY Reg Shrs" => SecurityType::Common,
        "ETP" | "ETF" | "Closed-End Fund" | "ETN" | "Open-End Fund" => SecurityType::Fund,
        "" => SecurityType::Unknown,
        _ => SecurityType::Other,
    };
    listing.symbol.parse().ok().map(|symbol| Listing { symbol, security_type })
}

/// The article, about `asked` and every other symbol it names.
pub(super) fn article(article: wire::Article, asked: &Symbol) -> NewsPublished {
    let mut symbols = vec![asked.clone()];
    symbols.extend(article.related.split(',').filter_map(|s| s.trim().parse().ok()).filter(|s| s != asked));
    NewsPublished {
        news_id: format!("finnhub:{}", article.id),
        symbols,
        headline: article.headline,
        summary: article.summary,
        source: article.source,
        url: article.url,
        published_at: UnixNanos::new(0).plus_seconds(article.datetime),
        mentions: Vec::new(),
    }
}

/// The company; `None` for the empty object that an unknown symbol gets.
pub(super) fn profile(profile: wire::Profile) -> Option<CompanyProfile> {
    let shares = profile.share_outstanding.map(|millions| (millions * 1e6).round());
    let known = |sector: &String| !sector.is_empty() && sector != "N/A";
    (!profile.ticker.is_empty()).then(|| CompanyProfile {
        sector: Some(profile.finnhub_industry).filter(known),
        shares_outstanding: shares.filter(|shares| (1.0..1e15).contains(shares)).map(|shares| shares as u64),
    })
}

/// The holiday; `None` when its hours cannot be read.
pub(super) fn holiday(wire: &wire::Holiday) -> Option<Holiday> {
    let date: SessionDate = wire.at_date.parse().ok()?;
    let close = match wire.trading_hour.as_deref().filter(|hours| !hours.is_empty()) {
        None => None,
        Some(hours) => {
            let (hour, minute) = hours.split_once('-')?.1.split_once(':')?;
            Some(date.at_hm(hour.parse().ok()?, minute.parse().ok()?))
        }
    };
    Some(Holiday { date, close })
}

/// A price from its JSON text; `None` for zero, Finnhub's "not known".
pub(super) fn price(text: &str) -> Result<Option<Price>, DecimalError> {
    decimal::nanos(text).map(|nanos| (nanos != 0).then_some(Price::from_nanos(nanos)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parser() -> FrameParser {
        let listings = ["AAPL", "AMZN", "BRK.B"]
            .map(|s| Listing { symbol: s.parse().unwrap(), security_type: SecurityType::Common });
        FrameParser::new(Arc::new(Universe::new(listings, 4)))
    }

    fn parsed(frame: &str) -> PrintBuffer {
        let mut buffer = PrintBuffer::default();
        parser().parse(frame, &mut buffer);
        buffer
    }

    #[test]
    fn recorded_frames_become_trades() {
        let buffer = parsed(r#"{"data":[{"p":274.7,"s":"AAPL","t":1587474380227,"v":10}],"type":"trade"}"#);
        let trade =
            Trade { ts_event: UnixNanos::from_millis(1_587_474_380_227), price: Price::from_cents(27_470), size: 10 };
        assert_eq!(buffer.prints, [Print { symbol: 0, conditions: 0, trade }]);
        for quiet in [r#"{"type":"ping"}"#, r#"{"type":"news","data":[{"id":1}]}"#] {
            let buffer = parsed(quiet);
            assert!(buffer.prints.is_empty() && buffer.refused.is_empty(), "{quiet}");
        }
        let buffer = parsed(r#"{"msg":"Invalid symbol OANDA:EUR_USD","type":"error"}"#);
        assert_eq!(buffer.refused, [refusal("vendor_error", None, "Invalid symbol OANDA:EUR_USD".into())]);
    }

    #[test]
    fn conditions_are_kept_as_one_list() {
        let frame = r#"{"type":"trade","data":[{"c":["1","12"],"p":1,"s":"AAPL","t":1,"v":1},
            {"c":["1"],"p":1,"s":"AAPL","t":1,"v":1},{"c":null,"p":1,"s":"AAPL","t":1,"v":1},{"c":[],"p":1,"s":"AAPL","t":1,"v":1}]}"#;
        let buffer = parsed(frame);
        let texts = buffer.condition_sets.texts();
        let lists: Vec<&str> = buffer.prints.iter().map(|p| texts[p.conditions as usize].as_str()).collect();
        assert_eq!(lists, ["1,12", "1", "", ""]);
    }

    #[test]
    fn one_wrong_trade_is_refused_by_name_and_the_others_are_taken() {
        let check = |wrong: &str, code: &str, value: &str| {
            let good = r#"{"p":1.5,"s":"AMZN","t":1587474380227,"v":3}"#;
            let buffer = parsed(&format!(r#"{{"data":[{good},{wrong},{good}],"type":"trade"}}"#));
            assert_eq!(buffer.prints.len(), 2, "{wrong}");
            assert_eq!(buffer.refused.len(), 1, "{wrong}");
            let refused = &buffer.refused[0];
            assert!(refused.code == code && refused.detail.contains(value), "{wrong}: {refused:?}");
        };
        check(r#"{"p":-1.5,"s":"AAPL","t":1587474380227,"v":3}"#, "bad_price", "-1.5");
        check(r#"{"p":0,"s":"AAPL","t":1587474380227,"v":3}"#, "bad_price", "`0`");
        check(r#"{"p":"1","s":"AAPL","t":1587474380227,"v":3}"#, "bad_price", "\"1\"");
        check(r#"{"p":1.0000000001,"s":"AAPL","t":1587474380227,"v":3}"#, "bad_price", "more than 9 decimals");
        check(r#"{"p":1,"s":"ZZZZ","t":1587474380227,"v":3}"#, "unknown_symbol", "ZZZZ");
        check(r#"{"p":1,"s":"AAPL","t":-7,"v":3}"#, "bad_time", "-7");
        check(r#"{"p":1,"s":"AAPL","t":1.5,"v":3}"#, "bad_time", "1.5");
        check(r#"{"p":1,"s":"AAPL","t":1,"v":-3}"#, "bad_size", "-3");
        check(r#"{"p":1,"s":"AAPL","t":1,"v":4294967296}"#, "bad_size", "4294967296");
    }

    #[test]
    fn a_malformed_frame_is_refused_whole() {
        for frame in [
            "",
            "{",
            "not json",
            r#"{"data":[{"p":1,"s":"AAPL","t":1,"v":1}],"type":"trade""#,
            r#"{"data":[{"p":1,"s":"AAPL","t":1,"v":1},{"p":1}],"type":"trade"}"#,
            r#"{"type":"trade"}"#,
            r#"{"data":[{"p":01,"s":"AAPL","t":1,"v":1}],"type":"trade"}"#,
            r#"{"data":[{"p":1,"p":2,"s":"AAPL","t":1,"v":1}],"type":"trade"}"#,
        ] {
            let buffer = parsed(frame);
            let codes: Vec<&str> = buffer.refused.iter().map(|r| r.code).collect();
            assert!(buffer.prints.is_empty() && codes == ["malformed_frame"], "{frame}: {codes:?}");
        }
    }

    #[test]
    fn a_price_without_a_whole_share_is_counted_and_not_traded() {
        let buffer = parsed(
            r#"{"data":[{"p":1,"s":"AAPL","t":1,"v":0},{"p":1,"s":"AAPL","t":1,"v":0.4},{"p":1,"s":"AAPL","t":1,"v":2.9}],"type":"trade"}"#,
        );
        assert_eq!((buffer.price_updates, buffer.prints.len(), buffer.prints[0].trade.size), (2, 1, 2));
    }

    #[test]
    fn clean_frames_take_the_fast_way() {
        let universe = parser().universe;
        for frame in [
            r#"{"data":[{"c":["1"],"p":274.7,"s":"AAPL","t":1587474380227,"v":10}],"type":"trade"}"#,
            r#"{"type":"trade","data":[{"v":1.5,"t":1587474380227,"s":"BRK.B","p":7,"c":null}]}"#,
            " { \"type\" : \"trade\" ,\n\"data\" : [ { \"p\" : 0.000000001 , \"s\":\"AMZN\", \"t\":1, \"v\":0 } ] } ",
        ] {
            let scanned = scan::scan(frame, &universe, &mut String::new(), &mut PrintBuffer::default());
            assert!(scanned.is_some(), "{frame}");
        }
    }

    /// JSON values that a field may hold: mostly clean, sometimes odd.
    fn value(clean: &'static str, odd: &'static [&'static str]) -> impl Strategy<Value = String> {
        prop_oneof![6 => clean, 1 => prop::sample::select(odd).prop_map(str::to_owned)]
    }

    fn trade() -> impl Strategy<Value = String> {
        let fields = (
            value(
                "[1-9][0-9]{0,8}(\\.[0-9]{1,9})?",
                &["0", "-1", "1e2", "1.0000000001", "01", "\"1\"", "1.", "1234567890"],
            ),
            value("\"(AAPL|AMZN|BRK\\.B)\"", &["\"ZZZ\"", "\"AA\\u0050L\"", "\"\"", "7", "null"]),
            value("[1-9][0-9]{0,12}", &["0", "-1", "1.5", "1e3", "99999999999999", "9000000000000"]),
            value("[0-9]|[1-9][0-9]{1,4}(\\.[0-9])?", &["-1", "4294967296", "0.0", "1e2", "null"]),
            value(
                "\\[\"[0-9]\"( ?, ?\"1[0-9]\"){0,2}\\]",
                &["null", "[]", "[ ]", "[1]", "nul", "[\"a\\n\"]", "[\"é\"]"],
            ),
        );
        let order = Just(vec!['p', 's', 't', 'v', 'c']).prop_shuffle();
        (fields, order, 0..=5_usize, "[ \t\n]?").prop_map(|((p, s, t, v, c), order, kept, blank)| {
            let kept = if kept == 0 { 4 } else { 5 };
            let members = order.iter().take(kept).map(|key| {
                let text = match key {
                    'p' => &p,
                    's' => &s,
                    't' => &t,
                    'v' => &v,
                    _ => &c,
                };
                format!("{blank}\"{key}\"{blank}:{blank}{text}{blank}")
            });
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        })
    }

    fn frame() -> impl Strategy<Value = String> {
        let kind = value("\"trade\"", &["\"ping\"", "\"tr\\u0061de\"", "null"]);
        (
            prop::collection::vec(trade(), 0..4),
            kind,
            any::<bool>(),
            "[ \r\n]?",
            prop::option::weighted(0.1, 0..80_usize),
        )
            .prop_map(|(trades, kind, data_first, blank, cut)| {
                let data = format!("\"data\":{blank}[{}]", trades.join(&format!("{blank},")));
                let kind = format!("\"type\":{kind}{blank}");
                let members = if data_first { [data, kind] } else { [kind, data] };
                let mut text = format!("{{{blank}{}}}{blank}", members.join(","));
                if let Some(cut) = cut.filter(|cut| text.is_char_boundary(*cut)) {
                    text.truncate(cut);
                }
                text
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn the_fast_way_equals_the_thorough_way_or_stands_back(text in frame()) {
            let mut parser = parser();
            let mut thorough = PrintBuffer::default();
            let read = parser.read_thoroughly(&text, &mut thorough);

            let mut fast = PrintBuffer::default();
            match scan::scan(&text, &parser.universe, &mut String::new(), &mut fast) {
                Some(()) => {
                    prop_assert!(read.is_ok() && thorough.refused.is_empty(), "{read:?} {:?}", thorough.refused);
                    prop_assert_eq!(&fast.prints, &thorough.prints);
                    prop_assert_eq!(fast.price_updates, thorough.price_updates);
                    prop_assert_eq!(fast.condition_sets.texts(), thorough.condition_sets.texts());
                    // Again, with every list of conditions remembered.
                    fast.prints.clear();
                    prop_assert!(scan::scan(&text, &parser.universe, &mut String::new(), &mut fast).is_some());
                    prop_assert_eq!(&fast.prints, &thorough.prints);
                }
                None => prop_assert!(fast.prints.is_empty() && fast.price_updates == 0),
            }
        }
    }

    #[test]
    fn profiles_and_holidays_are_read_and_empty_ones_are_unknown() {
        let aapl = r#"{"finnhubIndustry":"Technology","shareOutstanding":14687.36,"ticker":"AAPL"}"#;
        let read = |text: &str| profile(serde_json::from_str(text).unwrap());
        let known = CompanyProfile { sector: Some("Technology".into()), shares_outstanding: Some(14_687_360_000) };
        assert_eq!(read(aapl), Some(known));
        assert_eq!(read("{}"), None);
        let other = read(r#"{"ticker":"X","finnhubIndustry":"N/A"}"#);
        assert_eq!(other, Some(CompanyProfile { sector: None, shares_outstanding: None }));
        let day: SessionDate = "2026-11-27".parse().unwrap();
        let holiday =
            |hours: &str| holiday(&wire::Holiday { at_date: "2026-11-27".into(), trading_hour: Some(hours.into()) });
        assert_eq!(holiday("09:30-13:00"), Some(Holiday { date: day, close: Some(day.at_hm(13, 0)) }));
        assert_eq!(holiday(""), Some(Holiday { date: day, close: None }));
        assert_eq!(holiday("half"), None);
    }

    #[test]
    fn saved_payloads_are_understood() {
        let Some(folder) = std::env::var_os("FIN_TEST_DATA").map(std::path::PathBuf::from) else { return };
        let saved = |name: &str| std::fs::read_to_string(folder.join("payloads/finnhub").join(name)).unwrap();
        let known = profile(serde_json::from_str(&saved("profile2.json")).unwrap()).unwrap();
        assert_eq!(known.shares_outstanding, Some(14_687_360_000));
        let (text, unknown) = (saved("quote.json"), saved("quote-unknown-symbol.json"));
        let quote: wire::Quote<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!(price(quote.pc.get()), Ok(Some(Price::from_cents(30_499))));
        let quote: wire::Quote<'_> = serde_json::from_str(&unknown).unwrap();
        assert_eq!(price(quote.c.get()), Ok(None));
        let news: Vec<wire::Article> = serde_json::from_str(&saved("company-news.json")).unwrap();
        assert_eq!(news.len(), 246);
        let listings: Vec<wire::Listing> = serde_json::from_str(&saved("stock-symbol.json")).unwrap();
        assert!(listings.iter().filter_map(listing).count() > 0);
    }
}
