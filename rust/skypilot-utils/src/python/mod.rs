//! The layer between Python and the work: arguments in, results out, and the Python twin for all the rest.

pub mod arguments;
pub mod environment;
pub mod function;
#[cfg(unix)]
pub mod hash;
pub mod io;
pub mod objects;
pub mod process;
pub mod string;
pub mod system;
#[cfg(unix)]
pub mod tail;
pub mod twin;

pub(crate) use function::functions;

use crate::errors::{Answer, Stop};
use arguments::Argument;
use function::Function;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyTuple};

/// A module's version: Cargo's, spelled as PEP 440 wants it.
///
/// Of SemVer's pre-releases only `alpha`, `beta` and `rc`, each with a number, have a spelling there.
#[must_use]
pub fn python_version(cargo: &str) -> String {
    cargo.replace("-alpha.", "a").replace("-beta.", "b").replace("-rc.", "rc")
}

/// Put the functions, a second name for one of them, the version and the counters into the module.
pub fn fill_module(module: &Bound<'_, PyModule>, functions: &'static [&'static Function]) -> PyResult<()> {
    for function in functions {
        module.add(function.name(), function.to_object(module)?)?;
    }
    module.add("get_max_workers", module.getattr("get_max_workers_for_file_mounts")?)?;
    module.add("__version__", python_version(env!("CARGO_PKG_VERSION")))?;
    let stats = move |args: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| {
        let stats = PyDict::new(args.py());
        for function in functions {
            if !function.name().starts_with('_') || function.counts() != (0, 0, 0) {
                stats.set_item(function.name(), function.counts())?;
            }
        }
        Ok::<_, PyErr>(stats.unbind())
    };
    let doc =
        c"_stats()\n--\n\nReturn for each function: native calls, calls given to the twin, internal errors.";
    module.add("_stats", PyCFunction::new_closure(module.py(), Some(c"_stats"), Some(doc), stats)?)
}

/// Fails like a bug would: the proof that the Python twin, here that of `base36_encode`, still answers.
#[expect(clippy::panic, reason = "panicking is its only job")]
pub(crate) fn probe<'py>(_: Python<'py>, [hex_str]: [Argument<'_, 'py>; 1]) -> Answer<'py> {
    match hex_str {
        Some(_) => panic!("the probe was asked to fail"),
        None => Err(Stop::HandOver),
    }
}

#[cfg(test)]
mod tests;
