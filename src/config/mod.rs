//! The configuration: `interdict.toml` and the files that it names, checked whole before anything
//! starts.

mod limits;

pub use limits::Limits;
