//! How the rows of a game are laid out, with all that is made of a schema once.

use std::sync::Arc;

use super::view::Cut;
use crate::schema::Schema;

/// The shape of a game's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// As clients are told it.
    pub schema: Arc<Schema>,
    /// For cutting views.
    pub cut: Cut,
}

impl Shape {
    /// Of this schema.
    pub fn new(schema: Schema) -> Self {
        Self { cut: Cut::new(&schema), schema: Arc::new(schema) }
    }
}
