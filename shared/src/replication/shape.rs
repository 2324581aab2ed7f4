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
    /// For differences.
    pub layout: Layout,
}

impl Shape {
    /// Of this schema.
    ///
    /// # Panics
    /// If it breaks a limit of schemas.
    pub fn new(schema: Schema) -> Self {
        let layout = Layout::new(&schema).expect("a game that is registered keeps the limits of a schema");
        Self { cut: Cut::new(&schema), layout, schema: Arc::new(schema) }
    }
}
