//! YAML to a small tree in which every node knows its place.
//!
//! Settings are read from this tree and not straight into structs, because a reader that stops at
//! the first fault cannot report all of them, and because a price must be read as the text that was
//! written: a YAML library that gives a number gives a float. Anchors, aliases and tags are left
//! out of the language: without aliases a file cannot stand for more than its own size.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::expand;
use super::problem::{Found, Place, quoted};

/// Largest file that is read.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;

/// Deepest nesting of lists and mappings; settings need five.
pub const DEPTH_MAX: usize = 32;

/// Most lists, mappings and scalars in one file: some thousand budgets.
pub const NODES_MAX: usize = 50_000;

/// A list, a mapping or a scalar, with its place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) kind: Kind,
}

/// What a node holds.
#[derive(Debug)]
pub(super) enum Kind {
    /// Nothing, `~` or `null`; or a scalar that its variables left empty.
    Empty,
    Text(Text),
    List(Vec<Node>),
    /// In the file's order, without duplicates.
    Map(Vec<Entry>),
    /// What could not be read; its problem is noted.
    Faulty,
}

/// A scalar.
#[derive(Debug)]
pub(super) struct Text {
    /// With its variables expanded.
    pub(super) text: String,
    /// As it is written, where it had variables: what a message may quote.
    pub(super) written: Option<String>,
}

impl Text {
    /// The scalar as a message may quote it.
    pub(super) fn quoted(&self) -> String {
        match &self.written {
            Some(written) => format!("the value of {}", quoted(written)),
            None => quoted(&self.text),
        }
    }
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) value: Node,
}

impl Node {
    /// The node's place under a path of keys.
    pub(super) fn place(&self, key: &str) -> Place {
        Place {
            line: self.line,
            column: self.column,
            key: key.to_owned(),
        }
    }

    /// What the node is, for a message; never its value.
    pub(super) fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Empty => "nothing",
            Kind::Text(_) => "a single value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
            Kind::Faulty => "something unreadable",
        }
    }
}

/// Joins a key to its parent's path, which is only ever shown.
pub(super) fn join(parent: &str, key: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./@*".contains(&b);
    let key = if key.len() <= 60 && !key.is_empty() && key.bytes().all(is_plain) {
        key.to_owned()
    } else {
        quoted(key)
    };
    if parent.is_empty() {
        key
    } else {
        format!("{parent}.{key}")
    }
}

/// Reads one document. `None` where its syntax is broken, which is noted.
pub(super) fn parse(
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
    found: &mut Found,
) -> Option<Node> {
    if text.len() > FILE_BYTES_MAX {
        let message = format!(
            "expected at most {FILE_BYTES_MAX} bytes, got {}",
            text.len()
        );
        found.add(Place::default().problem(message, "is this the right file?"));
        return None;
    }
    let options = granit_parser::options! {
        flow_nesting_limit: DEPTH_MAX + 1,
        block_nesting_limit: DEPTH_MAX + 1,
        emit_unresolved_aliases: true,
        disallow_directives: true,
        emit_comments: false,
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder {
        parser,
        env,
        found,
        nodes: 0,
    };
    match builder.document() {
        Ok(node) => Some(node),
        Err(Stop::Syntax(error)) => {
            let mark = error.marker();
            let place = Place {
                line: mark.line(),
                column: mark.col() + 1,
                key: String::new(),
            };
            let line = text
                .lines()
                .nth(mark.line().saturating_sub(1))
                .unwrap_or_default();
            let remedy = if line.contains("${") {
                "within `{…}` and `[…]` write a variable in quotes: `\"${NAME}\"`"
            } else {
                "check indentation, quotes and brackets before this place"
            };
            found.add(place.problem(format!("not YAML: {}", error.info()), remedy));
            None
        }
        Err(Stop::Noted) => None,
    }
}

/// Why a file is read no further.
enum Stop {
    Syntax(ScanError),
    /// The problem is noted.
    Noted,
}

impl From<ScanError> for Stop {
    fn from(error: ScanError) -> Self {
        Stop::Syntax(error)
    }
}

struct Builder<'t, 'b> {
    parser: Parser<'t, StrInput<'t>>,
    env: &'b dyn Fn(&str) -> Option<String>,
    found: &'b mut Found,
    nodes: usize,
}

fn place(span: Span, key: &str) -> Place {
    Place {
        line: span.start.line(),
        column: span.start.col() + 1,
        key: key.to_owned(),
    }
}

impl<'t> Builder<'t, '_> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Stop> {
        match self.parser.next_event() {
            Some(next) => Ok(next?),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn document(&mut self) -> Result<Node, Stop> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                _ if root.is_some() => {
                    let message = "expected one document, got a second one";
                    self.found
                        .add(place(span, "").problem(message, "remove everything from `---` on"));
                    return Err(Stop::Noted);
                }
                event => root = Some(self.node(event, span, "", 0)?),
            }
        }
        Ok(root.unwrap_or(Node {
            line: 1,
            column: 1,
            kind: Kind::Empty,
        }))
    }

    fn node(
        &mut self,
        event: Event<'t>,
        span: Span,
        key: &str,
        depth: usize,
    ) -> Result<Node, Stop> {
        self.nodes += 1;
        let limit = match () {
            () if depth > DEPTH_MAX => Some(format!("expected at most {DEPTH_MAX} levels")),
            () if self.nodes > NODES_MAX => Some(format!("expected at most {NODES_MAX} values")),
            () => None,
        };
        if let Some(message) = limit {
            self.found
                .add(place(span, "").problem(message, "is this the right file?"));
            return Err(Stop::Noted);
        }
        if let Some(tag) = event.tag() {
            let message = format!("tags are not read, got {}", quoted(&tag.original()));
            self.found
                .add(place(span, key).problem(message, "remove the tag"));
        }
        let kind = match event {
            Event::Scalar(text, style, ..) => self.scalar(&text, style, &place(span, key)),
            Event::SequenceStart(..) => Kind::List(self.list(key, depth)?),
            Event::MappingStart(..) => Kind::Map(self.map(key, depth)?),
            _ => {
                let message = "aliases (`*name`) are not read";
                self.found
                    .add(place(span, key).problem(message, "write the value out"));
                Kind::Faulty
            }
        };
        Ok(Node {
            line: span.start.line(),
            column: span.start.col() + 1,
            kind,
        })
    }

    fn list(&mut self, key: &str, depth: usize) -> Result<Vec<Node>, Stop> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => {
                    let path = format!("{key}[{}]", items.len());
                    items.push(self.node(event, span, &path, depth + 1)?);
                }
            }
        }
    }

    fn map(&mut self, key: &str, depth: usize) -> Result<Vec<Entry>, Stop> {
        let mut entries = Vec::new();
        let mut lines: HashMap<String, usize> = HashMap::new();
        loop {
            let (name, at) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(entries),
                (Event::Scalar(name, ..), span) => (Some(name.into_owned()), span),
                (event, span) => {
                    self.node(event, span, key, depth + 1)?;
                    let message = "expected a text as key, got something else";
                    self.found
                        .add(place(span, key).problem(message, "write the key as plain text"));
                    (None, span)
                }
            };
            let path = name
                .as_ref()
                .map_or_else(|| key.to_owned(), |name| join(key, name));
            let (event, span) = self.next()?;
            let value = self.node(event, span, &path, depth + 1)?;
            let Some(name) = name else { continue };
            let line = at.start.line();
            if let Some(first) = lines.get(&name) {
                let message = format!("written twice, first on line {first}");
                self.found
                    .add(place(at, &path).problem(message, "remove one of them"));
                continue;
            }
            lines.insert(name.clone(), line);
            entries.push(Entry {
                key: name,
                line,
                column: at.start.col() + 1,
                value,
            });
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, place: &Place) -> Kind {
        let is_plain = style == ScalarStyle::Plain;
        if is_plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
            return Kind::Empty;
        }
        let (message, remedy) = match expand::expand(text, self.env) {
            Ok(None) => {
                return Kind::Text(Text {
                    text: text.to_owned(),
                    written: None,
                });
            }
            Ok(Some(expanded)) if expanded.is_empty() => return Kind::Empty,
            Ok(Some(expanded)) => {
                return Kind::Text(Text {
                    text: expanded,
                    written: Some(text.to_owned()),
                });
            }
            Err(expand::Error::Unclosed) => (
                "`${` without a closing `}`".to_owned(),
                "write `$$` for a plain `$`".to_owned(),
            ),
            Err(expand::Error::Name(name)) => (
                format!(
                    "expected a variable's name in `${{…}}`, got {}",
                    quoted(&name)
                ),
                "letters, digits and `_`; write `$$` for a plain `$`".to_owned(),
            ),
            Err(expand::Error::Unset(name)) => (
                format!("the environment variable {name} is not set"),
                format!("set it, or write a default: `${{{name}:-…}}`"),
            ),
            Err(expand::Error::Long) => (
                format!(
                    "expected at most {} bytes after expansion",
                    expand::EXPANDED_BYTES_MAX
                ),
                "set the variable to something shorter".to_owned(),
            ),
        };
        self.found.add(place.problem(message, remedy));
        Kind::Faulty
    }
}
