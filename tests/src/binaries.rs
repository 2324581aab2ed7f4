//! The binaries under test, built with the profile of the test that asks for them.
//!
//! A copy is taken of each: what is built meanwhile changes nothing in a test that restarts its server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The server and the load generator.
#[derive(Debug)]
struct Workspace {
    copies: tempfile::TempDir,
}

fn workspace() -> &'static Workspace {
    static BUILT: OnceLock<Workspace> = OnceLock::new();
    BUILT.get_or_init(|| {
        let names = ["tickstone", "loadtest", "examples/walk"];
        let mut cargo = cargo("build");
        cargo.args(["-p", "tickstone-server", "-p", "tickstone-loadtest", "-p", "tickstone-shared"]);
        cargo.args(["--bins", "--example", "walk", "--features", "tickstone-shared/net"]);
        run(cargo.current_dir(root()));
        let profile = profile_dir();
        let copies = tempfile::tempdir_in(&profile).expect("the target directory can be written");
        for path in names.map(Path::new) {
            let name = path.file_name().expect("it has a name");
            std::fs::copy(profile.join(path), copies.path().join(name)).expect("cargo built it");
        }
        Workspace { copies }
    })
}

/// The binary `tickstone`.
pub fn tickstone() -> PathBuf {
    workspace().copies.path().join("tickstone")
}

/// The binary `loadtest`.
pub fn loadtest() -> PathBuf {
    workspace().copies.path().join("loadtest")
}

/// The native example of a player.
pub fn walk() -> PathBuf {
    workspace().copies.path().join("walk")
}

/// The server of a crate below `tests/` that is no part of this repository's workspace, by its folder.
pub fn outside(folder: &str) -> PathBuf {
    cargo_outside("build", folder);
    profile_dir().join(folder.replace('_', "-"))
}

/// Runs the tests of such a crate.
pub fn test_outside(folder: &str) {
    cargo_outside("test", folder);
}

/// Builds it, beside this workspace and by its profiles: what both are made of is built once.
fn cargo_outside(command: &str, folder: &str) {
    let manifest = root().join("tests").join(folder).join("Cargo.toml");
    let mut cargo = cargo(command);
    cargo.arg("--manifest-path").arg(manifest);
    for setting in profile_settings() {
        cargo.arg("--config").arg(setting);
    }
    run(&mut cargo);
}

/// What the workspace's manifest says of profiles, as cargo takes it on its command line: `profile.dev.debug="full"`.
fn profile_settings() -> Vec<String> {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("the workspace has a manifest");
    let manifest: toml::Table = manifest.parse().expect("cargo reads it, too");
    let mut settings = Vec::new();
    flatten("profile", &manifest["profile"], &mut settings);
    settings
}

fn flatten(key: &str, value: &toml::Value, settings: &mut Vec<String>) {
    match value {
        toml::Value::Table(table) => {
            table.iter().for_each(|(name, value)| flatten(&format!("{key}.{name}"), value, settings));
        }
        plain => settings.push(format!("{key}={plain}")),
    }
}

/// Is this an optimised build, whose times mean something?
pub fn is_release() -> bool {
    profile_dir().ends_with("release")
}

/// A directory for what is costly to make, beside what cargo builds.
pub fn cache() -> PathBuf {
    profile_dir().parent().expect("a profile lies in target").to_owned()
}

/// The repository.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("this package has a directory above it").to_owned()
}

/// `target/debug` for `target/debug/deps/it-0123`.
fn profile_dir() -> PathBuf {
    let test = std::env::current_exe().expect("the system says what runs");
    let profile = test.parent().and_then(Path::parent).expect("a test lies in target/PROFILE/deps");
    profile.to_owned()
}

fn cargo(command: &str) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args([command, "--locked", "--quiet"]);
    match profile_dir().file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => {}
        Some(name) => {
            cargo.args(["--profile", name]);
        }
    }
    // Where the test itself lies, whatever the configuration says.
    cargo.env("CARGO_TARGET_DIR", profile_dir().parent().expect("a profile lies in target"));
    // What cargo told the test about the test's own package is none of the new build's business.
    let of_package = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars().filter(|(name, _)| of_package(name)) {
        cargo.env_remove(name);
    }
    cargo
}

fn run(cargo: &mut Command) {
    let status = cargo.status().expect("cargo runs");
    assert!(status.success(), "{cargo:?} failed");
}
