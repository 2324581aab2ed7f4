//! Texts in the data of a client's message, before a game passes them to other players (reliability 4.4).

use serde_json::{Map, Value};
use tickstone_shared::ids::changes_the_line;

/// Takes out of every text, names of fields included, the characters that turn, hide or rewrite what is
/// shown beside them. Line breaks and tabs stay.
pub(in crate::gateway) fn strip(value: &mut Value) {
    match value {
        Value::String(text) => text.retain(is_harmless),
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Object(fields) => {
            fields.values_mut().for_each(strip);
            if fields.keys().any(|name| !name.chars().all(is_harmless)) {
                let plain = |name: String| name.chars().filter(|c| is_harmless(*c)).collect();
                *fields = std::mem::take(fields)
                    .into_iter()
                    .map(|(name, value)| (plain(name), value))
                    .collect::<Map<_, _>>();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_harmless(c: char) -> bool {
    matches!(c, '\n' | '\t') || !changes_the_line(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_that_turns_or_hides_text_is_left() {
        let mut data =
            json!({"a\u{202e}b": ["x\u{1b}[31m", {"say": "\u{feff}a\r\nb\tc\u{0}\u{200b}"}], "n": 7});
        strip(&mut data);
        assert_eq!(data, json!({"ab": ["x[31m", {"say": "a\nb\tc"}], "n": 7}));
        let mut fine = json!({"say": "Zo\u{eb} \u{1f600}"});
        strip(&mut fine);
        assert_eq!(fine, json!({"say": "Zo\u{eb} \u{1f600}"}));
    }
}
