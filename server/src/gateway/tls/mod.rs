//! TLS: certificates, and the streams that carry HTTP and WebSocket over it.
//!
//! Responsible for: reading certificates from files, following their changes, making one for a dev server.
//! Not responsible for: QUIC's packets, who may connect.
//!
//! Invariant: a change that cannot be used leaves the certificate before it in place. Keys are never logged.

mod carrier;
mod certificate;
mod halves;
mod slot;

pub(super) use carrier::Carrier;
pub use certificate::{CertificateError, TlsFiles};
pub(super) use halves::{ReadHalf, WriteHalf};
pub(super) use slot::{Certificates, follow};
