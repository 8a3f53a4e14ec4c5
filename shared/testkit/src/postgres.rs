//! A real Postgres server, alone on its own port and folder.

use std::fs;
use std::io;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::ports::free_port;

/// Where Debian and others keep the server's programs, the newest version last.
const HOMES: [&str; 2] = ["/usr/lib/postgresql", "/usr/local/pgsql"];

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// There are no such programs.
    #[error("no Postgres: looked at FIN_POSTGRES_BIN, PATH and /usr/lib/postgresql; `make setup` installs it")]
    NotInstalled,
    /// One of them could not be run, or the folder not be written.
    #[error("Postgres cannot be started")]
    Io(#[from] io::Error),
    /// One of them failed.
    #[error("Postgres does not start: {0}")]
    NotReady(String),
}

/// A running Postgres server; stopped and its folder removed when dropped. It syncs nothing: only a crash of the machine
/// would lose what it has acknowledged.
pub struct PostgresServer {
    programs: PathBuf,
    folder: TempDir,
    owner: Option<(u32, u32)>,
    port: u16,
}

impl PostgresServer {
    /// The user that owns everything.
    pub const USER: &str = "fin";
    /// Its password; the server lets nobody in without.
    pub const PASSWORD: &str = "hush: a pass/word@with?signs";

    /// Starts a server with an empty database on a free port of the loopback interface.
    ///
    /// # Errors
    /// `NotInstalled` says where it was looked for.
    pub fn start() -> Result<Self, PostgresError> {
        let programs = find_programs()?;
        let (folder, owner) = (TempDir::new()?, unprivileged()?);
        if let Some((user, group)) = owner {
            chown(folder.path(), Some(user), Some(group))?;
        }
        let mut server = Self { programs, folder, owner, port: free_port() };
        let password = server.folder.path().join("password");
        fs::write(&password, Self::PASSWORD)?;
        if let Some((user, group)) = server.owner {
            chown(&password, Some(user), Some(group))?;
        }
        let user = format!("--username={}", Self::USER);
        let pwfile = format!("--pwfile={}", password.display());
        server.run(
            "initdb",
            &["--auth=scram-sha-256", &user, &pwfile, "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-D", "data"],
        )?;
        // Another test may have taken the port since.
        for _ in 0..3 {
            match server.launch() {
                Err(PostgresError::NotReady(log)) if log.contains("could not create any TCP/IP sockets") => {
                    server.port = free_port();
                }
                launched => return launched.map(|()| server),
            }
        }
        server.launch().map(|()| server)
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// There is one of this name.
    pub fn create(&self, database: &str) -> Result<(), PostgresError> {
        self.run("createdb", &["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", Self::USER, database])
    }

    /// The address of a database, without the password.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{}@127.0.0.1:{}/{database}?sslmode=disable", Self::USER, self.port)
    }

    /// Makes a file that holds the password, for `*_file` keys.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn password_file(&self) -> io::Result<PathBuf> {
        let path = self.folder.path().join("password_file");
        fs::write(&path, format!("{}\n", Self::PASSWORD))?;
        Ok(path)
    }

    /// Ends it as a crash would, every connection with it.
    ///
    /// # Errors
    /// It cannot be stopped.
    pub fn stop(&mut self) -> Result<(), PostgresError> {
        self.run("pg_ctl", &["stop", "-D", "data", "-m", "immediate", "-s"])
    }

    /// Starts it again on the same port and folder.
    ///
    /// # Errors
    /// It does not start.
    pub fn launch(&mut self) -> Result<(), PostgresError> {
        let settings = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories='' -c fsync=off -c shared_buffers=16MB \
             -c max_wal_size=256MB -c max_connections=40 -c max_prepared_transactions=0",
            self.port
        );
        self.run("pg_ctl", &["start", "-D", "data", "-w", "-s", "-l", "log", "-o", &settings])
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<(), PostgresError> {
        let mut command = Command::new(self.programs.join(program));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        // The server inherits them from pg_ctl: a pipe would stay open as long as it runs.
        let told = fs::File::create(self.folder.path().join("told"))?;
        command.stdout(Stdio::null()).stderr(told).env("LC_ALL", "C.UTF-8").env("PGPASSWORD", Self::PASSWORD);
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        if command.status()?.success() {
            return Ok(());
        }
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        let lines = format!("{}{}", read("told"), read("log"));
        let tail: Vec<&str> = lines.lines().rev().take(6).collect();
        Err(PostgresError::NotReady(tail.into_iter().rev().collect::<Vec<_>>().join(" | ")))
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // Fails only if it has ended already, which is what is wanted.
        let _ = self.stop();
    }
}

/// The user that runs the server where this process is root, which the server refuses to be.
fn unprivileged() -> io::Result<Option<(u32, u32)>> {
    use std::os::unix::fs::MetadataExt as _;
    if fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let id_of = |name: &str| {
        let fields: Vec<&str> = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|f| f[0] == name)?;
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    Ok(id_of("postgres").or_else(|| id_of("nobody")))
}

fn find_programs() -> Result<PathBuf, PostgresError> {
    let named = std::env::var_os("FIN_POSTGRES_BIN").map(PathBuf::from);
    let on_path =
        std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let mut installed: Vec<PathBuf> = HOMES
        .iter()
        .filter_map(|home| fs::read_dir(home).ok())
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .collect();
    installed.sort();
    named
        .into_iter()
        .chain(on_path)
        .chain(installed.into_iter().rev())
        .find(|folder: &PathBuf| has_programs(folder))
        .ok_or(PostgresError::NotInstalled)
}

fn has_programs(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres", "createdb"].iter().all(|program| folder.join(program).is_file())
}
