//! From located nodes to typed fields, noting every problem on the way.
//!
//! One [`settings!`](super::file) definition gives a mapping's struct, the keys it accepts and its
//! JSON Schema, so the three cannot drift apart. A field keeps its place, because whether it fits
//! the rest of the file is only known later, and that message needs the place too.

use schemars::{Schema, json_schema};
use serde_json::Value;

use super::problem::{Found, Place, suggestion};
use super::tree::{Entry, Kind, Node, join};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// One key of a mapping.
#[derive(Clone, Debug)]
pub(super) enum Field<T> {
    Absent,
    /// Written as nothing, which mostly counts as not written.
    Blank(Place),
    /// Written wrongly, which is noted.
    Faulty,
    Here(At<T>),
}

impl<T> Field<T> {
    /// The value, where there is one.
    pub(super) fn value(&self) -> Option<&T> {
        self.here().map(|at| &at.value)
    }

    /// The value with its place, where there is one.
    pub(super) fn here(&self) -> Option<&At<T>> {
        match self {
            Field::Here(at) => Some(at),
            Field::Absent | Field::Blank(_) | Field::Faulty => None,
        }
    }

    /// Whether nothing was written.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Field::Absent | Field::Blank(_))
    }
}

/// Anything that a node can be read as.
pub(super) trait Read: Sized {
    /// Reads a node at a path of keys; `None` where it cannot, which is noted.
    fn read(node: &Node, key: &str, found: &mut Found) -> Option<Self>;

    /// The same as JSON Schema.
    fn schema() -> Schema;
}

/// Why a text is not the scalar that is expected.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// What is expected and what was got says it all.
    Unfit,
    /// What is wrong in particular.
    Because(String),
    /// A word that is not among the known ones.
    OneOf(Vec<&'static str>),
    /// Something that weir will read one day.
    Later(String),
}

/// A setting that is written as one value.
pub(super) trait Scalar: Sized {
    /// What is expected: `a duration`.
    const EXPECTED: &'static str;
    /// Examples: the remedy, and the schema's.
    const LIKE: &'static [&'static str];
    /// Whether a message may quote what was got.
    const SHOWN: bool = true;

    /// Reads the text; it is never a float.
    fn parse(text: &str) -> Result<Self, Fault>;

    /// The type in JSON Schema; a `${VAR}` is always allowed besides.
    fn schema() -> Value {
        serde_json::json!({ "type": "string" })
    }
}

/// What is said of everything that weir will read one day.
pub(super) const LATER: &str = "not supported by this version";

impl<T: Scalar> Read for T {
    fn read(node: &Node, key: &str, found: &mut Found) -> Option<Self> {
        let expected = T::EXPECTED;
        let like = format!("write it like {}", code(T::LIKE));
        let text = match &node.kind {
            Kind::Faulty => return None,
            Kind::Text(text) => text,
            _ => {
                let message = format!("expected {expected}, got {}", node.kind_name());
                found.add(node.place(key).problem(message, like));
                return None;
            }
        };
        let got = if T::SHOWN {
            text.quoted()
        } else {
            "a value that is not shown".to_owned()
        };
        let (message, remedy) = match T::parse(&text.text) {
            Ok(value) => return Some(value),
            Err(Fault::Unfit) => (format!("expected {expected}, got {got}"), like),
            Err(Fault::Because(why)) => (format!("expected {expected}, got {got}: {why}"), like),
            Err(Fault::OneOf(known)) => {
                let known = suggestion(&text.text, known);
                (format!("expected {expected}, got {got}"), known)
            }
            Err(Fault::Later(what)) => (format!("{what}: {LATER}"), like),
        };
        found.add(node.place(key).problem(message, remedy));
        None
    }

    fn schema() -> Schema {
        let value = <T as Scalar>::schema();
        let mut schema = if value.get("type") == Some(&Value::from("string"))
            && value.get("pattern").is_none()
            && value.get("enum").is_none()
        {
            Schema::try_from(value).unwrap_or_default()
        } else {
            json_schema!({ "anyOf": [value, { "type": "string", "pattern": r"\$\{" }] })
        };
        schema.insert("examples".to_owned(), Value::from(T::LIKE.to_vec()));
        schema
    }
}

fn code(examples: &[&str]) -> String {
    examples
        .iter()
        .map(|example| format!("`{example}`"))
        .collect::<Vec<_>>()
        .join(" or ")
}

/// A list; elements that cannot be read are noted and left out.
impl<T: Read> Read for Vec<At<T>> {
    fn read(node: &Node, key: &str, found: &mut Found) -> Option<Self> {
        let items = match &node.kind {
            Kind::List(items) => items,
            Kind::Faulty => return None,
            _ => {
                let message = format!("expected a list, got {}", node.kind_name());
                found.add(
                    node.place(key)
                        .problem(message, "write `[…, …]` or lines with `- …`"),
                );
                return None;
            }
        };
        let read = |(index, item): (usize, &Node)| {
            let key = format!("{key}[{index}]");
            let value = T::read(item, &key, found)?;
            Some(At {
                value,
                place: item.place(&key),
            })
        };
        Some(items.iter().enumerate().filter_map(read).collect())
    }

    fn schema() -> Schema {
        json_schema!({ "type": "array", "items": T::schema() })
    }
}

/// One value, or a list of them.
#[derive(Clone, Debug)]
pub(super) struct OneOrMany<T>(pub(super) Vec<At<T>>);

impl<T: Read> Read for OneOrMany<T> {
    fn read(node: &Node, key: &str, found: &mut Found) -> Option<Self> {
        match &node.kind {
            Kind::List(items) if items.is_empty() => {
                let message = "expected at least one value, got an empty list";
                found.add(
                    node.place(key)
                        .problem(message, "write a value, or remove the key"),
                );
                None
            }
            Kind::List(_) => Vec::read(node, key, found).map(OneOrMany),
            _ => {
                let value = T::read(node, key, found)?;
                Some(OneOrMany(vec![At {
                    value,
                    place: node.place(key),
                }]))
            }
        }
    }

    fn schema() -> Schema {
        json_schema!({ "anyOf": [T::schema(), { "type": "array", "items": T::schema() }] })
    }
}

/// One value, a list of them, or an empty list.
#[derive(Clone, Debug)]
pub(super) struct AnyNumber<T>(pub(super) Vec<At<T>>);

impl<T: Read> Read for AnyNumber<T> {
    fn read(node: &Node, key: &str, found: &mut Found) -> Option<Self> {
        match &node.kind {
            Kind::List(items) if items.is_empty() => Some(AnyNumber(Vec::new())),
            _ => OneOrMany::read(node, key, found).map(|OneOrMany(list)| AnyNumber(list)),
        }
    }

    fn schema() -> Schema {
        OneOrMany::<T>::schema()
    }
}

/// A mapping whose keys the user chooses.
#[derive(Clone, Debug)]
pub(super) struct Named<T>(pub(super) Vec<(At<String>, T)>);

impl<T: Read> Read for Named<T> {
    fn read(node: &Node, key: &str, found: &mut Found) -> Option<Self> {
        let entries = entries(node, key, found)?;
        let read = |entry: &Entry| {
            let path = join(key, &entry.key);
            let place = Place {
                line: entry.line,
                column: entry.column,
                key: path.clone(),
            };
            let value = T::read(&entry.value, &path, found)?;
            Some((
                At {
                    value: entry.key.clone(),
                    place,
                },
                value,
            ))
        };
        Some(Named(entries.iter().filter_map(read).collect()))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "object", "additionalProperties": T::schema() })
    }
}

/// The entries of a mapping; nothing written is a mapping without entries.
fn entries<'n>(node: &'n Node, key: &str, found: &mut Found) -> Option<&'n [Entry]> {
    match &node.kind {
        Kind::Map(entries) => Some(entries),
        Kind::Empty => Some(&[]),
        Kind::Faulty => None,
        Kind::Text(_) | Kind::List(_) => {
            let message = format!("expected a mapping, got {}", node.kind_name());
            found.add(node.place(key).problem(message, "write `key: value` pairs"));
            None
        }
    }
}

/// The keys of one mapping as they are defined.
pub(super) struct Keys {
    /// What is read.
    pub(super) known: &'static [&'static str],
    /// What must be written.
    pub(super) required: &'static [&'static str],
    /// What weir will read one day.
    pub(super) later: &'static [&'static str],
}

/// A mapping with fixed keys, while it is read.
pub(super) struct Mapping<'n> {
    entries: &'n [Entry],
    place: Place,
}

impl<'n> Mapping<'n> {
    /// Opens a mapping and notes the keys that are strange to it or missing.
    pub(super) fn open(node: &'n Node, key: &str, keys: &Keys, found: &mut Found) -> Option<Self> {
        let entries = entries(node, key, found)?;
        let place = node.place(key);
        for entry in entries {
            let name = entry.key.as_str();
            if keys.known.contains(&name) {
                continue;
            }
            let path = join(key, name);
            let at = Place {
                line: entry.line,
                column: entry.column,
                key: path,
            };
            if keys.later.contains(&name) {
                found.add(at.problem(format!("`{name}`: {LATER}"), "remove the key"));
            } else if found.is_full() {
                found.add(at.problem("unknown key", ""));
            } else {
                let known = suggestion(name, keys.known.iter().copied());
                found.add(at.problem("unknown key", known));
            }
        }
        for name in keys.required {
            let written = entries.iter().find(|entry| entry.key == *name);
            if written.is_none_or(|entry| matches!(entry.value.kind, Kind::Empty)) {
                let at = Place {
                    key: join(key, name),
                    ..place.clone()
                };
                found.add(at.problem("required, but not written", format!("add `{name}: …`")));
            }
        }
        Some(Mapping { entries, place })
    }

    /// Reads one key.
    pub(super) fn field<T: Read>(&self, name: &str, found: &mut Found) -> Field<T> {
        let Some(entry) = self.entries.iter().find(|entry| entry.key == name) else {
            return Field::Absent;
        };
        let key = join(&self.place.key, name);
        if matches!(entry.value.kind, Kind::Empty) {
            return Field::Blank(entry.value.place(&key));
        }
        match T::read(&entry.value, &key, found) {
            Some(value) => Field::Here(At {
                value,
                place: entry.value.place(&key),
            }),
            None => Field::Faulty,
        }
    }
}

/// The schema of a mapping with fixed keys: name, doc comment and schema of each.
pub(super) fn mapping_schema(
    about: &str,
    keys: &Keys,
    fields: Vec<(&str, &str, Schema)>,
) -> Schema {
    let mut properties = serde_json::Map::new();
    for (name, doc, mut schema) in fields {
        schema.insert("description".to_owned(), Value::from(sentence(doc)));
        properties.insert(name.to_owned(), schema.to_value());
    }
    let mut schema = json_schema!({
        "type": ["object", "null"],
        "description": sentence(about),
        "properties": properties,
        "additionalProperties": false,
    });
    if !keys.required.is_empty() {
        schema.insert("required".to_owned(), Value::from(keys.required.to_vec()));
    }
    schema
}

/// A doc comment's lines as one text.
fn sentence(doc: &str) -> String {
    doc.lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ")
        .trim()
        .to_owned()
}
