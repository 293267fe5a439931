//! What a call says of itself, in the catalogue's words.

use std::collections::BTreeMap;

use super::Lookup;
use crate::providers::Selectors;

/// The part of a lookup that variants of a price are for.
pub(super) struct Said<'a> {
    /// The tier that served, as the catalogue's key and value.
    tier: Option<(&'static str, &'static str)>,
    fast: bool,
    geo: Option<&'a str>,
    size: Option<String>,
    resolution: Option<String>,
    quality: Option<&'a str>,
    search_context: Option<&'a str>,
    route: Option<&'a str>,
    cache_type: Option<&'a str>,
}

impl<'a> Said<'a> {
    pub(super) fn of(lookup: &Lookup<'a>) -> Said<'a> {
        let said = lookup.selectors;
        let size = said.size.as_deref().map(plain_size);
        Said {
            tier: said.service_tier.as_deref().and_then(tier),
            fast: said
                .speed
                .as_deref()
                .is_some_and(|speed| speed.eq_ignore_ascii_case("fast")),
            geo: said.geo.as_deref(),
            resolution: size.as_deref().and_then(resolution),
            size,
            quality: said.quality.as_deref(),
            search_context: said.search_context.as_deref(),
            route: said.route.as_deref(),
            cache_type: said.cache_type.as_deref(),
        }
    }

    /// Whether the call is all of this; every call is nothing in particular.
    pub(super) fn fits(&self, context: &BTreeMap<String, String>) -> bool {
        context.iter().all(|(key, value)| self.is(key, value))
    }

    /// Whether it is all of this, or may be.
    pub(super) fn may_fit(&self, context: &BTreeMap<String, String>, open: &Open<'_>) -> bool {
        let mut pairs = context.iter();
        pairs.all(|(key, value)| self.is(key, value) || open.may_be(key, value))
    }

    fn is(&self, key: &str, value: &str) -> bool {
        let equals = |said: Option<&str>| said.is_some_and(|said| said.eq_ignore_ascii_case(value));
        match key {
            "service_tier" | "processing" => self.tier == Some((key, value)),
            "speed" => self.fast && value == "fast",
            "geo" => match value.strip_prefix('!') {
                // Anywhere that was stated but there.
                Some(not) => self.geo.is_some_and(|geo| !geo.eq_ignore_ascii_case(not)),
                None => equals(self.geo),
            },
            "size" => equals(self.size.as_deref()),
            "resolution" => equals(self.resolution.as_deref()),
            "quality" => equals(self.quality),
            "search_context" | "search_type" => equals(self.search_context),
            // `eu` is said of what the catalogue calls `mistral/eu`.
            "route" => {
                let end = value.rsplit_once('/').map(|(_, end)| end);
                equals(self.route) || self.route.is_some() && self.route == end
            }
            // The type is stated only where a cache was asked for, `ephemeral` or by another name.
            "cache_type" => self
                .cache_type
                .is_some_and(|said| !said.eq_ignore_ascii_case("implicit")),
            _ => false,
        }
    }
}

/// What a call may turn out to be although it does not say so: its answer tells.
pub(super) struct Open<'a> {
    said: &'a Selectors,
    /// Whether the answer may name a place where none was asked for.
    geo: bool,
}

impl<'a> Open<'a> {
    pub(super) fn of(lookup: &Lookup<'a>, geo: bool) -> Open<'a> {
        Open {
            said: lookup.selectors,
            geo: geo && lookup.selectors.geo.is_none(),
        }
    }

    /// Whether the call may be this.
    pub(super) fn may_be(&self, key: &str, value: &str) -> bool {
        match key {
            "service_tier" => match self.said.service_tier.as_deref() {
                // A project or a header may have another tier for what names none.
                None => matches!(value, "flex" | "priority"),
                Some(said) if said.eq_ignore_ascii_case("auto") => {
                    matches!(value, "flex" | "priority")
                }
                // What is asked for as fast is served as priority.
                Some(said) => said.to_ascii_lowercase().ends_with("fast") && value == "priority",
            },
            "geo" => self.geo && !value.starts_with('!'),
            "size" | "resolution" => self.said.size.is_none(),
            "quality" => self.said.quality.is_none(),
            "cache_type" => true,
            _ => false,
        }
    }
}

/// A provider's word for a tier in the catalogue's words; `None` for the standard price.
///
/// OpenAI and Anthropic say `flex`, `priority`, `batch`; Google `ON_DEMAND_PRIORITY` and the like.
/// `default`, `standard`, `auto`, `on_demand` and whatever is not known are charged at the standard
/// price.
fn tier(said: &str) -> Option<(&'static str, &'static str)> {
    let ends = |word: &str| {
        let start = said.len().checked_sub(word.len());
        let (rest, end) = start
            .and_then(|start| said.split_at_checked(start))
            .unwrap_or(("x", ""));
        end.eq_ignore_ascii_case(word) && (rest.is_empty() || rest.ends_with('_'))
    };
    if ends("flex") {
        Some(("service_tier", "flex"))
    } else if ends("priority") {
        Some(("service_tier", "priority"))
    } else if ends("fast") {
        Some(("service_tier", "fast"))
    } else if ends("ultrafast") {
        Some(("service_tier", "ultrafast"))
    } else if ends("batch") {
        Some(("processing", "batch"))
    } else {
        None
    }
}

/// `1024*1024`, `1024 X 1024` and `1024-x-1024` are one size.
pub(super) fn plain_size(said: &str) -> String {
    let kept = said.trim().chars().filter(|c| !matches!(c, ' ' | '-'));
    let plain = kept.map(|c| match c {
        '*' | '×' | 'X' => 'x',
        c => c.to_ascii_lowercase(),
    });
    plain.collect()
}

/// The resolution that a size has: `1280x720` is `720p`, and so is `720x1280`.
fn resolution(size: &str) -> Option<String> {
    let Some((width, height)) = size.split_once('x') else {
        return Some(size.to_owned());
    };
    let (width, height): (u32, u32) = (width.parse().ok()?, height.parse().ok()?);
    Some(match width.min(height) {
        2160 => "4k".to_owned(),
        1440 => "2k".to_owned(),
        lines => format!("{lines}p"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::Selectors;

    #[test]
    fn each_providers_word_for_a_tier_is_known() {
        let cases = [
            ("flex", Some(("service_tier", "flex"))),
            ("FLEX", Some(("service_tier", "flex"))),
            ("ON_DEMAND_FLEX", Some(("service_tier", "flex"))),
            ("ON_DEMAND_PRIORITY", Some(("service_tier", "priority"))),
            ("priority", Some(("service_tier", "priority"))),
            ("ultrafast", Some(("service_tier", "ultrafast"))),
            ("fast", Some(("service_tier", "fast"))),
            ("batch", Some(("processing", "batch"))),
            ("default", None),
            ("standard", None),
            ("auto", None),
            ("on_demand", None),
            ("ON_DEMAND", None),
            ("reflex", None),
            ("ü", None),
            ("", None),
        ];
        for (said, expected) in cases {
            assert_eq!(tier(said), expected, "{said}");
        }
    }

    #[test]
    fn a_size_is_one_however_it_is_spelled() {
        for said in [
            "1280x720",
            "1280*720",
            "1280 X 720",
            "1280-x-720",
            "1280×720",
        ] {
            assert_eq!(plain_size(said), "1280x720", "{said}");
        }
        for (size, expected) in [
            ("1280x720", Some("720p")),
            ("720x1280", Some("720p")),
            ("3840x2160", Some("4k")),
            ("1080p", Some("1080p")),
            ("4k", Some("4k")),
            ("1xy", None),
        ] {
            assert_eq!(resolution(size).as_deref(), expected, "{size}");
        }
    }

    #[test]
    fn a_call_is_only_what_it_says() {
        let selectors = Selectors {
            geo: Some("US".to_owned()),
            quality: Some("HD".to_owned()),
            cache_type: Some("ephemeral".to_owned()),
            ..Selectors::default()
        };
        let lookup = Lookup {
            provider: "p",
            catalog_id: None,
            model: "m",
            at: 0,
            selectors: &selectors,
        };
        let said = Said::of(&lookup);
        let fits = |pairs: &[(&str, &str)]| {
            let pairs = pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            said.fits(&pairs.collect())
        };
        assert!(fits(&[]) && fits(&[("geo", "us")]) && fits(&[("geo", "!global")]));
        assert!(fits(&[("quality", "hd"), ("geo", "us")]) && fits(&[("cache_type", "explicit")]));
        assert!(!fits(&[("geo", "eu")]) && !fits(&[("geo", "!us")]) && !fits(&[("size", "hd")]));
        assert!(!fits(&[("quality", "hd"), ("geo", "eu")]) && !fits(&[("moon", "full")]));
    }
}
