//! The Python twins of the native functions: `sky.utils.rust_twins`, looked up when first needed.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::any::Any;

/// A function of `sky.utils.rust_twins`.
pub(crate) struct Twin {
    name: &'static str,
    found: PyOnceLock<Py<PyAny>>,
}

impl Twin {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self { name, found: PyOnceLock::new() }
    }

    /// The twin; an error when the Python part of the distribution is not there.
    pub(crate) fn get<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        let found = self.found.get_or_try_init(py, || {
            let twin = py.import("sky.utils.rust_twins")?.getattr(self.name)?;
            Ok::<_, PyErr>(twin.unbind())
        })?;
        Ok(found.bind(py))
    }
}

/// Log that native code failed where it must not, and that the Python twin answers.
pub(crate) fn report(py: Python<'_>, name: &str, panic: &(dyn Any + Send)) {
    let reason = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given");
    let message = format!("Internal error in sky_rs.{name}, answered by its Python twin: {reason}");
    let logged = py
        .import("logging")
        .and_then(|logging| logging.call_method1("getLogger", ("sky.utils.rust_fallback",)))
        .and_then(|logger| logger.call_method1("warning", ("%s", message)));
    if let Err(error) = logged {
        error.write_unraisable(py, None);
    }
}
