//! A way to a server that lets through exactly so many messages and not one byte more.
//!
//! It stands between the executor's process and the bus, or the broker, and reads what the executor sends message by
//! message. At the first one that is looked for it stops, or becomes deaf; the test then kills the process at that
//! very point.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

/// What happens at the message that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// It goes through like any other.
    Pass,
    /// It waits, and everything behind it.
    Stop,
    /// It goes through; from then on nothing comes back, on no connection.
    Deafen,
}

/// Which messages are looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted {
    /// What is published on a subject that begins so.
    Subject(&'static str),
    /// HTTP requests whose first line begins so.
    Request(&'static str),
}

pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    at: watch::Sender<At>,
    met: mpsc::Receiver<Vec<u8>>,
}

struct Rules {
    server: String,
    wanted: Wanted,
    at: watch::Receiver<At>,
    met: mpsc::Sender<Vec<u8>>,
    deaf: watch::Sender<bool>,
}

impl Door {
    /// A door to `server` (`host:port`).
    pub(crate) async fn to(server: String, wanted: Wanted, at: At) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (at, watching) = watch::channel(at);
        let (sender, met) = mpsc::channel(1_000);
        let rules = Rules { server, wanted, at: watching, met: sender, deaf: watch::Sender::new(false) };
        tokio::spawn(serve(listener, Arc::new(rules)));
        Self { address, at, met }
    }

    /// The next message that was looked for, whole. It has gone through unless it was to stop.
    pub(crate) async fn met(&mut self) -> Vec<u8> {
        self.met.recv().await.unwrap()
    }

    /// What happens from now on; what waits goes through when this is [`At::Pass`].
    pub(crate) fn set(&self, at: At) {
        self.at.send_replace(at);
    }
}

async fn serve(listener: TcpListener, rules: Arc<Rules>) {
    while let Ok((client, _)) = listener.accept().await {
        let rules = Arc::clone(&rules);
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(&rules.server).await else { return };
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::select! {
                () = carry(from_client, to_server, &rules) => {}
                () = return_answers(from_server, to_client, rules.deaf.subscribe()) => {}
            }
        });
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, rules: &Rules) {
    let (mut waiting, mut raw) = (Vec::new(), false);
    loop {
        while let Some((length, is_wanted)) = rules.wanted.first_message(&waiting, &mut raw) {
            let message: Vec<u8> = waiting.drain(..length).collect();
            let at = *rules.at.borrow();
            if is_wanted && at == At::Deafen {
                rules.deaf.send_replace(true);
            }
            let stopped = is_wanted && at == At::Stop;
            if stopped {
                let _ = rules.met.try_send(message.clone());
                // An error means that the test is over.
                if rules.at.clone().wait_for(|at| *at == At::Pass).await.is_err() {
                    return;
                }
            }
            if to.write_all(&message).await.is_err() {
                return;
            }
            if is_wanted && !stopped {
                let _ = rules.met.try_send(message);
            }
        }
        match from.read_buf(&mut waiting).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
    }
}

async fn return_answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, deaf: watch::Receiver<bool>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if *deaf.borrow() {
            continue;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

impl Wanted {
    /// Length of the first whole message in `bytes`, and whether it is looked for. `raw` is the connection's memory of
    /// having left HTTP.
    fn first_message(self, bytes: &[u8], raw: &mut bool) -> Option<(usize, bool)> {
        if bytes.is_empty() {
            return None;
        }
        let end_of = |mark: &[u8]| bytes.windows(mark.len()).position(|at| at == mark).map(|at| at + mark.len());
        match self {
            Self::Subject(prefix) => {
                let line = end_of(b"\r\n")?;
                let head = String::from_utf8_lossy(&bytes[..line - 2]).into_owned();
                let mut words = head.split_ascii_whitespace();
                if !words.next().is_some_and(|verb| verb == "PUB" || verb == "HPUB") {
                    return Some((line, false));
                }
                let is_wanted = words.next().is_some_and(|subject| subject.starts_with(prefix));
                let payload: usize = words.next_back().unwrap().parse().unwrap();
                let length = line + payload + 2;
                (bytes.len() >= length).then_some((length, is_wanted))
            }
            Self::Request(_) if *raw => Some((bytes.len(), false)),
            Self::Request(prefix) => {
                let line = end_of(b"\r\n\r\n")?;
                let head = String::from_utf8_lossy(&bytes[..line]).to_ascii_lowercase();
                *raw = head.contains("\r\nupgrade: websocket");
                let field = head.lines().find_map(|line| line.strip_prefix("content-length:"));
                let body: usize = field.map_or(0, |text| text.trim().parse().unwrap());
                let is_wanted = bytes.starts_with(prefix.as_bytes());
                (bytes.len() >= line + body).then_some((line + body, is_wanted))
            }
        }
    }
}

#[test]
fn messages_are_told_apart_to_the_byte() {
    let check = |wanted: Wanted, bytes: &str, expected: Option<(usize, bool)>| {
        assert_eq!(wanted.first_message(bytes.as_bytes(), &mut false), expected, "{bytes:?}");
    };
    let intents = Wanted::Subject("order.v1.order_intended.");
    check(intents, "PING\r\nPUB", Some((6, false)));
    check(intents, "HPUB order.v1.order_intended.a _INBOX.b 4 6\r\nabcdef\r", None);
    check(intents, "HPUB order.v1.order_intended.a _INBOX.b 4 6\r\nabcdef\r\nPING", Some((53, true)));
    check(intents, "PUB risk.v1.plan_approved.a 2\r\nab\r\n", Some((35, false)));
    let orders = Wanted::Request("POST /v2/orders ");
    check(orders, "POST /v2/orders HTTP/1.1\r\nContent-Length: 2\r\n\r\n{", None);
    check(orders, "POST /v2/orders HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}GET", Some((49, true)));
    check(orders, "GET /v2/orders HTTP/1.1\r\n\r\n", Some((27, false)));
}
