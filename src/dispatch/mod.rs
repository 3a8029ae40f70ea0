//! Carries events from the store to whoever follows them, each at their own pace: who reads
//! slowly keeps a cursor, never the server.

mod filter;
mod flag_changes;
mod reader;
pub mod webhook;

pub use filter::{Filter, Unknown, Wanted, with_those_under};
pub use flag_changes::FlagChanges;
pub use reader::{PAGE_EVENTS, Reader};
