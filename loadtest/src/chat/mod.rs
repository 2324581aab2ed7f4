//! Chat rooms: what many small ones cost, asleep and awake, and what a large one does beside bare sockets that are
//! sent the same bytes.
//!
//! Responsible for: filling rooms, speaking at a steady rate, timing what everybody hears, and what by the slopes a
//! number of rooms needs. Not responsible for: what a room does.
//!
//! A message carries the time at which it was said: members and speakers are one process.

mod bare;
mod crowd;
mod figures;
mod members;
mod needs;
mod options;
mod rooms;

use std::path::Path;

pub use figures::{CrowdReport, RoomsReport};
pub use needs::{Cost, Machine, Needs};
pub use options::{ChatArguments, ChatOptions};

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
