//! The arguments of a call, sorted by parameter, and the same arguments again for the Python twin.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use std::ffi::CStr;

/// An argument, or `None` where the caller left it out.
pub type Argument<'a, 'py> = Option<Borrowed<'a, 'py, PyAny>>;

/// The arguments as Python passed them: a vector, and the names of those at its end.
#[cfg(any(Py_3_10, not(Py_LIMITED_API)))]
pub struct Passed<'a, 'py> {
    values: &'a [Borrowed<'a, 'py, PyAny>],
    positional: usize,
    names: Option<Borrowed<'a, 'py, PyTuple>>,
    py: Python<'py>,
}

#[cfg(any(Py_3_10, not(Py_LIMITED_API)))]
impl<'a, 'py> Passed<'a, 'py> {
    /// Wrap what Python passes to a `METH_FASTCALL | METH_KEYWORDS` function.
    ///
    /// # Safety
    /// `values` has `count` live objects and one more for each member of `names`, a tuple of str or null.
    #[inline]
    pub unsafe fn vector(
        py: Python<'py>,
        values: *const *mut ffi::PyObject,
        count: ffi::Py_ssize_t,
        names: *mut ffi::PyObject,
    ) -> Self {
        let positional = count.unsigned_abs();
        // SAFETY: as the caller promises; a `Borrowed` is a pointer to a live object and nothing else.
        unsafe {
            let names = (!names.is_null()).then(|| Borrowed::from_ptr(py, names).cast_unchecked::<PyTuple>());
            let total = positional + names.map_or(0, |names| names.len());
            let values = if total == 0 { &[] } else { std::slice::from_raw_parts(values.cast(), total) };
            Self { values, positional, names, py }
        }
    }

    /// Sort the arguments by parameter; `None` when they do not fit, which is for the twin to complain about.
    #[inline]
    pub fn sort<const N: usize>(&self, parameters: &[&CStr; N]) -> Option<[Argument<'a, 'py>; N]> {
        if self.positional > N {
            return None;
        }
        // Not a copy of a slice, for which the compiler would call memmove.
        let mut sorted =
            std::array::from_fn(
                |index| {
                    if index < self.positional { self.values.get(index).copied() } else { None }
                },
            );
        if let Some(names) = self.names {
            for (index, value) in self.values[self.positional..].iter().enumerate() {
                let name = names.get_borrowed_item(index).ok()?;
                place(&mut sorted, parameters, name, *value)?;
            }
        }
        Some(sorted)
    }

    /// Call `function` with the very same arguments.
    pub fn call(&self, function: PyResult<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        let positional = PyTuple::new(self.py, &self.values[..self.positional])?;
        let Some(names) = self.names else {
            return function?.call1(positional);
        };
        let keywords = PyDict::new(self.py);
        for (name, value) in names.iter().zip(&self.values[self.positional..]) {
            keywords.set_item(name, value)?;
        }
        function?.call(positional, Some(&keywords))
    }
}

/// The arguments as Python passed them: a tuple and perhaps a dict.
#[cfg(not(any(Py_3_10, not(Py_LIMITED_API))))]
pub struct Passed<'a, 'py> {
    values: Borrowed<'a, 'py, PyTuple>,
    named: Option<Borrowed<'a, 'py, PyDict>>,
}

#[cfg(not(any(Py_3_10, not(Py_LIMITED_API))))]
impl<'a, 'py> Passed<'a, 'py> {
    /// Wrap what Python passes to a `METH_VARARGS | METH_KEYWORDS` function.
    ///
    /// # Safety
    /// `values` is a live tuple, `named` a live dict or null.
    #[inline]
    pub unsafe fn tuple(py: Python<'py>, values: *mut ffi::PyObject, named: *mut ffi::PyObject) -> Self {
        // SAFETY: as the caller promises.
        unsafe {
            Self {
                values: Borrowed::from_ptr(py, values).cast_unchecked(),
                named: (!named.is_null()).then(|| Borrowed::from_ptr(py, named).cast_unchecked()),
            }
        }
    }

    /// Sort the arguments by parameter; `None` when they do not fit, which is for the twin to complain about.
    #[inline]
    pub fn sort<const N: usize>(&self, parameters: &[&CStr; N]) -> Option<[Argument<'a, 'py>; N]> {
        let py = self.values.py();
        let count = self.values.len();
        if count > N {
            return None;
        }
        let mut sorted = [None; N];
        for (index, slot) in sorted.iter_mut().enumerate().take(count) {
            // SAFETY: the tuple has `count` items and lives as long as 'a; so do they.
            *slot = Some(unsafe {
                Borrowed::from_ptr(py, ffi::PyTuple_GetItem(self.values.as_ptr(), index.cast_signed()))
            });
        }
        if let Some(named) = self.named {
            let (mut position, mut name, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
            // SAFETY: the dict is this call's own, so that nothing changes it meanwhile, and it keeps its
            // keys and values alive for 'a.
            while unsafe {
                ffi::PyDict_Next(named.as_ptr(), &raw mut position, &raw mut name, &raw mut value)
            } != 0
            {
                // SAFETY: as above.
                let (name, value) = unsafe { (Borrowed::from_ptr(py, name), Borrowed::from_ptr(py, value)) };
                place(&mut sorted, parameters, name, value)?;
            }
        }
        Some(sorted)
    }

    /// Call `function` with the very same arguments.
    pub fn call(&self, function: PyResult<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        let named = self.named.map(Borrowed::to_owned);
        function?.call(self.values.to_owned(), named.as_ref())
    }
}

/// Put an argument passed by name where it belongs; `None` for an unknown name or a second value.
fn place<'a, 'py, const N: usize>(
    sorted: &mut [Argument<'a, 'py>; N],
    parameters: &[&CStr; N],
    name: Borrowed<'_, 'py, PyAny>,
    value: Borrowed<'a, 'py, PyAny>,
) -> Option<()> {
    // SAFETY: both are live and end in a zero byte; the comparison raises nothing for a str.
    let index = parameters.iter().position(|parameter| unsafe {
        ffi::PyUnicode_CompareWithASCIIString(name.as_ptr(), parameter.as_ptr()) == 0
    })?;
    sorted[index].replace(value).is_none().then_some(())
}
