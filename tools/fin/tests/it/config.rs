//! `fin config` on folders that are wrong in one way each, and on one that is right.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const STRATEGY: &str = include_str!("../../../../config/strategy.yaml");

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn fin(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fin"));
    let set = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("FIN_"));
    set.for_each(|name| {
        command.env_remove(name);
    });
    command.arg("config").args(arguments).envs(environment.iter().copied()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What `check --json` of these files says: `line key problem; fix` of each problem.
fn problems(profile: &str, files: &[(&str, &str)], environment: &[(&str, &str)]) -> Vec<String> {
    let folder = folder(files);
    let config = folder.path().to_str().unwrap();
    let output = fin(&["check", "--profile", profile, "--config", config, "--json"], environment);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let listed = answer["problems"].as_array().unwrap();
    assert_eq!(answer["ok"], Value::Bool(listed.is_empty()));
    assert_eq!(output.status.code(), Some(i32::from(!listed.is_empty())), "{answer:#}");
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let one = |p: &Value| {
        let file = text(&p["file"]);
        let file = Path::new(&file).file_name().map_or("-".to_owned(), |name| name.to_string_lossy().into_owned());
        let line = p["line"].as_u64().map_or("-".to_owned(), |line| line.to_string());
        format!("{file}:{line} {}: {}; {}", text(&p["key"]), text(&p["problem"]), text(&p["fix"]))
    };
    listed.iter().map(one).collect()
}

#[test]
fn what_is_shipped_is_accepted_and_an_empty_folder_changes_nothing() {
    assert_eq!(problems("dev", &[], &[]), [""; 0]);
    assert_eq!(problems("dev", &[("strategy.yaml", STRATEGY)], &[]), [""; 0]);
    let output = fin(&["check", "--profile", "dev"], &[]);
    assert_eq!(stdout(&output), "ok: built-in default.yaml, built-in dev.yaml, built-in strategy.yaml\n");
}

#[test]
fn each_kind_of_problem_names_file_line_and_key() {
    let check = |files: &[(&str, &str)], environment: &[(&str, &str)], expected: &str| {
        assert_eq!(problems("dev", files, environment), [expected]);
    };
    check(
        &[("default.yaml", "\ngateway:\n  partitons: 4\n")],
        &[],
        "default.yaml:3 gateway.partitons: is an unknown key; did you mean `partitions`?",
    );
    check(&[("dev.yaml", "ap:\n  listen: x\n")], &[], "dev.yaml:1 ap: is an unknown key; did you mean `api`?");
    check(
        &[("default.yaml", "recorder:\n  linger_ms: soon\n")],
        &[],
        "default.yaml:2 recorder.linger_ms: is string \"soon\", must be u64; -",
    );
    check(
        &[("default.yaml", "api:\n\n  poll_ms: 5\n")],
        &[],
        "default.yaml:3 api.poll_ms: is 5, must be 10 to 1000 ms; -",
    );
    check(
        &[("default.yaml", "gateway:\n  sources:\n    lending:\n    - alpaca\n    - bloomberg\n")],
        &[],
        "default.yaml:5 gateway.sources.lending.1: is `bloomberg`, which it cannot be; known are alpaca, alphavantage, \
         finnhub, yahoo",
    );
    check(
        &[("default.yaml", "vendors:\n  finnhub: {token: abc}\n")],
        &[],
        "default.yaml:2 vendors.finnhub.token: is a secret in a file; name a file by `vendors.finnhub.token_file`, or set \
         FIN__VENDORS__FINNHUB__TOKEN in the environment",
    );
    check(
        &[("default.yaml", "bus:\n  user: planner\n")],
        &[],
        "default.yaml:2 bus.user: is `planner`, which cannot be used: password_file is not set; -",
    );
    check(
        &[("default.yaml", "vendors:\n  alphavantage:\n    key_file: /nowhere/key\n")],
        &[],
        "default.yaml:3 vendors.alphavantage.key_file: names /nowhere/key, which cannot be read: No such file or directory \
         (os error 2); -",
    );
    check(
        &[("default.yaml", "log:\n  level: info\n  level: debug\n")],
        &[],
        "default.yaml:3 log.level: stands here for the second time; -",
    );
    check(
        &[],
        &[("FIN__SCANNER__PARTITIONS", "33")],
        "FIN__SCANNER__PARTITIONS:- scanner.partitions: is 33, must be 1 to 32 partitions; -",
    );
    check(
        &[("strategy.yaml", &STRATEGY.replacen("risk_pct_total: ", "risk_pct_total: 400 # was ", 1))],
        &[],
        &format!(
            "strategy.yaml:{} risk.risk_pct_total: is 400, must be 0 to 20 per cent; -",
            STRATEGY.lines().position(|line| line.contains("  risk_pct_total:")).unwrap() + 1
        ),
    );
    let learned = "learned: {file: none.onnx, sha256: \
                   0000000000000000000000000000000000000000000000000000000000000000} #";
    let text = STRATEGY.replacen("model: weighted", "model: learned", 1).replacen("learned: null", learned, 1);
    let found = problems("dev", &[("strategy.yaml", &text)], &[]);
    let line = text.lines().position(|line| line.contains("none.onnx")).unwrap() + 1;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with(&format!("strategy.yaml:{line} scoring.learned.file: cannot be used: ")), "{found:?}");
}

#[test]
fn problems_of_all_files_are_named_at_once() {
    let files = [
        ("default.yaml", "executor: {calls_max: 0, repairs_max: many}\nplaner: {}\n"),
        ("dev.yaml", "drain: {grace: 3}\n"),
        ("strategy.yaml", "name: Mine\n"),
    ];
    let found = problems("dev", &files, &[("FIN__LOG__FORMAT", "xml")]);
    let keys: BTreeSet<_> = found.iter().filter_map(|p| p.split_once(':')?.0.rsplit(' ').next()).collect();
    assert!(
        keys.is_superset(&BTreeSet::from(["default.yaml", "dev.yaml", "strategy.yaml", "FIN__LOG__FORMAT"])),
        "{found:#?}"
    );
    for expected in [
        "default.yaml:1 executor.calls_max: is 0, must be 1 to 64 calls; -",
        "default.yaml:1 executor.repairs_max: is string \"many\", must be u32; -",
        "default.yaml:2 planer: is an unknown key; did you mean `planner`?",
        "dev.yaml:1 drain.grace: is an unknown key; did you mean `grace_ms`?",
        "strategy.yaml:1 name: is Mine, must be snake_case; -",
        "strategy.yaml:- scan: is missing; -",
    ] {
        assert_eq!(found.iter().filter(|found| *found == expected).count(), 1, "{expected} in {found:#?}");
    }
}

#[test]
fn partitions_on_which_gateway_and_scanner_disagree_are_named_before_anything_starts() {
    let found = problems("dev", &[("default.yaml", "gateway: {partitions: 8}\n")], &[]);
    let told = " scanner.partitions: is 4, must be 8 as gateway.partitions is; -";
    assert!(matches!(&found[..], [one] if one.ends_with(told)), "{found:?}");
    let both = "gateway: {partitions: 8}\nscanner: {partitions: 8}\n";
    assert_eq!(problems("dev", &[("default.yaml", both)], &[]), [""; 0]);
}

#[test]
fn paper_and_prod_name_the_secrets_and_confirmations_that_are_missing() {
    let keys = |profile: &str| -> BTreeSet<String> {
        let found = problems(profile, &[], &[]);
        found.iter().map(|p| p.split_whitespace().find(|word| word.ends_with(':')).unwrap().replace(':', "")).collect()
    };
    let keys_of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let secrets = ["vendors.alpaca.key", "vendors.alpaca.secret", "vendors.finnhub.token"];
    assert_eq!(keys("paper"), keys_of(&secrets));
    let more = ["confirm_live", "executor.account_number", "bus.ca_file"];
    assert_eq!(keys("prod"), keys_of(&[&secrets[..], &more[..]].concat()));
    let given = [
        ("FIN__VENDORS__ALPACA__KEY", "a"),
        ("FIN__VENDORS__ALPACA__SECRET", "b"),
        ("FIN__VENDORS__FINNHUB__TOKEN", "c"),
    ];
    assert_eq!(problems("paper", &[], &given), [""; 0]);
}

#[test]
fn a_profile_or_folder_that_is_not_there_has_its_own_exit_code() {
    assert_eq!(fin(&["check", "--profile", "demo"], &[]).status.code(), Some(2));
    assert_eq!(fin(&["check", "--config", "/nowhere"], &[]).status.code(), Some(3));
}

#[test]
fn show_tells_each_value_and_its_source_and_hides_secrets() {
    let folder = folder(&[("default.yaml", "api:\n  poll_ms: 50\n"), ("token", "hush-file\n")]);
    let (config, token) = (folder.path().to_str().unwrap(), folder.path().join("token"));
    let environment = [
        ("FIN__VENDORS__ALPACA__KEY", "hush-key"),
        ("FIN__VENDORS__FINNHUB__TOKEN_FILE", token.to_str().unwrap()),
        ("FIN__BUS__URL", "nats://me:hush@bus:4222"),
    ];
    let show = |more: &[&str]| {
        let output = fin(&[&["show", "--profile", "paper", "--config", config], more].concat(), &environment);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let text = stdout(&output);
        assert!(!text.contains("hush"), "{text}");
        text
    };
    let rows: Value = serde_json::from_str(&show(&["--json"])).unwrap();
    let check = |key: &str, value: Value, source: &str| {
        let row = rows.as_array().unwrap().iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("no {key}"));
        assert_eq!((&row["value"], row["source"].as_str().unwrap()), (&value, source), "{key}");
    };
    check("api.poll_ms", 50.into(), &format!("{config}/default.yaml:2"));
    check("profile", "paper".into(), "command line");
    check("executor.calls_max", 16.into(), "default");
    check("vendors.alpaca.key", "***".into(), "FIN__VENDORS__ALPACA__KEY");
    check("vendors.finnhub.token", "***".into(), &format!("{} (vendors.finnhub.token_file)", token.display()));
    check("bus.url", "nats://***@bus:4222".into(), "FIN__BUS__URL");
    let line = |text: &str, part: &str| text.lines().position(|line| line.trim_start().starts_with(part)).unwrap() + 1;
    let paper = include_str!("../../../../config/paper.yaml");
    check("log.format", "json".into(), &format!("built-in paper.yaml:{}", line(paper, "format:")));
    check("strategy.plan.top", 20.into(), &format!("built-in strategy.yaml:{}", line(STRATEGY, "top:")));

    let executor = show(&["--service", "executor"]);
    assert!(executor.contains("executor.calls_max") && executor.contains("bus.url"), "{executor}");
    assert!(!executor.contains("api.poll_ms"), "{executor}");
}

#[test]
fn the_schemas_refuse_unknown_keys_and_secrets() {
    fn closed(schema: &Value, path: &str) {
        if schema.get("properties").is_some() {
            assert_eq!(schema["additionalProperties"], Value::Bool(false), "{path}");
        }
        match schema {
            Value::Object(members) => {
                members.iter().for_each(|(name, member)| closed(member, &format!("{path}/{name}")));
            }
            Value::Array(items) => items.iter().for_each(|item| closed(item, path)),
            _ => {}
        }
    }
    let schema = |arguments: &[&str]| -> Value {
        serde_json::from_slice(&fin(&[&["schema"], arguments].concat(), &[]).stdout).unwrap()
    };
    let (files, strategy) = (schema(&[]), schema(&["--strategy"]));
    closed(&files, "");
    closed(&strategy, "");
    assert_eq!(files["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let alpaca = &files["properties"]["vendors"]["properties"]["alpaca"]["properties"];
    assert!(alpaca.get("key_file").is_some() && alpaca.get("key").is_none(), "{alpaca}");
    assert_eq!(files.get("required"), None);
    assert!(strategy["required"].as_array().unwrap().contains(&"scan".into()), "{}", strategy["required"]);
}
