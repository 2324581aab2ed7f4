//! How the rows of a game are laid out, with all that is made of a schema once.

use std::sync::Arc;

use super::layout::Layout;
use super::view::Cut;
use crate::schema::Schema;

/// The shape of a game's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// As clients are told it.
    pub schema: Arc<Schema>,
    /// For cutting views.
    pub cut: Cut,
    /// For telling their differences.
    pub layout: Layout,
}

impl Shape {
    /// Of a game's schema.
    ///
    /// # Panics
    /// If it has more kinds or fields than a game may have.
    pub fn new(schema: Schema) -> Self {
        let layout = Layout::new(&schema).expect("a game keeps to the limits of a schema");
        Self { cut: Cut::new(&schema), layout, schema: Arc::new(schema) }
    }
}
