//! Where a host says that its models are served: a cloud's region, `eu` of a regional host.

use super::pattern::last_star;

/// Hosts whose last `*` is the place.
const PLACES: &[&str] = &[
    "*.api.openai.com",
    "api.*.mistral.ai",
    "*.api.x.ai",
    "bedrock-runtime.*.amazonaws.com",
    "bedrock-runtime-fips.*.amazonaws.com",
    "*.bedrock-runtime.*.vpce.amazonaws.com",
    "*.bedrock-runtime-fips.*.vpce.amazonaws.com",
    "bedrock-runtime.*.api.aws",
    "bedrock-mantle.*.api.aws",
    "aws-external-anthropic.*.api.aws",
    "*-aiplatform.googleapis.com",
    "aiplatform.*.rep.googleapis.com",
    "*.*.maas.aliyuncs.com",
];

/// The place that a host, in lower case, names; `None` where it names none.
pub fn geo(host: &str) -> Option<&str> {
    PLACES.iter().find_map(|pattern| last_star(pattern, host))
}

/// The places that a cloud's pattern can stand for; `None` of any other pattern.
pub(super) fn of_cloud(pattern: &str) -> Option<&'static [&'static str]> {
    let ends = |ends: &[&str]| ends.iter().any(|end| pattern.ends_with(end));
    if ends(&["*.amazonaws.com", "*.vpce.amazonaws.com", "*.api.aws"]) {
        Some(AWS_REGIONS)
    } else if pattern == "*-aiplatform.googleapis.com" {
        Some(GOOGLE_LOCATIONS)
    } else {
        None
    }
}

const AWS_REGIONS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

const GOOGLE_LOCATIONS: &[&str] = &[
    "africa-south1",
    "asia-east1",
    "asia-east2",
    "asia-northeast1",
    "asia-northeast2",
    "asia-northeast3",
    "asia-south1",
    "asia-south2",
    "asia-southeast1",
    "asia-southeast2",
    "australia-southeast1",
    "australia-southeast2",
    "europe-central2",
    "europe-north1",
    "europe-north2",
    "europe-southwest1",
    "europe-west1",
    "europe-west2",
    "europe-west3",
    "europe-west4",
    "europe-west6",
    "europe-west8",
    "europe-west9",
    "europe-west10",
    "europe-west12",
    "me-central1",
    "me-central2",
    "me-west1",
    "northamerica-northeast1",
    "northamerica-northeast2",
    "northamerica-south1",
    "southamerica-east1",
    "southamerica-west1",
    "us-central1",
    "us-east1",
    "us-east4",
    "us-east5",
    "us-south1",
    "us-west1",
    "us-west2",
    "us-west3",
    "us-west4",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_tells_its_place() {
        for (host, place) in [
            ("bedrock-runtime.eu-west-1.amazonaws.com", Some("eu-west-1")),
            (
                "vpce-0a-1b.bedrock-runtime.us-east-1.vpce.amazonaws.com",
                Some("us-east-1"),
            ),
            ("bedrock-mantle.us-west-2.api.aws", Some("us-west-2")),
            (
                "europe-west4-aiplatform.googleapis.com",
                Some("europe-west4"),
            ),
            ("aiplatform.eu.rep.googleapis.com", Some("eu")),
            ("aiplatform.googleapis.com", None),
            ("eu.api.openai.com", Some("eu")),
            ("api.openai.com", None),
            ("api.eu.mistral.ai", Some("eu")),
            ("res.openai.azure.com", None),
        ] {
            assert_eq!(geo(host), place, "{host}");
        }
    }
}
