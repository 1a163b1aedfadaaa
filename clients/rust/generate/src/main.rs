//! Writes the Rust of the contract: `generate PROTO_FOLDER OUT_FOLDER`.
//!
//! protox reads the contract, so that no protoc is needed; prost-build writes its messages as Rust; [`message`] then gives each
//! of them what prost's derive leaves out. The service is left out: the client makes its calls through a layer of its own.

mod message;

use std::error::Error;
use std::path::Path;
use std::{env, fs};

const CONTRACT: &str = "llmgateway/v1/gateway.proto";
const FILE: &str = "llmgateway.v1.rs";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [proto, out] = arguments.as_slice() else {
        return Err("usage: generate PROTO_FOLDER OUT_FOLDER".into());
    };
    let files = protox::compile([CONTRACT], [proto])?;
    prost_build::Config::new()
        // In the order of their keys, maps are encoded the same each time.
        .btree_map(["."])
        .out_dir(out)
        .compile_fds(files)?;
    let path = Path::new(out).join(FILE);
    let mut file = syn::parse_file(&fs::read_to_string(&path)?)?;
    message::rewrite(&mut file.items)?;
    fs::write(
        &path,
        format!("// @generated from proto/ by generate/: do not edit.\n{}", prettyplease::unparse(&file)),
    )?;
    Ok(())
}
