//! Re-exports Wasmer's C API, WASIX included, so that cargo links it into one shared library.
pub use wasmer_c::*;
