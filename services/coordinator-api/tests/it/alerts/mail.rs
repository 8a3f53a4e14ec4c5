//! A mail server on a free port that speaks as much SMTP as a client needs, and keeps the mails.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data_encoding::BASE64;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How connections are protected.
#[derive(Clone)]
pub(crate) enum Protection {
    None,
    Starttls(TlsAcceptor),
    Tls(TlsAcceptor),
}

/// What the server keeps.
#[derive(Default)]
struct Kept {
    mails: Vec<String>,
    logins: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct MailServer {
    pub(crate) port: u16,
    kept: Arc<Mutex<Kept>>,
}

impl MailServer {
    pub(crate) async fn start(protection: Protection) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { port: listener.local_addr().unwrap().port(), kept: Arc::default() };
        let accepting = server.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (server, protection) = (accepting.clone(), protection.clone());
                tokio::spawn(async move { server.serve(connection, protection).await });
            }
        });
        server
    }

    pub(crate) fn mails(&self) -> Vec<String> {
        self.kept.lock().unwrap().mails.clone()
    }

    /// Who logged in, as `\0user\0password`.
    pub(crate) fn logins(&self) -> Vec<String> {
        self.kept.lock().unwrap().logins.clone()
    }

    pub(crate) async fn wait(&self, count: usize) -> Vec<String> {
        for _ in 0..400 {
            let mails = self.mails();
            if mails.len() >= count {
                return mails;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not {count} mails within 20 s");
    }

    async fn serve(&self, mut connection: TcpStream, protection: Protection) -> std::io::Result<()> {
        match protection {
            Protection::None => {
                connection.write_all(b"220 test\r\n").await?;
                self.talk(connection, "AUTH PLAIN").await?;
            }
            Protection::Tls(acceptor) => {
                let mut connection = acceptor.accept(connection).await?;
                connection.write_all(b"220 test\r\n").await?;
                self.talk(connection, "AUTH PLAIN").await?;
            }
            Protection::Starttls(acceptor) => {
                connection.write_all(b"220 test\r\n").await?;
                if let Some(connection) = self.talk(connection, "STARTTLS").await? {
                    self.talk(acceptor.accept(connection).await?, "AUTH PLAIN").await?;
                }
            }
        }
        Ok(())
    }

    /// Answers until the client goes, or asks for TLS: then the connection comes back.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(&self, connection: S, offer: &str) -> std::io::Result<Option<S>> {
        let mut connection = BufReader::new(connection);
        loop {
            let mut line = String::new();
            if connection.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            let answer = match line.get(..4).unwrap_or_default() {
                "EHLO" => format!("250-test\r\n250-8BITMIME\r\n250 {offer}\r\n"),
                "STAR" => {
                    connection.write_all(b"220 go on\r\n").await?;
                    return Ok(Some(connection.into_inner()));
                }
                "AUTH" => self.log_in(&line),
                "DATA" => {
                    connection.write_all(b"354 go on\r\n").await?;
                    let mut mail = String::new();
                    while !mail.ends_with("\r\n.\r\n") {
                        connection.read_line(&mut mail).await?;
                    }
                    self.kept.lock().unwrap().mails.push(mail);
                    "250 2.0.0 queued as 1\r\n".to_owned()
                }
                "QUIT" => "221 bye\r\n".to_owned(),
                _ => "250 ok\r\n".to_owned(),
            };
            connection.write_all(answer.as_bytes()).await?;
        }
    }

    fn log_in(&self, line: &str) -> String {
        let words = line.trim().rsplit(' ').next().unwrap();
        let login = String::from_utf8(BASE64.decode(words.as_bytes()).unwrap()).unwrap();
        let welcome = !login.ends_with("wrong");
        self.kept.lock().unwrap().logins.push(login);
        if welcome { "235 welcome\r\n" } else { "535 5.7.8 who are you\r\n" }.to_owned()
    }
}

/// An authority's certificate in `ca.crt` of the folder, and a server's of it for `localhost`.
pub(crate) fn certificate() -> (TempDir, TlsAcceptor) {
    let folder = TempDir::new().unwrap();
    openssl(folder.path(), "-keyout ca.key -out ca.crt -subj /CN=authority -addext keyUsage=critical,keyCertSign");
    openssl(
        folder.path(),
        "-CA ca.crt -CAkey ca.key -keyout tls.key -out tls.crt -subj /CN=localhost -addext subjectAltName=DNS:localhost \
         -addext basicConstraints=critical,CA:FALSE",
    );
    let chain = CertificateDer::pem_file_iter(folder.path().join("tls.crt")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(folder.path().join("tls.key")).unwrap();
    chassis::tls::install_provider();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    (folder, TlsAcceptor::from(Arc::new(config)))
}

fn openssl(folder: &Path, words: &str) {
    let common = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
    let arguments = common.split(' ').chain(words.split_whitespace());
    let done = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
