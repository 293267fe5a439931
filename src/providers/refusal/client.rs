//! What the library that made a call does with a refusal, where the library names itself.
//!
//! It is the library that retries, not the provider: Anthropic's client of Bedrock obeys what AWS's own never
//! reads. So a refusal goes by the provider's shape, and where two libraries read one shape, by the library.

/// How a client takes a 429.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Client {
    /// Nothing is known of it.
    #[default]
    Unknown,
    /// Obeys `x-should-retry` at any status: what Stainless makes (OpenAI, Anthropic, Groq and more).
    Obeys,
    /// Retries every 429 and reads no header that would stop it: what Fern makes (Cohere).
    Insists,
    /// Sleeps as long as `retry-after` says, once it was told to retry: what Speakeasy makes (Mistral).
    Sleeps,
}

impl Client {
    /// Tells it by what its library writes into each request; `header` looks one up by its name in lower case.
    pub fn of<'a>(header: impl Fn(&'static str) -> Option<&'a str>) -> Client {
        let agent = header("user-agent").unwrap_or_default();
        if header("x-stainless-lang").is_some() || header("x-stainless-retry-count").is_some() {
            Client::Obeys
        } else if header("x-fern-language").is_some() {
            Client::Insists
        } else if SPEAKEASY.iter().any(|name| agent.starts_with(name)) {
            Client::Sleeps
        } else {
            Client::Unknown
        }
    }
}

/// How the agents begin that Speakeasy's libraries call themselves, Mistral's by its own name.
const SPEAKEASY: [&str; 2] = ["speakeasy-sdk/", "mistral-client-"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_told_by_what_it_writes_of_itself() {
        for (name, value, client) in [
            ("x-stainless-lang", "python", Client::Obeys),
            ("x-stainless-retry-count", "0", Client::Obeys),
            ("x-fern-language", "Python", Client::Insists),
            ("user-agent", "mistral-client-python/3.7.0", Client::Sleeps),
            (
                "user-agent",
                "speakeasy-sdk/typescript 1.2 x",
                Client::Sleeps,
            ),
            ("user-agent", "curl/8.5.0", Client::Unknown),
        ] {
            let header = |asked: &'static str| (asked == name).then_some(value);
            assert_eq!(Client::of(header), client, "{name}: {value}");
        }
        assert_eq!(Client::of(|_| None), Client::Unknown);
    }
}
