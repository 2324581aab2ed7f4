//! A run and what it found out, ready to be shown.

use std::path::Path;

use super::options::ChatOptions;
use super::{bare, crowd, rooms};
use crate::fleet::FleetError;
use crate::page;
use crate::slo::Slo;

/// What a run found out, ready to be shown.
#[derive(Debug)]
pub struct Outcome {
    /// As JSON.
    pub json: serde_json::Value,
    /// As a table.
    pub text: String,
    title: &'static str,
}

impl Outcome {
    /// The same as a page.
    pub fn page(&self, slo: &[Slo]) -> String {
        page::plain(self.title, &self.text, &self.json, slo)
    }
}

/// Does what the options say. Blocks for as long as the run takes; none: it was the bare sockets' part, which ends
/// with whoever started it.
pub fn run(options: &ChatOptions) -> Result<Option<Outcome>, FleetError> {
    match options {
        ChatOptions::Rooms(options) => rooms::run(options).map(|report| Some(outcome("Chat rooms", &report))),
        ChatOptions::Crowd(options) => {
            crowd::run(options).map(|report| Some(outcome("One large chat room", &report)))
        }
        ChatOptions::Bare => bare::run().map(|()| None),
    }
}

fn outcome<T: serde::Serialize + std::fmt::Display>(title: &'static str, report: &T) -> Outcome {
    let json = serde_json::to_value(report).expect("a report is plain data");
    Outcome { json, text: report.to_string(), title }
}

impl ChatOptions {
    /// Where the JSON object goes.
    pub fn json(&self) -> Option<&Path> {
        self.target()?.json.as_deref()
    }

    /// Where the page goes.
    pub fn html(&self) -> Option<&Path> {
        self.target()?.html.as_deref()
    }
}
