//! See `tickstone_server::fuzzed`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tickstone_server::fuzzed::call("document_message", bytes));
