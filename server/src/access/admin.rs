//! The keys of operators and backends: what each may do. Configured as hashes, so that a configuration that is
//! read by others opens nothing. A plain hash will do: the keys are random and long, no table has them.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tickstone_shared::time::Moment;

use super::rate::{Bucket, CREATE_RATE};

/// Random bytes of a key that is made here.
const KEY_BYTES: usize = 32;
/// What such a key begins with, so that it is known for what it is where it should not be.
const KEY_PREFIX: &str = "tsk_";
/// Characters of a key's name.
const NAME_CHARS_MAX: usize = 32;
/// Bytes of a secret that is a key of every role.
pub const SECRET_BYTES_MIN: usize = 32;
/// Keys of a server.
pub const ADMIN_KEYS_MAX: usize = 256;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// See matches that are not private.
    Read,
    /// Create matches and end them; see private ones.
    Create,
    /// Reserve seats: join tokens.
    Seat,
    /// Remove players.
    Kick,
    /// Signal into matches.
    Signal,
    /// Call, ask and connect to objects of every class, whatever their classes let others do.
    Call,
    /// Give out user tokens.
    Token,
    /// Everything, audits too.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 8] = [
        Role::Read,
        Role::Create,
        Role::Seat,
        Role::Kick,
        Role::Signal,
        Role::Call,
        Role::Token,
        Role::Admin,
    ];

    /// Its name in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Read => "read",
            Role::Create => "create",
            Role::Seat => "seat",
            Role::Kick => "kick",
            Role::Signal => "signal",
            Role::Call => "call",
            Role::Token => "token",
            Role::Admin => "admin",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// Why a configured key is none. Never repeats what was configured beyond a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminKeyError {
    /// Not three parts.
    #[error("an admin key is NAME:ROLES:HASH, as `tickstone key admin` prints it")]
    Form,
    /// A role that is none.
    #[error(
        "admin key {name}: expected roles of read, create, seat, kick, signal, call, token, admin, joined by +"
    )]
    Roles {
        /// The key.
        name: String,
    },
    /// A hash that is none.
    #[error("admin key {name}: expected a hash of 64 hex digits")]
    Hash {
        /// The key.
        name: String,
    },
    /// A secret that could be guessed.
    #[error("the secret has {got} bytes; expected at least {SECRET_BYTES_MIN} bytes")]
    Short {
        /// Its bytes.
        got: usize,
    },
    /// Too many.
    #[error("{0} admin keys; expected at most {ADMIN_KEYS_MAX}")]
    Number(usize),
}

/// One key: its name, its roles and its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminKey {
    name: String,
    roles: Vec<Role>,
    hash: blake3::Hash,
}

impl fmt::Debug for AdminKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminKey")
            .field("name", &self.name)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

impl AdminKey {
    /// Reads `NAME:ROLES:HASH`, roles joined by `+`.
    pub fn parse(text: &str) -> Result<Self, AdminKeyError> {
        let mut parts = text.split(':');
        let (Some(name), Some(roles), Some(hash), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(AdminKeyError::Form);
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if !(1..=NAME_CHARS_MAX).contains(&name.len()) || !name.bytes().all(is_plain) {
            return Err(AdminKeyError::Form);
        }
        let name = name.to_owned();
        let roles: Option<Vec<Role>> = roles.split('+').map(Role::parse).collect();
        let Some(roles) = roles else { return Err(AdminKeyError::Roles { name }) };
        let Ok(hash) = blake3::Hash::from_hex(hash) else { return Err(AdminKeyError::Hash { name }) };
        Ok(Self { name, roles, hash })
    }

    /// A key of every role whose text is this secret.
    pub fn of_secret(secret: &str) -> Result<Self, AdminKeyError> {
        if secret.len() < SECRET_BYTES_MIN {
            return Err(AdminKeyError::Short { got: secret.len() });
        }
        let hash = blake3::hash(secret.as_bytes());
        Ok(Self { name: "secret".to_owned(), roles: vec![Role::Admin], hash })
    }

    /// Its name, for logs.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// May it do what `role` may?
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&Role::Admin) || self.roles.contains(&role)
    }
}

/// A new key: its text, which is shown once, and the line for the configuration.
pub fn generate(name: &str, roles: &str) -> Result<(String, String), AdminKeyError> {
    let mut random = [0; KEY_BYTES];
    getrandom::fill(&mut random).expect("the system has randomness");
    let text = format!("{KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
    let line = format!("{name}:{roles}:{}", blake3::hash(text.as_bytes()).to_hex());
    AdminKey::parse(&line)?;
    Ok((text, line))
}

/// What a key has created lately, and is creating now.
#[derive(Debug)]
struct Creations {
    rate: Mutex<Bucket>,
    begun: AtomicUsize,
}

/// A creation that is not answered yet.
#[derive(Debug)]
pub struct Creating<'a> {
    begun: &'a AtomicUsize,
    number: usize,
}

impl Creating<'_> {
    /// How many of its key there are, with this one, beside those that are answered.
    pub fn number(&self) -> usize {
        self.number
    }
}

impl Drop for Creating<'_> {
    fn drop(&mut self) {
        self.begun.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Every key of a server, and how often each has created.
#[derive(Debug, Default)]
pub struct AdminKeys {
    keys: Vec<(AdminKey, Creations)>,
}

impl AdminKeys {
    /// These keys.
    pub fn new(keys: Vec<AdminKey>) -> Result<Self, AdminKeyError> {
        if keys.len() > ADMIN_KEYS_MAX {
            return Err(AdminKeyError::Number(keys.len()));
        }
        let creations =
            || Creations { rate: Mutex::new(Bucket::new(CREATE_RATE)), begun: AtomicUsize::new(0) };
        Ok(Self { keys: keys.into_iter().map(|key| (key, creations())).collect() })
    }

    /// Is there any?
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key of this text. Every hash is compared, each in constant time ([`blake3::Hash`]).
    pub fn find(&self, offered: &[u8]) -> Option<&AdminKey> {
        let hash = blake3::hash(offered);
        self.keys.iter().fold(None, |found, (key, _)| if key.hash == hash { Some(key) } else { found })
    }

    /// Counts a creation by a key of [`AdminKeys::find`]; refused, it says in how many seconds to come again.
    pub fn may_create(&self, key: &AdminKey, now: Moment) -> Result<(), u64> {
        let Some(creations) = self.creations(key) else { return Ok(()) };
        creations.rate.lock().unwrap_or_else(PoisonError::into_inner).take(now)
    }

    /// Counts a creation as begun until the guard goes; none for a key that is not one of these.
    pub fn begin(&self, key: &AdminKey) -> Option<Creating<'_>> {
        let begun = &self.creations(key)?.begun;
        Some(Creating { begun, number: begun.fetch_add(1, Ordering::AcqRel) + 1 })
    }

    fn creations(&self, key: &AdminKey) -> Option<&Creations> {
        self.keys.iter().find(|(known, _)| known == key).map(|(_, creations)| creations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_opens_what_its_roles_say_and_nothing_else_does() {
        let (text, line) = generate("backend", "create+seat").unwrap();
        assert!(text.len() >= 43 + KEY_PREFIX.len(), "256 bits: {}", text.len());
        assert!(!line.contains(&text), "the configuration has the hash alone");
        assert_ne!(generate("backend", "read").unwrap().0, generate("backend", "read").unwrap().0);
        let keys = AdminKeys::new(vec![AdminKey::parse(&line).unwrap()]).unwrap();
        let key = keys.find(text.as_bytes()).unwrap();
        let may: Vec<_> = Role::ALL.into_iter().filter(|role| key.has(*role)).collect();
        assert_eq!(may, [Role::Create, Role::Seat]);
        assert!(keys.find(&text.as_bytes()[1..]).is_none());
        let hash = line.rsplit(':').next().unwrap();
        assert!(keys.find(hash.as_bytes()).is_none(), "the hash is not the key");
        assert!(!format!("{keys:?}").contains(hash), "a hash is not shown");
    }

    #[test]
    fn an_admin_may_everything_and_a_secret_is_one() {
        let key = AdminKey::of_secret(&"s".repeat(32)).unwrap();
        assert!(Role::ALL.into_iter().all(|role| key.has(role)));
        assert_eq!(AdminKey::of_secret(&"s".repeat(31)), Err(AdminKeyError::Short { got: 31 }));
    }

    #[test]
    fn what_is_no_key_is_said_without_being_repeated() {
        let hash = "0".repeat(64);
        assert_eq!(AdminKey::parse("just-a-secret"), Err(AdminKeyError::Form));
        assert_eq!(AdminKey::parse(&format!("a b:read:{hash}")), Err(AdminKeyError::Form));
        let name = || "a".to_owned();
        assert_eq!(AdminKey::parse(&format!("a:reed:{hash}")), Err(AdminKeyError::Roles { name: name() }));
        assert_eq!(AdminKey::parse(&format!("a::{hash}")), Err(AdminKeyError::Roles { name: name() }));
        assert_eq!(AdminKey::parse("a:read:secret"), Err(AdminKeyError::Hash { name: name() }));
    }

    #[test]
    fn each_key_has_a_rate_of_its_own() {
        let line = |name: &str| generate(name, "create").unwrap().1;
        let keys = ["a", "b"].map(|name| AdminKey::parse(&line(name)).unwrap());
        let all = AdminKeys::new(keys.to_vec()).unwrap();
        let now = Moment(1);
        assert_eq!((0..25).filter(|_| all.may_create(&keys[0], now).is_ok()).count(), 20);
        assert_eq!(all.may_create(&keys[0], now), Err(1));
        assert_eq!(all.may_create(&keys[1], now), Ok(()));
        let begun = [all.begin(&keys[0]).unwrap(), all.begin(&keys[0]).unwrap()];
        assert_eq!((begun[1].number(), all.begin(&keys[1]).unwrap().number()), (2, 1));
        drop(begun);
        assert_eq!(all.begin(&keys[0]).unwrap().number(), 1);
    }
}
