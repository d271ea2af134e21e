#![no_main]

#[allow(dead_code)]
#[path = "../../crates/media/tests/promises/mod.rs"]
mod promises;

libfuzzer_sys::fuzz_target!(|data: &[u8]| promises::audio(data));
