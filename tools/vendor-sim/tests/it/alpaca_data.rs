//! Alpaca's market data agrees with the tape and with what the other vendors say.

use serde_json::Value;

use crate::client::{Client, options};

#[tokio::test]
async fn bars_come_in_pages_and_agree_with_the_session_files() {
    let client = Client::start(options()).await;
    let daily = client.csv("daily.csv").await;
    let (first, second) = (daily[0][0].clone(), daily.iter().find(|r| r[0] != daily[0][0]).unwrap()[0].clone());
    let path = format!(
        "/alpaca/v2/stocks/bars?symbols={second},{first}&timeframe=1Day&start=2020-01-01&end=2026-11-24&limit=400"
    );
    let one = client.get(&path).await;
    assert_eq!(one["bars"][&first].as_array().unwrap().len(), 252);
    assert_eq!(one["bars"][&second].as_array().unwrap().len(), 148);
    let token = one["next_page_token"].as_str().unwrap().replace('|', "%7C");
    let two = client.get(&format!("{path}&page_token={token}")).await;
    assert_eq!((two["bars"][&second].as_array().unwrap().len(), &two["next_page_token"]), (104, &Value::Null));
    let last = two["bars"][&second].as_array().unwrap().last().unwrap();
    let row = daily.iter().rfind(|r| r[0] == second).unwrap();
    assert!(last["t"].as_str().unwrap().starts_with(&row[1]), "{last}");
    assert_eq!((last["c"].as_f64(), last["v"].as_u64()), (row[5].parse().ok(), row[6].parse().ok()));

    let snapshots = client.get(&format!("/alpaca/v2/stocks/snapshots?symbols={second},NOSUCH")).await;
    assert_eq!((&snapshots[&second]["dailyBar"]["c"], &snapshots["NOSUCH"]), (&last["c"], &Value::Null));

    let minutes = client
        .get(&format!(
            "/alpaca/v2/stocks/bars?symbols={first}&timeframe=5Min&start=2026-11-23&end=2026-11-24&limit=10000"
        ))
        .await;
    let bars = minutes["bars"][&first].as_array().unwrap();
    let opening = bars.iter().find(|bar| bar["t"] == "2026-11-23T14:30:00Z").unwrap();
    let known = client.csv("opening.csv").await;
    let row = known.iter().find(|r| r[0] == first && r[1] == "2026-11-23").unwrap();
    assert_eq!(opening["v"].to_string(), row[2]);
    let early: u64 =
        bars.iter().take_while(|b| b["t"].as_str() < Some("2026-11-23T14:30")).map(|b| b["v"].as_u64().unwrap()).sum();
    assert!(early > 0, "pre-market volume is reported");
}

#[tokio::test]
async fn news_of_both_vendors_is_the_same_and_alpha_vantage_scores_it() {
    let client = Client::start(options()).await;
    client.play_to("2026-11-24T14:00:00Z").await;
    let told = client.csv("news.csv").await;
    let row = told.iter().find(|r| r[0].parse::<i64>().unwrap() < 1_795_528_800_000_000_000).unwrap();
    let symbol = &row[1];
    let alpaca = client.get(&format!("/alpaca/v1beta1/news?symbols={symbol}&start=2026-11-23")).await;
    let finnhub = client
        .get(&format!("/finnhub/api/v1/company-news?symbol={symbol}&from=2026-11-23&to=2026-11-24&token=sim"))
        .await;
    let vantage = client.get(&format!("/alphavantage/query?function=NEWS_SENTIMENT&tickers={symbol}&apikey=sim")).await;
    assert_eq!(alpaca["news"][0]["headline"], finnhub[0]["headline"]);
    assert_eq!(vantage["feed"][0]["title"], finnhub[0]["headline"]);
    let score: f64 =
        vantage["feed"][0]["ticker_sentiment"][0]["ticker_sentiment_score"].as_str().unwrap().parse().unwrap();
    assert!((-1.0..=1.0).contains(&score));
    let actions = client.get(&format!("/alpaca/v1/corporate-actions?symbols={symbol}")).await;
    assert_eq!(actions["next_page_token"], Value::Null);
}
