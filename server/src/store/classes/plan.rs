//! What a server declares of its classes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

/// The classes of a server, and how what is stored of others becomes theirs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClassPlan {
    /// Each class with its version.
    pub declared: BTreeMap<String, u32>,
    /// Every migration there has ever been, in order; those that were applied are not applied again.
    pub migrations: Vec<ClassMigration>,
    /// The classes whose deletion the operator has confirmed.
    pub confirmed: BTreeSet<String>,
}

/// A change of what is stored of a whole class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClassMigration {
    /// Its objects become another class's, under the same names. Their ids change with it.
    Rename {
        /// The class there was.
        from: String,
        /// The class there is.
        to: String,
    },
    /// Its objects go, with everything that is stored of them.
    Delete {
        /// The class.
        class: String,
    },
}

impl fmt::Display for ClassMigration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rename { from, to } => write!(f, "rename class {from} to {to}"),
            Self::Delete { class } => write!(f, "delete class {class}"),
        }
    }
}

/// What a start would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClassReport {
    /// The migrations that are due, each with the number of objects it changes.
    pub due: Vec<(ClassMigration, u64)>,
    /// The classes of which something is stored behind them, with their objects and newest versions.
    pub stored: BTreeMap<String, (u64, u32)>,
}

/// Why a server does not start on what is stored. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClassError {
    /// Nobody would know what these objects are.
    #[error(
        "{objects} objects of class {class} are stored, but this server has no such class: declare it, or a \
         migration that renames or deletes it"
    )]
    Undeclared {
        /// The class.
        class: String,
        /// How many objects it has.
        objects: u64,
    },
    /// A newer server wrote them.
    #[error(
        "class {class} is stored in version {stored}; this server knows up to {declared}: use a newer one"
    )]
    NewerVersion {
        /// The class.
        class: String,
        /// The newest version that was written.
        stored: u32,
        /// The version that is declared.
        declared: u32,
    },
    /// Deleting needs the operator's word.
    #[error(
        "a migration deletes class {class} with {objects} objects: start once with --confirm-delete {class}"
    )]
    Unconfirmed {
        /// The class.
        class: String,
        /// How many objects it has.
        objects: u64,
    },
    /// Two classes cannot become one.
    #[error("class {from} cannot be renamed to {to}: there are objects of class {to} already")]
    Occupied {
        /// The class there is.
        from: String,
        /// The name it cannot have.
        to: String,
    },
    /// The list has lost or changed what was applied.
    #[error("migration {number} was \"{applied}\"; the server declares \"{declared}\" in its place")]
    OtherMigrations {
        /// Counted from 1.
        number: usize,
        /// What was applied.
        applied: String,
        /// What is declared.
        declared: String,
    },
}
