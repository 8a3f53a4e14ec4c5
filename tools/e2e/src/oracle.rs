//! Asks the oracle: a Python program of its own, see `tools/e2e/oracle/README.md`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::suite::Suite;

/// Writes the session's files to `folder` and lets the oracle judge them.
pub async fn judge(suite: &Suite, strategy: &Value, folder: &Path) -> anyhow::Result<Value> {
    std::fs::create_dir_all(folder)?;
    let date = suite.sim("/session").await?["session_date"].as_str().context("session_date")?.to_owned();
    std::fs::write(folder.join("session.json"), suite.sim("/session").await?.to_string())?;
    for name in ["trades.csv", "daily.csv", "opening.csv"] {
        std::fs::write(folder.join(name), suite.sim_text(&format!("/session/{name}?date={date}")).await?)?;
    }
    std::fs::write(folder.join("orders.json"), suite.sim("/orders").await?.to_string())?;
    std::fs::write(folder.join("strategy.json"), strategy.to_string())?;
    let path = |name: &str| folder.join(name).display().to_string();
    let output = Command::new("python3")
        .arg(program())
        .args([
            "--session",
            &folder.display().to_string(),
            "--strategy",
            &path("strategy.json"),
            "--orders",
            &path("orders.json"),
        ])
        .output()
        .context("python3")?;
    ensure!(output.status.success(), "oracle: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle/oracle.py")
}
