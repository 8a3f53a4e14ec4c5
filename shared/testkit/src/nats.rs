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

use crate::ports::free_port;

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
    port: u16,
    settings: String,
    child: Option<Child>,
}

const READY_MAX: Duration = Duration::from_secs(10);

impl NatsServer {
    /// Starts a server that syncs every write, on a free port of the loopback interface.
    ///
    /// # Errors
    /// `NotInstalled` says where it was looked for.
    pub async fn start() -> Result<Self, ServerError> {
        Self::start_with("").await
    }

    /// The same with more lines in its configuration, for example users.
    ///
    /// # Errors
    /// Those of [`Self::start`]; `NotReady` shows what the server says about the lines.
    pub async fn start_with(settings: &str) -> Result<Self, ServerError> {
        let (program, folder) = (find_program()?, TempDir::new()?);
        let mut server = Self { program, folder, port: free_port(), settings: settings.to_owned(), child: None };
        // Another test may have taken the port since.
        for _ in 0..3 {
            match server.launch().await {
                Err(ServerError::NotReady(log)) if log.contains("address already in use") => server.port = free_port(),
                launched => return launched.map(|()| server),
            }
        }
        server.launch().await?;
        Ok(server)
    }

    /// Starts a cluster of `nodes` servers. Its leaders are elected in the seconds after.
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub async fn start_cluster(nodes: u16, settings: &str) -> Result<Vec<Self>, ServerError> {
        let routes: Vec<u16> = (0..nodes).map(|_| free_port()).collect();
        let list = routes.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect::<Vec<_>>().join(", ");
        let mut servers = Vec::new();
        for (node, port) in routes.iter().enumerate() {
            let cluster = format!(
                "server_name: node-{node}\n\
                 cluster {{ name: test, listen: \"127.0.0.1:{port}\", routes: [{list}], no_advertise: true }}\n{settings}"
            );
            servers.push(Self::start_with(&cluster).await?);
        }
        Ok(servers)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Where it keeps its configuration, its log and its streams.
    pub fn folder(&self) -> &Path {
        self.folder.path()
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
        let text = format!(
            "listen: \"127.0.0.1:{port}\"\n\
             jetstream {{ store_dir: \"{dir}/store\", sync_interval: always, max_file_store: 64GB }}\n{settings}",
            settings = self.settings,
            port = self.port,
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
        self.child = Some(child);
        let deadline = Instant::now() + READY_MAX;
        loop {
            let ended = self.child.as_mut().is_some_and(|c| matches!(c.try_wait(), Ok(Some(_)) | Err(_)));
            if ended || Instant::now() > deadline {
                let log = fs::read_to_string(folder.join("nats.log")).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(5).collect();
                return Err(ServerError::NotReady(tail.into_iter().rev().collect::<Vec<_>>().join(" | ")));
            }
            if answers(self.port).await {
                return Ok(());
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
