//! Compiles `proto/` without a system protoc: Rust messages and the descriptor set, both into `OUT_DIR`.

use std::path::{Path, PathBuf};
use std::{env, error::Error, fs};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo:rerun-if-changed={}", root.join("finagent").display());

    let mut files = Vec::new();
    collect(&root.join("finagent"), &mut files)?;
    files.sort();
    let mut contracts = protox::compile(&files, [&root])?;

    prost_build::Config::new().include_file("finagent.rs").compile_fds(contracts.clone())?;
    for file in &mut contracts.file {
        file.source_code_info = None;
    }
    fs::write(out.join("finagent.binpb"), contracts.encode_to_vec())?;
    Ok(())
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
