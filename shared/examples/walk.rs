//! A native player of an arena: joins, walks in a square, says where everybody is, leaves.
//!
//! ```sh
//! cargo run -p tickstone-shared --features net --example walk -- http://127.0.0.1:8080 friday-1 ann quic
//! ```
//!
//! The last word may be `ws`. Outside dev mode a join token goes where the name is.

use std::error::Error;
use std::io::Write as _;

use tickstone_shared::client::session::SessionOptions;
use tickstone_shared::games::arena::ArenaPrediction;
use tickstone_shared::games::arena::map::Map;
use tickstone_shared::net::client::Client;
use tickstone_shared::net::happening::Happening;
use tickstone_shared::net::lookup::Lookup;

/// Where the stick points, a second each.
const SQUARE: [(i64, i64); 4] = [(127, 0), (0, 127), (-127, 0), (0, -127)];
/// States until it leaves.
const STATES: usize = 240;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [url, match_id, who, over] = words.as_slice() else {
        return Err("usage: walk URL MATCH PLAYER_OR_TOKEN ws|quic".into());
    };

    // What the server says of the match: where it is, and on which map it is played.
    let server = Lookup::new(url, None)?;
    let found = server.find(match_id).await?;
    let name = found.label["map"].as_str().ok_or("this match has no map: it is no arena")?;
    let map = Map::parse(&server.asset(&format!("maps/{name}.json")).await?)?;
    let address = match over.as_str() {
        "quic" => found.quic().ok_or("the server speaks no QUIC")?,
        _ => found.websocket(),
    };

    let mut options = SessionOptions::new(match_id, who);
    if who.starts_with("tj1.") {
        (options.token, options.player) = (Some(who.clone()), None);
    }
    let seed = u64::from(std::process::id());
    let mut client = Client::connect(address, options, ArenaPrediction::new(&map), seed).await?;

    let mut states = 0;
    while let Some(happening) = client.next().await {
        match happening {
            Happening::State(tick) => {
                let (move_x, move_y) = SQUARE[states / 60 % SQUARE.len()];
                client.want(&[("move_x", move_x), ("move_y", move_y)])?;
                if states.is_multiple_of(30) {
                    say(&format!("tick {}: {}", tick.0, everybody(&mut client)))?;
                }
                states += 1;
                if states == STATES {
                    client.leave().await;
                    return say("left");
                }
            }
            Happening::Event(event) => say(&format!("{} {}", event.name, event.data))?,
            Happening::Dropped { reason } => say(&format!("dropped: {reason}; coming back"))?,
            Happening::Joined { .. } => say("back")?,
            Happening::Left { reason, .. } => return Err(reason.into()),
            Happening::Message(_) | Happening::Pong(_) => {}
        }
    }
    Ok(())
}

/// Where everybody is drawn: the player's own body ahead of the server, the others a little behind.
fn everybody(client: &mut Client<ArenaPrediction>) -> String {
    let own = client.own_place().map_or("nowhere".to_owned(), |[x, y]| format!("{x:.2} {y:.2}"));
    let seat = client.welcome().map_or(0.0, |welcome| f64::from(welcome.seat.0));
    let mut said = format!("at {own}");
    for player in client.entities("player").filter(|player| player.field("seat") != Some(seat)) {
        let field = |name| player.field(name).unwrap_or_default();
        said += &format!(", seat {} at {:.2} {:.2}", field("seat"), field("x"), field("y"));
    }
    said
}

fn say(line: &str) -> Result<(), Box<dyn Error>> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
