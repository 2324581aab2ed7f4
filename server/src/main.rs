//! The server with the bundled games and maps.

use std::process::ExitCode;

use tickstone_server::App;
use tickstone_shared::games::arena::Arena;
use tickstone_shared::games::pong::Pong;

fn main() -> ExitCode {
    App::new()
        .game::<Arena>()
        .game::<Pong>()
        .asset("maps/dust.json", include_str!("../../assets/maps/dust.json"))
        .asset("maps/plains.json", include_str!("../../assets/maps/plains.json"))
        .asset("maps/yard.json", include_str!("../../assets/maps/yard.json"))
        .run()
}
