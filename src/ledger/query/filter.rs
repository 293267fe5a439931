//! Which calls a question is about: a span of time and columns' values, always as bound parameters.

use std::fmt;
use std::str::FromStr;

use rusqlite::types::Value;

/// The calls that began in a span of time and fit every condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Unix milliseconds, inclusive.
    pub since: Option<i64>,
    /// Unix milliseconds, exclusive.
    pub until: Option<i64>,
    pub wheres: Vec<Where>,
}

/// One column's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Where {
    pub column: Column,
    /// `None` = the column has none.
    pub value: Option<String>,
}

/// What calls can be selected by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    Provider,
    Operation,
    Dialect,
    RequestModel,
    Model,
    Key,
    User,
    Team,
    Project,
    Task,
    UsageSource,
    HttpStatus,
    Outcome,
    ErrorType,
    RefusedBy,
    /// `tag.NAME`: one of the free tags.
    Tag(String),
}

const NAMES: [(&str, Column); 15] = [
    ("provider", Column::Provider),
    ("operation", Column::Operation),
    ("dialect", Column::Dialect),
    ("request_model", Column::RequestModel),
    ("model", Column::Model),
    ("key", Column::Key),
    ("user", Column::User),
    ("team", Column::Team),
    ("project", Column::Project),
    ("task", Column::Task),
    ("usage_source", Column::UsageSource),
    ("http_status", Column::HttpStatus),
    ("outcome", Column::Outcome),
    ("error_type", Column::ErrorType),
    ("refused_by", Column::RefusedBy),
];

/// A text names no column.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no column \"{0}\"; expected tag.NAME or one of: {names}", names = column_names())]
pub struct UnknownColumn(pub String);

fn column_names() -> String {
    NAMES.map(|(name, _)| name).join(", ")
}

impl FromStr for Column {
    type Err = UnknownColumn;

    fn from_str(text: &str) -> Result<Self, UnknownColumn> {
        if let Some(tag) = text.strip_prefix("tag.").filter(|tag| !tag.is_empty()) {
            return Ok(Column::Tag(tag.to_owned()));
        }
        let known = NAMES.into_iter().find(|(name, _)| *name == text);
        known
            .map(|(_, column)| column)
            .ok_or_else(|| UnknownColumn(text.to_owned()))
    }
}

/// `team=search`; `team=` selects the calls without one.
impl FromStr for Where {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (column, value) = text.split_once('=').ok_or("expected COLUMN=VALUE")?;
        let column = column
            .parse()
            .map_err(|error: UnknownColumn| error.to_string())?;
        Ok(Where {
            column,
            value: (!value.is_empty()).then(|| value.to_owned()),
        })
    }
}

/// As it is read.
impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.as_deref().unwrap_or_default();
        match &self.column {
            Column::Tag(tag) => write!(f, "tag.{tag}={value}"),
            column => write!(f, "{}={value}", column.name()),
        }
    }
}

impl Column {
    /// The name of a column of the table.
    fn name(&self) -> &'static str {
        let known = NAMES.into_iter().find(|(_, column)| column == self);
        known.expect("every column but a tag has a name").0
    }

    /// The column's value as SQL; a tag's name goes to the parameters.
    pub(super) fn sql(&self, parameters: &mut Vec<Value>) -> String {
        if let Column::Tag(tag) = self {
            parameters.push(Value::Text(tag.clone()));
            return format!(
                "(SELECT value FROM json_each(tags) WHERE key = ?{})",
                parameters.len()
            );
        }
        format!("\"{}\"", self.name())
    }
}

impl Filter {
    /// The calls that began at `since` or later.
    pub fn since(since: i64) -> Filter {
        Filter {
            since: Some(since),
            ..Filter::default()
        }
    }

    /// A condition as SQL, `true` where there is none.
    pub(super) fn sql(&self, parameters: &mut Vec<Value>) -> String {
        let mut sql = String::from("true");
        for (bound, operator) in [(self.since, ">="), (self.until, "<")] {
            if let Some(bound) = bound {
                parameters.push(Value::Integer(bound));
                sql += &format!(" AND started_at {operator} ?{}", parameters.len());
            }
        }
        for condition in &self.wheres {
            let column = condition.column.sql(parameters);
            match &condition.value {
                None => sql += &format!(" AND {column} IS NULL"),
                Some(value) => {
                    parameters.push(Value::Text(value.clone()));
                    // The cast lets a status, which is an integer, equal its digits.
                    sql += &format!(" AND CAST({column} AS TEXT) = ?{}", parameters.len());
                }
            }
        }
        sql
    }
}
