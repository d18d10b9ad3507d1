//! The hash of a file as Python calls for it: the reading is ours, the hashing is `hashlib`'s.

use super::arguments::Argument;
use super::objects::{exact_str, required, with_path};
use crate::errors::{Answer, Stop};
use crate::io_utils::{Size, fill, fill_exactly, open_to_read};
use crate::system_utils::has_idle_processor;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyByteArray, PyBytes, PyDict};
use rustix::io::Errno;
use std::fs::File;
use std::sync::mpsc;

/// What is read and hashed at once, as much as SkyPilot does.
const PIECE: usize = 256 * 1024;
/// What is read at once where the size is not known: empty files, those of `/proc`, pipes.
const PROBABLY_SHORT: usize = 16 * 1024;
/// From this size on a second thread reads ahead, if a processor is idle.
const READ_AHEAD_FROM: u64 = 64 * 1024 * 1024;
/// What the second thread reads at once.
const AHEAD_PIECE: usize = 512 * 1024;

/// The common algorithms under their usual names, for a path given as `str`.
pub fn hash_file<'py>(py: Python<'py>, [path, hash_alg]: [Argument<'_, 'py>; 2]) -> Answer<'py> {
    let constructor = constructor(py, required(hash_alg)?)?;
    let (file, size) =
        with_path(required(path)?, |path| py.detach(|| open_to_read(path)).map_err(Stop::from))?;
    match size {
        Size::Bytes(size) if size <= PIECE as u64 => hash_at_once(py, &constructor, &file, size as usize),
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

    /// Take in the first `length` bytes of `piece`, which then is as short.
    fn take(&self, piece: &Bound<'py, PyByteArray>, length: usize) -> Result<(), Stop> {
        if length < piece.len() {
            piece.resize(length).map_err(|_| Stop::HandOver)?;
        }
        // Ctrl-C is heard between two pieces, as it is in Python.
        self.object.py().check_signals().map_err(Stop::raise)?;
        self.update.call1((piece,)).map_err(|_| Stop::HandOver)?;
        Ok(())
    }
}

/// A buffer that Python can hash without a copy.
fn new_piece(py: Python<'_>, length: usize) -> Result<Bound<'_, PyByteArray>, Stop> {
    PyByteArray::new_with(py, length, |_| Ok(())).map_err(|_| Stop::HandOver)
}

/// Read and hash in turns; memory use does not grow with the file.
fn hash_by_pieces<'py>(
    py: Python<'py>,
    constructor: &Bound<'py, PyAny>,
    file: &File,
    size: usize,
) -> Answer<'py> {
    let hasher = Hasher::new(constructor)?;
    let piece = new_piece(py, size)?;
    loop {
        // SAFETY: nobody else knows this bytearray: nothing reads, writes or resizes it meanwhile.
        let buffer = unsafe { piece.as_bytes_mut() };
        let length = py.detach(|| fill(file, buffer))?;
        hasher.take(&piece, length)?;
        if length < size {
            return Ok(hasher.object);
        }
    }
}

/// Hash one piece while a second thread reads the next.
pub(super) fn hash_reading_ahead<'py>(
    py: Python<'py>,
    constructor: &Bound<'py, PyAny>,
    file: &File,
) -> Answer<'py> {
    let hasher = Hasher::new(constructor)?;
    let pieces = [new_piece(py, AHEAD_PIECE)?, new_piece(py, AHEAD_PIECE)?, new_piece(py, AHEAD_PIECE)?];
    std::thread::scope(|scope| {
        let (to_reader, empty) = mpsc::channel::<(usize, &mut [u8])>();
        let (to_hasher, mut full) = mpsc::channel::<(usize, Result<usize, Errno>)>();
        let reader = move || {
            while let Ok((index, buffer)) = empty.recv() {
                let filled = fill(file, buffer);
                if to_hasher.send((index, filled)).is_err() {
                    break;
                }
            }
        };
        std::thread::Builder::new().spawn_scoped(scope, reader).map_err(|_| Stop::HandOver)?;
        let send = |index: usize| {
            // SAFETY: nobody else knows this bytearray, and it is not hashed while the reader has it: the
            // reader gives it back through `full`, or is gone when this scope ends.
            let buffer = unsafe { pieces[index].as_bytes_mut() };
            to_reader.send((index, buffer)).map_err(|_| Stop::HandOver)
        };
        for index in 0..pieces.len() {
            send(index)?;
        }
        loop {
            let full = &mut full;
            let (index, length) = py.detach(move || full.recv()).map_err(|_| Stop::HandOver)?;
            let length = length?;
            hasher.take(&pieces[index], length)?;
            if length < AHEAD_PIECE {
                return Ok(hasher.object);
            }
            send(index)?;
        }
        // Here the sender goes, and with it the reader, which this scope waits for.
    })
}
