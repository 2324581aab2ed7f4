//! Certificates that come, change and break.

use super::*;
use std::path::Path;

const NOW_S: u64 = 1_790_000_000;
const DAY_S: u64 = 86_400;

fn parts(pem: &str) -> (&str, &str) {
    pem.split_at(pem.find("-----BEGIN PRIVATE").expect("a dev certificate has its key behind it"))
}

/// A certificate of files, made as a dev certificate is.
fn write_pair(folder: &Path, now_s: u64) -> TlsFiles {
    let (whole, files) =
        (folder.join("whole"), TlsFiles { certificate: folder.join("c"), key: folder.join("k") });
    Certificates::dev(Some(&whole), now_s).unwrap();
    let pem = std::fs::read_to_string(&whole).unwrap();
    std::fs::remove_file(&whole).unwrap();
    let (certificate, key) = parts(&pem);
    std::fs::write(&files.certificate, certificate).unwrap();
    std::fs::write(&files.key, key).unwrap();
    files
}

fn used(certificates: &Certificates) -> Vec<u8> {
    certificates.current().end_entity_cert().unwrap().to_vec()
}

#[test]
fn a_dev_certificate_is_kept_and_renewed_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data").join("dev.pem");
    let first = Certificates::dev(Some(&file), NOW_S).unwrap();
    let again = Certificates::dev(Some(&file), NOW_S + 9 * DAY_S).unwrap();
    assert_eq!(first.pin(), again.pin(), "a restarted server is the same");
    assert_eq!(first.pin().map(|pin| pin.len()), Some(64));
    let later = Certificates::dev(Some(&file), NOW_S + 10 * DAY_S).unwrap();
    assert_ne!(first.pin(), later.pin(), "less than 3 days are left");
    std::fs::write(&file, "valid until never").unwrap();
    assert_ne!(Certificates::dev(Some(&file), NOW_S).unwrap().pin(), later.pin());
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_running_dev_server_renews_its_certificate() {
    let certificates = Certificates::dev(None, NOW_S).unwrap();
    let (before, seen) = (certificates.pin(), certificates.stamps());
    certificates.look(&seen, NOW_S + 9 * DAY_S);
    assert_eq!(certificates.pin(), before);
    certificates.look(&seen, NOW_S + 11 * DAY_S);
    assert_ne!(certificates.pin(), before);
}

#[test]
fn changed_files_are_used_and_broken_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let files = write_pair(folder.path(), NOW_S);
    let certificates = Certificates::from_files(files.clone()).unwrap();
    assert_eq!(certificates.pin(), None, "known by its authority");
    let (first, mut seen) = (used(&certificates), certificates.stamps());
    seen = certificates.look(&seen, NOW_S);
    assert_eq!(used(&certificates), first);
    std::fs::write(&files.certificate, "half a certi").unwrap();
    seen = certificates.look(&seen, NOW_S);
    assert_eq!(used(&certificates), first, "the one before stays");
    let key = std::fs::read(&files.key).unwrap();
    write_pair(folder.path(), NOW_S + 1);
    std::fs::write(&files.key, key).unwrap();
    seen = certificates.look(&[None, seen[1]], NOW_S);
    assert_eq!(used(&certificates), first, "a key of another certificate");
    write_pair(folder.path(), NOW_S + 2);
    certificates.look(&[None, seen[1]], NOW_S);
    assert_ne!(used(&certificates), first);
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let files = write_pair(folder.path(), NOW_S);
    let said = |files: &TlsFiles| Certificates::from_files(files.clone()).unwrap_err().to_string();
    let swapped = TlsFiles { certificate: files.key.clone(), key: files.certificate.clone() };
    assert!(said(&swapped).ends_with("k: expected a certificate in PEM"), "{}", said(&swapped));
    let keyless = TlsFiles { key: files.certificate.clone(), ..files.clone() };
    assert!(said(&keyless).ends_with("c: expected a private key in PEM"), "{}", said(&keyless));
    let missing = TlsFiles { key: folder.path().join("none"), ..files };
    assert!(said(&missing).contains("No such file"), "{}", said(&missing));
}
