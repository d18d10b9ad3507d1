//! What Python sees of `sky_rs`: a list of names, nothing else.

use pyo3::prelude::*;

/// Native SkyPilot utility functions; use them through `sky.utils.rust_fallback`.
#[pymodule]
mod sky_rs {
    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
