//! `${VAR}` and `${VAR:-default}` within one scalar.
//!
//! Expansion happens after the YAML is read, scalar by scalar, so that a variable's value can never
//! become a key, a list or a second document.

/// Longest text that one scalar may expand to.
pub(super) const EXPANDED_BYTES_MAX: usize = 64 * 1024;

/// Why a scalar cannot be expanded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Error {
    /// `${` without `}`.
    Unclosed,
    /// What stands between the braces is no name; the text as it is written.
    Name(String),
    /// The variable is not set and no default is written.
    Unset(String),
    /// The text would pass [`EXPANDED_BYTES_MAX`].
    Long,
}

/// Expands the variables of a scalar; `None` where it has none and no `$$`.
///
/// `$$` stands for `$`; a `$` before anything else stays. A default ends at the next `}` and stands
/// in for a variable that is unset or empty, as in a shell.
pub(super) fn expand(
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, Error> {
    if !text.contains("${") && !text.contains("$$") {
        return Ok(None);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        out.push_str(&rest[..dollar]);
        let after = &rest[dollar + 1..];
        if let Some(literal) = after.strip_prefix('$') {
            out.push('$');
            rest = literal;
        } else if let Some(inner) = after.strip_prefix('{') {
            let end = inner.find('}').ok_or(Error::Unclosed)?;
            out.push_str(&value(&inner[..end], env)?);
            rest = &inner[end + 1..];
        } else {
            out.push('$');
            rest = after;
        }
        if out.len() > EXPANDED_BYTES_MAX {
            return Err(Error::Long);
        }
    }
    out.push_str(rest);
    if out.len() > EXPANDED_BYTES_MAX {
        Err(Error::Long)
    } else {
        Ok(Some(out))
    }
}

fn value(inner: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, Error> {
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !is_name {
        return Err(Error::Name(name.to_owned()));
    }
    match (env(name), default) {
        (Some(set), None) => Ok(set),
        (Some(set), Some(_)) if !set.is_empty() => Ok(set),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(Error::Unset(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<Option<String>, Error> {
        expand(text, &|name| match name {
            "SET" => Some("value".to_owned()),
            "EMPTY" => Some(String::new()),
            "YAML" => Some("a: [1]\nb: ${SET}".to_owned()),
            "LONG" => Some("x".repeat(EXPANDED_BYTES_MAX)),
            _ => None,
        })
    }

    #[test]
    fn expands_as_a_shell_does() {
        for (text, expected) in [
            ("${SET}", "value"),
            ("a${SET}b${SET}c", "avaluebvaluec"),
            ("${UNSET:-x:y-z}", "x:y-z"),
            ("${EMPTY:-x}", "x"),
            ("${EMPTY}", ""),
            ("${UNSET:-}", ""),
            ("$${SET} costs $5 $$", "${SET} costs $5 $"),
            ("${YAML}", "a: [1]\nb: ${SET}"),
        ] {
            assert_eq!(expanded(text), Ok(Some(expected.to_owned())), "{text}");
        }
    }

    #[test]
    fn leaves_a_plain_text_alone() {
        for text in ["", "plain", "$SET", "5$", "{SET}"] {
            assert_eq!(expanded(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn says_what_cannot_be_expanded() {
        assert_eq!(expanded("${SET"), Err(Error::Unclosed));
        assert_eq!(expanded("${}"), Err(Error::Name(String::new())));
        assert_eq!(expanded("${A B}"), Err(Error::Name("A B".to_owned())));
        assert_eq!(expanded("${UNSET}"), Err(Error::Unset("UNSET".to_owned())));
        assert_eq!(expanded("${LONG}x"), Err(Error::Long));
        assert_eq!(expanded("${LONG}${LONG}"), Err(Error::Long));
    }
}
