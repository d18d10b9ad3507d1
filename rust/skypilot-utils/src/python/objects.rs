//! Small conversions between Python objects and plain values, without a copy where that is possible.

use crate::errors::{Answer, Stop};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyString};
use std::ffi::CStr;

/// The argument itself; one that is missing is for the twin to complain about.
pub fn required<'a, 'py>(
    argument: Option<Borrowed<'a, 'py, PyAny>>,
) -> Result<Borrowed<'a, 'py, PyAny>, Stop> {
    argument.ok_or(Stop::HandOver)
}

/// A `str`, and no subclass of it.
pub fn exact_str<'a, 'py>(value: Borrowed<'a, 'py, PyAny>) -> Result<Borrowed<'a, 'py, PyString>, Stop> {
    value.cast_exact().map_err(|_| Stop::HandOver)
}

/// An `int` (no subclass, no bool) that fits 64 bits.
pub fn exact_int(value: Borrowed<'_, '_, PyAny>) -> Result<i64, Stop> {
    if !is_exact_int(value) {
        return Err(Stop::HandOver);
    }
    // SAFETY: a live int; an overflow raises, which the caller's hand-over clears.
    let number = unsafe { ffi::PyLong_AsLongLong(value.as_ptr()) };
    // SAFETY: asks the calling thread, which is attached, for its own error.
    if number == -1 && !unsafe { ffi::PyErr_Occurred() }.is_null() {
        return Err(Stop::HandOver);
    }
    Ok(number)
}

/// Whether it is an `int` and no subclass.
pub fn is_exact_int(value: Borrowed<'_, '_, PyAny>) -> bool {
    // SAFETY: a live object.
    unsafe { ffi::PyLong_CheckExact(value.as_ptr()) != 0 }
}

/// True or False themselves.
pub fn exact_bool(value: Borrowed<'_, '_, PyAny>) -> Result<bool, Stop> {
    value.cast_exact::<PyBool>().map(|value| value.is_true()).map_err(|_| Stop::HandOver)
}

/// A `float` and no subclass.
pub fn exact_float(value: Borrowed<'_, '_, PyAny>) -> Result<f64, Stop> {
    // SAFETY: a live object, read as a float only if it is one.
    unsafe {
        if ffi::PyFloat_CheckExact(value.as_ptr()) == 0 {
            return Err(Stop::HandOver);
        }
        Ok(ffi::PyFloat_AsDouble(value.as_ptr()))
    }
}

/// The number of code points of a `str`.
pub fn length(text: Borrowed<'_, '_, PyString>) -> usize {
    // SAFETY: a live str, for which this cannot fail.
    unsafe { ffi::PyUnicode_GetLength(text.as_ptr()) }.unsigned_abs()
}

/// The bytes of a `str` that has ASCII characters only; `None` for any other.
///
/// From Python 3.10 on these are the bytes of the object itself; the limited API of 3.9 makes a copy.
pub struct Ascii<'a, 'py> {
    #[cfg(any(Py_3_10, not(Py_LIMITED_API)))]
    bytes: &'a [u8],
    #[cfg(not(any(Py_3_10, not(Py_LIMITED_API))))]
    bytes: Bound<'py, PyBytes>,
    _text: std::marker::PhantomData<Borrowed<'a, 'py, PyString>>,
}

impl<'a, 'py> Ascii<'a, 'py> {
    /// Look into `text`. The form Python caches for a text that is not ASCII costs memory: ask for short ones.
    #[cfg(any(Py_3_10, not(Py_LIMITED_API)))]
    pub fn of(text: Borrowed<'a, 'py, PyString>) -> Option<Self> {
        let mut size = 0;
        // SAFETY: a live str, which keeps its UTF-8 form as long as it lives, and it outlives 'a.
        let bytes = unsafe {
            let start = ffi::PyUnicode_AsUTF8AndSize(text.as_ptr(), &raw mut size);
            if start.is_null() {
                ffi::PyErr_Clear();
                return None;
            }
            std::slice::from_raw_parts(start.cast(), size.unsigned_abs())
        };
        (bytes.len() == length(text)).then_some(Self { bytes, _text: std::marker::PhantomData })
    }

    /// Look into `text`.
    #[cfg(not(any(Py_3_10, not(Py_LIMITED_API))))]
    pub fn of(text: Borrowed<'a, 'py, PyString>) -> Option<Self> {
        // SAFETY: a live str; the result is a new bytes object, or null and an error.
        let bytes = unsafe {
            let bytes = ffi::PyUnicode_AsUTF8String(text.as_ptr());
            if bytes.is_null() {
                ffi::PyErr_Clear();
                return None;
            }
            Bound::from_owned_ptr(text.py(), bytes).cast_into_unchecked::<PyBytes>()
        };
        (bytes.as_bytes().len() == length(text)).then_some(Self { bytes, _text: std::marker::PhantomData })
    }

    /// The characters.
    pub fn bytes(&self) -> &[u8] {
        #[cfg(any(Py_3_10, not(Py_LIMITED_API)))]
        return self.bytes;
        #[cfg(not(any(Py_3_10, not(Py_LIMITED_API))))]
        return self.bytes.as_bytes();
    }
}

/// Call `work` with the path that a `str` names in the file system's encoding.
pub fn with_path<R>(
    path: Borrowed<'_, '_, PyAny>,
    work: impl FnOnce(&CStr) -> Result<R, Stop>,
) -> Result<R, Stop> {
    let text = exact_str(path)?;
    if let Some(ascii) = Ascii::of(text) {
        return with_c_text(ascii.bytes(), work);
    }
    // SAFETY: a live str; the result is a new bytes object, or null and an error.
    let encoded = unsafe {
        let encoded = ffi::PyUnicode_EncodeFSDefault(text.as_ptr());
        Bound::from_owned_ptr_or_opt(path.py(), encoded)
            .ok_or(Stop::HandOver)?
            .cast_into_unchecked::<PyBytes>()
    };
    with_c_text(encoded.as_bytes(), work)
}

fn with_c_text<R>(bytes: &[u8], work: impl FnOnce(&CStr) -> Result<R, Stop>) -> Result<R, Stop> {
    let mut buffer = [0; 512];
    if let Some(room) = buffer.get_mut(..=bytes.len()) {
        room[..bytes.len()].copy_from_slice(bytes);
        return work(CStr::from_bytes_with_nul(room).map_err(|_| Stop::HandOver)?);
    }
    let owned = std::ffi::CString::new(bytes).map_err(|_| Stop::HandOver)?;
    work(&owned)
}

/// Take over the new object at `pointer`; for null, leave the matter to the twin.
///
/// # Safety
/// `pointer` is null or a reference that the caller owns.
pub unsafe fn owned(py: Python<'_>, pointer: *mut ffi::PyObject) -> Answer<'_> {
    // SAFETY: as the caller promises.
    unsafe { Bound::from_owned_ptr_or_opt(py, pointer) }.ok_or(Stop::HandOver)
}

/// A new `str` of ASCII characters.
pub fn new_text<'py>(py: Python<'py>, text: &[u8]) -> Answer<'py> {
    // SAFETY: Python copies the bytes; ASCII is valid UTF-8, and anything else would be an error.
    unsafe { owned(py, ffi::PyUnicode_FromStringAndSize(text.as_ptr().cast(), text.len().cast_signed())) }
}

/// A new `int`.
pub fn new_int(py: Python<'_>, number: i64) -> Answer<'_> {
    // SAFETY: makes an object from a number.
    unsafe { owned(py, ffi::PyLong_FromLongLong(number)) }
}

/// A new `float`.
pub fn new_float(py: Python<'_>, number: f64) -> Answer<'_> {
    // SAFETY: makes an object from a number.
    unsafe { owned(py, ffi::PyFloat_FromDouble(number)) }
}

/// True or False.
pub fn new_bool(py: Python<'_>, value: bool) -> Answer<'_> {
    Ok(PyBool::new(py, value).to_owned().into_any())
}
