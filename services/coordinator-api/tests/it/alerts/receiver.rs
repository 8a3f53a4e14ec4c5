//! What takes alerts: an HTTP server and a mail server, both real, on free ports.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

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

/// A mail server that speaks as much SMTP as a client needs, and keeps the mails.
#[derive(Clone)]
pub(crate) struct MailServer {
    pub(crate) port: u16,
    mails: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let server = Self { port: listener.local_addr().unwrap().port(), mails: Arc::default() };
        let mails = Arc::clone(&server.mails);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(talk(connection, Arc::clone(&mails)));
            }
        });
        server
    }

    pub(crate) async fn wait(&self, count: usize) -> Vec<String> {
        for _ in 0..400 {
            let mails = self.mails.lock().unwrap().clone();
            if mails.len() >= count {
                return mails;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not {count} mails within 20 s");
    }
}

async fn talk(connection: TcpStream, mails: Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
    let mut connection = BufReader::new(connection);
    connection.write_all(b"220 test\r\n").await?;
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let answer: &[u8] = match line.get(..4).unwrap_or_default() {
            "EHLO" => b"250-test\r\n250 8BITMIME\r\n",
            "DATA" => {
                connection.write_all(b"354 go on\r\n").await?;
                let mut mail = String::new();
                while !mail.ends_with("\r\n.\r\n") {
                    connection.read_line(&mut mail).await?;
                }
                mails.lock().unwrap().push(mail);
                b"250 2.0.0 queued as 1\r\n"
            }
            "QUIT" => b"221 bye\r\n",
            _ => b"250 ok\r\n",
        };
        connection.write_all(answer).await?;
    }
}
