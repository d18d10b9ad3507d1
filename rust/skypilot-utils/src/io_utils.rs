//! Work on files and ports: the last lines of a file, a whole file in pieces, a free port. No Python here.

use memchr::{memchr, memchr_iter, memrchr_iter};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::{Errno, Result};
use std::ffi::CStr;
use std::fs::File;
use std::io::IoSliceMut;
use std::os::unix::fs::FileExt;

/// What the first look at the end of a file takes; a few lines of a log are within it.
const FIRST_LOOK: usize = 8 * 1024;
/// Bytes read at once beyond the first look: still within the second-level cache, and malloc reuses it.
const PIECE: usize = 64 * 1024;
/// The most that is read at once because the first look lets expect that all the lines are within it.
const SECOND_LOOK: usize = 4 * PIECE;

/// Open an existing file for reading, as Python's `open` does (no other process inherits it).
pub fn open(path: &CStr) -> Result<File> {
    loop {
        match rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
            Err(Errno::INTR) => {}
            opened => return Ok(opened?.into()),
        }
    }
}

/// The last lines of a file, read in pieces: memory use does not grow with the file, only with its lines.
///
/// A first pass goes backwards and counts newlines; the second goes forwards from where the lines begin.
#[derive(Debug)]
pub struct Tail {
    file: File,
    buffer: Vec<u8>,
    /// Where in `buffer` the next line begins.
    begin: usize,
    /// How much of `buffer` holds bytes of the file.
    filled: usize,
    /// Offset in the file of the byte after those.
    next: u64,
    /// Where the file ended when it was opened.
    end: u64,
    /// How many lines there are.
    pub lines: usize,
}

/// What a look at a piece of the file showed.
enum Look {
    /// The first of the wanted lines begins in it, or the file does.
    Begins,
    /// So many newlines so far, which are too few.
    Newlines(u64),
}

impl Tail {
    /// Find the last `count` lines (at least one) of the file `path`.
    ///
    /// `None` for what is no ordinary file or shows no size: pipes, devices, `/proc`, empty files. Those are
    /// not even opened, since opening a pipe may block or wake its writer.
    pub fn find(path: &CStr, count: u64) -> Result<Option<Self>> {
        let status = rustix::fs::stat(path)?;
        let size = u64::try_from(status.st_size).unwrap_or(0);
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile || size == 0 {
            return Ok(None);
        }
        let mut tail = Self {
            file: open(path)?,
            buffer: Vec::new(),
            begin: 0,
            filled: 0,
            next: size,
            end: size,
            lines: 0,
        };
        tail.scan_backwards(count)?;
        Ok(Some(tail))
    }

    fn scan_backwards(&mut self, count: u64) -> Result<()> {
        let first = self.end.min(FIRST_LOOK as u64);
        let seen = match self.look(first as usize, self.end, count, 0)? {
            Look::Begins => return Ok(()),
            Look::Newlines(seen) => seen,
        };
        // How much would it be with lines like these, and a quarter more?
        let expected = count.saturating_mul(FIRST_LOOK as u64 * 5 / 4) / seen.max(1);
        if seen > 0 && expected <= SECOND_LOOK as u64 {
            let length = expected.max(PIECE as u64).min(self.end);
            if matches!(self.look(length as usize, self.end, count, 0)?, Look::Begins) {
                return Ok(());
            }
        }
        // Piece by piece: the last one stays, the others are read again on the way forwards.
        let mut newlines = seen;
        let mut position = self.end - first;
        loop {
            let length = position.min(PIECE as u64);
            match self.look(length as usize, position, count, newlines)? {
                Look::Begins => return Ok(()),
                Look::Newlines(seen) => newlines = seen,
            }
            position -= length;
        }
    }

    /// Read the `length` bytes before `stop`, and find out whether the lines begin there.
    ///
    /// `newlines` were seen behind `stop`, not counting the one that ends the file.
    fn look(&mut self, length: usize, stop: u64, count: u64, newlines: u64) -> Result<Look> {
        let position = stop - length as u64;
        self.reserve(length);
        let mut piece = &mut self.buffer[..length];
        read_exact(&self.file, piece, position)?;
        self.next = stop;
        self.filled = length;
        self.begin = 0;
        if stop == self.end && piece.ends_with(b"\n") {
            piece = &mut piece[..length - 1];
        }
        let seen = newlines + memchr_iter(b'\n', piece).count() as u64;
        if seen < count {
            self.lines = usize::try_from(seen + 1).map_err(|_| Errno::OVERFLOW)?;
            return Ok(if position == 0 { Look::Begins } else { Look::Newlines(seen) });
        }
        // Skip those before the lines: from the front, where that is nearer.
        let extra = seen - count;
        let newline = if extra < count {
            memchr_iter(b'\n', piece).nth(extra as usize)
        } else {
            memrchr_iter(b'\n', piece).nth((count - newlines - 1) as usize)
        };
        self.begin = newline.map_or(0, |newline| newline + 1);
        self.lines = usize::try_from(count).map_err(|_| Errno::OVERFLOW)?;
        Ok(Look::Begins)
    }

    /// Make the buffer at least this long.
    fn reserve(&mut self, length: usize) {
        if self.buffer.len() < length {
            self.buffer.reserve_exact(length - self.buffer.len());
            self.buffer.resize(length, 0);
        }
    }

    /// The length of the next line with its newline, if the buffer holds all of it. The last goes to the end.
    #[must_use]
    pub fn line_length(&self) -> Option<usize> {
        let rest = &self.buffer[self.begin..self.filled];
        match memchr(b'\n', rest) {
            Some(newline) => Some(newline + 1),
            None if self.next == self.end && !rest.is_empty() => Some(rest.len()),
            None => None,
        }
    }

    /// Take the next `length` bytes out of the buffer.
    pub fn take(&mut self, length: usize) -> &mut [u8] {
        let start = self.begin;
        self.begin += length;
        &mut self.buffer[start..self.begin]
    }

    /// Read on, keeping the begun line. An error when the file ended, or became shorter meanwhile.
    pub fn read_on(&mut self) -> Result<()> {
        let left = self.end - self.next;
        if left == 0 {
            return Err(Errno::IO);
        }
        self.buffer.copy_within(self.begin..self.filled, 0);
        let kept = self.filled - self.begin;
        // For a line longer than the buffer, double what is read: it is searched again after each time.
        let room = PIECE.max(kept);
        let length = usize::try_from(left).map_or(room, |left| left.min(room));
        self.reserve(kept + length);
        self.begin = 0;
        self.filled = kept + length;
        read_exact(&self.file, &mut self.buffer[kept..kept + length], self.next)?;
        self.next += length as u64;
        Ok(())
    }

    /// Whether every byte was handed out.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.next == self.end && self.begin == self.filled
    }
}

fn read_exact(file: &File, buffer: &mut [u8], position: u64) -> Result<()> {
    file.read_exact_at(buffer, position).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

/// End a line the way `read_last_n_lines` does, in place: carriage returns before its newline go.
///
/// The last line loses its newline as well; every other keeps it.
#[must_use]
pub fn end_line(line: &mut [u8], is_last: bool) -> &[u8] {
    let text = line.strip_suffix(b"\n").unwrap_or(line).len();
    let mut kept = text;
    while kept > 0 && line[kept - 1] == b'\r' {
        kept -= 1;
    }
    if !is_last {
        line[kept] = b'\n';
        kept += 1;
    }
    &line[..kept]
}

/// How much of a file is there to read, and whether that number can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// An ordinary file with this many bytes, unless it changes.
    Bytes(u64),
    /// A pipe, a device, or a file of `/proc`.
    Unknown,
}

/// Open a file to be read to its end.
///
/// A directory gives an error, as in Python.
pub fn open_to_read(path: &CStr) -> Result<(File, Size)> {
    let file = open(path)?;
    let status = rustix::fs::fstat(&file)?;
    match FileType::from_raw_mode(status.st_mode) {
        FileType::Directory => Err(Errno::ISDIR),
        FileType::RegularFile if status.st_size > 0 => {
            Ok((file, Size::Bytes(u64::try_from(status.st_size).unwrap_or(0))))
        }
        _ => Ok((file, Size::Unknown)),
    }
}

/// Fill `buffer` from the file's current position; fewer bytes mean that the file ended.
pub fn fill(file: &File, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match rustix::io::read(file, &mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Fill `buffer` from `position` on, whatever the file's own position; fewer bytes mean that the file ended.
pub fn fill_at(file: &File, buffer: &mut [u8], position: u64) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match rustix::io::pread(file, &mut buffer[filled..], position + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Fill `buffer` with the whole rest of a file; false unless the file ends exactly there.
///
/// One byte more is asked for in the same call: to get none says that the file ended.
pub fn fill_exactly(file: &File, buffer: &mut [u8]) -> Result<bool> {
    let length = buffer.len();
    let mut beyond = [0];
    let mut parts = [IoSliceMut::new(buffer), IoSliceMut::new(&mut beyond)];
    Ok(rustix::io::readv(file, &mut parts)? == length)
}

/// The first port from `start` up to 65534 that can be bound on every IPv4 address; 0 for `start` 0.
///
/// One socket serves all attempts: a failed bind leaves it as it was. No address is reused, so that a port
/// in use is never taken for free. `None` when there is no free port.
#[cfg(target_os = "linux")]
pub fn find_free_port(start: u16) -> Result<Option<u16>> {
    use rustix::net::{AddressFamily, Ipv4Addr, SocketAddrV4, SocketFlags, SocketType};
    let socket =
        rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    Ok((start..u16::MAX)
        .find(|&port| rustix::net::bind(&socket, &SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port)).is_ok()))
}
