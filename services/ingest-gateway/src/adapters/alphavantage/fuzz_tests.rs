//! Spoiled answers, refusals among them.

use super::{parse, wire};

#[test]
fn fuzz_alphavantage_answers() {
    let corpus = [
        r#"{"Meta Data":{"1. Information":"Daily Prices","5. Time Zone":"US/Eastern"},"Time Series (Daily)":{"2026-11-24":{"1. open":"21.5","2. high":"21.9","3. low":"21.1","4. close":"21.6","5. volume":"120000"},"2026-11-23":{"1. open":"20","2. high":"21","3. low":"19.5","4. close":"20.25","5. volume":"98000"}}}"#,
        r#"{"Global Quote":{"01. symbol":"GME","05. price":"21.60","06. volume":"120000","07. latest trading day":"2026-11-24","08. previous close":"20.25","10. change percent":"6.6667%"}}"#,
        r#"{"items":"1","feed":[{"title":"Acme beats","url":"https://x.invalid/1","time_published":"20261124T083000","summary":"s","source":"Wire","overall_sentiment_score":0.3,"ticker_sentiment":[{"ticker":"GME","relevance_score":"0.75","ticker_sentiment_score":"-0.25","ticker_sentiment_label":"Bearish"}]}]}"#,
        r#"{"Note":"Our standard API call frequency is 5 calls per minute and 500 calls per day."}"#,
        r#"{"Information":"Our standard API rate limit is 25 requests per day."}"#,
        r#"{"Error Message":"Invalid API call."}"#,
    ];
    let session = "2026-11-25".parse().unwrap();
    testkit::fuzz("alpha vantage answers", &corpus, |input| {
        let body = String::from_utf8_lossy(input);
        if parse::refusal(&body, "fuzz", "sim").is_some() {
            return false;
        }
        let daily = serde_json::from_str::<wire::Daily>(&body).map(|daily| parse::daily_bars(&daily, session));
        let close = serde_json::from_str::<wire::GlobalQuote>(&body).map(|quote| parse::close(&quote.quote, session));
        let news = serde_json::from_str::<wire::News>(&body)
            .map(|news| news.feed.into_iter().filter_map(parse::article).count());
        assert!(daily.iter().flatten().all(|bar| bar.is_sound() && bar.date < session));
        daily.is_ok() || close.is_ok() || news.is_ok()
    });
}
