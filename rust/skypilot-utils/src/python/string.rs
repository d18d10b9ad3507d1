//! The text functions as Python calls them.

use super::arguments::Argument;
use super::objects::{
    Ascii, exact_bool, exact_float, exact_int, exact_str, is_exact_int, length, new_text, owned, required,
};
use crate::errors::{Answer, Stop};
use crate::string_utils::{self, Cut};
use crate::system_utils::whole_part;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

/// Beyond this length a text is only looked into where needed; up to it, Python may cache its UTF-8 form.
const SHORT_TEXT: usize = 4096;
const DOTS: &[u8] = b"...";

/// Plain hexadecimal digits; prefixes, signs, underscores and spaces are the twin's.
pub fn base36_encode<'py>(py: Python<'py>, [hex_str]: [Argument<'_, 'py>; 1]) -> Answer<'py> {
    let hex = Ascii::of(exact_str(required(hex_str)?)?).ok_or(Stop::HandOver)?;
    string_utils::base36_encode(hex.bytes(), |digits| new_text(py, digits)).ok_or(Stop::HandOver)?
}

/// The text of a whole number; for the smallest and most common ones always the same object.
fn whole_number(py: Python<'_>, number: i64) -> Answer<'_> {
    static KEPT: [PyOnceLock<Py<PyAny>>; 256] = [const { PyOnceLock::new() }; 256];
    let make = || string_utils::format_integer(number, |text| new_text(py, text));
    match usize::try_from(number).ok().and_then(|number| KEPT.get(number)) {
        Some(kept) => Ok(kept.get_or_try_init(py, || make().map(Bound::unbind))?.bind(py).clone()),
        None => make(),
    }
}

/// Integers up to 64 bits, finite floats below 2^53, and 0 to 22 decimals.
pub fn format_float<'py>(py: Python<'py>, [num, precision]: [Argument<'_, 'py>; 2]) -> Answer<'py> {
    let num = required(num)?;
    if is_exact_int(num) {
        return whole_number(py, exact_int(num)?);
    }
    let number = exact_float(num)?;
    let whole = whole_part(number).ok_or(Stop::HandOver)?;
    #[expect(clippy::float_cmp, clippy::cast_precision_loss, reason = "asks whether it is a whole number")]
    let precision = match precision {
        _ if whole as f64 == number && (whole != 0 || number.is_sign_positive()) => {
            return whole_number(py, whole);
        }
        _ if number == 0.0 => 0, // minus zero
        None => 1,
        Some(precision) => usize::try_from(exact_int(precision)?).map_err(|_| Stop::HandOver)?,
    };
    string_utils::format_fraction(number, precision, |text| new_text(py, text)).ok_or(Stop::HandOver)?
}

/// Any `str`; the text itself comes back when it is short enough.
pub fn truncate_long_string<'py>(
    py: Python<'py>,
    [s, max_length, truncate_middle]: [Argument<'_, 'py>; 3],
) -> Answer<'py> {
    let text = exact_str(required(s)?)?;
    let max_length = max_length.map_or(Ok(35), exact_int)?;
    let length = length(text);
    if i64::try_from(length).is_ok_and(|length| length <= max_length) {
        return Ok(text.to_owned().into_any());
    }
    let middle = truncate_middle.map_or(Ok(false), exact_bool)?;
    if length <= SHORT_TEXT {
        if let Some(ascii) = Ascii::of(text) {
            let bytes = ascii.bytes();
            let cut = if middle {
                string_utils::cut_middle(max_length)
            } else {
                let space = |from| memchr::memchr(b' ', &bytes[from..]).map(|found| from + found);
                string_utils::cut_end(length, max_length, space)
            };
            return join_ascii(py, bytes, cut);
        }
    }
    if middle {
        return join(py, text, length, string_utils::cut_middle(max_length));
    }
    if let Some(short) = cut_beginning(py, text, max_length)? {
        return Ok(short);
    }
    join(py, text, length, string_utils::cut_end(length, max_length, |from| find_space(text, from, length)))
}

/// Shorten a text of more than `SHORT_TEXT` characters, if its beginning is ASCII and shows where to cut.
fn cut_beginning<'py>(
    py: Python<'py>,
    text: Borrowed<'_, 'py, PyString>,
    max_length: i64,
) -> Result<Option<Bound<'py, PyAny>>, Stop> {
    const BEGINNING: usize = 256;
    if !usize::try_from(max_length).is_ok_and(|max_length| max_length <= BEGINNING / 2) {
        return Ok(None);
    }
    // SAFETY: a live str, longer than this; the result is a new object or null.
    let beginning =
        unsafe { owned(py, ffi::PyUnicode_Substring(text.as_ptr(), 0, BEGINNING.cast_signed())) }?;
    let Some(ascii) = Ascii::of(exact_str(beginning.as_borrowed())?) else { return Ok(None) };
    let mut seen = true;
    let cut = string_utils::cut_end(BEGINNING, max_length, |from| {
        let space = memchr::memchr(b' ', &ascii.bytes()[from..]);
        seen &= space.is_some();
        space.map(|found| from + found)
    });
    if seen { join_ascii(py, ascii.bytes(), cut).map(Some) } else { Ok(None) }
}

fn join_ascii<'py>(py: Python<'py>, text: &[u8], cut: Cut) -> Answer<'py> {
    let mut buffer = [0; 128];
    let total = cut.head + DOTS.len() + cut.tail;
    let Some(room) = buffer.get_mut(..total) else {
        return new_text(py, &[&text[..cut.head], DOTS, &text[text.len() - cut.tail..]].concat());
    };
    room[..cut.head].copy_from_slice(&text[..cut.head]);
    room[cut.head..cut.head + DOTS.len()].copy_from_slice(DOTS);
    room[cut.head + DOTS.len()..].copy_from_slice(&text[text.len() - cut.tail..]);
    new_text(py, room)
}

fn find_space(text: Borrowed<'_, '_, PyString>, from: usize, length: usize) -> Option<usize> {
    let (from, length) = (from.cast_signed(), length.cast_signed());
    // SAFETY: a live str and positions within it; not found is -1, and this cannot fail.
    let found = unsafe { ffi::PyUnicode_FindChar(text.as_ptr(), ' '.into(), from, length, 1) };
    usize::try_from(found).ok()
}

fn join<'py>(py: Python<'py>, text: Borrowed<'_, 'py, PyString>, length: usize, cut: Cut) -> Answer<'py> {
    let part = |start: usize, end: usize| {
        // SAFETY: a live str and positions within it; the result is a new object or null.
        unsafe { owned(py, ffi::PyUnicode_Substring(text.as_ptr(), start.cast_signed(), end.cast_signed())) }
    };
    let concat = |left: Bound<'py, PyAny>, right: Bound<'py, PyAny>| {
        // SAFETY: two live str objects; the result is a new object or null.
        unsafe { owned(py, ffi::PyUnicode_Concat(left.as_ptr(), right.as_ptr())) }
    };
    let start = concat(part(0, cut.head)?, new_text(py, DOTS)?)?;
    if cut.tail == 0 { Ok(start) } else { concat(start, part(length - cut.tail, length)?) }
}
