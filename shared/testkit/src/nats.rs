//! A real nats-server with JetStream, alone on its own port and folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// There is no such program.
    #[error(
        "no nats-server: looked at FIN_NATS_SERVER, PATH and {venv}; `make setup` installs it",
        venv = .0.display()
    )]
    NotInstalled(PathBuf),
    /// It could not be run, or its folder not be written.
    #[error("nats-server cannot be started")]
    Io(#[from] io::Error),
    /// It ended or stayed silent.
    #[error("nats-server did not answer: {0}")]
    NotReady(String),
}

/// A running nats-server; stopped and its folder removed when dropped.
pub struct NatsServer {
    program: PathBuf,
    folder: TempDir,
    port: Option<u16>,
    child: Option<Child>,
}

const READY_MAX: Duration = Duration::from_secs(10);

impl NatsServer {
    /// Starts a server that syncs every write, on a free port of the loopback interface.
    ///
    /// # Errors
    /// `NotInstalled` says where it was looked for.
    pub async fn start() -> Result<Self, ServerError> {
        let mut server = Self { program: find_program()?, folder: TempDir::new()?, port: None, child: None };
        server.launch().await?;
        Ok(server)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port.unwrap_or_default())
    }

    /// Process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Kills it without warning, as a crash would; what was acknowledged is on disk.
    pub fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Fails only if it has ended already, which is what is wanted.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again on the same port and folder; kills it first if it runs.
    pub async fn restart(&mut self) -> Result<(), ServerError> {
        self.kill9();
        self.launch().await
    }

    async fn launch(&mut self) -> Result<(), ServerError> {
        let folder = self.folder.path();
        let config = folder.join("nats.conf");
        // Port -1: the server picks a free one and writes it down, so that two tests never fight for one.
        let port = self.port.map_or_else(|| "-1".to_owned(), |p| p.to_string());
        let text = format!(
            "listen: \"127.0.0.1:{port}\"\nports_file_dir: \"{dir}\"\n\
             jetstream {{ store_dir: \"{dir}/store\", sync_interval: always, max_file_store: 64GB }}\n",
            dir = folder.display()
        );
        fs::write(&config, text)?;
        let log = fs::File::create(folder.join("nats.log"))?;
        let child = Command::new(&self.program)
            .arg("-c")
            .arg(&config)
            .env("GOMEMLIMIT", "512MiB")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let ports = folder.join(format!("nats-server_{}.ports", child.id()));
        self.child = Some(child);
        let deadline = Instant::now() + READY_MAX;
        loop {
            if let Some(port) = read_port(&ports).or(self.port)
                && answers(port).await
            {
                self.port = Some(port);
                return Ok(());
            }
            let ended = self.child.as_mut().is_some_and(|c| matches!(c.try_wait(), Ok(Some(_)) | Err(_)));
            if ended || Instant::now() > deadline {
                let log = fs::read_to_string(folder.join("nats.log")).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(5).collect();
                return Err(ServerError::NotReady(tail.into_iter().rev().collect::<Vec<_>>().join(" | ")));
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill9();
    }
}

fn find_program() -> Result<PathBuf, ServerError> {
    if let Some(path) = std::env::var_os("FIN_NATS_SERVER") {
        return Ok(path.into());
    }
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/venv/bin/nats-server");
    let on_path = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|p| std::env::split_paths(&p).collect::<Vec<_>>())
        .map(|dir| dir.join("nats-server"));
    on_path.chain([installed.clone()]).find(|p| p.is_file()).ok_or(ServerError::NotInstalled(installed))
}

fn read_port(ports: &Path) -> Option<u16> {
    let text = fs::read_to_string(ports).ok()?;
    let (_, after) = text.split_once("nats://")?;
    let (address, _) = after.split_once('"')?;
    address.rsplit_once(':')?.1.parse().ok()
}

/// True when the server greets, which it does once JetStream has recovered its files.
async fn answers(port: u16) -> bool {
    let greeting = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let mut greeting = [0; 4];
        stream.read_exact(&mut greeting).await?;
        io::Result::Ok(greeting)
    };
    matches!(timeout(Duration::from_secs(1), greeting).await, Ok(Ok(greeting)) if &greeting == b"INFO")
}
