//! The language of `?query=`: terms separated by spaces, all of which must hold.
//!
//! `game:arena label.phase:playing players>=2`: a dotted path into the listing entry's JSON, an operator, a
//! value. `:` compares as text; `>`, `>=`, `<`, `<=` as numbers. A path that is not there never holds.

use serde_json::Value;

/// Terms of one query.
const TERMS_MAX: usize = 16;
/// Bytes of one query.
const BYTES_MAX: usize = 1024;

/// Why a text is no query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum QueryError {
    /// No operator in it.
    #[error("term {0}: expected field:value, field>=n, field<=n, field>n or field<n")]
    Operator(usize),
    /// Nothing before the operator.
    #[error("term {0}: expected a field, such as game or label.phase")]
    Field(usize),
    /// A comparison with something that is no number.
    #[error("term {0}: expected a number after the comparison")]
    Number(usize),
    /// More than allowed.
    #[error("expected at most 16 terms and 1024 bytes")]
    TooLong,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Equals(String),
    Number(Compare, f64),
}

#[derive(Debug, Clone, PartialEq)]
struct Term {
    path: Vec<String>,
    test: Test,
}

/// A query, read.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Query(Vec<Term>);

impl Query {
    /// Reads a query; the empty one keeps everything.
    pub(super) fn parse(text: &str) -> Result<Self, QueryError> {
        if text.len() > BYTES_MAX {
            return Err(QueryError::TooLong);
        }
        let terms: Vec<_> = text
            .split_whitespace()
            .enumerate()
            .map(|(at, term)| parse_term(at + 1, term))
            .collect::<Result<_, _>>()?;
        if terms.len() > TERMS_MAX { Err(QueryError::TooLong) } else { Ok(Self(terms)) }
    }

    /// Does an entry hold every term?
    pub(super) fn keeps(&self, entry: &Value) -> bool {
        self.0.iter().all(|term| term.holds(entry))
    }
}

fn parse_term(at: usize, term: &str) -> Result<Term, QueryError> {
    let operator = term.find([':', '<', '>']).ok_or(QueryError::Operator(at))?;
    let (field, rest) = term.split_at(operator);
    if field.split('.').any(str::is_empty) {
        return Err(QueryError::Field(at));
    }
    let path = field.split('.').map(str::to_owned).collect();
    let comparisons = [
        (">=", Compare::GreaterOrEqual),
        ("<=", Compare::LessOrEqual),
        (">", Compare::Greater),
        ("<", Compare::Less),
    ];
    let found = comparisons.iter().find_map(|(sign, compare)| Some((*compare, rest.strip_prefix(sign)?)));
    let test = match found {
        None => Test::Equals(rest[1..].to_owned()),
        Some((compare, number)) => {
            let number: f64 = number.parse().map_err(|_| QueryError::Number(at))?;
            Test::Number(compare, number)
        }
    };
    Ok(Term { path, test })
}

impl Term {
    fn holds(&self, entry: &Value) -> bool {
        let Some(value) = self.path.iter().try_fold(entry, |value, key| value.get(key)) else { return false };
        match &self.test {
            Test::Equals(expected) => match value {
                Value::String(text) => text == expected,
                Value::Object(_) | Value::Array(_) => false,
                Value::Bool(flag) => expected == if *flag { "true" } else { "false" },
                Value::Number(number) => {
                    expected.parse().is_ok_and(|expected: serde_json::Number| expected == *number)
                }
                Value::Null => expected == "null",
            },
            Test::Number(compare, number) => value.as_f64().is_some_and(|value| match compare {
                Compare::Less => value < *number,
                Compare::LessOrEqual => value <= *number,
                Compare::Greater => value > *number,
                Compare::GreaterOrEqual => value >= *number,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn terms_hold_as_they_read() {
        let entry =
            json!({"game": "arena", "players": 3, "open": true, "label": {"phase": "playing", "round": 2.5}});
        for (query, kept) in [
            ("", true),
            ("  game:arena   players>=3 ", true),
            ("game:pong", false),
            ("players:3 open:true", true),
            ("players>3", false),
            ("players<=3 players<4", true),
            ("label.phase:playing label.round>2", true),
            ("label.phase.deeper:playing", false),
            ("missing:null", false),
            ("game>1", false),
            ("label:x", false),
        ] {
            assert_eq!(Query::parse(query).unwrap().keeps(&entry), kept, "{query}");
        }
    }

    #[test]
    fn what_is_no_query_says_what_was_expected() {
        assert_eq!(Query::parse("game"), Err(QueryError::Operator(1)));
        assert_eq!(Query::parse("game:a :b"), Err(QueryError::Field(2)));
        assert_eq!(Query::parse("a..b:c"), Err(QueryError::Field(1)));
        assert_eq!(Query::parse("players>many"), Err(QueryError::Number(1)));
        assert_eq!(Query::parse(&"a:b ".repeat(17)), Err(QueryError::TooLong));
        assert_eq!(Query::parse(&"a".repeat(1025)), Err(QueryError::TooLong));
    }
}
