//! The engine from outside: it is told of made-up vehicles, and what it says is looked at.

mod passages;
mod support;
