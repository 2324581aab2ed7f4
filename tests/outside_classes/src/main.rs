//! A server with two classes of its own.

mod counter;
mod room;

use std::process::ExitCode;

use counter::Counter;
use room::Room;
use tickstone_server::App;

fn main() -> ExitCode {
    App::new().object::<Counter>().object::<Room>().run()
}
