//! Literals that are read, and faults that are named.

use super::*;
use proptest::prelude::*;

fn node(source: &str) -> Node {
    parse(&format!("import x\n\nproviders: list[P] = {source}\n"))
        .expect(source)
        .node
}

fn fault(source: &str) -> String {
    parse(&format!("providers = {source}"))
        .expect_err(source)
        .to_string()
}

#[test]
fn reads_every_kind_of_literal() {
    let text = |text: &str| Node::Text(text.to_owned());
    assert_eq!(node(r#"'it\'s \\d \xe9'"#), text("it's \\d é"));
    assert_eq!(node("('one '\n  \"two\")"), text("one two"));
    assert_eq!(node("'' ''"), text(""));
    assert_eq!(node("-1.5e-06"), Node::Number("-1.5e-06".to_owned()));
    assert_eq!(
        node("datetime.timezone.utc"),
        Node::Name("datetime.timezone.utc".to_owned())
    );
    let Node::Object(call) = node("Tier(start=1, price=Decimal('2'),)") else {
        panic!("no call")
    };
    assert_eq!(
        (call.name.as_str(), call.args.len(), call.fields.len()),
        ("Tier", 0, 2)
    );
    let Node::Object(date) = node("datetime.date(2026, 1, 2)") else {
        panic!("no call")
    };
    assert_eq!(
        (date.args.len(), date.args[2].node.clone()),
        (3, Node::Number("2".to_owned()))
    );
    let Node::List(list) = node("[1, # one\n 2,\n]") else {
        panic!("no list")
    };
    assert_eq!((list.len(), list[0].line, list[1].line), (2, 3, 4));
    let Node::List(pair) = node("('a',)") else {
        panic!("no list")
    };
    assert_eq!(pair.len(), 1);
}

#[test]
fn reads_json() {
    let value = parse(r#"[{"a": true, "b": null, "c": "é😀\/", "d": {}, "e": []}]"#);
    let Node::List(list) = value.expect("JSON").node else {
        panic!("no list")
    };
    let Node::Object(object) = &list[0].node else {
        panic!("no object")
    };
    assert_eq!(
        object.get("a").map(|value| &value.node),
        Some(&Node::Name("true".to_owned()))
    );
    assert_eq!(
        object.get("c").map(|value| &value.node),
        Some(&Node::Text("é😀/".to_owned()))
    );
    let pair = parse(r#"["\ud83d\ude00"]"#).expect("a pair").node;
    assert_eq!(
        pair,
        Node::List(vec![Value {
            line: 1,
            node: Node::Text("😀".to_owned())
        }])
    );
}

#[test]
fn a_fault_names_its_line() {
    assert!(fault("[\n1,\n?]").contains("line 3: expected a value, got '?'"));
    assert!(fault("[1 2]").contains("expected ','"));
    assert!(fault("'a\n'").contains("does not end"));
    assert!(fault("'\\q'").contains("escape \\q"));
    assert!(fault("'\\ud83d'").contains("escape \\u"));
    assert!(fault("'''a'''").contains("in three quotes"));
    assert!(fault("r'a'").contains("prefix r"));
    assert!(fault("f(a=1 b=2)").contains("expected ')'"));
    assert!(fault("{1: 2}").contains("key of a mapping"));
    assert!(fault("[] []").contains("expected the end"));
    assert!(fault(&"[".repeat(100)).contains("nested more than"));
    assert!(
        parse("models = []")
            .expect_err("no providers")
            .to_string()
            .contains("data.py")
    );
}

proptest! {
    #[test]
    fn never_panics(text in "[\\[\\](){}'\"\\\\,=:#a1.\\n é-]{0,40}") {
        let _outcome = parse(&format!("providers = {text}"));
    }
}
