//! Recorded calls as seeds, where the recordings are at hand: they lie outside the project.

use std::path::PathBuf;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// One recorded call.
pub struct Record {
    pub dialect: String,
    pub method: String,
    pub url: String,
    pub request: Vec<u8>,
    pub status: u64,
    pub content_type: String,
    pub response: Vec<u8>,
}

/// Every recorded call; none where there are no recordings.
pub fn all() -> &'static [Record] {
    static ALL: LazyLock<Vec<Record>> = LazyLock::new(read);
    &ALL
}

fn read() -> Vec<Record> {
    let root = std::env::var_os("WEIR_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"),
        PathBuf::from,
    );
    let Ok(files) = std::fs::read_dir(root.join("cases")) else {
        println!("left out: no recorded corpus at {}", root.display());
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("an entry").path()).collect();
    paths.sort();
    let all: Vec<Record> = paths
        .iter()
        .filter_map(|path| record(&serde_json::from_slice(&std::fs::read(path).ok()?).ok()?))
        .collect();
    assert!(!all.is_empty(), "{} holds no recordings", root.display());
    all
}

fn record(value: &Value) -> Option<Record> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let body = |value: &Value| STANDARD.decode(value.as_str().unwrap_or_default()).ok();
    let (request, response) = (&value["request"], &value["response"]);
    let mut headers = response["headers"].as_array()?.iter();
    let content_type = headers.find(|header| text(&header[0]).eq_ignore_ascii_case("content-type"));
    Some(Record {
        dialect: text(&value["wire"]),
        method: text(&request["method"]),
        url: text(&request["url"]),
        request: body(&request["body_b64"])?,
        status: response["status"].as_u64()?,
        content_type: content_type
            .map(|header| text(&header[1]))
            .unwrap_or_default(),
        response: body(&response["body_b64"])?,
    })
}
