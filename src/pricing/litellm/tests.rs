//! The table in small: what becomes of each kind of row.

use crate::pricing::{Catalog, Error, Imported, Published, import};

const BASE: &str = r#"[{"id":"openai","name":"OpenAI","api_pattern":"https://api\\.openai\\.com","models":[
{"id":"known","match":{"starts_with":"known"},"prices":{"input_mtok":"1","output_mtok":"2"},
 "price_variants":[{"when":{"processing":"batch"},"prices":{"input_mtok":"0.6"}}]},
{"id":"dearer","match":{"equals":"dearer"},"prices":{"input_mtok":"3","output_mtok":"2"}},
{"id":"clock","match":{"equals":"clock"},"prices":[{"prices":{"input_mtok":"1"}},
 {"constraint":{"start_time":"01:00:00Z","end_time":"04:00:00Z"},"prices":{"input_mtok":"2"}}]}]}]"#;

const TABLE: &str = r#"{
"sample_spec":{"mode":"chat","input_cost_per_token":0.0},
"known":{"litellm_provider":"openai","mode":"chat","input_cost_per_token":1e-06,
 "output_cost_per_token":2e-06,"input_cost_per_token_batches":5e-07,"input_cost_per_token_flex":4e-07,
 "cache_read_input_token_cost":1e-07,"regional_processing_uplift_multiplier_us":1.1,
 "search_context_cost_per_query":{"search_context_size_low":0.01,"search_context_size_medium":0.01,
 "search_context_size_high":0.01}},
"dearer":{"litellm_provider":"openai","mode":"chat","input_cost_per_token":2e-06,
 "input_cost_per_token_flex":1e-06},
"clock":{"litellm_provider":"openai","mode":"chat","input_cost_per_token":2e-06,"off_peak_pricing":{
 "input_cost_per_token":1e-06,"windows":[{"hours_utc":["00:00-01:00","04:00-00:00"],"weekdays":[1,2,3,4,5]},
 {"hours_utc":"00:00-00:00","weekdays":[6,7]}]}},
"new":{"litellm_provider":"openai","mode":"chat","max_input_tokens":1000,
 "input_cost_per_token":3.3333333333333335e-05,"input_cost_per_token_above_200k_tokens":6.25e-05,
 "output_cost_per_token":0.0,"input_cost_per_token_priority":4e-05},
"free":{"litellm_provider":"openai","mode":"chat","input_cost_per_token":0.0,"output_cost_per_token":0},
"hd/1024-x-1024/picture":{"litellm_provider":"openai","mode":"image_generation",
 "input_cost_per_pixel":8.39233e-08,"output_cost_per_pixel":0.0},
"ft:tuned":{"litellm_provider":"openai","mode":"chat","input_cost_per_token":1e-06},
"openai/container":{"litellm_provider":"openai","mode":"chat","code_interpreter_cost_per_session":0.03},
"dashscope/tiered":{"litellm_provider":"dashscope","mode":"chat","tiered_pricing":[
 {"range":[0,32000.0],"input_cost_per_token":1e-06,"cache_read_input_token_cost":1e-07},
 {"range":[32000.0,128000.0],"input_cost_per_token":2e-06}]},
"elsewhere/m":{"litellm_provider":"fal_ai","mode":"chat","input_cost_per_token":1e-06}}"#;

fn merged(table: &str) -> Result<Imported, Error> {
    let lists = [(BASE, "1"), (table, "2")];
    import(
        &lists.map(|(text, version)| Published { text, version }),
        "2026-11-20",
    )
}

#[test]
fn takes_over_what_only_the_table_has() {
    let imported = merged(TABLE).expect("the lists are sound");
    let expected = [
        r#""added": {"source":"litellm","version":"2"},"#,
        // Flex, the uplift and the fee are new; batch and cached input are the base's to say.
        r#"{"id":"known","match":{"starts_with":"known"},"prices":[{"prices":{"input_mtok":"1","output_mtok":"2"}}],"variants":[{"for":{"processing":"batch"},"prices":{"input_mtok":"0.6"}},{"for":{"geo":"us"},"times":"1.1","source":"litellm"},{"for":{"service_tier":"flex"},"prices":{"input_mtok":"0.4"},"source":"litellm"},{"prices":{"web_searches_kcount":"10"},"source":"litellm"}]},"#,
        // The two disagree about the plain price.
        r#"{"id":"dearer","match":{"equals":"dearer"},"prices":[{"prices":{"input_mtok":"3","output_mtok":"2"}}]},"#,
        r#"{"id":"clock","match":{"equals":"clock"},"prices":[{"prices":{"input_mtok":"1"}},{"when":{"daily":["01:00:00","04:00:00"],"days":[1,2,3,4,5]},"prices":{"input_mtok":"2"}}]},"#,
        // All digits of a float are kept, a zero is no price, and a kind of request without a tier
        // of its own has the plain one's.
        r#"{"id":"new","source":"litellm","match":{"equals":"new"},"context":1000,"prices":[{"prices":{"input_mtok":{"base":"33.333333333333335","above":[[200000,"62.5"]]}}}],"variants":[{"for":{"service_tier":"priority"},"prices":{"input_mtok":{"base":"40","above":[[200000,"62.5"]]}}}]},"#,
        r#"{"id":"picture","source":"litellm","match":{"equals":"picture"},"prices":[],"variants":[{"for":{"quality":"hd","size":"1024x1024"},"prices":{"images":"0.0879999582208"}}]}"#,
        r#"{"id":"ft:tuned","source":"litellm","match":{"or":[{"starts_with":"ft:tuned:"},{"equals":"ft:tuned"}]},"prices":[{"prices":{"input_mtok":"1"}}]},"#,
        r#"{"id":"openai","name":"OpenAI","url":"https://api\\.openai\\.com","fees":{"code_executions_kcount":"30"},"models":["#,
        // Cached input has no price in the second range, so none at all.
        r#"{"id":"tiered","source":"litellm","match":{"equals":"tiered"},"prices":[{"prices":{"input_mtok":{"base":"1","above":[[32000,"2"]]}}}]}"#,
    ];
    let lines = imported.text.lines();
    let lines: Vec<&str> = lines.map(|line| line.trim_end_matches(',')).collect();
    for line in expected {
        assert!(
            lines.contains(&line.trim_end_matches(',')),
            "{line}\n{}",
            imported.text
        );
    }
    assert_eq!((imported.providers, imported.models), (2, 7));
    assert_eq!(
        imported.skipped,
        [
            "litellm: 1 rows of providers that weir does not name",
            "litellm: 1 rows without a price above nothing",
            "litellm: 4 models added, 2 of the base completed, 1 of the base left as they are",
        ]
    );
    let catalog = Catalog::parse(&imported.text).expect("weir reads what it wrote");
    assert_eq!(catalog.version(), "genai-prices-1,litellm-2");
}

#[test]
fn a_fault_names_the_line() {
    for (sound, broken) in [
        ("3.3333333333333335e-05", "-1.0"),
        ("[32000.0,128000.0]", "[32000.0]"),
        ("00:00-01:00", "soon"),
        ("\"weekdays\":[6,7]", "\"weekdays\":[8]"),
    ] {
        let before: Vec<&str> = TABLE.split(sound).collect();
        let [before, _] = before[..] else {
            panic!("{sound} is not there once")
        };
        let line = 1 + before.matches('\n').count();
        let error = merged(&TABLE.replace(sound, broken)).expect_err(broken);
        let Error::Source { line: at, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(usize::try_from(*at), Ok(line), "{error}");
    }
}

#[test]
fn only_one_list_of_each_project_is_taken() {
    let twice = [TABLE, TABLE].map(|text| Published { text, version: "2" });
    assert!(import(&twice, "2026-11-20").is_err());
    assert!(import(&[], "2026-11-20").is_err());
}
