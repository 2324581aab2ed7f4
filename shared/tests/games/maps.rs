//! Maps and options: those that ship are playable, those that are not say why.

use std::collections::BTreeMap;
use tickstone_shared::games::arena::map::Map;
use tickstone_shared::games::arena::{Arena, Options, Rules, Terrain};
use tickstone_shared::sim::assets::Assets;
use tickstone_shared::sim::game::Game;
use tickstone_shared::sim::registered::register;

use crate::support::{arena_rules, bundled_assets};

#[test]
fn every_bundled_map_is_playable() {
    let assets = bundled_assets();
    let names: Vec<_> = assets.names("maps/", ".json").map(str::to_owned).collect();
    assert_eq!(names, ["dust", "plains", "yard"]);
    for name in names {
        let map = Map::parse(assets.text(&format!("maps/{name}.json")).unwrap()).unwrap();
        assert_eq!(map.name, name);
        let terrain = Terrain::new(&map);
        for index in 0..terrain.spawn_count() {
            let (x, y) = terrain.spawn(index);
            assert!(!terrain.blocks_body(x, y), "{name}: spawn point {index}");
        }
    }
}

#[test]
fn plains_has_a_spawn_point_for_each_of_a_thousand() {
    let rules = arena_rules(&Options { map: "plains".to_owned(), players_max: 1_000, ..Options::default() });
    let terrain = Terrain::new(&rules.map);
    assert!(terrain.spawn_count() >= 1_000);
    let mut places: Vec<_> = (0..1_000).map(|seat| terrain.spawn_of_seat(seat, 1_000)).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 1_000);
}

#[test]
fn every_preset_makes_rules() {
    let game = register::<Arena>();
    let seats = ["duel", "skirmish", "crowd"].map(|preset| {
        let rules = game.rules(Some(preset), serde_json::Value::Null, &bundled_assets()).unwrap();
        game.seats(&rules).unwrap()
    });
    assert_eq!(seats, [2, 16, 1_000]);
    assert!(game.rules(Some("chess"), serde_json::Value::Null, &bundled_assets()).is_err());
    assert!(Arena::preset("chess").is_none());
}

#[test]
fn a_map_that_cannot_be_played_says_why() {
    let cases = BTreeMap::from([
        (r#"{"name":"m","width":8"#, "EOF while parsing an object"),
        (r#"{"name":"m","width":8,"height":8,"spawn":[]}"#, "unknown field `spawn`"),
        (r#"{"name":"m","width":7,"height":8}"#, "width is 7; expected 8 to 512"),
        (r#"{"name":"m","width":8,"height":513}"#, "height is 513; expected 8 to 512"),
        (
            r#"{"name":"m","width":8,"height":8,"walls":[[0,0,1,1],[7,7,2,1]]}"#,
            "wall 1 (x, y, width, height) = [7, 7, 2, 1] is empty or leaves the map",
        ),
        (r#"{"name":"m","width":8,"height":8,"walls":[[1,1,0,1]]}"#, "wall 0"),
        (r#"{"name":"m","width":8,"height":8,"walls":[[65535,1,65535,1]]}"#, "wall 0"),
        (r#"{"name":"m","width":8,"height":8}"#, "no spawn point"),
        (
            r#"{"name":"m","width":8,"height":8,"walls":[[2,2,1,1]],"spawns":[[1,1],[2,2]]}"#,
            "spawn 1 at [2, 2] is in a wall or outside of the map",
        ),
        (
            r#"{"name":"m","width":8,"height":8,"spawns":[[1,1]],"pickups":[[8,1]]}"#,
            "pickup 0 at [8, 1] is in a wall or outside of the map",
        ),
        (
            r#"{"name":"m","width":8,"height":8,"walls":[[4,0,1,8]],"spawns":[[1,1]],"pickups":[[6,1]]}"#,
            "pickup 0 at [6, 1] cannot be reached from the first spawn point",
        ),
        (r#"{"name":"m","width":512,"height":512,"spawn_every":1}"#, "262144 spawns; expected at most 4096"),
    ]);
    for (text, expected) in cases {
        let error = Map::parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn options_that_make_no_match_name_the_option() {
    let problem = |options: &Options| Rules::new(options, &bundled_assets()).unwrap_err().to_string();
    assert_eq!(
        problem(&Options { map: "moon".to_owned(), ..Options::default() }),
        "option map: there is no map of that name; there are: dust, plains, yard"
    );
    assert_eq!(
        problem(&Options { players_max: 1_001, ..Options::default() }),
        "option players_max: 1001; expected 2 to 1000"
    );
    assert_eq!(
        problem(&Options { players_min: 17, ..Options::default() }),
        "option players_min: 17; expected 1 to 16"
    );
    assert_eq!(
        problem(&Options { shots_per_second: 0, ..Options::default() }),
        "option shots_per_second: 0; expected 1 to 20"
    );
    let mut broken = Assets::none();
    broken.insert("maps/dust.json", r#"{"name":"dust","width":8,"height":8}"#);
    let error = Rules::new(&Options::default(), &broken).unwrap_err().to_string();
    assert!(error.starts_with("option map: the map dust is unusable: no spawn point"), "{error}");
    let unknown = serde_json::json!({ "player_max": 4 });
    let error = register::<Arena>().rules(None, unknown, &bundled_assets()).unwrap_err().to_string();
    assert!(error.contains("unknown field `player_max`"), "{error}");
}

#[test]
fn a_match_is_played_on_a_map_that_is_drawn_and_the_rules_have_it_in_them() {
    let drawn = |map: serde_json::Value| {
        let options = serde_json::json!({ "map": "moon", "drawn": map, "players_max": 4 });
        register::<Arena>().rules(Some("duel"), options, &bundled_assets()).map_err(|error| error.to_string())
    };
    let map = serde_json::json!({
        "name": "ours", "width": 16, "height": 8, "walls": [[4, 4, 2, 2]], "spawns": [[1, 1], [14, 6]], "pickups": [[8, 2]],
    });
    let rules = drawn(map.clone()).unwrap();
    let stored: Rules = serde_json::from_slice(&rules).unwrap();
    assert_eq!((&*stored.map.name, stored.map.width, stored.numbers.players_max), ("ours", 16, 4));
    register::<Arena>().start(7, &rules).unwrap();
    for (field, value, expected) in [
        ("name", serde_json::json!("n".repeat(33)), "option drawn: the map's name"),
        ("name", serde_json::json!(""), "option drawn: the map's name"),
        ("width", serde_json::json!(7), "option drawn: the map is unusable: width is 7; expected 8 to 512"),
        ("spawns", serde_json::json!([]), "option drawn: the map is unusable: no spawn point"),
        ("spawns", serde_json::json!([[4, 4]]), "spawn 0 at [4, 4] is in a wall"),
        ("walls", serde_json::json!(vec![[1, 1, 1, 1]; 2_049]), "2049 walls; expected at most 2048"),
        ("lava", serde_json::json!([]), "unknown field `lava`"),
        ("walls", serde_json::json!("none"), "invalid type"),
    ] {
        let mut broken = map.clone();
        broken[field] = value;
        let error = drawn(broken).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}
