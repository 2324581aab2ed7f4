//! The page against a parser that forgives nothing, and against the JSON object.

use std::time::Duration;

use super::figures::figures;
use super::{page, plain};
use crate::args::RunOptions;
use crate::meter::{Meter, record};
use crate::report::{Observed, Report};
use crate::scenario::Scenario;
use crate::series::ServerSecond;
use crate::server_metrics::ServerReport;
use crate::slo::Slo;

fn report() -> Report {
    let mut meter = Meter::new();
    meter.ticks_per_bot = vec![600, 590];
    (meter.inputs_sent, meter.inputs_applied) = (1_200, 1_190);
    meter.error("closed: <script src=\"http://evil\"> & ]]>".to_owned());
    for second in 0..10 {
        let at = meter.series.at(second).unwrap();
        (0..60).for_each(|tick| at.state(tick % 2, true));
        at.effect(Duration::from_millis(20 + second as u64));
    }
    (1..=100).for_each(|ms| record(&mut meter.effect_us, Duration::from_millis(ms)));
    let observed = Observed {
        window: Duration::from_secs(10),
        bots_in_play: 2,
        generator_cpu: Duration::from_secs(1),
        generator_wait: Some(Duration::from_secs(2)),
        inputs_dropped: Some(3),
        server: ServerReport { rss_bytes: Some(123_456_789), ..ServerReport::default() },
        network: None,
        server_seconds: vec![ServerSecond { cpu_fraction: Some(0.25), ..ServerSecond::default() }; 10],
    };
    let mut report = Report::new(&RunOptions::checked(Scenario::default()).unwrap(), &meter, observed);
    report.details.band = Some(("attack", 3..6));
    report
}

/// The text outside of tags, if every tag is closed in order, every attribute quoted and every `&` an entity.
fn parsed(page: &str) -> String {
    let mut rest = page.strip_prefix("<!doctype html>\n").expect("it says what it is");
    let (mut open, mut text) = (Vec::new(), String::new());
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        text.push('\n');
        let end = at + rest[at..].find('>').expect("a tag ends");
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closed in order");
        } else {
            let (name, attributes) = tag.split_once(' ').unwrap_or((tag.trim_end_matches('/'), ""));
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{tag:?}");
            assert_eq!(attributes.matches('"').count() % 2, 0, "{tag:?}");
            assert_eq!(attributes.matches("=\"").count() * 2, attributes.matches('"').count(), "{tag:?}");
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest:?}");
    for (at, _) in text.match_indices('&') {
        let entity = ["&amp;", "&lt;", "&gt;", "&quot;"].iter().any(|entity| text[at..].starts_with(entity));
        assert!(entity, "{}", &text[at..]);
    }
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

#[test]
fn the_page_is_well_formed_and_has_every_figure_of_the_json() {
    let report = report();
    let slos = Slo::parse_all("tick_hz>=59.5,disconnects==0").unwrap();
    let text = parsed(&page(&report, &slos));
    let json = report.to_json();
    let figures = figures(&json);
    assert!(figures.len() > 40);
    for row in &figures {
        let at = text.find(&format!("\n{}\n", row[0])).unwrap_or_else(|| panic!("{} is missing", row[0]));
        assert!(text[at..].trim_start_matches(&['\n'][..]).contains(&format!("\n{}\n", row[1])), "{row:?}");
    }
    assert!(figures.contains(&vec!["server.rss_bytes".to_owned(), "123456789".to_owned()]));
    assert!(text.contains("tick_hz>=59.5: measured 59"), "the verdicts are there");
    assert!(text.contains("disconnects==0"));
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_runs_nothing() {
    let page = page(&report(), &[]);
    for foreign in ["<script", "src=\"", "href=", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("name=\"viewport\"") && page.contains("prefers-color-scheme: dark"));
    assert_eq!(page.matches("<figure>").count(), 12);
    assert!(page.contains("class=\"band\""), "the attack is marked");
}

#[test]
fn a_plain_page_has_the_table_and_every_figure_escaped() {
    let json = serde_json::json!({ "rooms": 3, "cost": { "computed": "1 < 2 & 3" } });
    let slos = Slo::parse_all("rooms>=4").unwrap();
    let text = parsed(&plain("Rooms <of> a run", "rooms       3 & more\nwhole line\n", &json, &slos));
    for part in ["Rooms <of> a run", "3 & more", "whole line", "cost.computed", "1 < 2 & 3", "broken"] {
        assert!(text.lines().any(|line| line == part), "{part} is not in {text}");
    }
}
