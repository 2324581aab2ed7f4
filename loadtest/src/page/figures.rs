//! Every figure of the JSON object, by its path.

use serde_json::Value;

/// Path and value of every leaf, in order.
pub(crate) fn figures(json: &Value) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    collect(String::new(), json, &mut rows);
    rows
}

fn collect(path: String, value: &Value, rows: &mut Vec<Vec<String>>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(of) => of.iter().for_each(|(key, value)| collect(below(key), value, rows)),
        Value::Array(of) => {
            of.iter().enumerate().for_each(|(index, value)| collect(below(&index.to_string()), value, rows));
        }
        Value::String(text) => rows.push(vec![path, text.clone()]),
        other => rows.push(vec![path, other.to_string()]),
    }
}
