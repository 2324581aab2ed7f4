//! Why bytes are no view of a match, or no difference to one.

/// Nothing was taken of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeltaError {
    /// The bits end early.
    #[error("the difference ends early")]
    Truncated,
    /// More than the zeros that fill the last byte.
    #[error("bits after the end of the difference")]
    LeftOver,
    /// A number of more than 32 bits.
    #[error("a number of the difference has more than 32 bits")]
    Number,
    /// The id of a new row is not above the one before, or is there already, or belongs to another part.
    #[error("the id of a new row is out of place")]
    Place,
    /// A kind with more rows than a body can say.
    #[error("a kind has more than 65,535 rows")]
    Rows,
    /// More than [`super::layout::VIEW_BYTES_MAX`].
    #[error("a view of more than 1 MiB")]
    Size,
    /// A body whose sections or rows do not follow the schema, or are out of order.
    #[error("a body that does not follow the schema")]
    Body,
    /// The state it is relative to is not known any more, or never was.
    #[error("relative to a state that is not there")]
    Base,
    /// A schema with more kinds or fields than a difference can tell apart.
    #[error("the schema has too many kinds or fields")]
    Schema,
}
