//! Models from files: what they answer, and which are refused.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

use std::path::{Path, PathBuf};

use domain::Micro;
use domain::scan::{Features, ScoringModel};
use domain::strategy::LearnedModel;
use learned_score::Learned;

/// Of `linear.onnx`.
const SHA256: &str = "6724fd899628c52faf147385ac331f2b6c2f96bd133e72b1dd25aa20521278e9";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models")
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(bytes))
}

/// Opens a model by its true hash.
fn open(name: &str) -> Result<Learned, String> {
    let file = format!("{name}.onnx");
    let named = LearnedModel { sha256: sha256(&std::fs::read(folder().join(&file)).unwrap()), file };
    Learned::open(&named, &folder()).map_err(|error| error.to_string())
}

fn opened_bytes(bytes: &[u8]) -> Result<Learned, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("made.onnx"), bytes).unwrap();
    let named = LearnedModel { file: "made.onnx".into(), sha256: sha256(bytes) };
    Learned::open(&named, folder.path()).map_err(|error| error.to_string())
}

fn features(gap_atr: Option<f64>, rvol: Option<f64>) -> Features {
    let micro = |value: Option<f64>| value.and_then(Micro::from_f64);
    Features { gap_atr: micro(gap_atr), rvol: micro(rvol), ..Features::default() }
}

#[test]
fn features_are_taken_by_name_and_the_score_is_rounded() {
    let model = open("linear").unwrap();
    let check = |gap_atr, rvol, expected: &str| {
        let parts = model.score(&features(gap_atr, rvol)).unwrap();
        let shown: Vec<_> = parts.iter().map(|part| format!("{} {}", part.name, part.value)).collect();
        assert_eq!(shown, [format!("learned {expected}")], "{gap_atr:?} {rvol:?}");
    };
    check(Some(2.0), Some(8.0), "3.1");
    check(Some(-2.0), Some(8.0), "1.1");
    check(Some(0.000_001), Some(0.0), "0.100001");
    check(None, Some(8.0), "2.6");
    check(None, None, "1.1");
}

#[test]
fn it_says_who_it_is_and_what_it_has_seen() {
    let model = open("linear").unwrap();
    let identity = model.identity();
    assert_eq!((identity.name.as_str(), identity.version.as_str()), ("learned", "2026-03-02"));
    assert_eq!(identity.hash, SHA256);
    assert_eq!(model.trained_to().to_string(), "2026-02-27");
}

#[test]
fn every_misshapen_model_is_refused_with_its_file_and_the_reason() {
    let check = |name: &str, reason: &str| {
        let error = open(name).unwrap_err();
        assert!(error.contains(&format!("{name}.onnx: ")) && error.contains(reason), "{name}: {error}");
    };
    check("three_columns", "input is double[rows, 3], must be one double[rows, 2]");
    check("single_precision", "input is float[rows, 2], must be one double[rows, 2]");
    check("single_precision_inside", "in single precision");
    check("two_numbers", "output is");
    check("not_for_unknown", "gives NaN for a candidate of which nothing is known");
    check("exponential", "uses the operation Sigmoid");
    check("no_such_output", "nothing gives its output nobody");
    check("other_feature", "was trained on `moon_phase`");
    check("twice_a_feature", "was trained on `rvol`");
    check("other_features_version", "metadata finagent.features_version is 0");
    check("no_version", "metadata finagent.version is missing");
    check("no_date", "metadata finagent.trained_to is yesterday");
}

#[test]
fn a_missing_file_or_another_than_the_strategy_names_is_refused() {
    let refused = |file: &str, sha256: String| {
        Learned::open(&LearnedModel { file: file.into(), sha256 }, &folder()).unwrap_err().to_string()
    };
    let missing = refused("none.onnx", SHA256.into());
    assert!(missing.contains("none.onnx: cannot be read"), "{missing}");
    let other = refused("linear.onnx", "0".repeat(64));
    assert!(other.contains("linear.onnx: has SHA-256") && other.contains(SHA256), "{other}");
}

#[test]
fn no_damage_to_a_file_is_worse_than_a_refusal() {
    let whole = std::fs::read(folder().join("linear.onnx")).unwrap();
    for end in 0..whole.len() {
        drop(opened_bytes(&whole[..end]));
    }
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 1 << (place % 8);
        if let Ok(model) = opened_bytes(&damaged) {
            model.score(&features(Some(2.0), None));
        }
    }
    assert!(opened_bytes(b"PK\x03\x04").unwrap_err().contains("is no ONNX model"));
    assert!(opened_bytes(&[]).unwrap_err().contains("is no ONNX model"));
}
