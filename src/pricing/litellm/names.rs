//! Whose row it is, and what litellm's key says besides the model: a region, a size, a quality.

use crate::pricing::selectors::plain_size;

/// litellm's name for a provider, the catalogue's, and what its keys begin with. Of two rows for one
/// model the one of the earlier line counts.
const SELLERS: [(&str, &str, &[&str]); 44] = [
    ("openai", "openai", &["openai/"]),
    ("text-completion-openai", "openai", &[]),
    ("azure", "azure", &["azure/"]),
    ("azure_text", "azure", &["azure/"]),
    ("azure_ai", "azure", &["azure_ai/"]),
    ("anthropic", "anthropic", &[]),
    ("gemini", "google", &["gemini/"]),
    ("vertex_ai", "google", &["vertex_ai/"]),
    ("vertex_ai-language-models", "google", &["vertex_ai/"]),
    ("vertex_ai-anthropic_models", "google", &["vertex_ai/"]),
    ("vertex_ai-video-models", "google", &["vertex_ai/"]),
    ("vertex_ai-embedding-models", "google", &["vertex_ai/"]),
    ("vertex_ai-mistral_models", "google", &["vertex_ai/"]),
    ("vertex_ai-llama_models", "google", &["vertex_ai/"]),
    ("vertex_ai-ai21_models", "google", &["vertex_ai/"]),
    ("vertex_ai-deepseek_models", "google", &["vertex_ai/"]),
    ("vertex_ai-qwen_models", "google", &["vertex_ai/"]),
    ("vertex_ai-zai_models", "google", &["vertex_ai/"]),
    ("vertex_ai-openai_models", "google", &["vertex_ai/"]),
    ("vertex_ai-minimax_models", "google", &["vertex_ai/"]),
    ("vertex_ai-moonshot_models", "google", &["vertex_ai/"]),
    ("bedrock_converse", "aws", &["bedrock/"]),
    ("bedrock", "aws", &["bedrock/"]),
    ("bedrock_mantle", "aws", &["bedrock_mantle/"]),
    ("mistral", "mistral", &["mistral/"]),
    ("codestral", "mistral", &["codestral/"]),
    ("groq", "groq", &["groq/"]),
    ("deepseek", "deepseek", &["deepseek/"]),
    ("xai", "x-ai", &["xai/"]),
    ("together_ai", "together", &["together_ai/"]),
    ("fireworks_ai", "fireworks", &["fireworks_ai/"]),
    (
        "fireworks_ai-embedding-models",
        "fireworks",
        &["fireworks_ai/"],
    ),
    ("perplexity", "perplexity", &["perplexity/"]),
    ("cerebras", "cerebras", &["cerebras/"]),
    ("cohere", "cohere", &["cohere/"]),
    ("cohere_chat", "cohere", &["cohere/"]),
    ("moonshot", "moonshotai", &["moonshot/"]),
    ("zai", "zai", &["zai/"]),
    ("bigmodel", "zhipuai", &["bigmodel/"]),
    ("minimax", "minimax", &["minimax/"]),
    ("dashscope", "qwen", &["dashscope/"]),
    ("volcengine", "volcengine", &["volcengine/"]),
    ("tencent", "tencent", &["tencent/"]),
    ("novita", "novita", &["novita/"]),
];

/// Sellers that genai-prices does not know, which are all named as weir names them: id, name, URL.
pub(super) const NEW: [(&str, &str, &str); 10] = [
    (
        "crusoe",
        "Crusoe",
        r"https://api\.inference\.crusoecloud\.com",
    ),
    ("deepinfra", "DeepInfra", r"https://api\.deepinfra\.com"),
    (
        "heroku",
        "Heroku",
        r"https://(us|eu)\.inference\.heroku\.com",
    ),
    ("nebius", "Nebius", r"https://api\.studio\.nebius\.com"),
    ("nvidia", "NVIDIA", r"https://integrate\.api\.nvidia\.com"),
    (
        "qwen",
        "Alibaba Qwen",
        r"https://dashscope(-intl|-us)?\.aliyuncs\.com",
    ),
    ("sambanova", "SambaNova", r"https://api\.sambanova\.ai"),
    (
        "tencent",
        "Tencent Hunyuan",
        r"https://(hunyuan\.tencentcloudapi|api\.hunyuan\.cloud\.tencent)\.com",
    ),
    (
        "vercel",
        "Vercel AI Gateway",
        r"https://ai-gateway\.vercel\.sh",
    ),
    (
        "volcengine",
        "Volcengine Ark",
        r"https://ark\.[a-z0-9-]+\.(volces|bytepluses)\.com",
    ),
];

/// Sellers whose names differ by little.
const ALIKE: [(&str, &str, &[&str]); 9] = [
    ("crusoe", "crusoe", &["crusoe/"]),
    ("deepinfra", "deepinfra", &["deepinfra/"]),
    ("github_copilot", "github-copilot", &["github_copilot/"]),
    ("heroku", "heroku", &["heroku/"]),
    ("nebius", "nebius", &["nebius/"]),
    ("nvidia_nim", "nvidia", &["nvidia_nim/"]),
    ("sambanova", "sambanova", &["sambanova/"]),
    ("vercel_ai_gateway", "vercel", &["vercel_ai_gateway/"]),
    ("voyage", "voyageai", &["voyage/"]),
];

/// What a row's key says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// The catalogue's id of the provider.
    pub provider: &'static str,
    /// Which of two rows for one model counts: the lower.
    pub rank: usize,
    /// The model as calls name it.
    pub model: String,
    /// `us`, `eu-central-1`.
    pub geo: Option<String>,
    /// `1024x1024`.
    pub sizes: Vec<String>,
    pub quality: Option<String>,
}

/// Why a row is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Left {
    /// The provider is none that weir names.
    Seller,
    /// The row is no model that a call could name, or is priced by what no call tells: provisioned
    /// throughput, steps of a diffusion.
    Name,
    /// It has no price above nothing. Most of these are unknown and not free, and unknown is never 0.
    NoPrice,
    /// Another row for the same model came first.
    Twice,
}

/// Reads a row's key.
pub(super) fn named(key: &str, seller: &str) -> Result<Named, Left> {
    let mut sellers = SELLERS.iter().chain(&ALIKE).enumerate();
    let (rank, (_, provider, prefixes)) = sellers
        .find(|(_, (name, ..))| *name == seller)
        .ok_or(Left::Seller)?;
    let rest = prefixes.iter().find_map(|prefix| key.strip_prefix(prefix));
    let mut named = Named {
        provider,
        rank,
        model: rest.unwrap_or(key).to_owned(),
        ..Named::default()
    };
    named.take_picture()?;
    match *provider {
        "azure" => named.take_zone(),
        "aws" => named.take_region()?,
        _ => {}
    }
    if let Some(model) = named.model.strip_suffix("-high-res") {
        // OpenAI names no such model: these are the sizes at which a video is one.
        named.sizes = vec!["1792x1024".to_owned(), "1024x1792".to_owned()];
        named.model = model.to_owned();
    }
    Ok(named)
}

impl Named {
    /// `high/1024-x-1536/model`; a number of steps is nothing that a call tells.
    fn take_picture(&mut self) -> Result<(), Left> {
        let Some((before, model)) = self.model.rsplit_once('/') else {
            return Ok(());
        };
        if before.contains("-steps") {
            return Err(Left::Name);
        }
        let (quality, size) = match before.rsplit_once('/') {
            Some((quality, size)) => (Some(quality), size),
            None => (None, before),
        };
        if pixels(&plain_size(size)).is_none() {
            return Ok(());
        }
        self.sizes = vec![plain_size(size)];
        self.quality = quality.map(str::to_owned);
        self.model = model.to_owned();
        Ok(())
    }

    /// `us/model`; a global deployment is what is meant by no zone.
    fn take_zone(&mut self) {
        if let Some((zone, model)) = self.model.split_once('/') {
            match zone {
                "us" | "eu" | "apac" | "us-gov" => self.geo = Some(zone.to_owned()),
                "global" | "global-standard" => {}
                _ => return,
            }
            self.model = model.to_owned();
        }
    }

    /// `eu-central-1/model`.
    fn take_region(&mut self) -> Result<(), Left> {
        if let Some((region, model)) = self.model.split_once('/') {
            if model.contains('/') || !region.ends_with(|c: char| c.is_ascii_digit()) {
                return Err(Left::Name);
            }
            self.geo = Some(region.to_owned());
            self.model = model.to_owned();
        }
        Ok(())
    }
}

/// How many pixels a size has.
pub(super) fn pixels(size: &str) -> Option<u64> {
    let (width, height) = size.split_once('x')?;
    let (width, height): (u64, u64) = (width.parse().ok()?, height.parse().ok()?);
    width.checked_mul(height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_model_region_size_and_quality() {
        let read = |key, seller| {
            let named = named(key, seller).expect("a row of weir's");
            (
                named.provider,
                named.model,
                named.geo.unwrap_or_default(),
                named.sizes.join(" "),
                named.quality.unwrap_or_default(),
            )
        };
        let is = |found: (&'static str, String, String, String, String), wanted: [&str; 5]| {
            let found = [found.0, &found.1, &found.2, &found.3, &found.4];
            assert_eq!(found, wanted);
        };
        is(
            read("azure/us/gpt-5", "azure"),
            ["azure", "gpt-5", "us", "", ""],
        );
        is(
            read("azure/global/gpt-5", "azure"),
            ["azure", "gpt-5", "", "", ""],
        );
        is(
            read("azure/hd/1024-x-1792/dall-e-3", "azure"),
            ["azure", "dall-e-3", "", "1024x1792", "hd"],
        );
        is(
            read("bedrock/eu-central-1/amazon.titan", "bedrock"),
            ["aws", "amazon.titan", "eu-central-1", "", ""],
        );
        is(
            read("vertex_ai/meta/llama-4-maas", "vertex_ai-llama_models"),
            ["google", "meta/llama-4-maas", "", "", ""],
        );
        is(
            read("openai/sora-2-pro-high-res", "openai"),
            ["openai", "sora-2-pro", "", "1792x1024 1024x1792", ""],
        );
    }

    #[test]
    fn rows_that_no_call_can_name_are_left_out() {
        for (key, seller, left) in [
            ("fal_ai/x", "fal_ai", Left::Seller),
            (
                "bedrock/us-east-1/1-month-commitment/a.b",
                "bedrock",
                Left::Name,
            ),
            ("bedrock/*/1-month-commitment/a.b", "bedrock", Left::Name),
            ("1024-x-1024/50-steps/stability.x", "bedrock", Left::Name),
        ] {
            assert_eq!(named(key, seller), Err(left), "{key}");
        }
    }
}
