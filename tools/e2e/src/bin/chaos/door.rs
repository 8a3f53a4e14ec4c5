//! A door between one replica and the bus: a TCP proxy that can be shut, fall silent or become slow.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// What happens to what passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It passes.
    Open,
    /// Connections are cut and new ones refused.
    Shut,
    /// Connections stand and carry nothing; when the door opens again they are cut, as a firewall that forgot them does.
    Silent,
    /// Everything comes late by so much.
    Slow(Duration),
}

/// One replica's way to the bus.
pub(crate) struct Door {
    address: SocketAddr,
    state: watch::Sender<State>,
    serving: JoinHandle<()>,
}

impl Door {
    /// Opens a door to the servers on `ports` of the loopback; each connection tries them in turn.
    pub(crate) async fn open(ports: Vec<u16>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", testkit::free_port())).await?;
        let address = listener.local_addr()?;
        let (state, watching) = watch::channel(State::Open);
        let serving = tokio::spawn(serve(listener, Arc::new(ports), watching));
        Ok(Self { address, state, serving })
    }

    /// The bus's address, seen from the replica.
    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Changes what happens from now on.
    pub(crate) fn set(&self, state: State) {
        self.state.send_replace(state);
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, ports: Arc<Vec<u16>>, state: watch::Receiver<State>) {
    let turn = AtomicUsize::new(0);
    while let Ok((client, _)) = listener.accept().await {
        if *state.borrow() == State::Shut {
            continue;
        }
        let first = turn.fetch_add(1, Ordering::Relaxed);
        let (ports, state) = (Arc::clone(&ports), state.clone());
        tokio::spawn(async move {
            if let Some(server) = connect(&ports, first).await {
                carry(client, server, state).await;
            }
        });
    }
}

async fn connect(ports: &[u16], first: usize) -> Option<TcpStream> {
    for at in 0..ports.len() {
        if let Ok(server) = TcpStream::connect(("127.0.0.1", ports[(first + at) % ports.len()])).await {
            return Some(server);
        }
    }
    None
}

async fn carry(client: TcpStream, server: TcpStream, state: watch::Receiver<State>) {
    // A failure only means that there is more delay than need be.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pump(from_client, to_server, state.clone()) => {}
        () = pump(from_server, to_client, state.clone()) => {}
        () = cut(state) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<State>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let now = state.wait_for(|s| *s != State::Silent).await.map(|s| *s);
        if let Ok(State::Slow(delay)) = now {
            sleep(delay).await;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// Returns when the door's state ends the connections that stand.
async fn cut(mut state: watch::Receiver<State>) {
    let mut was_silent = *state.borrow() == State::Silent;
    while state.changed().await.is_ok() {
        match *state.borrow() {
            State::Shut => return,
            State::Silent => was_silent = true,
            State::Open | State::Slow(_) if was_silent => return,
            State::Open | State::Slow(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const BRIEF: Duration = Duration::from_millis(300);

    async fn echo() -> anyhow::Result<u16> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        tokio::spawn(async move {
            while let Ok((mut peer, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = peer.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        Ok(port)
    }

    async fn answers(stream: &mut TcpStream) -> bool {
        let mut answer = [0; 4];
        let asked = stream.write_all(b"PING").await.is_ok();
        asked && matches!(timeout(BRIEF, stream.read_exact(&mut answer)).await, Ok(Ok(_)))
    }

    #[tokio::test]
    async fn a_shut_door_cuts_and_a_silent_one_cuts_when_it_opens() -> anyhow::Result<()> {
        let door = Door::open(vec![testkit::free_port(), echo().await?]).await?;
        let mut stream = TcpStream::connect(door.address).await?;
        assert!(answers(&mut stream).await);
        door.set(State::Shut);
        assert!(!answers(&mut stream).await);
        door.set(State::Open);
        let mut stream = TcpStream::connect(door.address).await?;
        assert!(answers(&mut stream).await);
        door.set(State::Silent);
        assert!(!answers(&mut stream).await);
        door.set(State::Open);
        let ended = timeout(BRIEF, stream.read(&mut [0; 4])).await?;
        assert!(!matches!(ended, Ok(1..)), "what stood in silence is not carried on");
        let mut stream = TcpStream::connect(door.address).await?;
        assert!(answers(&mut stream).await);
        Ok(())
    }
}
