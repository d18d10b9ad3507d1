//! The end of a text file as Python calls for it.

use super::arguments::Argument;
use super::objects::{Ascii, exact_int, exact_str, owned, required, with_path};
use crate::errors::{Answer, Stop};
use crate::io_utils::{Tail, end_line};
use crate::string_utils::decode_utf8;
use pyo3::ffi;
use pyo3::prelude::*;
use std::ffi::CStr;

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
    let mut decoder = Decoder { errors: error_handler(errors)?, points: Vec::new() };
    let found =
        with_path(required(file_path)?, |path| py.detach(|| Tail::find(path, count)).map_err(Stop::from))?;
    let mut tail = found.ok_or(Stop::HandOver)?;
    let lines = tail.lines;
    let length = ffi::Py_ssize_t::try_from(lines).map_err(|_| Stop::HandOver)?;
    // SAFETY: a new list, whose places are all null until they are filled below. Python code may run
    // meanwhile (the handler of a signal), so the list is kept from the eyes of `gc` until it is complete.
    // Dropping it half filled is fine.
    let list = unsafe {
        let list = owned(py, ffi::PyList_New(length))?;
        ffi::PyObject_GC_UnTrack(list.as_ptr().cast());
        list
    };
    for index in 0..lines {
        let line = next_line(py, &mut tail)?;
        let text = decoder.decode(py, end_line(line, index + 1 == lines))?;
        // SAFETY: the index is within the list, and the reference to the text is given away.
        unsafe { ffi::PyList_SetItem(list.as_ptr(), index.cast_signed(), text.into_ptr()) };
    }
    if !tail.is_finished() {
        return Err(Stop::HandOver);
    }
    // SAFETY: a complete list that is not tracked.
    unsafe { ffi::PyObject_GC_Track(list.as_ptr().cast()) };
    Ok(list)
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

/// Makes `str` objects of lines.
struct Decoder {
    errors: &'static CStr,
    points: Vec<u32>,
}

impl Decoder {
    /// Longer lines go to Python at once: the code points of a line take four times its memory.
    const LONGEST: usize = 4096;

    fn decode<'py>(&mut self, py: Python<'py>, line: &[u8]) -> Answer<'py> {
        if cfg!(unix) && line.len() <= Self::LONGEST && !line.is_ascii() {
            self.points.clear();
            if decode_utf8(line, &mut self.points) {
                let length = self.points.len().cast_signed();
                // SAFETY: on Unix a wchar_t has 32 bits, and these are valid code points; Python copies them.
                return unsafe {
                    owned(py, ffi::PyUnicode_FromWideChar(self.points.as_ptr().cast(), length))
                };
            }
        }
        // SAFETY: Python copies the text; the handler's name ends in a zero byte.
        unsafe {
            let (start, length) = (line.as_ptr().cast(), line.len().cast_signed());
            owned(py, ffi::PyUnicode_DecodeUTF8(start, length, self.errors.as_ptr()))
        }
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
