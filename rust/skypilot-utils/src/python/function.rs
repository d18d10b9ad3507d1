//! How Python calls a native function: straight, through a C function pointer, with a net below it.
//!
//! Two things cost more than the work of most of the twelve, and are avoided here: an argument tuple for
//! each call (the limited API of Python 3.10 and newer can do without), and a wrapper frame in Python.

use super::arguments::{Argument, Passed};
use super::twin::{Twin, report};
use crate::errors::{Answer, Stop};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// One native function as Python's interpreter knows it, with its Python twin and its counters.
pub struct Function {
    name: &'static str,
    definition: ffi::PyMethodDef,
    twin: Twin,
    counters: Counters,
}

// SAFETY: the definition is never changed, and its pointers are to static text and code.
unsafe impl Sync for Function {}

impl Function {
    /// Describe the function that `entry` answers; `name` and `doc` end in a zero byte.
    pub(crate) const fn new(
        name: &'static str,
        twin: &'static str,
        c_name: &'static str,
        doc: &'static str,
        entry: ffi::PyMethodDefPointer,
    ) -> Self {
        let definition = ffi::PyMethodDef {
            ml_name: c_text(c_name).as_ptr(),
            ml_meth: entry,
            ml_flags: CALL_FLAGS,
            ml_doc: c_text(doc).as_ptr(),
        };
        Self { name, definition, twin: Twin::new(twin), counters: Counters::new() }
    }

    /// Its name in the module; names of functions for tests begin with an underscore.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Native calls, calls given to the Python twin, and internal errors (which the twin answered as well).
    #[must_use]
    pub fn counts(&self) -> (u64, u64, u64) {
        let counters = &self.counters;
        (counters.native.get(), counters.fallbacks.get(), counters.internal_errors.get())
    }

    /// The callable for `module`, with the name of the package as its home: there it is pickled from.
    pub(crate) fn to_object<'py>(
        &'static self,
        module: &Bound<'py, PyModule>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let name = PyString::intern(module.py(), "sky_rs");
        let definition = (&raw const self.definition).cast_mut();
        // SAFETY: the definition is static and Python only reads it; module and name are live objects.
        unsafe {
            let function = ffi::PyCFunction_NewEx(definition, module.as_ptr(), name.as_ptr());
            Bound::from_owned_ptr_or_err(module.py(), function)
        }
    }
}

/// Counts of what became of the calls of one function.
struct Counters {
    native: Counter,
    fallbacks: Counter,
    internal_errors: Counter,
}

impl Counters {
    const fn new() -> Self {
        Self { native: Counter::new(), fallbacks: Counter::new(), internal_errors: Counter::new() }
    }
}

/// A count that costs one plain addition where the GIL is there to protect it.
struct Counter(AtomicU64);

impl Counter {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    fn add_one(&self) {
        if cfg!(Py_GIL_DISABLED) {
            self.0.fetch_add(1, Relaxed);
        } else {
            self.0.store(self.0.load(Relaxed).wrapping_add(1), Relaxed);
        }
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What the `functions!` list says about one function.
pub(crate) trait Native<const N: usize> {
    /// The names of its parameters, in order.
    const PARAMETERS: [&'static CStr; N];
    /// Its description.
    fn function() -> &'static Function;
    /// The function itself; an argument left out is `None`.
    fn call<'py>(py: Python<'py>, arguments: [Argument<'_, 'py>; N]) -> Answer<'py>;
}

/// The entry point in the form that takes arguments without a tuple.
///
/// # Safety
/// To be called by Python's interpreter only, as `METH_FASTCALL | METH_KEYWORDS` says.
#[cfg(any(Py_3_10, not(Py_LIMITED_API)))]
pub(crate) unsafe extern "C" fn entry<F: Native<N>, const N: usize>(
    _module: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls with the GIL held (or the thread attached) and with live arguments,
    // `count` by position and then one for each of the names.
    unsafe {
        let py = Python::assume_attached();
        let passed = Passed::vector(py, values, count, names);
        answer::<F, N>(py, &passed)
    }
}

/// The entry point in the form that every Python since 3.9 offers to an extension with the limited API.
///
/// # Safety
/// To be called by Python's interpreter only, as `METH_VARARGS | METH_KEYWORDS` says.
#[cfg(not(any(Py_3_10, not(Py_LIMITED_API))))]
pub(crate) unsafe extern "C" fn entry<F: Native<N>, const N: usize>(
    _module: *mut ffi::PyObject,
    values: *mut ffi::PyObject,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls with the GIL held, with a tuple, and with a dict or null.
    unsafe {
        let py = Python::assume_attached();
        let passed = Passed::tuple(py, values, names);
        answer::<F, N>(py, &passed)
    }
}

#[inline(always)]
fn answer<F: Native<N>, const N: usize>(py: Python<'_>, passed: &Passed<'_, '_>) -> *mut ffi::PyObject {
    let outcome = catch_unwind(AssertUnwindSafe(|| match passed.sort(&F::PARAMETERS) {
        Some(arguments) => F::call(py, arguments),
        None => Err(Stop::HandOver),
    }));
    match outcome {
        Ok(Ok(result)) => {
            F::function().counters.native.add_one();
            result.into_ptr()
        }
        Ok(Err(stop)) => ask_twin(py, Ok(stop), passed, F::function()),
        Err(panic) => ask_twin(py, Err(panic), passed, F::function()),
    }
}

/// The slow way out: raise what must be raised, and leave everything else to the Python twin.
#[cold]
#[inline(never)]
fn ask_twin(
    py: Python<'_>,
    reason: std::thread::Result<Stop>,
    passed: &Passed<'_, '_>,
    function: &Function,
) -> *mut ffi::PyObject {
    let counters = &function.counters;
    let answer = match reason {
        Ok(Stop::Raise(error)) => {
            counters.native.add_one();
            Err(*error)
        }
        Ok(Stop::HandOver) => {
            counters.fallbacks.add_one();
            // Whatever error the native code met, the twin meets it again and words it.
            drop(PyErr::take(py));
            passed.call(function.twin.get(py))
        }
        Err(panic) => {
            counters.internal_errors.add_one();
            drop(PyErr::take(py));
            if counters.internal_errors.get() == 1 {
                report(py, function.name, &*panic);
            }
            passed.call(function.twin.get(py))
        }
    };
    match answer {
        Ok(result) => result.into_ptr(),
        Err(error) => {
            error.restore(py);
            std::ptr::null_mut()
        }
    }
}

/// How Python is to call an `entry`.
#[cfg(any(Py_3_10, not(Py_LIMITED_API)))]
pub(crate) const CALL_FLAGS: std::ffi::c_int = ffi::METH_FASTCALL | ffi::METH_KEYWORDS;
#[cfg(not(any(Py_3_10, not(Py_LIMITED_API))))]
pub(crate) const CALL_FLAGS: std::ffi::c_int = ffi::METH_VARARGS | ffi::METH_KEYWORDS;

/// The pointer to an `entry` as a definition wants it.
pub(crate) const fn pointer<F: Native<N>, const N: usize>() -> ffi::PyMethodDefPointer {
    #[cfg(any(Py_3_10, not(Py_LIMITED_API)))]
    return ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: entry::<F, N> };
    #[cfg(not(any(Py_3_10, not(Py_LIMITED_API))))]
    return ffi::PyMethodDefPointer { PyCFunctionWithKeywords: entry::<F, N> };
}

/// Declare a module's functions: `name(parameter, other = default) = implementation, "docstring";`.
///
/// Signature and docstring are what `help()` shows; the implementation applies the defaults. The Python twin
/// has the same name, unless `for` says another.
macro_rules! functions {
    ($($name:ident $(for $twin:ident)? ($($parameter:ident $(= $default:tt)?),*) = $($call:ident)::+, $doc:literal;)*) => {
        $(
            mod $name {
                use $crate::python::{arguments::Argument, function};
                pub(super) struct Native;
                const COUNT: usize = <[&str]>::len(&[$(stringify!($parameter)),*]);
                impl function::Native<COUNT> for Native {
                    const PARAMETERS: [&'static std::ffi::CStr; COUNT] =
                        [$(function::c_text(concat!(stringify!($parameter), "\0"))),*];
                    fn function() -> &'static function::Function {
                        &FUNCTION
                    }
                    #[inline(always)]
                    fn call<'py>(
                        py: pyo3::Python<'py>,
                        arguments: [Argument<'_, 'py>; COUNT],
                    ) -> $crate::errors::Answer<'py> {
                        super::$($call)::+(py, arguments)
                    }
                }
                pub(super) static FUNCTION: function::Function = function::Function::new(
                    stringify!($name),
                    [$(stringify!($twin),)? stringify!($name)][0],
                    concat!(stringify!($name), "\0"),
                    concat!(
                        stringify!($name), stringify!(($($parameter $(= $default)?),*)), "\n--\n\n", $doc, "\0"
                    ),
                    function::pointer::<Native, COUNT>(),
                );
            }
        )*

        /// The functions of the module.
        static FUNCTIONS: &[&python::function::Function] = &[$(&$name::FUNCTION),*];
    };
}
pub(crate) use functions;

/// C text from Rust text that ends in a zero byte; what does not is found when compiling.
#[expect(clippy::panic, reason = "only ever called while compiling")]
pub(crate) const fn c_text(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("text for C must have one zero byte, at its end"),
    }
}
