use bus::tokens::{self, Scope, TokenError};
use domain::UnixNanos;

use crate::support;

#[tokio::test]
async fn a_token_stands_nowhere_and_ends_when_it_is_revoked() {
    let (_server, bus) = support::bus().await;
    let at = UnixNanos::new(1_790_000_000_000_000_000);
    let secret = tokens::create(&bus, "ann", Scope::Operate, at).await.unwrap();
    let other = tokens::create(&bus, "bot-1", Scope::Read, at).await.unwrap();
    assert!(secret.starts_with("fin_") && secret.len() == 47 && secret != other, "{secret}");
    let kept = tokens::list(&bus).await.unwrap();
    let names: Vec<_> = kept.iter().map(|t| (t.name.as_str(), t.scope)).collect();
    assert_eq!(names, [("ann", Scope::Operate), ("bot-1", Scope::Read)]);
    assert_eq!((kept[0].hash.as_str(), kept[0].created_at), (tokens::hash(&secret).as_str(), at.nanos()));
    let taken = tokens::create(&bus, "ann", Scope::Admin, at).await.unwrap_err();
    assert!(matches!(taken, TokenError::Taken(_)), "{taken}");
    assert!(tokens::revoke(&bus, "ann").await.unwrap());
    assert!(!tokens::revoke(&bus, "ann").await.unwrap());
    assert_eq!(tokens::list(&bus).await.unwrap().len(), 1);
    let anew = tokens::create(&bus, "ann", Scope::Admin, at).await.unwrap();
    assert_ne!(anew, secret);
}

#[tokio::test]
async fn an_entry_that_is_no_token_hides_no_other_and_can_be_revoked() {
    let (server, bus) = support::bus().await;
    let context = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    context.get_key_value("tokens").await.unwrap().put("torn", "{".into()).await.unwrap();
    tokens::create(&bus, "ann", Scope::Read, UnixNanos::new(0)).await.unwrap();
    let names = async || tokens::list(&bus).await.unwrap().into_iter().map(|t| t.name).collect::<Vec<_>>();
    assert_eq!(names().await, ["ann"]);
    assert!(tokens::revoke(&bus, "ann").await.unwrap());
    assert!(names().await.is_empty());
    assert!(tokens::revoke(&bus, "torn").await.unwrap());
    assert!(!tokens::revoke(&bus, "nobody").await.unwrap());
}

#[tokio::test]
async fn a_name_that_cannot_be_an_author_is_refused() {
    let (_server, bus) = support::bus().await;
    for name in ["", "local", "Ann", "a.b", "a b", &"a".repeat(41)] {
        let error = tokens::create(&bus, name, Scope::Read, UnixNanos::new(0)).await.unwrap_err();
        assert!(matches!(error, TokenError::Name(_)), "{name}: {error}");
    }
}
