//! Which browsers' pages may open sockets (reliability P57).
//!
//! Browsers send their page's origin with every WebSocket; other clients send none. Allowed are the server's
//! own, those of the settings and, in dev mode, any on this machine.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::{HOST, ORIGIN};

use crate::gateway::settings::Settings;

/// The origin of a page (RFC 6454), its default port written out.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    /// None for what no page of the web has: `null`, other schemes, anything behind the port.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, place) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let default = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let (host, port) = host_and_port(place, default)?;
        Some(Self { scheme, host, port })
    }

    fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

fn host_and_port(place: &str, default: u16) -> Option<(String, u16)> {
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (place, default),
    };
    let (open, close) = (host.starts_with('['), host.ends_with(']'));
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') || (open && c == ':');
    let fits = open == close && !inside.is_empty() && inside.chars().all(allowed);
    fits.then(|| (host.to_ascii_lowercase(), port))
}

/// May a request with these headers become a WebSocket?
pub(in crate::gateway) fn is_allowed(settings: &Settings, headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return true };
    if origins.next().is_some() {
        return false;
    }
    let Some(origin) = origin.to_str().ok().and_then(Origin::parse) else { return false };
    let is_listed = settings.origins.iter().any(|listed| Origin::parse(listed).as_ref() == Some(&origin));
    if settings.dev {
        // A foreign name that leads to this machine would make a foreign page the server's own.
        return is_listed || origin.is_loopback();
    }
    is_listed || is_own(&origin, headers)
}

fn is_own(origin: &Origin, headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|value| value.to_str().ok());
    let default = if origin.scheme == "https" { 443 } else { 80 };
    let own = host.and_then(|host| host_and_port(host, default));
    own.is_some_and(|(host, port)| (host, port) == (origin.host.clone(), origin.port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(dev: bool, origin: &str) -> bool {
        let listen = "127.0.0.1:0".parse().unwrap();
        let mut settings =
            if dev { Settings::dev(listen) } else { Settings::guarded(listen, "s".repeat(32)).unwrap() };
        settings.origins = vec!["https://play.example".to_owned(), "http://old.example:8000".to_owned()];
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "game.example:8080".parse().unwrap());
        headers.insert(ORIGIN, origin.parse().unwrap());
        is_allowed(&settings, &headers)
    }

    #[test]
    fn origins_that_are_listed_or_our_own() {
        for origin in [
            "https://play.example",
            "https://PLAY.example",
            "https://play.example:443",
            "http://old.example:8000",
            "http://game.example:8080",
            "https://Game.Example:8080",
        ] {
            assert!(allowed(false, origin), "{origin}");
        }
    }

    #[test]
    fn origins_that_only_look_like_it() {
        for origin in [
            "null",
            "",
            "*",
            "https://evil.example",
            "http://play.example",
            "https://play.example:444",
            "https://play.example.evil.example",
            "https://evil-play.example",
            "https://evilplay.example",
            "https://play.example.",
            "https://play.example@evil.example",
            "https://evil.example/https://play.example",
            "https://play.example/",
            "https://play.example, https://evil.example",
            "https:play.example",
            "file://play.example",
            "http://old.example",
            "http://old.example:80000",
            "http://game.example",
            "http://game.example:8080.evil.example",
            "chrome-extension://game.example:8080",
            "http://localhost:3000",
            "http://[game.example:8080",
        ] {
            assert!(!allowed(false, origin), "{origin}");
        }
    }

    #[test]
    fn in_dev_mode_pages_of_this_machine_alone() {
        for origin in ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:80", "https://127.9.9.9:1"]
        {
            assert!(allowed(true, origin), "{origin}");
        }
        for origin in [
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://10.0.0.1:80",
            "http://game.example:8080",
        ] {
            assert!(!allowed(true, origin), "{origin}");
        }
        assert!(allowed(true, "https://play.example"), "listed");
    }

    #[test]
    fn no_origin_is_no_browser_and_two_are_none() {
        let settings = Settings::guarded("127.0.0.1:0".parse().unwrap(), "s".repeat(32)).unwrap();
        let mut headers = HeaderMap::new();
        assert!(is_allowed(&settings, &headers));
        headers.insert(HOST, "game.example".parse().unwrap());
        headers.append(ORIGIN, "http://game.example".parse().unwrap());
        assert!(is_allowed(&settings, &headers));
        headers.append(ORIGIN, "http://evil.example".parse().unwrap());
        assert!(!is_allowed(&settings, &headers));
    }
}
