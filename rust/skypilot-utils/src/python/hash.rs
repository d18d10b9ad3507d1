//! The hash of a file as Python calls for it: the reading is ours, the hashing is `hashlib`'s.

use super::arguments::Argument;
use super::objects::{exact_str, required, with_path};
use crate::errors::{Answer, Stop};
use crate::io_utils::{Size, fill, fill_at, fill_exactly, open_to_read};
use crate::read_ahead::{ReadAhead, Room};
use crate::system_utils::has_idle_processor;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyMemoryView, PySlice};
use std::fs::File;

/// What is read by one call, and hashed by another.
const AT_ONCE: u64 = 256 * 1024;
/// What is read and hashed in turns beyond that.
const PIECE: usize = 128 * 1024;
/// What is read at once where the size is not known: empty files, those of `/proc`, pipes.
const PROBABLY_SHORT: usize = 16 * 1024;
/// From this size on a second thread reads ahead, if a processor is idle.
const READ_AHEAD_FROM: u64 = 4 * 1024 * 1024;
/// What the second thread reads at once.
const AHEAD_PIECE: usize = 52 * 1024;
/// How many pieces it may be ahead. With the one that the hashing thread reads itself where the other is
/// late, this takes less memory than SkyPilot's one buffer.
const AHEAD_SLOTS: usize = 3;

/// The common algorithms under their usual names, for a path given as `str`.
pub fn hash_file<'py>(py: Python<'py>, [path, hash_alg]: [Argument<'_, 'py>; 2]) -> Answer<'py> {
    let constructor = constructor(py, required(hash_alg)?)?;
    let (file, size) =
        with_path(required(path)?, |path| py.detach(|| open_to_read(path)).map_err(Stop::from))?;
    match size {
        Size::Bytes(size) if size <= AT_ONCE => hash_at_once(py, &constructor, &file, size as usize),
        Size::Bytes(size) if size >= READ_AHEAD_FROM && has_idle_processor() => {
            hash_reading_ahead(py, &constructor, &file)
        }
        Size::Bytes(_) => hash_by_pieces(py, &constructor, &file, PIECE),
        Size::Unknown => hash_by_pieces(py, &constructor, &file, PROBABLY_SHORT),
    }
}

/// The function of `_hashlib` or `_blake2` that `hashlib.new(name)` ends up with.
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
    constructors.get_item(exact_str(name)?).map_err(|_| Stop::HandOver)?.ok_or(Stop::HandOver)
}

/// One read, and one call with all the bytes.
fn hash_at_once<'py>(
    py: Python<'py>,
    constructor: &Bound<'py, PyAny>,
    file: &File,
    size: usize,
) -> Answer<'py> {
    let bytes = PyBytes::new_with(py, size, |buffer| match py.detach(|| fill_exactly(file, buffer)) {
        Ok(true) => Ok(()),
        _ => Err(pyo3::exceptions::PyOSError::new_err("the file changed")),
    });
    // A file that changed, or whose size is not to be trusted, is read by the twin.
    let bytes = bytes.map_err(|_| Stop::HandOver)?;
    constructor.call1((bytes,)).map_err(|_| Stop::HandOver)
}

/// A live hashlib object and its method `update`.
struct Hasher<'py> {
    object: Bound<'py, PyAny>,
    update: Bound<'py, PyAny>,
}

impl<'py> Hasher<'py> {
    fn new(constructor: &Bound<'py, PyAny>) -> Result<Self, Stop> {
        let object = constructor.call0().map_err(|_| Stop::HandOver)?;
        let update = object.getattr("update").map_err(|_| Stop::HandOver)?;
        Ok(Self { object, update })
    }

    /// Take in a view of bytes.
    fn take(&self, piece: &Bound<'py, PyAny>) -> Result<(), Stop> {
        // Ctrl-C is heard between two pieces, as it is in Python.
        self.object.py().check_signals().map_err(Stop::raise)?;
        self.update.call1((piece,)).map_err(|_| Stop::HandOver)?;
        Ok(())
    }
}

/// Memory that Python can hash without a copy, in pieces of one size.
struct Pieces<'py> {
    views: Vec<Bound<'py, PyAny>>,
    start: *mut u8,
    size: usize,
}

impl<'py> Pieces<'py> {
    /// Where pieces begin. Some AMD processors copy six times more slowly to a place that is up to 31 bytes
    /// after the start of a memory page, which is where `malloc` puts what is large.
    const ALIGNMENT: usize = 64;

    fn new(py: Python<'py>, count: usize, size: usize) -> PyResult<Self> {
        let memory = PyByteArray::new_with(py, count * size + Self::ALIGNMENT, |_| Ok(()))?;
        let before = memory.data().align_offset(Self::ALIGNMENT);
        let whole = PyMemoryView::from(memory.as_any())?;
        let view = |index: usize| {
            let start = before + index * size;
            whole.get_item(PySlice::new(py, start.cast_signed(), (start + size).cast_signed(), 1))
        };
        let views = (0..count).map(view).collect::<PyResult<_>>()?;
        // SAFETY: the offset is within the memory, which the views keep alive and where it is.
        Ok(Self { views, start: unsafe { memory.data().add(before) }, size })
    }

    /// Where piece `index` is. Nobody else knows this memory; while Python hashes it, nobody may write to it.
    fn room(&self, index: usize) -> *mut [u8] {
        assert!(index < self.views.len());
        // SAFETY: the memory goes on for `size` bytes for each view.
        std::ptr::slice_from_raw_parts_mut(unsafe { self.start.add(index * self.size) }, self.size)
    }

    /// The first `length` bytes of piece `index`.
    fn view(&self, index: usize, length: usize) -> Result<Bound<'py, PyAny>, Stop> {
        let view = &self.views[index];
        if length == self.size {
            return Ok(view.clone());
        }
        view.get_item(PySlice::new(view.py(), 0, length.cast_signed(), 1)).map_err(|_| Stop::HandOver)
    }
}

/// Read and hash in turns; memory use does not grow with the file.
fn hash_by_pieces<'py>(
    py: Python<'py>,
    constructor: &Bound<'py, PyAny>,
    file: &File,
    size: usize,
) -> Answer<'py> {
    let hasher = Hasher::new(constructor)?;
    let pieces = Pieces::new(py, 1, size).map_err(|_| Stop::HandOver)?;
    loop {
        // SAFETY: nothing reads or writes this memory meanwhile.
        let room = unsafe { &mut *pieces.room(0) };
        let length = py.detach(|| fill(file, room))?;
        hasher.take(&pieces.view(0, length)?)?;
        if length < size {
            return Ok(hasher.object);
        }
    }
}

/// Hash one piece while a second thread reads the next ones.
pub(super) fn hash_reading_ahead<'py>(
    py: Python<'py>,
    constructor: &Bound<'py, PyAny>,
    file: &File,
) -> Answer<'py> {
    const OWN: usize = AHEAD_SLOTS;
    let hasher = Hasher::new(constructor)?;
    let pieces = Pieces::new(py, AHEAD_SLOTS + 1, AHEAD_PIECE).map_err(|_| Stop::HandOver)?;
    // SAFETY: nobody else knows this memory, which is there until after the reader; here it is hashed only
    // while the slot is held.
    let rooms = std::array::from_fn(|index| unsafe { Room::new(pieces.room(index)) });
    let ahead = ReadAhead::<AHEAD_SLOTS>::new(file, rooms);
    let hash = || {
        for number in 0.. {
            if let Some((index, _held)) = ahead.piece(number) {
                hasher.take(&pieces.views[index])?;
                continue;
            }
            // SAFETY: the reader has no part in this piece, and nothing hashes it meanwhile.
            let room = unsafe { &mut *pieces.room(OWN) };
            let length = py.detach(|| fill_at(file, room, number * AHEAD_PIECE as u64))?;
            hasher.take(&pieces.view(OWN, length)?)?;
            if length < AHEAD_PIECE {
                break;
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().spawn_scoped(scope, || ahead.read());
        let outcome = reader.map_err(Stop::from).and_then(|_| hash());
        ahead.finish();
        outcome
    })?;
    Ok(hasher.object)
}
