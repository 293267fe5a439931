//! The importer on data written by hand, and on the data that the built-in catalogue was made of.

use super::super::{Catalog, Error, Imported, Published};

/// The release that the built-in catalogue was made of, and the day as of which its prices are
/// meant.
const BUILTIN: (&str, &str, &str) = ("0.2.3", "1.109.1", "2026-11-20");

fn import(text: &str, version: &str, date: &str) -> Result<Imported, Error> {
    super::super::import(&[Published { text, version }], date)
}

const DATA: &str = r#""""A module."""
import datetime
from decimal import Decimal

providers: list[Provider] = [
    Provider(
        id='acme',
        name='Acme',
        api_pattern='https://api\\.acme\\.com',
        pricing_urls=['https://acme.com'],
        price_comments="It's free \"speech\"",
        model_match=ClauseContains(contains='acme'),
        extractors=[UsageExtractor(root='usage', mappings=[], api_flavor='default')],
        fallback_model_providers=['other', 'nobody'],
        models=[
            ModelInfo(
                id='Big-1',
                match=ClauseOr(
                    or_=[
                        ClauseEquals(equals='Big-1'),
                        ClauseStartsWith(starts_with='big-1-'),
                        ClauseEndsWith(ends_with='/big-1'),
                        ClauseAnd(
                            and_=[
                                ClauseContains(contains='big'),
                                ClauseRegex(regex='^x-\\d{2}$|^y-big'),
                                ClauseRegex(regex='^(?!.*-tts)'),
                            ]
                        ),
                    ]
                ),
                name='Big One',
                description='Long\n',
                context_window=200000,
                deprecated=True,
                price_comments=None,
                prices=[
                    ConditionalPrice(prices=ModelPrice(input_mtok=Decimal('3'))),
                    ConditionalPrice(
                        constraint=StartDateConstraint(start_date=datetime.date(2026, 2, 1)),
                        prices=ModelPrice(
                            input_mtok=TieredPrices(
                                base=Decimal('1'),
                                tiers=[Tier(start=200, price=Decimal('4')), Tier(start=100, price=Decimal('2'))],
                            ),
                            output_mtok=Decimal('5'),
                            galaxies_kcount=Decimal('1'),
                        ),
                    ),
                    ConditionalPrice(
                        constraint=TimeOfDateConstraint(
                            start_time=datetime.time(1, 30, tzinfo=datetime.UTC),
                            end_time=datetime.time(4, tzinfo=datetime.timezone.utc),
                        ),
                        prices=ModelPrice(input_mtok=Decimal('9')),
                    ),
                ],
                price_variants=[
                    PriceVariant(when={'service_tier': 'default'}, prices=ModelPrice()),
                    PriceVariant(
                        when={'service_tier': 'flex'},
                        prices=ModelPrice(input_mtok=Decimal('0.5')),
                        constraint=StartDateConstraint(start_date=datetime.date(2026, 3, 1)),
                    ),
                ],
            ),
            ModelInfo(id='gift:free', match=ClauseEquals(equals='gift:free'), prices=ModelPrice()),
        ],
    ),
]
"#;

const EXPECTED: &str = r#"{
"source": "genai-prices",
"version": "9.9",
"date": "2026-03-04",
"providers": [
{"id":"acme","name":"Acme","url":"https://api\\.acme\\.com","fallback":["other","nobody"],"models":[
{"id":"Big-1","name":"Big One","match":{"or":[{"equals":"big-1"},{"starts_with":"big-1-"},{"ends_with":"/big-1"},{"and":[{"contains":"big"},{"regex":"^x-\\d{2}$|^y-big"},{"not":{"regex":"-tts"}}]}]},"context":200000,"deprecated":true,"prices":[{"prices":{"input_mtok":"3"}},{"when":{"from":"2026-02-01"},"prices":{"input_mtok":{"base":"1","above":[[100,"2"],[200,"4"]]},"output_mtok":"5"}},{"when":{"daily":["01:30:00","04:00:00"]},"prices":{"input_mtok":"9"}}],"variants":[{"for":{"service_tier":"flex"},"when":{"from":"2026-03-01"},"prices":{"input_mtok":"0.5"}}]},
{"id":"gift:free","match":{"equals":"gift:free"},"prices":[{"prices":{}}]}
]}
]
}
"#;

/// The same provider as the project publishes it beside the package.
const JSON: &str = r#"[{"id":"acme","name":"Acme","api_pattern":"https://api\\.acme\\.com","models":[
{"id":"m","match":{"or":[{"equals":"M"},{"regex":"^m-\\d$"}]},"context_window":null,
 "prices":[{"prices":{"input_mtok":0.8,"output_mtok":{"base":1e-1,"tiers":[{"start":5,"price":2.5E1}]}}},
 {"constraint":{"start_date":"2026-02-01"},"prices":{"input_mtok":"1"}},
 {"constraint":{"start_time":"01:30:00Z","end_time":"04:00:00Z"},"prices":{"input_mtok":3}}]}]}]"#;

#[test]
fn takes_over_facts_and_nothing_else() {
    let imported = import(DATA, "9.9", "2026-03-04").expect("the data is sound");
    assert_eq!(imported.text, EXPECTED);
    assert_eq!((imported.providers, imported.models), (1, 2));
    assert_eq!(
        imported.skipped,
        ["line 47: galaxies_kcount is not counted by weir"]
    );
    let catalog = Catalog::parse(&imported.text).expect("weir reads what it wrote");
    assert_eq!(catalog.version(), "genai-prices-9.9");
    assert_eq!(
        catalog.models().collect::<Vec<_>>(),
        [("acme", "Big-1"), ("acme", "gift:free")]
    );
}

#[test]
fn reads_the_same_data_as_json() {
    let imported = import(JSON, "9.9", "2026-03-04").expect("the data is sound");
    let line = r#"{"id":"m","match":{"or":[{"equals":"m"},{"regex":"^m-\\d$"}]},"prices":[{"prices":{"input_mtok":"0.8","output_mtok":{"base":"0.1","above":[[5,"25"]]}}},{"when":{"from":"2026-02-01"},"prices":{"input_mtok":"1"}},{"when":{"daily":["01:30:00","04:00:00"]},"prices":{"input_mtok":"3"}}]}"#;
    assert!(
        imported.text.lines().any(|written| written == line),
        "{}",
        imported.text
    );
}

#[test]
fn a_fault_names_the_line_and_what_to_do() {
    let cases = [
        ("Decimal('9')", "Decimal('-9')", 55, "is not a price"),
        (
            "Decimal('9')",
            "Decimal('0.1234567890123456789')",
            55,
            "18 places",
        ),
        ("Decimal('9')", "[]", 55, "expected a price"),
        (
            "equals='gift:free'",
            "sounds_like='gift'",
            67,
            "unknown kind sounds_like",
        ),
        (
            "'^x-\\\\d{2}$|^y-big'",
            "'^(?<=x)'",
            26,
            "is not one that weir can use",
        ),
        (
            "datetime.date(2026, 2, 1)",
            "datetime.date(2026, 13, 1)",
            40,
            "expected a day",
        ),
        (
            "tzinfo=datetime.UTC",
            "tzinfo=zone(1)",
            52,
            "time of day in UTC",
        ),
        (
            "context_window=200000",
            "context_window='many'",
            34,
            "expected a whole number",
        ),
        ("id='gift:free', ", "", 67, "id is missing"),
    ];
    for (sound, broken, line, problem) in cases {
        assert_eq!(DATA.matches(sound).count(), 1, "{sound}");
        let error = import(&DATA.replace(sound, broken), "9.9", "2026-03-04").expect_err(broken);
        let Error::Source {
            line: at, remedy, ..
        } = error
        else {
            panic!("{error}")
        };
        assert!(
            error.to_string().contains(problem) && !remedy.is_empty(),
            "{broken}: {error}"
        );
        assert_eq!(at, line, "{error}");
    }
    assert!(import(DATA, "9.9", "4 March").is_err());
    assert!(import("providers = []", "9.9", "2026-03-04").is_err());
}

#[test]
fn a_file_that_is_no_catalogue_is_refused() {
    let refused = |text: &str| Catalog::parse(text).expect_err("no catalogue").to_string();
    assert!(refused("{}").contains("missing field"));
    assert!(refused(&EXPECTED.replace("\"-tts\"", "\"(\"")).contains("Big-1: pattern"));
    assert!(refused(&EXPECTED.replace("\"context\"", "\"contexts\"")).contains("unknown field"));
    assert!(refused(&EXPECTED.replace("01:30", "25:30")).contains("25:30"));
}

/// What the built-in catalogue leaves out of its sources.
const LEFT_OUT: [&str; 5] = [
    "litellm: 1495 rows of providers that weir does not name",
    "litellm: 50 rows for no model that a call names, or by a measure that no call tells",
    "litellm: 90 rows without a price above nothing",
    "litellm: 122 rows for a model that has one",
    "litellm: 1481 models added, 194 of the base completed, 458 of the base left as they are",
];

#[test]
fn the_builtin_is_what_the_importer_makes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/pricing/data/prices.json");
    let read = |name: &str| {
        let source = std::env::var_os(name)?;
        Some(std::fs::read_to_string(source).expect("a price list can be read"))
    };
    let (Some(base), Some(added)) = (read("GENAI_PRICES_DATA"), read("LITELLM_PRICES")) else {
        return eprintln!(
            "left out: GENAI_PRICES_DATA and LITELLM_PRICES do not name genai_prices/data.py and \
             model_prices_and_context_window_backup.json"
        );
    };
    let lists = [(&base, BUILTIN.0), (&added, BUILTIN.1)];
    let lists = lists.map(|(text, version)| Published { text, version });
    let imported = super::super::import(&lists, BUILTIN.2).expect("the lists are sound");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, &imported.text).expect("the catalogue can be written");
    }
    let written = std::fs::read_to_string(path).expect("the catalogue can be read");
    assert!(
        written == imported.text,
        "run this test with UPDATE_EXPECT=1"
    );
    assert_eq!(imported.skipped, LEFT_OUT);
    // litellm's list by itself completes what the built-in has of genai-prices.
    let alone = super::super::import(&lists[1..], BUILTIN.2).expect("the list is sound");
    assert!(alone.text == imported.text, "the base does not survive");
}
