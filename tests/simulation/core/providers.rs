//! What budgets need of the room `providers`.

/// What a refusal tells the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalText {
    pub message: String,
    pub retry_after_s: Option<u64>,
    pub retry_helps: bool,
}
