//! An HTTP server on a free port that takes alerts.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use serde_json::Value;
use tokio::net::TcpListener;

/// A request that came in.
#[derive(Clone)]
pub(crate) struct Taken {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Taken {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// How the next request to a path is answered instead of 200.
#[derive(Clone)]
pub(crate) enum Answer {
    Status(u16, Option<&'static str>, &'static str),
    /// Only after this long.
    Late(Duration),
}

#[derive(Default)]
struct Inner {
    taken: Vec<Taken>,
    answers: Vec<(String, VecDeque<Answer>)>,
}

/// An HTTP server that keeps what it is sent.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) base: String,
    inner: Arc<Mutex<Inner>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inner = Arc::new(Mutex::new(Inner::default()));
        let receiver = Self { base: format!("http://{}", listener.local_addr().unwrap()), inner };
        let app = Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        receiver
    }

    /// The next requests to `path` are answered so, later ones with 200.
    pub(crate) fn answer(&self, path: &str, answers: &[Answer]) {
        self.inner.lock().unwrap().answers.push((path.to_owned(), answers.iter().cloned().collect()));
    }

    /// What came to `path` and was answered with 200.
    pub(crate) fn at(&self, path: &str) -> Vec<Taken> {
        self.inner.lock().unwrap().taken.iter().filter(|taken| taken.path == path).cloned().collect()
    }

    /// Waits until so many came to `path`.
    pub(crate) async fn wait(&self, path: &str, count: usize) -> Vec<Taken> {
        for _ in 0..400 {
            let taken = self.at(path);
            if taken.len() >= count {
                return taken;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} of {count} came to {path} within 20 s", self.at(path).len());
    }
}

async fn take(State(receiver): State<Receiver>, uri: Uri, headers: HeaderMap, body: Bytes) -> axum::response::Response {
    let path = uri.path().to_owned();
    let answer = {
        let mut inner = receiver.inner.lock().unwrap();
        inner.answers.iter_mut().find(|(at, _)| *at == path).and_then(|(_, answers)| answers.pop_front())
    };
    match answer {
        Some(Answer::Late(wait)) => {
            tokio::time::sleep(wait).await;
            StatusCode::OK.into_response()
        }
        Some(Answer::Status(status, after, body)) => {
            let headers: HeaderMap =
                after.map(|after| ("retry-after".parse().unwrap(), after.parse().unwrap())).into_iter().collect();
            (StatusCode::from_u16(status).unwrap(), headers, body).into_response()
        }
        None => {
            receiver.inner.lock().unwrap().taken.push(Taken { path, headers, body });
            "ok".into_response()
        }
    }
}
