//! The page as a whole.

use serde_json::Value;

use super::figures::figures;
use super::markup::{escaped, table};
use super::plots::plots;
use super::style::STYLE;
use crate::report::Report;
use crate::slo::Slo;
use crate::table::rows;

/// How a page begins.
const HEAD: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>";

/// The report as a page of HTML that is also well-formed XML behind its first line.
pub fn page(report: &Report, slos: &[Slo]) -> String {
    let json = report.to_json();
    let summary: Vec<Vec<String>> =
        rows(report).into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    let title =
        format!("Load test: {} x {} over {}", report.matches, report.players, text(&report.transport));
    let title = escaped(&title);
    [
        HEAD,
        &format!("<title>{title}</title><style>{STYLE}</style></head><body><main>"),
        &format!("<h1>{title}</h1><p class=\"soft\">{}</p>", escaped(&about(report))),
        &verdicts(slos, &json),
        "<h2>Summary</h2>",
        &table(&["measure", "value"], &summary),
        &phases(&json),
        &attackers(&json),
        "<h2>Second by second</h2><div class=\"plots\">",
        &plots(&report.details),
        "</div><details><summary>Every figure</summary>",
        &table(&["path", "value"], &figures(&json)),
        "</details></main></body></html>\n",
    ]
    .concat()
}

/// A table of text, a name and a value in each line, as a page, with every figure of the JSON object behind it.
pub fn plain(title: &str, text: &str, json: &Value, slos: &[Slo]) -> String {
    let row = |line: &str| {
        let (name, value) = line.split_once("  ").unwrap_or((line, ""));
        vec![name.to_owned(), value.trim().to_owned()]
    };
    let summary: Vec<Vec<String>> = text.lines().map(row).collect();
    let title = escaped(title);
    [
        HEAD,
        &format!("<title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>"),
        &verdicts(slos, json),
        "<h2>Summary</h2>",
        &table(&["measure", "value"], &summary),
        "<details><summary>Every figure</summary>",
        &table(&["path", "value"], &figures(json)),
        "</details></main></body></html>\n",
    ]
    .concat()
}

fn about(report: &Report) -> String {
    let Report { game, seconds, .. } = report;
    let (encoding, state, brain) = (text(&report.encoding), text(&report.state), text(&report.brain));
    format!("{game}, {seconds} s measured, {encoding}, {state} states, {brain} brains")
}

fn text(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn verdicts(slos: &[Slo], json: &Value) -> String {
    let verdict = |slo: &Slo| match slo.check(json) {
        Ok(()) => format!("<li class=\"good\"><b>holds</b>{}</li>", escaped(slo.text())),
        Err(broken) => format!(
            "<li class=\"bad\"><b>broken</b>{}</li>",
            escaped(broken.to_string().trim_start_matches("SLO broken: "))
        ),
    };
    if slos.is_empty() {
        return String::new();
    }
    format!("<ul class=\"verdicts\">{}</ul>", slos.iter().map(verdict).collect::<String>())
}

/// One row a measure, one column a phase.
fn phases(json: &Value) -> String {
    const MEASURES: [(&str, &str); 11] = [
        ("tick_hz, slowest", "/tick_hz/min"),
        ("tick_hz, middle", "/tick_hz/p50"),
        ("input to effect p50, ms", "/input_to_effect_ms/p50"),
        ("input to effect p99, ms", "/input_to_effect_ms/p99"),
        ("state jitter p99, ms", "/snapshot_interval_jitter_ms/p99"),
        ("tick lateness p99, us", "/server/tick_lateness_us/p99"),
        ("tick lateness p999, us", "/server/tick_lateness_us/p999"),
        ("tick duration p99, us", "/server/tick_duration_us/p99"),
        ("server, cores", "/server/cpu_fraction"),
        ("server, resident bytes", "/server/rss_bytes"),
        ("disconnects", "/disconnects"),
    ];
    let Some(all) = json.get("phases").and_then(Value::as_object) else { return String::new() };
    let phases = ["before", "during", "after"].map(|name| all.get(name).unwrap_or(&Value::Null));
    let at = |phase: &Value, path: &str| {
        phase.pointer(path).filter(|value| !value.is_null()).map_or_else(|| "-".to_owned(), Value::to_string)
    };
    let row = |(name, path): (&str, &str)| {
        std::iter::once(name.to_owned()).chain(phases.iter().map(|phase| at(phase, path))).collect()
    };
    let headings = ["honest bots", "before", "during", "after"];
    let rows: Vec<Vec<String>> = MEASURES.into_iter().map(row).collect();
    format!("<h2>Before, during and after the attack</h2>{}", table(&headings, &rows))
}

fn attackers(json: &Value) -> String {
    let Some(attackers) = json.get("attackers").and_then(Value::as_object) else { return String::new() };
    let text = |value: Option<&Value>| value.map_or_else(String::new, Value::to_string);
    let answers = |value: Option<&Value>| {
        let answers = value.and_then(Value::as_object).into_iter().flatten();
        answers.map(|(answer, count)| format!("{answer}: {count}")).collect::<Vec<_>>().join(", ")
    };
    let row = |(kind, of): (&String, &Value)| {
        vec![
            kind.clone(),
            text(of.get("count")),
            text(of.get("attempts")),
            text(of.get("open_max")),
            text(of.get("messages")),
            answers(of.get("answers")) + of.get("note").and_then(Value::as_str).unwrap_or_default(),
        ]
    };
    let headings = ["attackers", "at once", "attempts", "open at most", "sent", "what the server answered"];
    let rows: Vec<Vec<String>> = attackers.iter().map(row).collect();
    format!("<h2>Attackers</h2><section>{}</section>", table(&headings, &rows))
}
