//! Any bytes to any decoder: `cargo +nightly fuzz run decode`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| interdict_protocols::hostile::fuzz_decode(bytes));
