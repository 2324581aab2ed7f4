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
    /// Works with the objects of a running server.
    #[command(subcommand)]
    Object(ObjectCommand),
    /// Works with the classes of a running server.
    #[command(subcommand)]
    Class(ClassCommand),
    /// Gives out join and user tokens.
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
    /// Prints a token that a running server has signed: with --match and --player it reserves a seat and takes it (role
    /// `seat`), with --subject and --scope it says who somebody is to objects (role `token`).
    Mint {
        /// The match's id.
        #[arg(long = "match", requires = "player", required_unless_present = "subject")]
        id: Option<String>,
        /// The player's name.
        #[arg(long, requires = "id")]
        player: Option<String>,
        /// Who the token is for, to objects.
        #[arg(long, requires = "scopes", conflicts_with = "id")]
        subject: Option<String>,
        /// What they may do, CLASS:NAME:VERB, the verb connect, call or http; each part may be *, and a name may end
        /// with *. May be given up to 16 times.
        #[arg(long = "scope", requires = "subject")]
        scopes: Vec<String>,
        /// How long the token holds: 1 to 30 for a seat [default: 15, as long as it is reserved], 1 to 86400 for a
        /// subject [default: 3600]
        #[arg(long, value_name = "SECONDS")]
        ttl: Option<u64>,
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ClassCommand {
    /// Lists the classes.
    List {
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ObjectCommand {
    /// Lists the objects of which something is stored. Needs the role `admin`.
    List {
        /// Only of this class.
        #[arg(long)]
        class: Option<String>,
        /// Only names that begin with this.
        #[arg(long)]
        prefix: Option<String>,
        /// Only those that are `awake` or `hibernated`.
        #[arg(long)]
        state: Option<String>,
        /// After this one: `next` of the page before.
        #[arg(long)]
        after: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Shows an object: its storage, alarms and sockets. Needs the role `admin`.
    Inspect {
        /// The object's class.
        class: String,
        /// The object's name.
        name: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Removes an object: its sockets are closed, and nothing stays stored. Needs the role `admin`.
    Delete {
        /// The object's class.
        class: String,
        /// The object's name.
        name: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Prints the moment to which an object can be taken back later. Needs the role `admin`.
    Bookmark {
        /// The object's class.
        class: String,
        /// The object's name.
        name: String,
        /// The moment that was the newest at this time, in ms since 1970 [default: now]
        #[arg(long, value_name = "UNIX_MS")]
        at: Option<u64>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Takes an object back to an earlier moment, and prints the one that takes it forth again. Needs the role
    /// `admin`.
    Restore {
        /// The object's class.
        class: String,
        /// The object's name.
        name: String,
        /// To this moment.
        #[arg(long, required_unless_present = "at")]
        bookmark: Option<String>,
        /// To what it was at this time, in ms since 1970.
        #[arg(long, value_name = "UNIX_MS", conflicts_with = "bookmark")]
        at: Option<u64>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Calls a method of an object. Needs the role `call`.
    Call {
        /// The object's class.
        class: String,
        /// The object's name.
        name: String,
        /// The method.
        method: String,
        /// Its argument, JSON.
        body: Option<String>,
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
        /// The leaderboard that its result goes to, instead of its game's.
        #[arg(long)]
        board: Option<String>,
        /// Its result goes to no leaderboard.
        #[arg(long, conflicts_with = "board")]
        no_board: bool,
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
