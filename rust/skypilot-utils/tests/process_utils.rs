//! Processes that are there and gone, and directories of known size.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test fails where it cannot go on")]

use sky_rs::process_utils::{count_entries, descriptor_limit, enough_entries, workers_for};
use std::ffi::CString;
use std::fs;
use tempfile::tempdir;

#[cfg(target_os = "linux")]
#[test]
fn processes_there_and_gone() {
    use sky_rs::process_utils::is_process_alive;
    use std::process::Command;
    assert_eq!(is_process_alive(std::process::id().cast_signed()), Ok(true));
    let mut child = Command::new("true").spawn().unwrap();
    let pid = child.id().cast_signed();
    // Not waited for, it is there, be it as a zombie.
    assert_eq!(is_process_alive(pid), Ok(true));
    child.wait().unwrap();
    assert_eq!(is_process_alive(pid), Ok(false));
    assert!(is_process_alive(0).is_err());
}

#[test]
fn entries_of_a_directory() {
    let directory = tempdir().unwrap();
    for index in 0..1500 {
        fs::write(directory.path().join(format!("file{index}")), "").unwrap();
    }
    fs::write(directory.path().join(".hidden"), "").unwrap();
    fs::create_dir(directory.path().join("folder")).unwrap();
    let path = CString::new(directory.path().to_str().unwrap()).unwrap();
    assert_eq!(count_entries(&path, u64::MAX), Ok(1502));
    assert_eq!(count_entries(&path, 93), Ok(93));
    assert_eq!(count_entries(&path, 0), Ok(0));
    for path in [c"/nonexistent", c"/dev/null", c""] {
        assert!(count_entries(path, 0).is_err());
    }
}

#[test]
fn workers_within_a_limit() {
    assert_eq!(workers_for(1024, 5), 184);
    assert_eq!(workers_for(100, 5), 1);
    for limit in [1024, 1025, 4096, 65536] {
        let enough = enough_entries(limit);
        assert_eq!(workers_for(limit, enough * 5), 1, "{limit}");
        assert!(workers_for(limit, (enough - 1) * 5) > 1, "{limit}");
    }
    assert!(descriptor_limit().is_none_or(|limit| limit > 3));
}
