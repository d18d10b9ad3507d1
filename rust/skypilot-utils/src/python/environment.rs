//! `os.environ` as Python sees it, and the state of modules that natives look into.

use super::objects::{Ascii, owned};
use crate::errors::{Answer, Stop};
use crate::system_utils::plain_float;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyString};

/// Objects of the module `os`, found once.
struct Os {
    /// The module's own dict, in which `environ` may be replaced at any time.
    names: Py<PyDict>,
    environ: Py<PyString>,
    data: Py<PyString>,
    cpu_count: Py<PyString>,
    environ_type: Py<PyAny>,
}

fn os(py: Python<'_>) -> Result<&Os, Stop> {
    static OS: PyOnceLock<Os> = PyOnceLock::new();
    let found = OS.get_or_try_init(py, || {
        let os = py.import("os")?;
        Ok::<_, PyErr>(Os {
            names: os.dict().unbind(),
            environ: PyString::intern(py, "environ").unbind(),
            data: PyString::intern(py, "_data").unbind(),
            cpu_count: PyString::intern(py, "cpu_count").unbind(),
            environ_type: os.getattr("_Environ")?.unbind(),
        })
    });
    found.map_err(|_| Stop::HandOver)
}

fn look_up<'py>(
    dict: &Bound<'py, PyDict>,
    key: &Bound<'py, PyAny>,
) -> Result<Option<Bound<'py, PyAny>>, Stop> {
    dict.get_item(key).map_err(|_| Stop::HandOver)
}

/// A variable whose bytes are looked up again and again.
pub struct Variable {
    name: &'static str,
    key: PyOnceLock<Py<PyBytes>>,
}

impl Variable {
    /// The variable `name`.
    pub const fn new(name: &'static str) -> Self {
        Self { name, key: PyOnceLock::new() }
    }

    fn key<'py>(&self, py: Python<'py>) -> &Bound<'py, PyAny> {
        self.key.get_or_init(py, || PyBytes::new(py, self.name.as_bytes()).unbind()).bind(py).as_any()
    }
}

/// What Python's `os.environ` holds now; a mapping that someone put in its place is the twin's.
pub struct Environment<'py>(Bound<'py, PyDict>);

impl<'py> Environment<'py> {
    /// Find the mapping behind `os.environ`.
    pub fn now(py: Python<'py>) -> Result<Self, Stop> {
        let os = os(py)?;
        let environ = look_up(os.names.bind(py), os.environ.bind(py))?.ok_or(Stop::HandOver)?;
        if !environ.get_type().is(&os.environ_type) {
            return Err(Stop::HandOver);
        }
        // SAFETY: two live objects; the result is a new reference or null.
        let data = unsafe { owned(py, ffi::PyObject_GetAttr(environ.as_ptr(), os.data.as_ptr())) }?;
        // Keys and values are bytes on Unix, str on Windows: there the look-up finds nothing.
        data.cast_into_exact().map(Self).map_err(|_| Stop::HandOver)
    }

    /// The number in a variable; `None` when it is not set.
    pub fn number(&self, variable: &Variable) -> Result<Option<f64>, Stop> {
        let Some(value) = look_up(&self.0, variable.key(self.0.py()))? else {
            return Ok(None);
        };
        let bytes = value.cast_exact::<PyBytes>().map_err(|_| Stop::HandOver)?.as_bytes();
        plain_float(bytes).map(Some).ok_or(Stop::HandOver)
    }
}

/// The result of Python's own `os.cpu_count()`, which knows `-X cpu_count`; 1 where it does not know.
pub fn os_cpu_count(py: Python<'_>) -> Result<i64, Stop> {
    let os = os(py)?;
    let function = look_up(os.names.bind(py), os.cpu_count.bind(py))?.ok_or(Stop::HandOver)?;
    // SAFETY: a live object; the result is a new reference or null.
    let count: Answer<'_> =
        unsafe { owned(py, ffi::PyObject_CallObject(function.as_ptr(), std::ptr::null_mut())) };
    let count = count?;
    if count.is_none() { Ok(1) } else { super::objects::exact_int(count.as_borrowed()) }
}

/// Whether a `str` or None says Kubernetes, in any case.
pub fn is_kubernetes(cloud: Option<Borrowed<'_, '_, PyAny>>) -> Result<bool, Stop> {
    let Some(cloud) = cloud.filter(|cloud| !cloud.is_none()) else {
        return Ok(false);
    };
    let cloud = Ascii::of(super::objects::exact_str(cloud)?).ok_or(Stop::HandOver)?;
    Ok(cloud.bytes().eq_ignore_ascii_case(b"kubernetes"))
}
