//! The errors that some providers state by numbers of their own, most of them under status 200.

use serde_json::{Value, json};

use crate::providers::ErrorType::{
    self, Auth, InvalidRequest, ModelNotFound, RateLimit, ServerError, Timeout, TokenLimit, Unknown,
};
use crate::providers::node::{Node, count, parse};

/// Numbers and what each stands for.
type Table = &'static [(u64, ErrorType)];

const QIANFAN: Table = &[
    (1, ServerError),
    (2, ServerError),
    (3, InvalidRequest),
    (4, RateLimit),
    (6, Auth),
    (13, Auth),
    (14, Auth),
    (15, Auth),
    (17, RateLimit),
    (18, RateLimit),
    (19, RateLimit),
    (100, InvalidRequest),
    (110, Auth),
    (111, Auth),
    (336_000, ServerError),
    (336_001, InvalidRequest),
    (336_002, InvalidRequest),
    (336_003, InvalidRequest),
    (336_004, Auth),
    (336_005, ServerError),
    (336_006, InvalidRequest),
    (336_007, TokenLimit),
    (336_100, ServerError),
    (336_103, TokenLimit),
    (336_104, InvalidRequest),
    (336_200, ServerError),
    (336_303, ServerError),
    (336_304, ServerError),
    (336_501, RateLimit),
    (336_502, RateLimit),
    (336_503, RateLimit),
];

const MINIMAX: Table = &[
    (1000, ServerError),
    (1001, Timeout),
    (1002, RateLimit),
    (1004, Auth),
    (1008, RateLimit),
    (1013, ServerError),
    (1024, ServerError),
    (1026, InvalidRequest),
    (1027, InvalidRequest),
    (1033, ServerError),
    (1039, RateLimit),
    (1041, RateLimit),
    (2013, InvalidRequest),
    (2049, Auth),
    (2056, RateLimit),
];

const SPARK: Table = &[
    (10_003, InvalidRequest),
    (10_004, InvalidRequest),
    (10_005, InvalidRequest),
    (10_006, RateLimit),
    (10_007, RateLimit),
    (10_008, ServerError),
    (10_010, ServerError),
    (10_012, ServerError),
    (10_013, InvalidRequest),
    (10_014, InvalidRequest),
    (10_019, InvalidRequest),
    (10_110, ServerError),
    (10_163, InvalidRequest),
    (10_404, ModelNotFound),
    (10_907, TokenLimit),
    (11_200, Auth),
    (11_201, RateLimit),
    (11_202, RateLimit),
    (11_203, RateLimit),
];

/// Qianfan's `error_code`; `None` where it says that all is well.
pub fn of_qianfan(raw: &[u8]) -> Option<ErrorType> {
    by_table(QIANFAN, raw)
}

/// MiniMax's `base_resp.status_code`.
pub fn of_minimax(raw: &[u8]) -> Option<ErrorType> {
    by_table(MINIMAX, raw)
}

/// Spark's `header.code`.
pub fn of_spark(raw: &[u8]) -> Option<ErrorType> {
    by_table(SPARK, raw)
}

/// Hunyuan's `Error` or `ErrorMsg`, which name their parts in their own way.
pub fn of_hunyuan(status: u16, raw: &[u8]) -> Option<ErrorType> {
    let value = parse(raw);
    let error = Node::new(&value);
    let message = error.at("Message").text().or(error.at("Msg").text());
    let code = error.at("Code").value().cloned().unwrap_or(Value::Null);
    let says = message.is_some() || super::says(&code);
    says.then(|| super::classify(status, &json!({"code": code, "message": message})))
}

fn by_table(table: Table, raw: &[u8]) -> Option<ErrorType> {
    let code = count(raw).filter(|code| *code != 0)?;
    let known = table.iter().find(|(number, _)| *number == code);
    Some(known.map_or(Unknown, |(_, kind)| *kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_none_is_no_error() {
        for raw in [&b"0"[..], b"null", b"\"\"", b"\"0\"", b"{}"] {
            let found = [of_qianfan(raw), of_minimax(raw), of_spark(raw)];
            assert_eq!(found, [None; 3], "{}", String::from_utf8_lossy(raw));
        }
        assert_eq!(of_hunyuan(200, b"{\"Msg\": \"\", \"Code\": 0}"), None);
    }

    #[test]
    fn numbers_and_names_are_told_by_their_provider() {
        assert_eq!(of_qianfan(b"18"), Some(RateLimit));
        assert_eq!(of_qianfan(b"\"110\""), Some(Auth));
        assert_eq!(of_minimax(b"1008"), Some(RateLimit));
        assert_eq!(of_minimax(b"9999"), Some(Unknown));
        assert_eq!(of_spark(b"10907"), Some(TokenLimit));
        for (code, kind) in [
            ("AuthFailure.SignatureFailure", Auth),
            ("LimitExceeded", RateLimit),
            ("RequestLimitExceeded", RateLimit),
            ("ResourceInsufficient.ChargeResourceExhaust", RateLimit),
            ("InternalError", ServerError),
            ("InvalidParameterValue.Model", InvalidRequest),
        ] {
            let raw = format!("{{\"Code\": \"{code}\", \"Message\": \"x\"}}");
            assert_eq!(of_hunyuan(200, raw.as_bytes()), Some(kind), "{code}");
        }
    }
}
