//! What happens when the native code has no answer: the Python twin gives it, or an exception leaves.
//!
//! The exceptions of the twelve functions, with their messages and causes, are written down once, in the
//! Python twins. Native code does not imitate them: whatever it does not cover, every failure included, is
//! given to the twin with the very same arguments, and the twin returns or raises what Python would.

use pyo3::PyErr;
use pyo3::prelude::*;
use std::io;

/// Why a native function did not answer.
#[derive(Debug)]
pub enum Stop {
    /// The input is outside the fast path, or something failed: ask the Python twin.
    HandOver,
    /// An exception that must reach the caller at once, such as `KeyboardInterrupt`.
    Raise(Box<PyErr>),
}

/// The result of a native function.
pub type Answer<'py> = Result<Bound<'py, PyAny>, Stop>;

impl Stop {
    /// Let `error` reach the caller.
    #[must_use]
    pub fn raise(error: PyErr) -> Self {
        Self::Raise(Box::new(error))
    }
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::HandOver
    }
}

#[cfg(unix)]
impl From<rustix::io::Errno> for Stop {
    fn from(_: rustix::io::Errno) -> Self {
        Self::HandOver
    }
}
