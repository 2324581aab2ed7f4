//! Support for tests of classes: the whole runtime on one thread, under a clock that stands still until it is
//! moved, on a store in memory.
//!
//! ```
//! use std::time::Duration;
//! use tickstone_server::testing::Testbed;
//! # use serde::{Deserialize, Serialize};
//! # use tickstone_server::object::{caller::Caller, context::Context, contract::CallError};
//! # use tickstone_server::object::{simple::Simple, typed::Methods};
//! # #[derive(Default, Serialize, Deserialize)]
//! # struct Counter(u64);
//! # #[derive(Serialize, Deserialize)]
//! # enum Calls { Add(u64) }
//! # impl Methods for Calls { type Reply = u64; }
//! # impl Simple for Counter {
//! #     const CLASS: &'static str = "counter";
//! #     type Call = Calls;
//! #     fn call(&mut self, _: &mut Context<'_>, _: &Caller, Calls::Add(n): Calls) -> Result<u64, CallError> {
//! #         self.0 += n;
//! #         Ok(self.0)
//! #     }
//! # }
//! let mut bed = Testbed::new().object::<Counter>().forgetful();
//! assert_eq!(bed.ask::<Counter>("a", &Calls::Add(2)), Ok(2));
//! bed.advance(Duration::from_secs(60));
//! assert_eq!(bed.ask::<Counter>("a", &Calls::Add(1)), Ok(3));
//! ```

mod connecting;
mod crash_store;
mod sockets;
mod testbed;

pub use sockets::Client;
pub use testbed::{Pending, Testbed};
