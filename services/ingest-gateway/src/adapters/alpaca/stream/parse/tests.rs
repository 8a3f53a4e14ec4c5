use domain::market::SecurityType;
use ports::Listing;
use proptest::prelude::*;

use super::*;

fn parser() -> FrameParser {
    let listings =
        ["AAPL", "AMZN", "BRK.B"].map(|s| Listing { symbol: s.parse().unwrap(), security_type: SecurityType::Common });
    FrameParser::new(Arc::new(Universe::new(listings, 4)))
}

fn parsed(frame: &str) -> (PrintBuffer, Option<StreamError>) {
    let mut buffer = PrintBuffer::default();
    let error = parser().parse(frame, &mut buffer);
    (buffer, error)
}

fn at(text: &str) -> UnixNanos {
    text.parse().unwrap()
}

const GOOD: &str =
    r#"{"T":"t","i":96921,"S":"AAPL","x":"D","p":126.55,"s":1,"t":"2021-02-22T15:51:44.208Z","c":["@","I"],"z":"C"}"#;

#[test]
fn a_trade_keeps_its_nanoseconds_and_its_conditions_with_their_tape() {
    let (buffer, error) = parsed(&format!("[{GOOD}]"));
    let trade = Trade { ts_event: at("2021-02-22T15:51:44.208Z"), price: Price::from_cents(12_655), size: 1 };
    assert_eq!(buffer.prints, [Print { symbol: 0, conditions: 1, trade }]);
    assert_eq!((buffer.condition_sets.texts()[1].as_str(), error), ("C:@,I", None));
    let bare = r#"[{"T":"t","S":"BRK.B","p":7,"s":2.9,"t":"2021-02-22T15:51:45.335689322Z"}]"#;
    let (buffer, _) = parsed(bare);
    let trade = Trade { ts_event: at("2021-02-22T15:51:45.335689322Z"), price: Price::from_cents(700), size: 2 };
    assert_eq!(buffer.prints, [Print { symbol: 2, conditions: 0, trade }]);
}

#[test]
fn one_wrong_message_is_refused_by_name_and_the_others_are_taken() {
    let check = |wrong: &str, code: &str, value: &str| {
        let (buffer, error) = parsed(&format!("[{GOOD},{wrong},{GOOD}]"));
        assert_eq!((buffer.prints.len(), error), (2, None), "{wrong}");
        assert_eq!(buffer.refused.len(), 1, "{wrong}");
        let refused = &buffer.refused[0];
        assert!(refused.code == code && refused.detail.contains(value), "{wrong}: {refused:?}");
    };
    let trade = |price: &str, size: &str, time: &str| {
        format!(r#"{{"T":"t","S":"AAPL","p":{price},"s":{size},"t":{time},"c":["@"],"z":"C"}}"#)
    };
    let time = r#""2021-02-22T15:51:44Z""#;
    check(&trade("-1.5", "1", time), "bad_price", "-1.5");
    check(&trade("0", "1", time), "bad_price", "`0`");
    check(&trade("\"1\"", "1", time), "bad_price", "\"1\"");
    check(&trade("1.0000000001", "1", time), "bad_price", "more than 9 decimals");
    check(&trade("1", "-3", time), "bad_size", "-3");
    check(&trade("1", "4294967296", time), "bad_size", "4294967296");
    check(&trade("1", "1", "\"yesterday\""), "bad_time", "yesterday");
    check(&trade("1", "1", "\"1969-12-31T23:59:59Z\""), "bad_time", "1969");
    check(&trade("1", "1", "7"), "malformed_frame", "invalid type");
    check(&GOOD.replace("AAPL", "ZZZZ"), "unknown_symbol", "ZZZZ");
    check(r#"{"T":"t","S":"AAPL"}"#, "malformed_frame", "missing field");
    check(r#"{"S":"AAPL"}"#, "malformed_frame", "missing field `T`");
    check("7", "malformed_frame", "7");
}

#[test]
fn a_frame_that_is_no_array_is_refused_whole() {
    for frame in ["", "{", GOOD, "not json", "[", &format!("[{GOOD}"), &format!("[{GOOD}]]"), &format!("[{GOOD},]")] {
        let (buffer, _) = parsed(frame);
        let codes: Vec<&str> = buffer.refused.iter().map(|r| r.code).collect();
        assert!(buffer.prints.is_empty() && codes == ["malformed_frame"], "{frame}: {codes:?}");
    }
}

#[test]
fn less_than_a_share_is_a_price_and_no_trade() {
    let (buffer, _) = parsed(&format!("[{},{GOOD}]", GOOD.replace("\"s\":1", "\"s\":0.4")));
    assert_eq!((buffer.price_updates, buffer.prints.len(), buffer.refused.len()), (1, 1, 0));
}

#[test]
fn halts_and_resumptions_are_told_by_each_tapes_letters() {
    use NoticeKind::{Halted, Resumed};
    let check = |tape: &str, code: &str, expected: Option<NoticeKind>| {
        let frame = format!(
            r#"[{{"T":"s","S":"AMZN","sc":"{code}","sm":"Words","rc":"LUDP","rm":"","t":"2021-02-22T19:15:00Z","z":"{tape}"}}]"#
        );
        let (buffer, _) = parsed(&frame);
        assert!(buffer.refused.is_empty(), "{frame}");
        let told: Vec<_> = buffer.notices.iter().map(|n| (n.symbol, n.at, n.what, n.detail.as_str())).collect();
        let words = format!("{code} Words LUDP");
        let expected: Vec<_> =
            expected.into_iter().map(|what| (1, at("2021-02-22T19:15:00Z"), what, words.as_str())).collect();
        assert_eq!(told, expected, "{frame}");
    };
    for (tape, code, expected) in [
        ("C", "H", Some(Halted)),
        ("C", "P", Some(Halted)),
        ("C", "Q", None),
        ("C", "T", Some(Resumed)),
        ("C", "2", None),
        ("A", "2", Some(Halted)),
        ("B", "3", Some(Resumed)),
        ("A", "E", None),
        ("A", "H", None),
        ("", "H", Some(Halted)),
        ("O", "3", Some(Resumed)),
        ("O", "x", None),
    ] {
        check(tape, code, expected);
    }
}

#[test]
fn corrections_and_cancels_name_the_trade() {
    let frame = r#"[{"T":"c","S":"AAPL","x":"D","oi":7,"op":1.5,"os":100,"oc":["@"],"ci":8,"cp":1.6,"cs":90,"cc":["@"],"t":"2021-02-22T19:15:00Z","z":"C"},
        {"T":"x","S":"AMZN","i":9,"x":"D","p":3000.5,"s":40,"a":"C","t":"2021-02-22T19:16:00Z","z":"C"}]"#;
    let (buffer, _) = parsed(frame);
    let told: Vec<_> = buffer.notices.iter().map(|n| (n.symbol, n.what, n.detail.as_str())).collect();
    let corrected = (0, NoticeKind::Corrected, "trade 7: 100 at 1.5 were 90 at 1.6");
    assert_eq!(told, [corrected, (1, NoticeKind::Cancelled, "trade 9: 40 at 3000.5 never were (C)")]);
}

#[test]
fn an_error_is_given_and_what_is_not_known_or_asked_for_is_passed_over() {
    let error = |code| Some(StreamError { code, msg: "slow client".to_owned() });
    assert_eq!(parsed(r#"[{"T":"error","code":407,"msg":"slow client"}]"#).1, error(Some(407)));
    assert_eq!(parsed(r#"[{"T":"error","msg":"slow client"}]"#).1, error(None));
    let (buffer, error) = parsed(&format!(r#"[{{"T":"error","code":407,"msg":"slow client"}},{GOOD}]"#));
    assert_eq!((buffer.prints.len(), error.and_then(|e| e.code)), (1, Some(407)), "what stands beside it counts");
    for quiet in [
        r#"[{"T":"success","msg":"connected"}]"#,
        r#"[{"T":"subscription","trades":["AAPL"],"bars":["*"]}]"#,
        r#"[{"T":"l","S":"AAPL","u":1.5,"d":1.2,"i":"B","t":"2021-02-22T19:15:00Z","z":"C"}]"#,
        r#"[{"T":"q","S":"AMD","bp":87.66}]"#,
        r#"[{"T":"new-kind","anything":{"at":["all"]}}]"#,
        "[]",
    ] {
        let (buffer, error) = parsed(quiet);
        let nothing = buffer.prints.is_empty() && buffer.refused.is_empty() && buffer.notices.is_empty();
        assert!(nothing && error.is_none(), "{quiet}");
    }
}

#[test]
fn a_bar_that_counts_more_trades_than_came_is_told() {
    let mut parser = parser();
    let mut buffer = PrintBuffer::default();
    let mut take = |frame: String| assert_eq!(parser.parse(&frame, &mut buffer), None);
    let trade = |time: &str| GOOD.replace("2021-02-22T15:51:44.208Z", &format!("2021-02-22T{time}Z"));
    let bar = |minute: &str, trades: u32| {
        format!(
            r#"[{{"T":"b","S":"AAPL","o":1,"h":1,"l":1,"c":1,"v":9,"vw":1,"n":{trades},"t":"2021-02-22T{minute}:00Z"}}]"#
        )
    };
    take(bar("15:49", 7));
    take(format!("[{}]", trade("15:50:59")));
    take(format!("[{},{}]", trade("15:51:01"), trade("15:51:30").replace("\"s\":1", "\"s\":0.4")));
    take(bar("15:51", 3));
    take(format!("[{}]", trade("15:52:00")));
    take(bar("15:52", 1));
    let told: Vec<_> = buffer.notices.iter().map(|n| (n.symbol, n.at, n.what)).collect();
    let missing = NoticeKind::Missing { until: at("2021-02-22T15:52:00Z"), trades: 1 };
    assert_eq!(told, [(0, at("2021-02-22T15:51:00Z"), missing)], "the price update counts as a trade");
}

#[test]
fn saved_payloads_are_understood() {
    let Some(folder) = std::env::var_os("FIN_TEST_DATA").map(std::path::PathBuf::from) else { return };
    let saved = |name: &str| std::fs::read_to_string(folder.join("payloads/alpaca").join(name)).unwrap();
    let listings =
        ["AAPL", "AMD", "SPY"].map(|s| Listing { symbol: s.parse().unwrap(), security_type: SecurityType::Common });
    let mut parser = FrameParser::new(Arc::new(Universe::new(listings, 4)));
    let mut buffer = PrintBuffer::default();
    let mut errors = Vec::new();
    for frame in saved("data-stream-frames.txt").lines().filter(|line| !line.is_empty()) {
        errors.extend(parser.parse(frame, &mut buffer).and_then(|error| error.code));
    }
    assert_eq!(errors, [400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 500]);
    assert_eq!((buffer.prints.len(), buffer.refused.len()), (1, 0), "{:?}", buffer.refused);
    for name in ["t", "b", "d", "q", "s"] {
        let message = saved(&format!("data-stream-{name}.json"));
        assert_eq!(parser.parse(&format!("[{message}]"), &mut buffer), None, "{name}");
    }
    assert_eq!((buffer.prints.len(), buffer.refused.len()), (2, 0), "{:?}", buffer.refused);
    assert_eq!(buffer.prints[0], buffer.prints[1]);
    let halts: Vec<_> = buffer.notices.iter().map(|n| (n.symbol, n.what)).collect();
    assert_eq!(halts, [(0, NoticeKind::Halted)]);
}

/// JSON values that a field may hold: mostly clean, sometimes odd.
fn value(clean: &'static str, odd: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![6 => clean, 1 => prop::sample::select(odd).prop_map(str::to_owned)]
}

fn trade() -> impl Strategy<Value = String> {
    let fields = (
        value("\"t\"", &["\"q\"", "\"\\u0074\"", "7", "null"]),
        value("\"(AAPL|AMZN|BRK\\.B)\"", &["\"ZZZ\"", "\"AA\\u0050L\"", "\"\"", "7", "null"]),
        value("[1-9][0-9]{0,8}(\\.[0-9]{1,9})?", &["0", "-1", "1e2", "1.0000000001", "01", "\"1\"", "1234567890"]),
        value("[1-9][0-9]{0,4}(\\.[0-9])?", &["0", "0.4", "-1", "4294967296", "1e2", "null"]),
        value(
            "\"20[0-4][0-9]-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T[01][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?Z\"",
            &[
                "\"1969-12-31T00:00:00Z\"",
                "\"2021-02-22T10:00:00-05:00\"",
                "\"2021-02-22T10:00:00.1234567891Z\"",
                "\"\"",
                "7",
            ],
        ),
        value("\\[\"[@ ]\"(, ?\"[FIT]\"){0,3}\\]", &["null", "[]", "[ ]", "[1]", "[\"@\",\"F\",\"T\",\"I\",\"X\"]"]),
        value("\"[ABC]\"", &["null", "\"\"", "7"]),
        value("[0-9]{1,9}", &["\"x\"", "null", "true", "[1]", "{}"]),
    );
    let order = Just(vec!['T', 'S', 'p', 's', 't', 'c', 'z', 'i']).prop_shuffle();
    (fields, order, 0..=9_usize, "[ \t\n]?").prop_map(
        |((kind, symbol, price, size, time, codes, tape, id), order, kept, blank)| {
            let kept = if kept == 0 { 7 } else { 8 };
            let members = order.iter().take(kept).map(|key| {
                let text = match key {
                    'T' => &kind,
                    'S' => &symbol,
                    'p' => &price,
                    's' => &size,
                    't' => &time,
                    'c' => &codes,
                    'z' => &tape,
                    _ => &id,
                };
                format!("{blank}\"{key}\"{blank}:{blank}{text}{blank}")
            });
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_fast_way_equals_the_thorough_way_or_stands_back(
        trades in prop::collection::vec(trade(), 0..4),
        blank in "[ \r\n]?",
        cut in prop::option::weighted(0.1, 0..80_usize),
    ) {
        let mut text = format!("{blank}[{}]{blank}", trades.join(&format!("{blank},")));
        if let Some(cut) = cut.filter(|cut| text.is_char_boundary(*cut)) {
            text.truncate(cut);
        }
        let mut parser = parser();
        let mut thorough = PrintBuffer::default();
        let error = parser.read_thoroughly(&text, &mut thorough);

        let (universe, mut minutes) = (parser.universe.clone(), Minutes::new(3));
        let mut fast = PrintBuffer::default();
        match scan::scan(&text, &universe, &mut minutes, &mut String::new(), &mut fast) {
            Some(()) => {
                prop_assert!(thorough.refused.is_empty() && error.is_none(), "{:?}", thorough.refused);
                prop_assert_eq!(&fast.prints, &thorough.prints);
                prop_assert_eq!((fast.price_updates, thorough.price_updates), (0, 0));
                prop_assert_eq!(fast.condition_sets.texts(), thorough.condition_sets.texts());
            }
            None => prop_assert!(fast.prints.is_empty()),
        }
    }

    #[test]
    fn nothing_that_arrives_makes_it_panic(text in ".*", frame in "\\[(\\{\"T\":\"[tbscx]\",?[^{}]{0,60}\\},?){0,3}\\]") {
        let mut buffer = PrintBuffer::default();
        parser().parse(&text, &mut buffer);
        parser().parse(&frame, &mut buffer);
    }
}

#[test]
fn clean_frames_take_the_fast_way() {
    let (universe, mut minutes) = (parser().universe, Minutes::new(3));
    for frame in [
        format!("[{GOOD},{GOOD}]").as_str(),
        r#"[{"T":"t","S":"BRK.B","p":7,"s":2.9,"t":"2021-02-22T15:51:45.335689322Z"}]"#,
        " [ { \"S\" : \"AMZN\" , \"T\":\"t\",\n\"p\" : 0.000000001, \"s\":1, \"t\":\"2026-12-31T00:00:00Z\", \"c\":[ ], \"u\":null } ] ",
    ] {
        let mut buffer = PrintBuffer::default();
        let scanned = scan::scan(frame, &universe, &mut minutes, &mut String::new(), &mut buffer);
        assert!(scanned.is_some(), "{frame}");
    }
}
