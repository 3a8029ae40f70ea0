//! The engine from outside: it is told of made-up vehicles, and what it says is looked at.

mod determinism;
mod passages;
mod properties;
mod recording;
mod reports;
mod support;
