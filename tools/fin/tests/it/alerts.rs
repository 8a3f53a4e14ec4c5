//! `fin alerts test` against a server that knows one path, and `fin config` on what it was configured with.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

const SECRET: &str = "T0K-secret-4711";

fn fin(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fin"));
    let set = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("FIN_"));
    set.for_each(|name| {
        command.env_remove(name);
    });
    let output = command.args(arguments).envs(environment.iter().copied()).output().unwrap();
    for text in [&output.stdout, &output.stderr] {
        let text = String::from_utf8_lossy(text);
        assert!(!text.contains(SECRET), "the secret is told: {text}");
    }
    output
}

/// Answers 200 on the path of the bot, and else 404 with the path; its address.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().flatten().for_each(|connection| answer(&connection)));
    format!("http://{address}")
}

fn answer(mut connection: &TcpStream) {
    let mut reader = BufReader::new(connection);
    let (mut request, mut length) = (String::new(), 0);
    reader.read_line(&mut request).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let path = request.split(' ').nth(1).unwrap();
    let known = path == format!("/bot{SECRET}/sendMessage") && body.starts_with(b"{\"chat_id\":\"-42\"");
    let (status, said) = if known { ("200 OK", "{}".to_owned()) } else { ("404 Not Found", format!("no {path}")) };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", said.len());
    connection.write_all((head + &said).as_bytes()).unwrap();
}

/// A folder of configuration with a bot that is there and a hook that is not.
fn folder(base: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let targets = json!([
        { "name": "phone", "kind": "telegram", "token_file": file("token", SECRET), "chat_id": "-42", "api_url": base },
        { "name": "desk", "kind": "slack", "url_file": file("hook", &format!("{base}/hooks/{SECRET}")) },
    ]);
    file("default.yaml", &json!({ "alerts": { "targets": targets } }).to_string());
    folder
}

#[test]
fn each_target_says_whether_it_took_the_message_and_no_secret_shows() {
    let folder = folder(&server());
    let config = folder.path().to_str().unwrap();
    let output = fin(&["alerts", "test", "--config", config, "--json"], &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = json!([
        { "target": "phone", "kind": "telegram", "delivered": true, "answer": "HTTP 200 OK" },
        { "target": "desk", "kind": "slack", "delivered": false, "answer": "HTTP 404 Not Found: no ***" },
    ]);
    assert_eq!(told, expected);
    assert_eq!(fin(&["alerts", "test", "--config", config, "--target", "phone"], &[]).status.code(), Some(0));
    let nobody = fin(&["alerts", "test", "--config", config, "--target", "nobody"], &[]);
    assert_eq!(nobody.status.code(), Some(3), "{nobody:?}");

    let shown = fin(&["config", "show", "--config", config, "--service", "coordinator-api"], &[]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("alerts.targets.0.token_file"), "{shown}");
}

#[test]
fn targets_may_stand_in_the_environment() {
    let folder = folder(&server());
    let hook = folder.path().join("hook").to_str().unwrap().to_owned();
    let targets = format!("[{{name=desk, kind=slack, url_file={hook:?}, events=[errors]}}]");
    let output = fin(&["alerts", "test", "--json"], &[("FIN__ALERTS__TARGETS", &targets)]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told[0]["answer"], "HTTP 404 Not Found: no ***");
}
