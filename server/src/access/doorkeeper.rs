//! Everything a server knows of who may do what.

use std::sync::Arc;

use tickstone_shared::ids::{ObjectName, PlayerName, Seat};

use super::admin::{AdminKey, AdminKeyError, AdminKeys};
use super::join_token::{self, AUDIENCE_BYTES_MAX, Claims, LIFE_MS_MAX, NONCE_BYTES, TokenRefused};
use super::scope::{Scope, Subject};
use super::signing::{SigningKey, SigningKeyError, SigningKeys};
use super::user_token::{self, USER_LIFE_MS_MAX, UserClaims};

/// The name of a cluster that was given none.
const CLUSTER_DEFAULT: &str = "tickstone";
/// The id of the key that is derived from the secret.
const SECRET_KEY_ID: &str = "secret";
/// The node that gives tokens out: there is one.
const NODE: u32 = 0;

/// Access as configured, not checked.
#[derive(Clone, Default)]
pub struct RawAccess {
    /// Everybody on this machine may do everything.
    pub dev: bool,
    /// One text that is a key of every role and signs tokens.
    pub secret: Option<String>,
    /// `NAME:ROLES:HASH` each.
    pub admin_keys: Vec<String>,
    /// `ID:SECRET` each, the newest first.
    pub token_keys: Vec<String>,
    /// What join tokens are for: the same on every server that should take them.
    pub cluster: Option<String>,
}

/// Why access is not as it was configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// Nobody could do anything, or everybody everything.
    #[error(
        "no secret is configured: set `secret` (TICKSTONE_SECRET), or `admin_keys` and `token_keys`, \
         or start with --dev on loopback"
    )]
    NoSecret,
    /// Keys for one half of it.
    #[error("{0} is not configured; outside dev mode it is needed where there is no `secret`")]
    Missing(&'static str),
    /// A key of a backend.
    #[error(transparent)]
    Admin(#[from] AdminKeyError),
    /// A key for tokens.
    #[error(transparent)]
    Signing(#[from] SigningKeyError),
    /// A name that is none.
    #[error("cluster: expected 1 to {AUDIENCE_BYTES_MAX} characters of A-Z a-z 0-9 . _ : -")]
    Cluster,
}

/// Everything a server knows of who may do what.
#[derive(Debug)]
pub struct Doorkeeper {
    dev: bool,
    admins: AdminKeys,
    signing: SigningKeys,
    cluster: String,
}

/// A doorkeeper, shared.
pub type DoorkeeperRef = Arc<Doorkeeper>;

impl Doorkeeper {
    /// Everybody may do everything; tokens hold as long as the server.
    pub fn dev() -> Self {
        Self {
            dev: true,
            admins: AdminKeys::default(),
            signing: SigningKeys::random(),
            cluster: CLUSTER_DEFAULT.to_owned(),
        }
    }

    /// Checks what was configured.
    pub fn new(raw: &RawAccess) -> Result<Self, AccessError> {
        let cluster = raw.cluster.as_deref().unwrap_or(CLUSTER_DEFAULT);
        ObjectName::parse(cluster).map_err(|_| AccessError::Cluster)?;
        let admins = Self::admin_keys_of(raw)?;
        let signing = Self::signing_keys_of(raw)?;
        if !raw.dev {
            match (admins.is_empty(), signing.is_none()) {
                (true, true) => return Err(AccessError::NoSecret),
                (true, false) => return Err(AccessError::Missing("admin_keys")),
                (false, true) => return Err(AccessError::Missing("token_keys")),
                (false, false) => {}
            }
        }
        let signing = signing.unwrap_or_else(SigningKeys::random);
        Ok(Self { dev: raw.dev, admins, signing, cluster: cluster.to_owned() })
    }

    fn admin_keys_of(raw: &RawAccess) -> Result<AdminKeys, AccessError> {
        let mut keys =
            raw.admin_keys.iter().map(|text| AdminKey::parse(text)).collect::<Result<Vec<_>, _>>()?;
        if let Some(secret) = &raw.secret {
            keys.push(AdminKey::of_secret(secret)?);
        }
        Ok(AdminKeys::new(keys)?)
    }

    fn signing_keys_of(raw: &RawAccess) -> Result<Option<SigningKeys>, AccessError> {
        let mut keys =
            raw.token_keys.iter().map(|text| SigningKey::parse(text)).collect::<Result<Vec<_>, _>>()?;
        if let (true, Some(secret)) = (keys.is_empty(), &raw.secret) {
            keys.push(SigningKey::new(SECRET_KEY_ID, secret.as_bytes())?);
        }
        Ok(if keys.is_empty() { None } else { Some(SigningKeys::new(keys)?) })
    }

    /// Whether everybody on this machine may do everything.
    pub fn is_dev(&self) -> bool {
        self.dev
    }

    /// The keys of operators and backends.
    pub fn admins(&self) -> &AdminKeys {
        &self.admins
    }

    /// Signs a token that holds for `life_ms`, at most [`LIFE_MS_MAX`], from now on.
    pub fn mint(
        &self,
        match_id: &ObjectName,
        player: &PlayerName,
        seat: Option<Seat>,
        now_ms: u64,
        life_ms: u64,
    ) -> (String, Claims) {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).expect("the system has randomness");
        let claims = Claims {
            audience: self.cluster.clone(),
            match_id: match_id.clone(),
            player: player.clone(),
            seat,
            issued_ms: now_ms,
            expires_ms: now_ms + life_ms.min(LIFE_MS_MAX),
            nonce,
        };
        (join_token::sign(&self.signing, &claims), claims)
    }

    /// What a token for this match says.
    pub fn check(&self, token: &str, match_id: &ObjectName, now_ms: u64) -> Result<Claims, TokenRefused> {
        join_token::check(&self.signing, token, &self.cluster, match_id, now_ms)
    }

    /// Signs a user token that holds for `life_ms`, at most [`USER_LIFE_MS_MAX`], from now on.
    pub fn mint_user(
        &self,
        subject: Subject,
        scopes: Arc<[Scope]>,
        now_ms: u64,
        life_ms: u64,
    ) -> (String, UserClaims) {
        let claims = UserClaims {
            cluster: self.cluster.clone(),
            node: NODE,
            subject,
            scopes,
            issued_ms: now_ms,
            expires_ms: now_ms + life_ms.min(USER_LIFE_MS_MAX),
        };
        (user_token::sign(&self.signing, &claims), claims)
    }

    /// What a user token says.
    pub fn check_user(&self, token: &str, now_ms: u64) -> Result<UserClaims, TokenRefused> {
        user_token::check(&self.signing, token, &self.cluster, now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(change: impl FnOnce(&mut RawAccess)) -> Result<Doorkeeper, AccessError> {
        let mut raw = RawAccess::default();
        change(&mut raw);
        Doorkeeper::new(&raw)
    }

    #[test]
    fn outside_dev_mode_both_kinds_of_keys_are_needed() {
        let secret = "s".repeat(32);
        let token = format!("a:{secret}");
        let admin = crate::access::admin::generate("ops", "admin").unwrap().1;
        assert_eq!(raw(|_| {}).unwrap_err(), AccessError::NoSecret);
        assert_eq!(
            raw(|raw| raw.admin_keys = vec![admin.clone()]).unwrap_err(),
            AccessError::Missing("token_keys")
        );
        assert_eq!(
            raw(|raw| raw.token_keys = vec![token.clone()]).unwrap_err(),
            AccessError::Missing("admin_keys")
        );
        assert!(raw(|raw| (raw.admin_keys, raw.token_keys) = (vec![admin], vec![token])).is_ok());
        assert!(raw(|raw| raw.secret = Some(secret)).is_ok());
        assert!(raw(|raw| raw.dev = true).unwrap().is_dev());
        assert!(raw(|raw| raw.secret = Some("short".to_owned())).is_err());
        assert_eq!(raw(|raw| raw.cluster = Some("a b".to_owned())).unwrap_err(), AccessError::Cluster);
    }

    #[test]
    fn what_one_server_of_a_cluster_signs_another_takes() {
        let secret = Some("s".repeat(32));
        let of = |cluster: &str| {
            raw(|raw| (raw.secret, raw.cluster) = (secret.clone(), Some(cluster.to_owned()))).unwrap()
        };
        let (id, ann) = (ObjectName::parse("m").unwrap(), PlayerName::parse("ann").unwrap());
        let (token, claims) = of("eu").mint(&id, &ann, Some(Seat(2)), 1_000, 60_000);
        assert_eq!(claims.expires_ms, 31_000, "no token holds for longer than 30 s");
        assert_eq!(of("eu").check(&token, &id, 2_000), Ok(claims));
        assert_eq!(of("us").check(&token, &id, 2_000), Err(TokenRefused));
        let (other, _) = of("eu").mint(&id, &ann, Some(Seat(2)), 1_000, 60_000);
        assert_ne!(token, other, "no two tokens are the same");
    }
}
