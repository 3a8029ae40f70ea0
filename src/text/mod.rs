//! Text from outside: taken line by line, where a bad line costs only itself, and escaped on its way
//! to a terminal.

mod columns;
mod duration;
mod escape;
mod hex;
mod lines;

pub(crate) use columns::{Columns, cell, uncell};
pub(crate) use duration::seconds;
pub(crate) use escape::escape;
pub(crate) use hex::bytes;
pub(crate) use lines::{LONGEST, Line, Lines};
