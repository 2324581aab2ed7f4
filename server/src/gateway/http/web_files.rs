//! The files of the page, as they were when the server was built.
//!
//! Invariant: a path from outside is only ever compared with these names. Nothing is read from a disk.

use std::sync::LazyLock;

/// A file of the page.
#[derive(Debug, Clone, Copy)]
pub(super) struct WebFile {
    /// Its path below `assets/web`.
    pub(super) path: &'static str,
    /// What it holds.
    pub(super) bytes: &'static [u8],
}

const fn file(path: &'static str, bytes: &'static [u8]) -> WebFile {
    WebFile { path, bytes }
}

/// The pages themselves, by their routes.
pub(super) static PAGES: &[(&str, WebFile)] = &[
    ("/", file("index.html", include_bytes!("../../../../assets/web/index.html"))),
    ("/chat", file("chat/index.html", include_bytes!("../../../../assets/web/chat/index.html"))),
    ("/editor", file("editor/index.html", include_bytes!("../../../../assets/web/editor/index.html"))),
    (
        "/leaderboard",
        file("leaderboard/index.html", include_bytes!("../../../../assets/web/leaderboard/index.html")),
    ),
    ("/presence", file("presence/index.html", include_bytes!("../../../../assets/web/presence/index.html"))),
];

/// What the pages load.
pub(super) static FILES: &[WebFile] = &[
    file("main.js", include_bytes!("../../../../assets/web/main.js")),
    file("icon.svg", include_bytes!("../../../../assets/web/icon.svg")),
    file("style/base.css", include_bytes!("../../../../assets/web/style/base.css")),
    file("style/lobby.css", include_bytes!("../../../../assets/web/style/lobby.css")),
    file("style/game.css", include_bytes!("../../../../assets/web/style/game.css")),
    file("style/pages.css", include_bytes!("../../../../assets/web/style/pages.css")),
    file("style/chat.css", include_bytes!("../../../../assets/web/style/chat.css")),
    file("style/editor.css", include_bytes!("../../../../assets/web/style/editor.css")),
    file("style/leaderboard.css", include_bytes!("../../../../assets/web/style/leaderboard.css")),
    file("style/presence.css", include_bytes!("../../../../assets/web/style/presence.css")),
    file("net/msgpack.js", include_bytes!("../../../../assets/web/net/msgpack.js")),
    file("net/schema.js", include_bytes!("../../../../assets/web/net/schema.js")),
    file("net/wire.js", include_bytes!("../../../../assets/web/net/wire.js")),
    file("net/delta.js", include_bytes!("../../../../assets/web/net/delta.js")),
    file("net/history.js", include_bytes!("../../../../assets/web/net/history.js")),
    file("net/codes.js", include_bytes!("../../../../assets/web/net/codes.js")),
    file("net/backoff.js", include_bytes!("../../../../assets/web/net/backoff.js")),
    file("net/connection.js", include_bytes!("../../../../assets/web/net/connection.js")),
    file("net/session.js", include_bytes!("../../../../assets/web/net/session.js")),
    file("net/pace.js", include_bytes!("../../../../assets/web/net/pace.js")),
    file("net/playout.js", include_bytes!("../../../../assets/web/net/playout.js")),
    file("net/api.js", include_bytes!("../../../../assets/web/net/api.js")),
    file("net/seats.js", include_bytes!("../../../../assets/web/net/seats.js")),
    file("net/object_socket.js", include_bytes!("../../../../assets/web/net/object_socket.js")),
    file("net/users.js", include_bytes!("../../../../assets/web/net/users.js")),
    file("chat/main.js", include_bytes!("../../../../assets/web/chat/main.js")),
    file("chat/room.js", include_bytes!("../../../../assets/web/chat/room.js")),
    file("chat/history.js", include_bytes!("../../../../assets/web/chat/history.js")),
    file("chat/log.js", include_bytes!("../../../../assets/web/chat/log.js")),
    file("chat/compose.js", include_bytes!("../../../../assets/web/chat/compose.js")),
    file("chat/rooms.js", include_bytes!("../../../../assets/web/chat/rooms.js")),
    file("editor/main.js", include_bytes!("../../../../assets/web/editor/main.js")),
    file("editor/sheet.js", include_bytes!("../../../../assets/web/editor/sheet.js")),
    file("editor/drawing.js", include_bytes!("../../../../assets/web/editor/drawing.js")),
    file("editor/board.js", include_bytes!("../../../../assets/web/editor/board.js")),
    file("leaderboard/main.js", include_bytes!("../../../../assets/web/leaderboard/main.js")),
    file("leaderboard/board.js", include_bytes!("../../../../assets/web/leaderboard/board.js")),
    file("leaderboard/standings.js", include_bytes!("../../../../assets/web/leaderboard/standings.js")),
    file("presence/main.js", include_bytes!("../../../../assets/web/presence/main.js")),
    file("presence/space.js", include_bytes!("../../../../assets/web/presence/space.js")),
    file("presence/people.js", include_bytes!("../../../../assets/web/presence/people.js")),
    file("arena/geometry.js", include_bytes!("../../../../assets/web/arena/geometry.js")),
    file("arena/terrain.js", include_bytes!("../../../../assets/web/arena/terrain.js")),
    file("arena/body.js", include_bytes!("../../../../assets/web/arena/body.js")),
    file("arena/predict.js", include_bytes!("../../../../assets/web/arena/predict.js")),
    file("arena/scene.js", include_bytes!("../../../../assets/web/arena/scene.js")),
    file("arena/shots.js", include_bytes!("../../../../assets/web/arena/shots.js")),
    file("arena/match.js", include_bytes!("../../../../assets/web/arena/match.js")),
    file("view/camera.js", include_bytes!("../../../../assets/web/view/camera.js")),
    file("view/ground.js", include_bytes!("../../../../assets/web/view/ground.js")),
    file("view/actors.js", include_bytes!("../../../../assets/web/view/actors.js")),
    file("view/effects.js", include_bytes!("../../../../assets/web/view/effects.js")),
    file("view/minimap.js", include_bytes!("../../../../assets/web/view/minimap.js")),
    file("view/palette.js", include_bytes!("../../../../assets/web/view/palette.js")),
    file("view/painter.js", include_bytes!("../../../../assets/web/view/painter.js")),
    file("ui/clearing.js", include_bytes!("../../../../assets/web/ui/clearing.js")),
    file("ui/controls.js", include_bytes!("../../../../assets/web/ui/controls.js")),
    file("ui/touch.js", include_bytes!("../../../../assets/web/ui/touch.js")),
    file("ui/hud.js", include_bytes!("../../../../assets/web/ui/hud.js")),
    file("ui/table.js", include_bytes!("../../../../assets/web/ui/table.js")),
    file("ui/feed.js", include_bytes!("../../../../assets/web/ui/feed.js")),
    file("ui/lobby.js", include_bytes!("../../../../assets/web/ui/lobby.js")),
    file("ui/board.js", include_bytes!("../../../../assets/web/ui/board.js")),
    file("ui/chat.js", include_bytes!("../../../../assets/web/ui/chat.js")),
    file("ui/menu.js", include_bytes!("../../../../assets/web/ui/menu.js")),
    file("ui/dom.js", include_bytes!("../../../../assets/web/ui/dom.js")),
    file("ui/sound.js", include_bytes!("../../../../assets/web/ui/sound.js")),
];

/// The file of that name.
pub(super) fn named(path: &str) -> Option<WebFile> {
    FILES.iter().find(|file| file.path == path).copied()
}

/// Pages and what they load.
fn files() -> impl Iterator<Item = &'static WebFile> {
    PAGES.iter().map(|(_, page)| page).chain(FILES)
}

/// What tells this version of the page from another: a hash over all files, as an entity tag.
pub(super) fn tag() -> &'static str {
    static TAG: LazyLock<String> = LazyLock::new(|| {
        let mut hasher = blake3::Hasher::new();
        for file in files() {
            hasher.update(file.path.as_bytes()).update(file.bytes);
        }
        format!("\"{}\"", &hasher.finalize().to_hex()[..24])
    });
    &TAG
}

impl WebFile {
    /// Its media type, by its name's end.
    pub(super) fn media_type(self) -> &'static str {
        match self.path.rsplit('.').next() {
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "application/octet-stream",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Pictures for the documents and the tests of the modules are no part of the page.
    fn is_served(path: &str) -> bool {
        !path.ends_with(".png") && !path.ends_with(".test.js")
    }

    fn collect(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                collect(&entry.path(), &format!("{path}/"), found);
            } else if is_served(&path) {
                found.insert(path);
            }
        }
    }

    #[test]
    fn every_file_of_the_page_is_in_the_binary() {
        let mut there = BTreeSet::new();
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/web"), "", &mut there);
        let listed: BTreeSet<String> = files().map(|file| file.path.to_owned()).collect();
        assert_eq!(there, listed);
        let untyped = FILES.iter().find(|file| file.media_type() == "application/octet-stream");
        assert!(untyped.is_none(), "{untyped:?}");
    }
}
