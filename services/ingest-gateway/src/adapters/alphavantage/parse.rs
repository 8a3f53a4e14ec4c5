//! Alpha Vantage's answers to domain types, and its refusals to what they mean.

use std::time::Duration;

use domain::id::content_hash;
use domain::market::{DailyBar, Mention, NewsPublished};
use domain::{Micro, Price, SessionDate, Symbol, UnixNanos, calendar};
use ports::{Close, VendorError};

use super::wire;

const VENDOR: &str = "alphavantage";
const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);

/// The refusal that `body` is, if it is one: by its member first, then by its words. What is not known is permanent. The
/// vendor repeats our `key` in some; it is left out.
pub(super) fn refusal(body: &str, what: &str, key: &str) -> Option<VendorError> {
    let refusal: wire::Refusal = serde_json::from_str(body).ok()?;
    let what = what.to_owned();
    let refused = |what, words: &str| {
        let reason = words.replace(key, "…").chars().take(200).collect();
        VendorError::Refused { vendor: VENDOR, what, reason }
    };
    let throttled = |pause| VendorError::Throttled { vendor: VENDOR, what: what.clone(), retry_after: Some(pause) };
    if refusal.note.is_some() {
        return Some(throttled(MINUTE));
    }
    if let Some(words) = &refusal.information {
        let lower = words.to_lowercase();
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
        if says(&["premium endpoint", "entitlement"]) {
            return Some(refused(what, words));
        }
        if says(&["per second", "burst"]) {
            return Some(throttled(Duration::from_secs(1)));
        }
        if says(&["per day", "daily"]) {
            return Some(throttled(DAY));
        }
        return Some(refused(what, words));
    }
    refusal.error.or(refusal.message).map(|words| refused(what, &words))
}

/// The complete bars of sessions before `session`, oldest first.
pub(super) fn daily_bars(daily: &wire::Daily, session: SessionDate) -> Vec<DailyBar> {
    daily.series.iter().filter_map(|(date, row)| bar(date, row)).filter(|bar| bar.date < session).collect()
}

fn bar(date: &str, row: &wire::Row) -> Option<DailyBar> {
    let date = calendar::session(date.parse().ok()?)?.date;
    let bar = DailyBar {
        date,
        open: price(&row.open)?,
        high: price(&row.high)?,
        low: price(&row.low)?,
        close: price(&row.close)?,
        volume: row.volume.parse().ok()?,
    };
    bar.is_sound().then_some(bar)
}

/// The close of the last session before `session`: the price while no later day has traded, then the previous close.
pub(super) fn close(quote: &wire::Quote, session: SessionDate) -> Option<Close> {
    let day: SessionDate = quote.day.parse().ok()?;
    if day == session {
        Some(Close { price: price(&quote.previous_close)?, raw: false })
    } else if day == calendar::previous_session(session).date {
        Some(Close { price: price(&quote.price)?, raw: true })
    } else {
        None
    }
}

/// The article; `None` when it has no time or names no symbol of ours. The vendor has no ids: the address is one.
pub(super) fn article(article: wire::Article) -> Option<NewsPublished> {
    let mention = |told: &wire::TickerSentiment| {
        let score = |text: &str| text.parse().ok().and_then(Micro::from_f64);
        let within = |least: i64| move |micro: &Micro| (least..=1_000_000).contains(&micro.micros());
        Some(Mention {
            symbol: told.ticker.parse().ok()?,
            relevance: score(&told.relevance_score).filter(within(0)),
            sentiment: score(&told.score).filter(within(-1_000_000)),
        })
    };
    let mentions: Vec<Mention> = article.ticker_sentiment.iter().filter_map(mention).collect();
    let symbols: Vec<Symbol> = mentions.iter().map(|mention| mention.symbol.clone()).collect();
    let published_at = published(&article.time_published)?;
    (!symbols.is_empty()).then(|| NewsPublished {
        news_id: format!("{VENDOR}:{}", content_hash(&[&article.url])),
        symbols,
        headline: article.title,
        summary: article.summary,
        source: article.source,
        url: article.url,
        published_at,
        mentions,
    })
}

/// `20261124T083000` or without seconds, UTC.
fn published(text: &str) -> Option<UnixNanos> {
    let part = |range: std::ops::Range<usize>| text.get(range);
    let seconds = part(13..15).unwrap_or("00");
    let (date, time) = ((part(0..4)?, part(4..6)?, part(6..8)?), (part(9..11)?, part(11..13)?));
    format!("{}-{}-{}T{}:{}:{seconds}Z", date.0, date.1, date.2, time.0, time.1).parse().ok()
}

fn price(text: &str) -> Option<Price> {
    text.parse().ok().filter(|price| *price > Price::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "QX7PLM2WZ0KD91RB";

    #[test]
    fn our_key_is_left_out_of_what_the_vendor_says() {
        for member in ["Information", "Error Message", "message"] {
            let body = format!(r#"{{"{member}":"The key {KEY} is invalid: ask with {KEY}."}}"#);
            let error = refusal(&body, "daily", KEY).unwrap().to_string();
            assert!(error.ends_with("The key … is invalid: ask with …."), "{error}");
        }
    }

    #[test]
    fn refusals_that_come_as_answers_are_told_apart() {
        let check = |body: &str, transient: bool, pause: Option<u64>| {
            let error = refusal(body, "daily", KEY).unwrap_or_else(|| panic!("no refusal: {body}"));
            let found = (error.is_transient(), error.retry_after());
            assert_eq!(found, (transient, pause.map(Duration::from_secs)), "{body}");
        };
        check(
            r#"{"Note":"Our standard API call frequency is 5 calls per minute and 500 calls per day."}"#,
            true,
            Some(60),
        );
        check(r#"{"Information":"Please consider spreading out your requests: 1 request per second."}"#, true, Some(1));
        check(r#"{"Information":"Our standard API rate limit is 25 requests per day."}"#, true, Some(86_400));
        check(r#"{"Information":"This is a premium endpoint. 25 requests per day are free."}"#, false, None);
        check(r#"{"Information":"something new"}"#, false, None);
        check(r#"{"Error Message":"Invalid API call."}"#, false, None);
        assert!(refusal(r#"{"Global Quote":{}}"#, "quote", KEY).is_none());
    }

    #[test]
    fn the_close_is_the_price_until_the_session_trades() {
        let quote =
            |day: &str| wire::Quote { price: "112.13".into(), day: day.into(), previous_close: "112.79".into() };
        let close = |day: &str| close(&quote(day), "2026-11-24".parse().unwrap()).map(|close| close.price.to_string());
        assert_eq!(close("2026-11-24").as_deref(), Some("112.79"));
        assert_eq!(close("2026-11-23").as_deref(), Some("112.13"));
        assert_eq!(close("2026-11-20"), None);
    }

    #[test]
    fn articles_tell_relevance_and_sentiment_of_each_symbol() {
        let text = r#"{"items":"1","feed":[{"title":"Acme beats","url":"https://x.invalid/1",
            "time_published":"20261124T083000","source":"Wire","overall_sentiment_score":0.3,
            "ticker_sentiment":[{"ticker":"GME","relevance_score":"0.75","ticker_sentiment_score":"-0.25"},
                {"ticker":"CRYPTO:BTC","relevance_score":"0.1","ticker_sentiment_score":"0"}]}]}"#;
        let news: wire::News = serde_json::from_str(text).unwrap();
        let told = article(news.feed.into_iter().next().unwrap()).unwrap();
        assert_eq!(told.published_at, "2026-11-24T08:30:00Z".parse().unwrap());
        let micro = |micros| Some(Micro::from_micros(micros));
        let expected =
            Mention { symbol: "GME".parse().unwrap(), relevance: micro(750_000), sentiment: micro(-250_000) };
        assert_eq!(told.mentions, [expected]);
    }

    #[test]
    fn saved_payloads_are_understood() {
        let Some(folder) = std::env::var_os("FIN_TEST_DATA").map(std::path::PathBuf::from) else { return };
        let saved = |name: &str| std::fs::read_to_string(folder.join("payloads/alphavantage").join(name)).unwrap();
        let daily: wire::Daily = serde_json::from_str(&saved("time-series-daily-head.json")).unwrap();
        let bars = daily_bars(&daily, "2020-05-11".parse().unwrap());
        assert!(bars.iter().any(|bar| bar.close == Price::from_cents(12_179) && bar.volume == 2_538_547), "{bars:?}");
        let quote: wire::GlobalQuote = serde_json::from_str(&saved("global-quote.json")).unwrap();
        let close = close(&quote.quote, "2018-10-05".parse().unwrap());
        assert_eq!(close, Some(Close { price: Price::from_cents(11_279), raw: false }));
        assert!(refusal(&saved("note-throttle.json"), "daily", KEY).is_some_and(|error| error.is_transient()));
        let premium = refusal(&saved("realtime-bulk-quotes-premium-message.json"), "quotes", KEY);
        assert!(premium.is_some_and(|error| !error.is_transient()));
        for name in ["time-series-intraday-1min.json", "market-status.json", "global-quote.json"] {
            assert!(refusal(&saved(name), "any", KEY).is_none(), "{name}");
        }
    }
}
