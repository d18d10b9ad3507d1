//! The functions on files and ports as Python calls them.

use super::arguments::Argument;
use crate::errors::{Answer, Stop};
use pyo3::prelude::*;

#[cfg(unix)]
pub use super::{hash::hash_file, tail::read_last_n_lines};

/// On Linux, for a start within the port numbers.
#[cfg(target_os = "linux")]
pub fn find_free_port<'py>(py: Python<'py>, [start]: [Argument<'_, 'py>; 1]) -> Answer<'py> {
    use super::objects::{exact_int, new_int, required};
    let start = u16::try_from(exact_int(required(start)?)?).map_err(|_| Stop::HandOver)?;
    let port = py.detach(|| crate::io_utils::find_free_port(start))?;
    new_int(py, port.ok_or(Stop::HandOver)?.into())
}

/// The Python twin's.
#[cfg(not(target_os = "linux"))]
pub fn find_free_port<'py>(_: Python<'py>, _: [Argument<'_, 'py>; 1]) -> Answer<'py> {
    Err(Stop::HandOver)
}

/// The Python twin's.
#[cfg(not(unix))]
pub fn hash_file<'py>(_: Python<'py>, _: [Argument<'_, 'py>; 2]) -> Answer<'py> {
    Err(Stop::HandOver)
}

/// The Python twin's.
#[cfg(not(unix))]
pub fn read_last_n_lines<'py>(_: Python<'py>, _: [Argument<'_, 'py>; 5]) -> Answer<'py> {
    Err(Stop::HandOver)
}
