//! How much each class has, as metrics show it.

use std::collections::BTreeMap;

use prometheus_client::metrics::gauge::Gauge;

use crate::metrics::{ClassNameLabel, Metrics};
use crate::store::standing::Standing;

/// The gauges, looked up once.
#[derive(Default)]
pub(super) struct Sizes(BTreeMap<String, Gauge>);

impl Sizes {
    /// Shows what the classes have now; one that has nothing left shows 0.
    pub(super) fn show(&mut self, metrics: &Metrics, standing: &Standing) {
        for class in standing.class_bytes.keys() {
            if !self.0.contains_key(class) {
                let label = ClassNameLabel { class: class.clone() };
                self.0.insert(class.clone(), metrics.storage_bytes.get_or_create(&label).clone());
            }
        }
        for (class, gauge) in &self.0 {
            gauge.set(i64::try_from(standing.bytes_of(class)).unwrap_or(i64::MAX));
        }
    }
}
