//! What can be typed.

use clap::{Args, Parser, Subcommand};

use super::data::{BackupFlags, CheckFlags, RestoreFlags};
use super::serve::Flags;

/// A multiplayer game server: durable matches at 60 ticks a second. Without a command: `serve --dev`.
#[derive(Debug, Parser)]
#[command(name = "tickstone", version, about)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Runs a server.
    Serve(Flags),
    /// Writes everything that is stored to one file; a running server goes on meanwhile.
    Backup(BackupFlags),
    /// Makes a data directory of a backup.
    Restore(RestoreFlags),
    /// Reads everything in a data directory that no server uses, and compares every checksum.
    Check(CheckFlags),
    /// Works with the matches of a running server.
    #[command(subcommand)]
    Match(MatchCommand),
    /// Gives out join tokens.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Makes keys for the configuration.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Exit status 0 if the server is alive.
    Healthcheck(ServerArgs),
}

/// Which server to talk to.
#[derive(Debug, Clone, Args)]
pub(super) struct ServerArgs {
    /// The server's HTTP address.
    #[arg(long, env = "TICKSTONE_URL", default_value = "http://127.0.0.1:8080")]
    pub(super) url: String,
    /// A key with the role that the command needs; not needed in dev mode.
    #[arg(long, env = "TICKSTONE_ADMIN_KEY", hide_env_values = true)]
    pub(super) admin_key: Option<String>,
    /// The server's secret, where it has one: a key of every role.
    #[arg(long, env = "TICKSTONE_SECRET", hide_env_values = true)]
    pub(super) secret: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Reserves a seat on a running server and prints the join token that takes it. Needs the role `seat`.
    Mint {
        /// The match's id.
        #[arg(long = "match")]
        id: String,
        /// The player's name.
        #[arg(long)]
        player: String,
        /// How long the token holds, 1 to 30 [default: 15, as long as the seat is reserved]
        #[arg(long, value_name = "SECONDS")]
        ttl: Option<u64>,
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// A key for a backend or an operator: prints it, and the line of `admin_keys` that has only its hash.
    Admin {
        /// What logs call it.
        name: String,
        /// What it may do: read, create, seat, kick, signal, call, token, admin, joined by +.
        #[arg(long, default_value = "admin")]
        roles: String,
    },
    /// A key that signs join tokens: prints the line of `token_keys`.
    Token {
        /// Its id, 1 to 16 characters.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum MatchCommand {
    /// Creates a match and prints it.
    Create {
        /// The game.
        #[arg(default_value = "arena")]
        game: String,
        /// An id of your choice.
        #[arg(long)]
        id: Option<String>,
        /// A named set of options.
        #[arg(long)]
        preset: Option<String>,
        /// Options, a JSON object.
        #[arg(long)]
        options: Option<String>,
        /// `sync`, `async` or `none`.
        #[arg(long)]
        durability: Option<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Lists matches.
    List {
        /// Terms such as `game:arena players>=2 label.phase:playing`.
        #[arg(long)]
        query: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Shows a match.
    Inspect {
        /// The match's id.
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Ends a match.
    End {
        /// The match's id.
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Removes a player from a match.
    Kick {
        /// The match's id.
        id: String,
        /// The player's name.
        player: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Asks the game of a running match, for instance `scores` of an arena.
    Signal {
        /// The match's id.
        id: String,
        /// The signal's name.
        name: String,
        /// Its data, JSON.
        data: Option<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Re-runs a match's journal: exit status 0 if every hash agrees, 1 with the first tick that does not.
    Verify {
        /// The match's id.
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
}
