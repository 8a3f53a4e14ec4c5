//! What the repository keeps of the command's own words equals what it says today.
//!
//! `FIN_WRITE_REFERENCE=1` writes the files instead of comparing them: `make reference`.

use std::path::Path;
use std::process::Command;

const LIVE: [(&str, &str); 2] = [("FIN__PROFILE", "prod"), ("FIN__CONFIRM_LIVE", "true")];

#[test]
fn commands_are_as_documented() {
    let mut text = String::from("# Commands\n\nMade by `make reference` from `fin --help`.\n");
    describe(&[], &mut text);
    check("docs/reference/commands.md", &text);
}

#[test]
fn bus_is_as_documented() {
    let exported = fin(&["topology", "export", "--format", "markdown"], &[]);
    check("docs/reference/bus.md", &format!("# The bus\n\nMade by `make reference` from shared/bus.\n\n{exported}"));
}

#[test]
fn bus_users_are_those_that_containers_are_given() {
    let exported = fin(&["topology", "export", "--format", "nats"], &[]);
    let note =
        "# Who may do what on the bus. Made by `make reference` from shared/bus; passwords come from the environment.";
    check("config/nats/users.conf", &format!("{note}\n{exported}"));
}

#[test]
fn nack_resources_are_the_topology_of_a_cluster() {
    let exported = fin(&["topology", "export", "--format", "nack"], &LIVE);
    let note = "# Streams, consumers and buckets for the NACK controller. Made by `make reference` from shared/bus.";
    check("k8s/components/nack/topology.yaml", &format!("{note}\n{exported}"));
}

#[test]
fn schemas_are_those_that_editors_are_given() {
    check("config/schema/config.schema.json", &fin(&["config", "schema"], &[]));
    check("config/schema/strategy.schema.json", &fin(&["config", "schema", "--strategy"], &[]));
}

/// Appends the help of `path` and of every command below it.
fn describe(path: &[&str], text: &mut String) {
    let help = fin(&[path, &["--help"]].concat(), &[]);
    let lines: Vec<_> = help.lines().map(str::trim_end).collect();
    text.push_str(
        &format!("\n## fin {}\n\n```text\n{}\n```\n", path.join(" "), lines.join("\n").trim())
            .replace("fin \n", "fin\n"),
    );
    let listed = help.split_once("Commands:\n").map_or("", |(_, after)| after);
    let names = listed
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    for name in names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        describe(&[path, &[name]].concat(), text);
    }
}

fn fin(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fin"));
    command.env_remove("FIN__PROFILE").env_remove("FIN_CONFIG_DIR").envs(environment.iter().copied());
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "fin {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn check(file: &str, now: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    if std::env::var_os("FIN_WRITE_REFERENCE").is_some() {
        std::fs::write(&path, now).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == now, "{file} is out of date: run `make reference`");
}
