//! What a counter can be asked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::object::typed::Methods;

/// The methods. Every key may be left out: then it is the empty one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CounterCall {
    /// The count; of a counter that is spread the sum, no part of it read more than a second ago.
    Get(Option<Of>),
    /// Adds to this object's own count and answers it.
    Add(Option<Step>),
    /// Takes from this object's own count, unless that went below the floor, and answers it.
    Subtract(Option<Take>),
    /// Begins again at 0; answers what it was, children included.
    Reset(Option<Of>),
    /// This object's own counts by key, without those that are 0.
    List,
    /// Has the children `NAME.0` to `NAME.(n-1)` belong to it from now on.
    Spread(u32),
    /// This object's own count.
    Part(Option<Of>),
    /// Sets this object's own count to 0; answers what it was.
    ResetPart(Option<Of>),
}

/// Which count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Of {
    /// Its key.
    pub key: String,
}

/// What is added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// To the count of this key.
    pub key: String,
    /// So much.
    pub by: i64,
}

impl Default for Step {
    fn default() -> Self {
        Self { key: String::new(), by: 1 }
    }
}

/// What is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Take {
    /// From the count of this key.
    pub key: String,
    /// So much.
    pub by: i64,
    /// Never below this.
    pub floor: i64,
}

impl Default for Take {
    fn default() -> Self {
        Self { key: String::new(), by: 1, floor: 0 }
    }
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CounterReply {
    /// A count, or a number of children.
    Count(i64),
    /// Counts by key.
    Counts(BTreeMap<String, i64>),
}

impl Methods for CounterCall {
    type Reply = CounterReply;
}
