//! One call a symbol, for vendors that take no list.

use std::collections::HashMap;
use std::future::Future;

use domain::Symbol;
use ports::{Answer, VendorError};

/// Asks about one symbol after the other. A symbol that the vendor refuses is left out, since it says nothing of the
/// others; where nothing is told, the last refusal is the failure. Any other failure ends the asking.
pub(super) async fn each<'a, T, F>(symbols: &'a [Symbol], ask: impl Fn(&'a Symbol) -> F) -> Answer<T>
where
    F: Future<Output = Result<Option<T>, VendorError>>,
{
    let (mut told, mut refusal) = (HashMap::new(), None);
    for symbol in symbols {
        match ask(symbol).await {
            Ok(found) => told.extend(found.map(|found| (symbol.clone(), found))),
            Err(error @ VendorError::Refused { .. }) => refusal = Some(error),
            Err(error) => return Answer { told, failure: Some(error) },
        }
    }
    let failure = refusal.filter(|_| told.is_empty());
    Answer { told, failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(reason: &str) -> VendorError {
        VendorError::Refused { vendor: "yahoo", what: "chart".into(), reason: reason.into() }
    }

    fn throttled() -> VendorError {
        VendorError::Throttled { vendor: "yahoo", what: "chart".into(), retry_after: None }
    }

    async fn asked(
        symbols: &[&str],
        answer: impl Fn(&str) -> Result<Option<u32>, VendorError>,
    ) -> (Vec<String>, Option<String>) {
        let symbols: Vec<Symbol> = symbols.iter().map(|symbol| symbol.parse().unwrap()).collect();
        let answer = each(&symbols, |symbol| std::future::ready(answer(symbol.as_str()))).await;
        let mut told: Vec<String> = answer.told.keys().map(Symbol::to_string).collect();
        told.sort();
        (told, answer.failure.map(|error| error.to_string()))
    }

    #[tokio::test]
    async fn one_refused_symbol_says_nothing_of_the_others() {
        let told = asked(&["A", "B", "C", "D"], |symbol| match symbol {
            "B" => Err(refused("no such symbol")),
            "C" => Ok(None),
            _ => Ok(Some(1)),
        });
        assert_eq!(told.await, (vec!["A".to_owned(), "D".to_owned()], None));
    }

    #[tokio::test]
    async fn any_other_failure_ends_the_asking_and_is_told_beside_what_was_had() {
        let told = asked(&["A", "B", "C", "D"], |symbol| match symbol {
            "B" => Err(refused("no such symbol")),
            "C" => Err(throttled()),
            _ => Ok(Some(1)),
        });
        assert_eq!(told.await, (vec!["A".to_owned()], Some(throttled().to_string())));
    }

    #[tokio::test]
    async fn where_all_are_refused_the_last_refusal_is_the_failure() {
        let told = asked(&["A", "B"], |symbol| Err(refused(symbol)));
        assert_eq!(told.await, (vec![], Some(refused("B").to_string())));
    }
}
