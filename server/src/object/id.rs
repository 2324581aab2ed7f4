//! Who an object is (contract: ID 1, 2).

use std::fmt;
use tickstone_shared::ids::ObjectName;

/// Bytes of the base of an id; as many again are its keyed hash.
const BASE_BYTES: usize = 16;

/// 32 bytes: 16 of base and 16 of the base's hash under its class's key, so that a forged or foreign id is
/// refused by arithmetic, not looked up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 2 * BASE_BYTES]);

/// Why a text or bytes are no id of a class.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not 64 characters.
    #[error("an object id has {got} characters; expected 64 hex digits")]
    Length {
        /// Characters received.
        got: usize,
    },
    /// A character that is no lower-case hex digit.
    #[error("an object id has a character that is no lower-case hex digit at position {position}")]
    Digit {
        /// Its position, from 0.
        position: usize,
    },
    /// The hash is not that of the class.
    #[error("the object id does not belong to class {class}")]
    Foreign {
        /// The class it was offered to.
        class: String,
    },
}

impl ObjectId {
    /// The id of a name: the same for ever, another in every class.
    pub fn from_name(class: &str, name: &ObjectName) -> Self {
        let hash = blake3::keyed_hash(&class_key(class), name.as_str().as_bytes());
        Self::with_base(class, first_half(hash.as_bytes()))
    }

    /// An id nobody has had before, from 16 random bytes.
    pub fn new_unique(class: &str, random: [u8; BASE_BYTES]) -> Self {
        Self::with_base(class, random)
    }

    /// Reads 64 hex digits and checks the hash.
    pub fn parse(class: &str, text: &str) -> Result<Self, IdError> {
        let got = text.chars().count();
        if got != 4 * BASE_BYTES {
            return Err(IdError::Length { got });
        }
        let mut bytes = [0; 2 * BASE_BYTES];
        for (position, digit) in text.chars().enumerate() {
            let lower = digit.to_digit(16).filter(|_| !digit.is_ascii_uppercase());
            let value = lower.ok_or(IdError::Digit { position })?;
            bytes[position / 2] = bytes[position / 2] << 4 | value as u8;
        }
        let id = Self(bytes);
        if Self::with_base(class, first_half(&bytes)) == id {
            return Ok(id);
        }
        Err(IdError::Foreign { class: class.to_owned() })
    }

    /// The id of the same object once its class is called `to`.
    pub fn in_class(&self, from: &str, to: &str, name: &ObjectName) -> Self {
        if *self == Self::from_name(from, name) {
            return Self::from_name(to, name);
        }
        Self::with_base(to, first_half(&self.0))
    }

    /// The bytes, as stored.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// An id that was stored: its hash was checked before.
    pub fn from_stored(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn with_base(class: &str, base: [u8; BASE_BYTES]) -> Self {
        let hash = blake3::keyed_hash(&class_key(class), &base);
        let mut bytes = [0; 2 * BASE_BYTES];
        bytes[..BASE_BYTES].copy_from_slice(&base);
        bytes[BASE_BYTES..].copy_from_slice(&first_half(hash.as_bytes()));
        Self(bytes)
    }
}

fn class_key(class: &str) -> [u8; 32] {
    blake3::derive_key("tickstone 2026 object id of class", class.as_bytes())
}

fn first_half(bytes: &[u8; 32]) -> [u8; BASE_BYTES] {
    *bytes.first_chunk().expect("16 is less than 32")
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Who an object is, in every handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its id.
    pub id: ObjectId,
    /// Its class's name.
    pub class: &'static str,
    /// Its name.
    pub name: ObjectName,
}

impl Identity {
    /// The object of a class that has this name. A name that is the text of an id of the class is that id's.
    pub fn named(class: &'static str, name: ObjectName) -> Self {
        let own = is_id_text(&name).then(|| ObjectId::parse(class, name.as_str()).ok()).flatten();
        Self { id: own.unwrap_or_else(|| ObjectId::from_name(class, &name)), class, name }
    }

    /// The same for a name that somebody offers: 64 hex digits are an id, and refused if it is not one of the class.
    pub fn offered(class: &'static str, name: ObjectName) -> Result<Self, IdError> {
        if is_id_text(&name) {
            ObjectId::parse(class, name.as_str())?;
        }
        Ok(Self::named(class, name))
    }

    /// An object that nobody has had before, from 16 random bytes: its id is its name.
    pub fn unique(class: &'static str, random: [u8; BASE_BYTES]) -> Self {
        let id = ObjectId::new_unique(class, random);
        let name = ObjectName::parse(&id.to_string()).expect("64 hex digits are a name");
        Self { id, class, name }
    }
}

fn is_id_text(name: &ObjectName) -> bool {
    let text = name.as_str();
    text.len() == 4 * BASE_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ObjectName {
        ObjectName::parse(text).unwrap()
    }

    #[test]
    fn id_1_forged_and_foreign_ids_are_refused() {
        let id = ObjectId::from_name("match", &name("a"));
        let text = id.to_string();
        assert_eq!(ObjectId::parse("match", &text), Ok(id));
        assert!(matches!(ObjectId::parse("chat", &text), Err(IdError::Foreign { .. })));
        let forged = format!("0{}", &text[1..]);
        let other = if forged == text { format!("1{}", &text[1..]) } else { forged };
        assert!(matches!(ObjectId::parse("match", &other), Err(IdError::Foreign { .. })));
        assert_eq!(ObjectId::parse("match", "ab"), Err(IdError::Length { got: 2 }));
        assert!(ObjectId::parse("match", &text.to_uppercase().replace('0', "A")).is_err());
    }

    #[test]
    fn id_1_a_unique_object_is_called_by_its_id_and_no_name_is_taken_for_one() {
        let unique = Identity::unique("match", [7; 16]);
        assert_eq!(Identity::named("match", unique.name.clone()), unique);
        assert_eq!(Identity::offered("match", unique.name.clone()), Ok(unique.clone()));
        assert!(matches!(Identity::offered("chat", unique.name.clone()), Err(IdError::Foreign { .. })));
        let shout = name(&unique.name.as_str().to_uppercase());
        assert!(matches!(Identity::offered("match", shout), Err(IdError::Digit { .. })));
        let short = name(&unique.name.as_str()[1..]);
        assert_eq!(Identity::offered("chat", short.clone()), Ok(Identity::named("chat", short)), "a name");
    }

    #[test]
    fn id_2_names_are_deterministic_and_classes_apart() {
        assert_eq!(ObjectId::from_name("match", &name("a")), ObjectId::from_name("match", &name("a")));
        assert_ne!(ObjectId::from_name("match", &name("a")), ObjectId::from_name("chat", &name("a")));
        assert_ne!(ObjectId::new_unique("match", [1; 16]), ObjectId::new_unique("match", [2; 16]));
    }
}
