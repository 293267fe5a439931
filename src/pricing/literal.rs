//! Reads the literals that published price data is written in.
//!
//! genai-prices ships its data as a Python module of nested calls with keyword arguments, and
//! upstream as JSON. Both are values of a few kinds; this reads those and nothing else of either
//! language.

use super::Error;

/// Most bytes of price data.
const SOURCE_BYTES_MAX: usize = 64 << 20;

/// Deepest nesting; the data has about twelve levels.
const DEPTH_MAX: usize = 48;

/// A value and the line on which it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Value {
    pub line: u32,
    pub node: Node,
}

/// The kinds of values.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Text(String),
    /// As written.
    Number(String),
    /// A name by itself: `True`, `null`, `datetime.timezone.utc`.
    Name(String),
    List(Vec<Value>),
    /// A mapping, or a call with its keyword arguments.
    Object(Object),
}

/// `Tier(start=1, price=2)`, `datetime.date(2026, 1, 1)` or `{"start": 1}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Object {
    /// What is called; empty for a mapping.
    pub name: String,
    pub args: Vec<Value>,
    pub fields: Vec<(String, Value)>,
}

impl Object {
    /// The field of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value)
    }
}

/// Reads a price list: a whole JSON document, or what a Python module assigns to
/// `providers`.
pub(super) fn parse(source: &str) -> Result<Value, Error> {
    let whole = |problem: &str| Error::Source {
        line: 1,
        problem: problem.to_owned(),
        remedy: "give genai_prices/data.py of the genai-prices package, its data.json, or litellm's \
                 model_prices_and_context_window.json",
    };
    if source.len() > SOURCE_BYTES_MAX {
        return Err(whole("more than 64 MiB"));
    }
    let start = if source.trim_start().starts_with(['[', '{']) {
        0
    } else {
        let name = source.match_indices("providers").map(|(at, _)| at);
        let mut starts = name.filter(|at| *at == 0 || source.as_bytes()[at - 1] == b'\n');
        let at = starts
            .next()
            .ok_or_else(|| whole("assigns nothing to `providers`"))?;
        let equals = source[at..]
            .find('=')
            .ok_or_else(|| whole("assigns nothing to `providers`"))?;
        at + equals + 1
    };
    let mut parser = Parser {
        text: source,
        at: start,
        depth: 0,
        counted: (0, 1),
    };
    let value = parser.value()?;
    parser.space();
    match parser.peek() {
        None => Ok(value),
        Some(found) => Err(parser.fault(format!(
            "expected the end after the providers, got '{found}'"
        ))),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// A place in the text and its line, so that lines are counted once.
    counted: (usize, u32),
}

impl Parser<'_> {
    fn fault(&mut self, problem: String) -> Error {
        let line = self.line();
        Error::Source {
            line,
            problem,
            remedy: "only literals are read; take the file as it was published",
        }
    }

    fn line(&mut self) -> u32 {
        let (from, line) = self.counted;
        let breaks = memchr::memchr_iter(b'\n', &self.text.as_bytes()[from..self.at]).count();
        let line = line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
        self.counted = (self.at, line);
        line
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    /// Skips blanks and Python comments.
    fn space(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            self.at += rest.len() - rest.trim_start().len();
            if self.peek() != Some('#') {
                return;
            }
            self.at += self.text[self.at..]
                .find('\n')
                .unwrap_or(self.text.len() - self.at);
        }
    }

    /// Takes this character if it is next.
    fn takes(&mut self, wanted: char) -> bool {
        self.space();
        let found = self.peek() == Some(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    fn expect(&mut self, wanted: char) -> Result<(), Error> {
        if self.takes(wanted) {
            return Ok(());
        }
        let found = self
            .peek()
            .map_or("the end".to_owned(), |found| format!("'{found}'"));
        Err(self.fault(format!("expected '{wanted}', got {found}")))
    }

    fn value(&mut self) -> Result<Value, Error> {
        self.space();
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.fault(format!("nested more than {DEPTH_MAX} deep")));
        }
        let line = self.line();
        let node = match self.peek() {
            Some('\'' | '"') => Node::Text(self.texts()?),
            Some('[') => Node::List(self.list(']')?.0),
            Some('(') => self.group()?,
            Some('{') => Node::Object(self.mapping()?),
            Some('-' | '0'..='9') => {
                Node::Number(self.word(|c| c.is_ascii_alphanumeric() || "+-._".contains(c)))
            }
            Some(c) if c.is_alphabetic() || c == '_' => self.name()?,
            Some(c) => return Err(self.fault(format!("expected a value, got '{c}'"))),
            None => return Err(self.fault("expected a value, got the end".to_owned())),
        };
        self.depth -= 1;
        Ok(Value { line, node })
    }

    /// The longest run of such characters.
    fn word(&mut self, fits: impl Fn(char) -> bool) -> String {
        let rest = &self.text[self.at..];
        let word = &rest[..rest.find(|c| !fits(c)).unwrap_or(rest.len())];
        self.at += word.len();
        word.to_owned()
    }

    /// Values up to the closing bracket, and whether a comma stood before it.
    fn list(&mut self, close: char) -> Result<(Vec<Value>, bool), Error> {
        self.at += 1;
        let (mut values, mut comma) = (Vec::new(), false);
        while !self.takes(close) {
            if !values.is_empty() && !comma {
                self.expect(',')?;
                comma = true;
                continue;
            }
            values.push(self.value()?);
            comma = self.takes(',');
        }
        Ok((values, comma))
    }

    /// Python's parentheses: around one value they only group, else they make a list.
    fn group(&mut self) -> Result<Node, Error> {
        let (mut values, comma) = self.list(')')?;
        match values.pop() {
            Some(only) if values.is_empty() && !comma => Ok(only.node),
            last => Ok(Node::List(values.into_iter().chain(last).collect())),
        }
    }

    fn mapping(&mut self) -> Result<Object, Error> {
        self.at += 1;
        let mut object = Object::default();
        while !self.takes('}') {
            if !object.fields.is_empty() {
                self.expect(',')?;
                if self.takes('}') {
                    break;
                }
            }
            let Node::Text(key) = self.value()?.node else {
                return Err(self.fault("expected a text as the key of a mapping".to_owned()));
            };
            self.expect(':')?;
            object.fields.push((key, self.value()?));
        }
        Ok(object)
    }

    /// A dotted name, alone or called.
    fn name(&mut self) -> Result<Node, Error> {
        let name = self.word(|c| c.is_alphanumeric() || c == '_' || c == '.');
        if matches!(self.peek(), Some('\'' | '"')) {
            return Err(self.fault(format!("texts with the prefix {name} are not read")));
        }
        if !self.takes('(') {
            return Ok(Node::Name(name));
        }
        let mut object = Object {
            name,
            ..Object::default()
        };
        while !self.takes(')') {
            let value = self.value()?;
            match value.node {
                Node::Name(field) if self.takes('=') => {
                    let value = self.value()?;
                    object.fields.push((field, value));
                }
                node => object.args.push(Value {
                    line: value.line,
                    node,
                }),
            }
            if !self.takes(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(Node::Object(object))
    }

    /// One text, or several side by side, which Python joins.
    fn texts(&mut self) -> Result<String, Error> {
        let mut out = String::new();
        while let Some(quote @ ('\'' | '"')) = self.peek() {
            self.at += 1;
            let rest = &self.text[self.at..];
            if rest
                .strip_prefix(quote)
                .is_some_and(|rest| rest.starts_with(quote))
            {
                return Err(self.fault("texts in three quotes are not read".to_owned()));
            }
            self.text(quote, &mut out)?;
            self.space();
        }
        Ok(out)
    }

    fn text(&mut self, quote: char, out: &mut String) -> Result<(), Error> {
        loop {
            let rest = &self.text[self.at..];
            let Some(end) = rest.find([quote, '\\', '\n']) else {
                return Err(self.fault("a text does not end".to_owned()));
            };
            out.push_str(&rest[..end]);
            self.at += end;
            match self.peek() {
                Some('\\') => out.push(self.escape()?),
                Some('\n') | None => {
                    return Err(self.fault("a text does not end on its line".to_owned()));
                }
                Some(_) => {
                    self.at += 1;
                    return Ok(());
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        self.at += 1;
        let Some(kind) = self.peek() else {
            return Err(self.fault("a text does not end".to_owned()));
        };
        self.at += kind.len_utf8();
        let length = match kind {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        let plain = match kind {
            'n' => Some('\n'),
            't' => Some('\t'),
            'r' => Some('\r'),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            '\\' | '\'' | '"' | '/' => Some(kind),
            _ if length > 0 => self.code(length),
            _ => None,
        };
        plain.ok_or_else(|| self.fault(format!("the escape \\{kind} is not read")))
    }

    /// A character by its number; JSON writes those beyond 16 bits as a pair.
    fn code(&mut self, length: usize) -> Option<char> {
        let first = self.hex(length)?;
        if length != 4 || !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first);
        }
        self.at += self.text[self.at..].starts_with("\\u").then_some(2)?;
        let second = self.hex(4)?.checked_sub(0xdc00)?;
        char::from_u32(0x10000 + ((first - 0xd800) << 10) + second)
    }

    fn hex(&mut self, length: usize) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + length)?;
        digits
            .bytes()
            .all(|digit| digit.is_ascii_hexdigit())
            .then_some(())?;
        self.at += length;
        u32::from_str_radix(digits, 16).ok()
    }
}

#[cfg(test)]
mod tests;
