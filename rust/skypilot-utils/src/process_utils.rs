//! Processes, threads and directory sizes. Nothing here knows Python.

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, Result};
use std::ffi::CStr;
use std::ops::ControlFlow;

/// File descriptors that one entry of a directory is taken to need.
pub const DESCRIPTORS_PER_ENTRY: u64 = 5;
/// File descriptors left to the rest of the process.
const RESERVED_DESCRIPTORS: u64 = 100;

/// The workers that a limit of file descriptors allows when each needs `per_worker` of them, at least 1.
#[must_use]
pub fn workers_for(limit: u64, per_worker: u64) -> u64 {
    (limit.saturating_sub(RESERVED_DESCRIPTORS) / per_worker).max(1)
}

/// So many entries in one directory, or more, allow a single worker only.
#[must_use]
pub fn enough_entries(limit: u64) -> u64 {
    limit.saturating_sub(RESERVED_DESCRIPTORS) / (2 * DESCRIPTORS_PER_ENTRY) + 1
}

/// The soft limit of open file descriptors, if there is one.
#[must_use]
pub fn descriptor_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// Whether the process or thread `pid` (positive) is there, as `/proc` shows it to this process.
///
/// The kernel answers for a process that is gone at a fraction of the cost of asking `/proc`; for one that
/// is there, `/proc` decides, since it may hide other users' processes (`hidepid`).
#[cfg(target_os = "linux")]
pub fn is_process_alive(pid: i32) -> Result<bool> {
    use std::io::Write;
    let process = rustix::process::Pid::from_raw(pid).ok_or(Errno::INVAL)?;
    if rustix::process::test_kill_process(process) == Err(Errno::SRCH) && proc_shows_our_processes() {
        return Ok(false);
    }
    let mut path = [0; 24]; // "/proc/", ten digits and the final zero, which is already there
    write!(&mut path[..], "/proc/{pid}").map_err(|_| Errno::INVAL)?;
    let path = CStr::from_bytes_until_nul(&path).map_err(|_| Errno::INVAL)?;
    match rustix::fs::stat(path) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT | Errno::SRCH) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether `/proc` belongs to the process namespace that this process is in.
///
/// A child of `unshare(CLONE_NEWPID)` may still see its parent's. Found once for each process.
#[cfg(target_os = "linux")]
fn proc_shows_our_processes() -> bool {
    use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
    static CHECKED_FOR: AtomicI32 = AtomicI32::new(0);
    let own = rustix::process::getpid();
    if CHECKED_FOR.load(Relaxed) == own.as_raw_pid() {
        return true;
    }
    let link = rustix::fs::readlink(c"/proc/self", Vec::new());
    let same = link.is_ok_and(|link| link.as_bytes() == own.as_raw_pid().to_string().as_bytes());
    if same {
        CHECKED_FOR.store(own.as_raw_pid(), Relaxed);
    }
    same
}

/// The entries of a directory without `.` and `..`, counted up to `enough` and little further.
///
/// For `enough` of 0 the directory is opened and nothing more.
pub fn count_entries(path: &CStr, enough: u64) -> Result<u64> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(path, flags, Mode::empty())?;
    let mut count = 0;
    if enough > 0 {
        for_each_entry(directory, enough, |name| {
            count += u64::from(name != c"." && name != c"..");
            if count < enough { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
    }
    Ok(count)
}

#[cfg(target_os = "linux")]
fn for_each_entry(
    directory: OwnedFd,
    enough: u64,
    mut visit: impl FnMut(&CStr) -> ControlFlow<()>,
) -> Result<()> {
    /// More does not make a long directory faster to read.
    const LARGEST: u64 = 32 * 1024;
    /// What an entry with an ordinary name takes.
    const ENTRY: u64 = 40;
    // The kernel fills the whole buffer: no larger one than it takes for the entries that are wanted.
    let size = enough.saturating_mul(ENTRY).clamp(1024, LARGEST);
    let mut buffer = Vec::<u8>::with_capacity(size as usize);
    let mut entries = rustix::fs::RawDir::new(directory, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        if visit(entry?.file_name()).is_break() {
            break;
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn for_each_entry(
    directory: OwnedFd,
    _enough: u64,
    mut visit: impl FnMut(&CStr) -> ControlFlow<()>,
) -> Result<()> {
    for entry in rustix::fs::Dir::new(directory)? {
        if visit(entry?.file_name()).is_break() {
            break;
        }
    }
    Ok(())
}
