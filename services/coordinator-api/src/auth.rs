//! Who asks, and what that one may.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bus::tokens::{self, Scope};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::guard::same_origin;
use crate::problem::Problem;
use crate::state::Shared;

/// How long a revoked token may still work, or a new one not yet.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);

/// The author of what comes without a token.
const LOCAL: &str = "local";

/// Who sent the request being answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's name, or `local`.
    pub author: String,
    /// What it opens.
    pub scope: Scope,
}

/// The valid tokens by their hash; unknown until they were read once.
#[derive(Debug, Default)]
pub struct Tokens(RwLock<Option<HashMap<String, Caller>>>);

impl Tokens {
    /// Whose token `secret` is; `None` if it is nobody's.
    ///
    /// # Errors
    /// 503 while the tokens could not be read yet.
    pub fn caller(&self, secret: &str) -> Result<Option<Caller>, Problem> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let known = known.as_ref().ok_or_else(|| Problem::unavailable("tokens cannot be checked yet"))?;
        Ok(known.get(&tokens::hash(secret)).cloned())
    }

    fn set(&self, valid: Vec<tokens::Token>) {
        let by_hash = valid.into_iter().map(|t| (t.hash, Caller { author: t.name, scope: t.scope })).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(by_hash);
    }
}

/// Reads the tokens again and again until `shutdown`; while the bus is away those last read stay valid.
pub async fn follow(shared: Arc<Shared>, shutdown: CancellationToken) {
    let mut ticks = interval(FOLLOW_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match tokens::list(&shared.bus).await {
            Ok(valid) => shared.tokens.set(valid),
            Err(error) => tracing::warn!(%error, "the tokens cannot be read; those last read stay valid"),
        }
    }
}

/// Lets through who has `scope`, with the [`Caller`] for whoever answers.
pub async fn require(
    State((shared, scope)): State<(Arc<Shared>, Scope)>,
    mut request: Request,
    next: Next,
) -> Response {
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip().to_string());
    let address = address.unwrap_or_default();
    let caller = identify(&shared, request.method(), request.headers());
    let payer = match &caller {
        Ok(caller) if caller.author != LOCAL => &caller.author,
        Ok(_) | Err(_) => &address,
    };
    if !shared.limits.take(payer) {
        let detail = "too many requests in this second".to_owned();
        return Problem { status: StatusCode::TOO_MANY_REQUESTS, code: "too_many_requests", detail }.into_response();
    }
    match caller {
        Ok(caller) if caller.scope < scope => {
            let (has, wanted) = (caller.scope.as_str(), scope.as_str());
            Problem::insufficient_scope(format!("token `{}` has scope {has}, this needs {wanted}", caller.author))
                .into_response()
        }
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

fn identify(shared: &Shared, method: &Method, headers: &HeaderMap) -> Result<Caller, Problem> {
    if let Some(given) = headers.get(header::AUTHORIZATION) {
        let secret = given.to_str().ok().and_then(bearer).ok_or_else(Problem::invalid_token)?;
        return shared.tokens.caller(secret)?.ok_or_else(Problem::invalid_token);
    }
    if !shared.open {
        let why = "this needs a token; without one only the dev profile on a loopback address answers";
        return Err(Problem::unauthorized(why));
    }
    // Another web page in the same browser can send requests here too, but not a token.
    if method != Method::GET && method != Method::HEAD {
        same_origin(headers)?;
    }
    Ok(Caller { author: LOCAL.to_owned(), scope: Scope::Admin })
}

/// False once the token that came with `headers` was revoked.
pub fn is_still_valid(shared: &Shared, headers: &HeaderMap) -> bool {
    identify(shared, &Method::GET, headers).is_ok()
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, secret) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(secret.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash_once_the_tokens_were_read() {
        let tokens = Tokens::default();
        assert_eq!(tokens.caller("fin_x").unwrap_err().status, StatusCode::SERVICE_UNAVAILABLE);
        let hash = tokens::hash("fin_x");
        tokens.set(vec![tokens::Token { name: "ann".into(), scope: Scope::Read, created_at: 0, hash: hash.clone() }]);
        assert_eq!(tokens.caller("fin_x").unwrap().unwrap().author, "ann");
        assert_eq!(tokens.caller(&hash).unwrap(), None, "the hash is no token");
    }

    #[test]
    fn only_a_bearer_token_is_taken() {
        assert_eq!(bearer("Bearer fin_x"), Some("fin_x"));
        assert_eq!(bearer("bearer  fin_x"), Some("fin_x"));
        assert_eq!(bearer("Basic YTpi"), None);
        assert_eq!(bearer("fin_x"), None);
    }
}
