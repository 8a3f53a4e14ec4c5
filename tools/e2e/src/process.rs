//! Programs of this workspace as child processes.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

/// A running program; killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
}

impl Process {
    /// Starts `program` with its output in `folder/<name>.log` (appended).
    pub fn start(program: &Path, name: &str, environment: &[(String, String)], folder: &Path) -> anyhow::Result<Self> {
        let log = log_file(folder, name)?;
        let mut command = Command::new(program);
        command.envs(environment.iter().cloned()).stdin(Stdio::null());
        let started = command.stdout(log.try_clone()?).stderr(log).spawn();
        let child = started.with_context(|| format!("start {}", program.display()))?;
        Ok(Self { name: name.to_owned(), child })
    }

    /// Starts `program` and waits for its first line on stdout.
    pub fn start_and_read_line(program: &Path, arguments: &[String], folder: &Path) -> anyhow::Result<(Self, String)> {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null());
        let started = command.stdout(Stdio::piped()).stderr(log_file(folder, &name)?).spawn();
        let mut child = started.with_context(|| format!("start {}", program.display()))?;
        let stdout = child.stdout.take().context("no stdout")?;
        let process = Self { name, child };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        if line.trim().is_empty() {
            bail!("{0} said nothing; see {1}/{0}.log", process.name, folder.display());
        }
        Ok((process, line))
    }

    /// Ends the process at once, as a power cut would.
    pub fn kill9(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks the process to end and waits for it; the exit code, or `None` when it had to be killed.
    pub fn terminate(&mut self, within: Duration) -> Option<i32> {
        let asked = signal(self.pid(), "TERM");
        let since = Instant::now();
        while asked.is_ok() && since.elapsed() < within {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.kill9();
        None
    }

    /// The exit code, once it has ended by itself.
    pub fn ended(&mut self) -> Option<i32> {
        self.child.try_wait().ok().flatten().and_then(|status| status.code())
    }

    /// The program's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
    }
}

/// Where cargo put the programs of this workspace.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let found = here.ancestors().skip(1).take(3).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.with_context(|| format!("{name} is not built; `cargo build --release --workspace --bins` first"))
}

/// Sends a signal by its name (`TERM`, `STOP`, `CONT`).
pub fn signal(pid: u32, name: &str) -> anyhow::Result<()> {
    let status = Command::new("kill").args([format!("-{name}"), pid.to_string()]).stderr(Stdio::null()).status()?;
    ensure!(status.success(), "SIG{name} could not be sent to {pid}");
    Ok(())
}

fn log_file(folder: &Path, program: &str) -> anyhow::Result<File> {
    Ok(File::options().create(true).append(true).open(folder.join(format!("{program}.log")))?)
}
