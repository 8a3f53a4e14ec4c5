//! The bus of a suite on one machine: a `nats-server` child process.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// A running server. Stopped when dropped.
#[derive(Debug)]
pub(super) struct NatsServer {
    child: Child,
    address: SocketAddr,
}

const START_WITHIN: Duration = Duration::from_secs(10);
const STOP_WITHIN: Duration = Duration::from_secs(10);

impl NatsServer {
    /// Starts a server on a free loopback port with its files under `folder`.
    pub(super) fn start(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let config = folder.join("nats.conf");
        std::fs::write(&config, configuration(address, folder))
            .with_context(|| format!("cannot write {}", config.display()))?;
        let log = std::fs::File::create(folder.join("nats.log"))?;
        let server = find_program()?;
        let mut command = die_with_us(&server);
        command.arg("-c").arg(&config).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // a group of its own, so that Ctrl-C reaches the services first and the bus last
        let child = command.process_group(0).spawn().with_context(|| format!("cannot start {}", server.display()))?;
        let mut running = Self { child, address };
        running.wait_until_listening(folder)?;
        Ok(running)
    }

    pub(super) fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    fn wait_until_listening(&mut self, folder: &Path) -> anyhow::Result<()> {
        let since = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("nats-server ended at once ({status}); see {}", folder.join("nats.log").display());
            }
            if since.elapsed() > START_WITHIN {
                bail!("nats-server does not listen on {} after {START_WITHIN:?}", self.address);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn stop(&mut self) {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().is_ok_and(|s| s.success());
        let since = Instant::now();
        while asked && since.elapsed() < STOP_WITHIN {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the streams may grow to altogether. It is no reason to refuse a start that a disk has less: the server would take
/// three quarters of what is free for its limit, and a trial run fills little of it.
const STORE_MAX: &str = "64GB";

fn configuration(address: SocketAddr, folder: &Path) -> String {
    format!(
        "server_name: fin-up\nlisten: \"{address}\"\njetstream {{\n  store_dir: \"{}\"\n  sync_interval: always\n  \
         max_file_store: {STORE_MAX}\n}}\n",
        folder.join("store").display()
    )
}

/// `nats-server` under a wrapper that kills it when this process dies, where the system has one.
fn die_with_us(server: &Path) -> Command {
    match find_on_path("setpriv") {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL"]).arg(server);
            command
        }
        None => Command::new(server),
    }
}

fn find_program() -> anyhow::Result<PathBuf> {
    let named = std::env::var_os("FIN_NATS_SERVER").map(PathBuf::from);
    let installed = || {
        let beside = std::env::current_exe().ok()?.ancestors().nth(3)?.join(".tools/venv/bin/nats-server");
        let here = PathBuf::from(".tools/venv/bin/nats-server");
        [beside, here].into_iter().find(|p| p.is_file())
    };
    named
        .or_else(|| find_on_path("nats-server"))
        .or_else(installed)
        .context("nats-server is not on PATH; `make setup` installs it, or name it in FIN_NATS_SERVER")
}

fn find_on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|p| p.is_file())
}
