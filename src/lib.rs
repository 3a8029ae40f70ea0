//! Interdict: which flagged vehicle reaches which checkpoint, and when.
//!
//! The program's rooms, each of which looks only at those below it: `cli`, then `gateway`, `api`, `heads`
//! and `pursuit`, then `dispatch` and `downlink`, then `shards`, `devices`, `roads` and `tracks`, then
//! `store` and `config`, then `audit`, then the crates `interdict-engine` and `interdict-protocols`.

pub mod api;
pub mod audit;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod devices;
pub mod dispatch;
pub mod downlink;
pub mod drive;
pub mod gateway;
pub mod heads;
pub mod mass;
pub mod metrics;
pub mod plate_flags;
pub mod pursuit;
pub mod report;
pub mod retention;
pub mod roads;
pub mod server;
pub mod shards;
pub mod store;
pub mod subject;
mod text;
pub mod tracks;
