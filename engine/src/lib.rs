//! Re-exports Wasmer's C API so that cargo links it into one shared and one static library.
pub use wasmer_c::*;
