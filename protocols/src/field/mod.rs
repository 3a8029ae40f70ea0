//! Readers of fields that many protocols share, each with its edges tested. A decoder is mostly a
//! table of calls to these; before writing one in a decoder, look here.

pub mod bcd;
pub mod checksum;
pub mod date;
pub mod escape;
mod fields;
pub mod http;
pub mod json;
pub mod nmea;
pub mod number;
mod reader;
pub mod search;
pub mod text;

pub use fields::Fields;
pub use reader::Reader;
