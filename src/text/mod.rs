//! Text from outside, taken line by line: a bad line costs only itself.

mod columns;
mod duration;
mod hex;
mod lines;

pub(crate) use columns::Columns;
pub(crate) use duration::seconds;
pub(crate) use hex::bytes;
pub(crate) use lines::{LONGEST, Line, Lines};
