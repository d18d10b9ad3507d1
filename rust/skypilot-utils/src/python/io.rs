//! The functions on files and ports as Python calls them.

use super::arguments::Argument;
use crate::errors::{Answer, Stop};
use pyo3::prelude::*;

#[cfg(unix)]
pub use unix::{hash_file, read_last_n_lines};

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

#[cfg(unix)]
mod unix {
    use super::{Answer, Argument, Stop};
    use crate::io_utils::{Size, Tail, end_line, fill, open_to_read};
    use crate::python::objects::{Ascii, exact_int, exact_str, owned, required, with_path};
    use pyo3::ffi;
    use pyo3::prelude::*;
    use pyo3::sync::PyOnceLock;
    use pyo3::types::PyDict;
    use std::ffi::CStr;
    use std::fs::File;

    /// The error handlers that decode a line the same with its newline as without, and keep its last
    /// character last: `ignore` may lay bare a carriage return, which must then go as well.
    const ERROR_HANDLERS: [&CStr; 4] = [c"replace", c"strict", c"backslashreplace", c"surrogateescape"];

    /// An ordinary file that is not empty, at least one line, UTF-8.
    pub fn read_last_n_lines<'py>(
        py: Python<'py>,
        [file_path, n, chunk_size, encoding, errors]: [Argument<'_, 'py>; 5],
    ) -> Answer<'py> {
        let count = u64::try_from(exact_int(required(n)?)?).map_err(|_| Stop::HandOver)?;
        let chunk_size = chunk_size.map_or(Ok(1), exact_int)?;
        if count == 0 || chunk_size < 1 || !is_utf_8(encoding)? {
            return Err(Stop::HandOver);
        }
        let errors = error_handler(errors)?;
        let found = with_path(required(file_path)?, |path| {
            py.detach(|| Tail::find(path, count)).map_err(Stop::from)
        })?;
        let mut tail = found.ok_or(Stop::HandOver)?;
        let lines = tail.lines;
        let length = ffi::Py_ssize_t::try_from(lines).map_err(|_| Stop::HandOver)?;
        // SAFETY: a new list, whose places are all null until they are filled below; dropping it half
        // filled is fine, and no Python code runs that could see it.
        let list = unsafe { owned(py, ffi::PyList_New(length)) }?;
        for index in 0..lines {
            let line = next_line(py, &mut tail)?;
            let text = end_line(line, index + 1 == lines);
            // SAFETY: the text is copied; the handler's name ends in a zero byte.
            let text = unsafe {
                let start = text.as_ptr().cast();
                owned(py, ffi::PyUnicode_DecodeUTF8(start, text.len().cast_signed(), errors.as_ptr()))
            }?;
            // SAFETY: the index is within the list, and the reference to the text is given away.
            unsafe { ffi::PyList_SetItem(list.as_ptr(), index.cast_signed(), text.into_ptr()) };
        }
        if tail.is_finished() { Ok(list) } else { Err(Stop::HandOver) }
    }

    /// The next line, reading on where needed: with the GIL released, and Ctrl-C heard.
    fn next_line<'t>(py: Python<'_>, tail: &'t mut Tail) -> Result<&'t mut [u8], Stop> {
        loop {
            if let Some(length) = tail.line_length() {
                return Ok(tail.take(length));
            }
            py.detach(|| tail.read_on())?;
            py.check_signals().map_err(Stop::raise)?;
        }
    }

    fn is_utf_8(encoding: Argument<'_, '_>) -> Result<bool, Stop> {
        let Some(encoding) = encoding else { return Ok(true) };
        let name = Ascii::of(exact_str(encoding)?).ok_or(Stop::HandOver)?;
        Ok(matches!(name.bytes(), b"utf-8" | b"utf8" | b"UTF-8"))
    }

    fn error_handler(errors: Argument<'_, '_>) -> Result<&'static CStr, Stop> {
        let Some(errors) = errors else { return Ok(ERROR_HANDLERS[0]) };
        let name = Ascii::of(exact_str(errors)?).ok_or(Stop::HandOver)?;
        let known = ERROR_HANDLERS.into_iter().find(|known| known.to_bytes() == name.bytes());
        known.ok_or(Stop::HandOver)
    }

    /// What is read and hashed at once, as much as SkyPilot does.
    const PIECE: usize = 256 * 1024;

    /// The common algorithms under their usual names, for a path given as `str`.
    pub fn hash_file<'py>(py: Python<'py>, [path, hash_alg]: [Argument<'_, 'py>; 2]) -> Answer<'py> {
        let constructor = constructor(py, required(hash_alg)?)?;
        let (file, size) =
            with_path(required(path)?, |path| py.detach(|| open_to_read(path)).map_err(Stop::from))?;
        match size {
            Size::Bytes(size) if size < PIECE as u64 => hash_small(py, &constructor, &file),
            _ => hash_large(py, &constructor, &file),
        }
    }

    /// The function of `_hashlib` or `_blake2` behind `hashlib.new(name)`.
    fn constructor<'py>(py: Python<'py>, name: Borrowed<'_, 'py, PyAny>) -> Result<Bound<'py, PyAny>, Stop> {
        static CONSTRUCTORS: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
        let constructors = CONSTRUCTORS.get_or_try_init(py, || {
            let found = PyDict::new(py);
            let openssl = py.import("_hashlib")?;
            for name in ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"] {
                found.set_item(name, openssl.getattr(format!("openssl_{name}"))?)?;
            }
            let blake2 = py.import("_blake2")?;
            for name in ["blake2b", "blake2s"] {
                found.set_item(name, blake2.getattr(name)?)?;
            }
            Ok::<_, PyErr>(found.unbind())
        });
        let constructors = constructors.map_err(|_| Stop::HandOver)?.bind(py);
        let name = exact_str(name)?;
        constructors.get_item(name).map_err(|_| Stop::HandOver)?.ok_or(Stop::HandOver)
    }

    /// One read, and one call with all the bytes.
    fn hash_small<'py>(py: Python<'py>, constructor: &Bound<'py, PyAny>, file: &File) -> Answer<'py> {
        let mut buffer = vec![0; PIECE];
        let length = py.detach(|| fill(file, &mut buffer))?;
        let bytes = pyo3::types::PyBytes::new(py, &buffer[..length]);
        constructor.call1((bytes,)).map_err(|_| Stop::HandOver)
    }

    fn hash_large<'py>(py: Python<'py>, constructor: &Bound<'py, PyAny>, file: &File) -> Answer<'py> {
        let hasher = constructor.call0().map_err(|_| Stop::HandOver)?;
        let update = hasher.getattr("update").map_err(|_| Stop::HandOver)?;
        let mut buffer = vec![0; PIECE];
        loop {
            let length = py.detach(|| fill(file, &mut buffer))?;
            py.check_signals().map_err(Stop::raise)?;
            if length == 0 {
                return Ok(hasher);
            }
            let bytes = pyo3::types::PyBytes::new(py, &buffer[..length]);
            update.call1((bytes,)).map_err(|_| Stop::HandOver)?;
        }
    }
}
