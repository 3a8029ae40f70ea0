//! The engine from outside: it is told of made-up vehicles, and what it says is looked at.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail so")]

mod alarm_rules;
mod determinism;
mod flags;
mod handling;
mod passages;
mod properties;
mod recording;
mod reports;
mod sightings;
mod silence;
mod support;
mod voices;
