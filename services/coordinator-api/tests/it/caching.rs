//! Who has the newest answer is told so, and nobody else.

use reqwest::header::{ETAG, IF_NONE_MATCH};

use crate::support::Suite;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_made_again_only_when_the_store_has_changed() {
    let suite = Suite::start_on("127.0.0.1").await;
    suite.play_day().await;
    // Readiness reports go on being stored; two of them are seconds apart.
    let mut unchanged = false;
    for _ in 0..10 {
        let first = suite.get("/api/v1/plans").send().await.unwrap();
        let tag = first.headers()[ETAG].clone();
        let second = suite.get("/api/v1/plans").header(IF_NONE_MATCH, &tag).send().await.unwrap();
        if second.status() == 304 {
            assert_eq!(second.headers()[ETAG], tag);
            assert!(second.bytes().await.unwrap().is_empty());
            unchanged = true;
            break;
        }
    }
    assert!(unchanged, "ten answers in a row had changed");
    let before = suite.get("/api/v1/audit").send().await.unwrap().headers()[ETAG].clone();
    suite.command("flatten", r#"{"reason":"storm"}"#).send().await.unwrap();
    suite.wait_for("/api/v1/audit", |a| a["items"].as_array().unwrap().iter().any(|i| i["reason"] == "storm")).await;
    let after = suite.get("/api/v1/audit").header(IF_NONE_MATCH, before).send().await.unwrap();
    assert_eq!(after.status(), 200);
    let status = suite.get("/api/v1/status").send().await.unwrap();
    assert!(!status.headers().contains_key(ETAG), "it tells the time");
    suite.stop().await;
}
