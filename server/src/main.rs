//! The server with the bundled classes, games and maps.

use std::process::ExitCode;

use tickstone_server::App;
use tickstone_shared::games::arena::Arena;
use tickstone_shared::games::duel::Duel;
use tickstone_shared::games::pong::Pong;

/// A world is hundreds of small allocations, and a commit gives its buffers back every time: under glibc that
/// was 4,500 calls of mprotect in 5 s and a few per cent of a core.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    App::new()
        .game::<Arena>()
        .game::<Duel>()
        .game::<Pong>()
        .bundled()
        .asset("maps/dust.json", include_str!("../../assets/maps/dust.json"))
        .asset("maps/plains.json", include_str!("../../assets/maps/plains.json"))
        .asset("maps/yard.json", include_str!("../../assets/maps/yard.json"))
        .run()
}
