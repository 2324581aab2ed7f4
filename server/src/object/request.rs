//! HTTP requests that are handed to an object as they came, and its responses. Both travel as the body and the
//! answer of an ordinary call.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::contract::Answer;

/// The method of the call that carries a request; no other call may have it.
pub const HTTP_METHOD: &str = "$http";

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ObjectRequest {
    /// `GET`, `POST`, ...
    pub method: String,
    /// What follows `/http/` in the route.
    pub path: String,
    /// The query string, as it came.
    pub query: String,
    /// Headers in lower case, without those that say who asks.
    pub headers: Vec<(String, String)>,
    /// The body.
    #[serde(with = "base64_text")]
    pub body: Vec<u8>,
}

impl ObjectRequest {
    /// The fields of the query, `name=value&...`, percent-decoded; none: it is malformed.
    pub fn fields(&self) -> Option<Vec<(String, String)>> {
        let fields = self.query.split('&').filter(|field| !field.is_empty());
        fields
            .map(|field| {
                field.split_once('=').and_then(|(name, value)| Some((decoded(name)?, decoded(value)?)))
            })
            .collect()
    }
}

fn decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectResponse {
    /// 200 to 599.
    pub status: u16,
    /// Headers in lower case; those of the connection are the gateway's.
    pub headers: Vec<(String, String)>,
    /// The body.
    #[serde(with = "base64_text")]
    pub body: Vec<u8>,
}

impl ObjectResponse {
    /// A text with status 200.
    pub fn text(text: impl Into<String>) -> Self {
        let headers = vec![("content-type".to_owned(), "text/plain; charset=utf-8".to_owned())];
        Self { status: 200, headers, body: text.into().into_bytes() }
    }

    /// JSON with status 200.
    pub fn json(value: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self { status: 200, headers, body: value.to_string().into_bytes() }
    }
}

impl From<ObjectResponse> for Answer {
    fn from(response: ObjectResponse) -> Self {
        Answer::Now(serde_json::to_value(response).expect("a response is plain data"))
    }
}

/// Bytes as base64 in JSON.
mod base64_text {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_fields_and_what_is_none_is_malformed() {
        let fields = |query: &str| ObjectRequest { query: query.to_owned(), ..Default::default() }.fields();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(fields("a=1&b=x+y%20%c3%A4%26&"), Some(vec![pair("a", "1"), pair("b", "x y \u{e4}&")]));
        assert_eq!(fields(""), Some(Vec::new()));
        for query in ["a", "a=%", "a=%2", "a=%zz", "a=%ff", "a=1&b"] {
            assert_eq!(fields(query), None, "{query}");
        }
    }

    #[test]
    fn a_request_survives_the_call_that_carries_it() {
        let request = ObjectRequest {
            method: "PUT".to_owned(),
            path: "a/b".to_owned(),
            query: "c=d".to_owned(),
            headers: vec![("x".to_owned(), "y".to_owned())],
            body: (0..=255).collect(),
        };
        let carried = serde_json::to_value(&request).unwrap();
        assert_eq!(serde_json::from_value::<ObjectRequest>(carried).unwrap(), request);
    }
}
