//! The one table of providers that weir knows without being told.
//!
//! A name here is a first path segment, hosts that CONNECT claims, an upstream and a row in the price
//! catalogue. An upstream carries a base path only where clients never send it, which none of these
//! needs: an SDK's base URL is weir's address, the name, and the same prefix that the provider has. Where
//! every customer has a host of its own there is no upstream to name.

pub mod pattern;
mod places;

pub use places::geo;

use super::{Api, Known};

/// An OpenAI-shaped provider at its first host.
const fn openai_shaped(
    name: &'static str,
    catalog_id: Option<&'static str>,
    upstream: &'static str,
    hosts: &'static [&'static str],
) -> Known {
    Known {
        name,
        api: Api::Openai,
        catalog_id,
        upstream: Some(upstream),
        hosts,
    }
}

/// A provider that speaks several dialects, told apart by path.
const fn mixed(
    name: &'static str,
    catalog_id: Option<&'static str>,
    upstream: &'static str,
    hosts: &'static [&'static str],
) -> Known {
    Known {
        name,
        api: Api::Auto,
        catalog_id,
        upstream: Some(upstream),
        hosts,
    }
}

/// A provider at its first host: API, name, section of the catalogue, hosts.
macro_rules! at {
    ($api:ident, $name:literal, $catalog_id:expr, $first:literal $(, $host:literal)*) => {
        Known {
            name: $name,
            api: Api::$api,
            catalog_id: $catalog_id,
            upstream: Some(concat!("https://", $first)),
            hosts: &[$first $(, $host)*],
        }
    };
}

/// Every known provider; names and hosts are unique.
pub const KNOWN: &[Known] = &[
    openai_shaped(
        "openai",
        Some("openai"),
        "https://api.openai.com",
        &[
            "api.openai.com",
            "us.api.openai.com",
            "eu.api.openai.com",
            "ae.api.openai.com",
            "au.api.openai.com",
            "in.api.openai.com",
            "jp.api.openai.com",
        ],
    ),
    Known {
        name: "anthropic",
        api: Api::Anthropic,
        catalog_id: Some("anthropic"),
        upstream: Some("https://api.anthropic.com"),
        hosts: &["api.anthropic.com", "aws-external-anthropic.*.api.aws"],
    },
    Known {
        name: "gemini",
        api: Api::Gemini,
        catalog_id: Some("google"),
        upstream: Some("https://generativelanguage.googleapis.com"),
        hosts: &["generativelanguage.googleapis.com"],
    },
    Known {
        name: "vertex",
        api: Api::Vertex,
        catalog_id: Some("google"),
        upstream: Some("https://aiplatform.googleapis.com"),
        hosts: &[
            "aiplatform.googleapis.com",
            "*-aiplatform.googleapis.com",
            "aiplatform.*.rep.googleapis.com",
            "claude.googleapis.com",
        ],
    },
    Known {
        name: "bedrock",
        api: Api::Bedrock,
        catalog_id: Some("aws"),
        upstream: None,
        hosts: &[
            "bedrock-runtime.*.amazonaws.com",
            "bedrock-runtime-fips.*.amazonaws.com",
            "bedrock-runtime.*.api.aws",
            "*.bedrock-runtime.*.vpce.amazonaws.com",
            "*.bedrock-runtime-fips.*.vpce.amazonaws.com",
            "bedrock-mantle.*.api.aws",
        ],
    },
    Known {
        name: "azure",
        api: Api::Openai,
        catalog_id: Some("azure"),
        upstream: None,
        hosts: &[
            "*.openai.azure.com",
            "*.cognitiveservices.azure.com",
            "*.services.ai.azure.com",
            "*.*.models.ai.azure.com",
            "*.openai.azure.us",
            "*.cognitiveservices.azure.us",
        ],
    },
    openai_shaped(
        "mistral",
        Some("mistral"),
        "https://api.mistral.ai",
        &[
            "api.mistral.ai",
            "api.eu.mistral.ai",
            "api.us.mistral.ai",
            "codestral.mistral.ai",
        ],
    ),
    openai_shaped(
        "groq",
        Some("groq"),
        "https://api.groq.com",
        &["api.groq.com"],
    ),
    mixed(
        "deepseek",
        Some("deepseek"),
        "https://api.deepseek.com",
        &["api.deepseek.com"],
    ),
    mixed(
        "xai",
        Some("x-ai"),
        "https://api.x.ai",
        &["api.x.ai", "us-east-1.api.x.ai", "eu-west-1.api.x.ai"],
    ),
    mixed(
        "openrouter",
        Some("openrouter"),
        "https://openrouter.ai",
        &["openrouter.ai"],
    ),
    openai_shaped(
        "together",
        Some("together"),
        "https://api.together.xyz",
        &["api.together.xyz", "api.together.ai"],
    ),
    openai_shaped(
        "fireworks",
        Some("fireworks"),
        "https://api.fireworks.ai",
        &["api.fireworks.ai"],
    ),
    openai_shaped(
        "perplexity",
        Some("perplexity"),
        "https://api.perplexity.ai",
        &["api.perplexity.ai"],
    ),
    openai_shaped(
        "cerebras",
        Some("cerebras"),
        "https://api.cerebras.ai",
        &["api.cerebras.ai"],
    ),
    mixed(
        "moonshot",
        Some("moonshotai"),
        "https://api.moonshot.ai",
        &["api.moonshot.ai", "api.moonshot.cn"],
    ),
    mixed("zai", Some("zai"), "https://api.z.ai", &["api.z.ai"]),
    // The catalogue has a section per backend (`huggingface_together`, …), which the call names.
    openai_shaped(
        "huggingface",
        Some(super::backend::HUGGINGFACE),
        "https://router.huggingface.co",
        &["router.huggingface.co"],
    ),
    openai_shaped(
        "github-models",
        None,
        "https://models.github.ai",
        &["models.github.ai", "models.inference.ai.azure.com"],
    ),
    mixed(
        "github-copilot",
        Some("github-copilot"),
        "https://api.githubcopilot.com",
        &["api.githubcopilot.com"],
    ),
    mixed(
        "qwen",
        Some("qwen"),
        "https://dashscope.aliyuncs.com",
        &[
            "dashscope.aliyuncs.com",
            "dashscope-intl.aliyuncs.com",
            "dashscope-us.aliyuncs.com",
            "dashscope-finance.aliyuncs.com",
            "*.*.maas.aliyuncs.com",
        ],
    ),
    mixed(
        "minimax",
        Some("minimax"),
        "https://api.minimax.io",
        &["api.minimax.io", "api.minimaxi.com", "api.minimax.chat"],
    ),
    openai_shaped(
        "volcengine",
        Some("volcengine"),
        "https://ark.cn-beijing.volces.com",
        &[
            "ark.cn-beijing.volces.com",
            "ark.ap-southeast.bytepluses.com",
        ],
    ),
    mixed(
        "vercel",
        Some("vercel"),
        "https://ai-gateway.vercel.sh",
        &["ai-gateway.vercel.sh"],
    ),
    openai_shaped(
        "avian",
        Some("avian"),
        "https://api.avian.io",
        &["api.avian.io"],
    ),
    openai_shaped(
        "novita",
        Some("novita"),
        "https://api.novita.ai",
        &["api.novita.ai"],
    ),
    openai_shaped(
        "deepinfra",
        Some("deepinfra"),
        "https://api.deepinfra.com",
        &["api.deepinfra.com"],
    ),
    openai_shaped(
        "nvidia",
        None,
        "https://integrate.api.nvidia.com",
        &["integrate.api.nvidia.com"],
    ),
    openai_shaped(
        "sambanova",
        Some("sambanova"),
        "https://api.sambanova.ai",
        &["api.sambanova.ai"],
    ),
    openai_shaped(
        "nebius",
        Some("nebius"),
        "https://api.studio.nebius.com",
        &[
            "api.studio.nebius.com",
            "api.studio.nebius.ai",
            "api.tokenfactory.nebius.com",
        ],
    ),
    openai_shaped(
        "crusoe",
        Some("crusoe"),
        "https://api.inference.crusoecloud.com",
        &["api.inference.crusoecloud.com"],
    ),
    openai_shaped(
        "heroku",
        None,
        "https://us.inference.heroku.com",
        &["us.inference.heroku.com", "eu.inference.heroku.com"],
    ),
    openai_shaped(
        "writer",
        None,
        "https://api.writer.com",
        &["api.writer.com"],
    ),
    openai_shaped(
        "voyage",
        Some("voyageai"),
        "https://api.voyageai.com",
        &["api.voyageai.com"],
    ),
    mixed("ollama-cloud", None, "https://ollama.com", &["ollama.com"]),
    // Claimed with the port: a local server shares its host with everything else.
    mixed(
        "ollama",
        None,
        "http://127.0.0.1:11434",
        &["127.0.0.1:11434", "localhost:11434"],
    ),
    mixed(
        "lmstudio",
        None,
        "http://127.0.0.1:1234",
        &["127.0.0.1:1234", "localhost:1234"],
    ),
    // Providers with an API of their own.
    at!(
        Cohere,
        "cohere",
        Some("cohere"),
        "api.cohere.com",
        "api.cohere.ai"
    ),
    at!(
        Auto,
        "qianfan",
        None,
        "qianfan.baidubce.com",
        "aip.baidubce.com"
    ),
    at!(
        Hunyuan,
        "hunyuan",
        Some("tencent"),
        "hunyuan.tencentcloudapi.com",
        "hunyuan.ap-guangzhou.tencentcloudapi.com",
        "hunyuan.ap-beijing.tencentcloudapi.com",
        "api.hunyuan.cloud.tencent.com",
        "api.lkeap.cloud.tencent.com"
    ),
    at!(
        Spark,
        "spark",
        None,
        "spark-api.xf-yun.com",
        "spark-api-open.xf-yun.com"
    ),
    at!(Auto, "zhipu", Some("zhipuai"), "open.bigmodel.cn"),
    at!(
        Auto,
        "watsonx",
        None,
        "us-south.ml.cloud.ibm.com",
        "eu-de.ml.cloud.ibm.com",
        "eu-gb.ml.cloud.ibm.com",
        "jp-tok.ml.cloud.ibm.com",
        "au-syd.ml.cloud.ibm.com",
        "ca-tor.ml.cloud.ibm.com"
    ),
    at!(Auto, "aleph-alpha", None, "api.aleph-alpha.com"),
    at!(Auto, "replicate", None, "api.replicate.com"),
    at!(Auto, "cloudflare", Some("cloudflare"), "api.cloudflare.com"),
    // OpenAI's shapes.
    at!(Openai, "jina", None, "api.jina.ai"),
    at!(Openai, "aitwentyone", None, "api.ai21.com"),
    at!(Openai, "arcee", Some("arcee"), "api.arcee.ai"),
    at!(Openai, "baseten", Some("baseten"), "inference.baseten.co"),
    at!(
        Openai,
        "doubleword",
        Some("doubleword"),
        "api.doubleword.ai"
    ),
    at!(Openai, "meta", Some("meta"), "api.meta.ai", "api.llama.com"),
    at!(
        Openai,
        "quicksilverpro",
        Some("quicksilverpro"),
        "api.quicksilverpro.io"
    ),
    at!(Openai, "typesafe", Some("typesafe"), "api.typesafe.ai"),
    at!(
        Openai,
        "ovhcloud",
        Some("ovhcloud"),
        "oai.endpoints.kepler.ai.cloud.ovh.net"
    ),
    at!(Openai, "hyperbolic", None, "api.hyperbolic.xyz"),
    at!(Openai, "nscale", None, "inference.api.nscale.com"),
    at!(Openai, "scaleway", None, "api.scaleway.ai"),
    at!(
        Openai,
        "siliconflow",
        None,
        "api.siliconflow.cn",
        "api.siliconflow.com"
    ),
    at!(Openai, "stepfun", None, "api.stepfun.com"),
    at!(Openai, "baichuan", None, "api.baichuan-ai.com"),
    at!(Openai, "lingyi", None, "api.lingyiwanwu.com"),
];

impl Known {
    /// The hosts and ports that are claimed, some of them patterns: 443 where the table names no port.
    pub fn claims(&self) -> impl Iterator<Item = (&'static str, u16)> {
        self.hosts.iter().map(|entry| match entry.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().expect("a port in the table is a number")),
            None => (*entry, 443),
        })
    }
}

/// The known provider that claims a host and port.
pub fn claiming(host: &str, port: u16) -> Option<&'static Known> {
    of(KNOWN, host, port)
}

/// The same among these.
pub fn of<'k>(known: &'k [Known], host: &str, port: u16) -> Option<&'k Known> {
    let claims = known.iter().flat_map(|known| {
        let fitting = known
            .claims()
            .filter(|(name, at)| *at == port && pattern::fits(name, host));
        fitting.map(move |(name, _)| (pattern::said(name), known))
    });
    claims.max_by_key(|(said, _)| *said).map(|(_, known)| known)
}

/// The known provider of that name.
pub fn known(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name)
}

#[cfg(test)]
mod tests;
