//! Spoiled charts.

use super::parse::{self, ROW_MINUTES};
use crate::adapters::volumes::Volumes;

#[test]
fn fuzz_yahoo_charts() {
    let corpus = [
        r#"{"chart":{"result":[{"meta":{"currency":"USD","symbol":"GME","previousClose":21.5},"timestamp":[1795530600,1795530900,1795617000],"indicators":{"quote":[{"open":[21.5,null,22],"high":[21.9,null,22.5],"low":[21.1,null,21.8],"close":[21.6,null,22.2],"volume":[120000,null,5400]}],"adjclose":[{"adjclose":[21.6,null,22.2]}]},"events":{"dividends":{"1795530600":{"amount":0.25,"date":1795530600}},"splits":{"1795617000":{"date":1795617000,"numerator":4,"denominator":1,"splitRatio":"4:1"}}}}],"error":null}}"#,
        r#"{"chart":{"result":null,"error":{"code":"Not Found","description":"No data found, symbol may be delisted"}}}"#,
        r#"{"finance":{"result":null,"error":{"code":"Unauthorized","description":"Invalid Crumb"}}}"#,
        "Too Many Requests",
    ];
    let session = "2026-11-25".parse().unwrap();
    testkit::fuzz("yahoo charts", &corpus, |input| {
        let Ok(series) = parse::series(&String::from_utf8_lossy(input)) else { return false };
        let bars = parse::daily_bars(&series, session);
        assert!(bars.iter().all(|bar| bar.is_sound() && bar.date < session));
        parse::opening_volumes(&series, session, 15);
        let mut volumes = Volumes::new(session, ROW_MINUTES);
        parse::volumes(&series, &mut volumes);
        volumes.through_the_day();
        parse::actions(&series);
        true
    });
}
