//! Tails of files against the obvious way, and ports that are taken.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test fails where it cannot go on")]

use proptest::prelude::*;
use sky_rs::io_utils::{Size, Tail, end_line, fill, fill_exactly, open_to_read};
use std::ffi::CString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use tempfile::{NamedTempFile, tempdir};

fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap()
}

fn file_with(content: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

fn tail(content: &[u8], count: u64) -> Vec<Vec<u8>> {
    let file = file_with(content);
    let mut tail = Tail::find(&c_path(file.path()), count).unwrap().unwrap();
    let mut lines = Vec::new();
    for index in 0..tail.lines {
        let length = loop {
            match tail.line_length() {
                Some(length) => break length,
                None => tail.read_on().unwrap(),
            }
        };
        let is_last = index + 1 == tail.lines;
        lines.push(end_line(tail.take(length), is_last).to_vec());
    }
    assert!(tail.is_finished());
    lines
}

/// The same with the whole file in memory.
fn slow_tail(content: &[u8], count: u64) -> Vec<Vec<u8>> {
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    let lines: Vec<&[u8]> = content.split(|&byte| byte == b'\n').collect();
    let wanted = lines.len().min(usize::try_from(count).unwrap());
    let mut lines: Vec<Vec<u8>> = lines[lines.len() - wanted..]
        .iter()
        .map(|line| {
            let end = line.iter().rposition(|&byte| byte != b'\r').map_or(0, |last| last + 1);
            [&line[..end], b"\n"].concat()
        })
        .collect();
    lines.last_mut().unwrap().pop();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn tails_of_small_files(content in "[a\n\r]{1,40}", count in 1..20_u64) {
        prop_assert_eq!(tail(content.as_bytes(), count), slow_tail(content.as_bytes(), count));
    }

    #[test]
    fn tails_of_files_larger_than_every_buffer(
        lines in proptest::collection::vec((0..3000_usize, 0..60_usize), 1..60),
        count in prop_oneof![1..10_u64, 10..4000_u64],
        ends_with_newline in any::<bool>(),
    ) {
        let mut content = Vec::new();
        for (length, repeats) in lines {
            for _ in 0..=repeats {
                content.extend(std::iter::repeat_n(b'x', length));
                content.push(b'\n');
            }
        }
        if !ends_with_newline {
            content.push(b'y');
        }
        prop_assert_eq!(tail(&content, count), slow_tail(&content, count));
    }
}

#[test]
fn tails_around_the_sizes_of_the_buffers() {
    for size in [8191, 8192, 8193, 65536, 73728, 73729, 262_144, 300_000] {
        for newline in [0, 1, size / 2, size - 2, size - 1] {
            let mut content = vec![b'x'; size];
            content[newline] = b'\n';
            for count in [1, 2, 3] {
                assert_eq!(tail(&content, count), slow_tail(&content, count), "{size} {newline} {count}");
            }
        }
    }
}

#[test]
fn what_is_no_ordinary_file_with_content_has_no_tail() {
    let directory = tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let empty = file_with(b"");
    for path in [directory.path(), &pipe, empty.path(), Path::new("/dev/zero")] {
        assert!(Tail::find(&c_path(path), 1).unwrap().is_none(), "{}", path.display());
    }
    assert!(Tail::find(c"/nonexistent", 1).is_err());
}

#[test]
fn a_file_that_became_shorter_is_an_error() {
    let file = file_with(&b"0123456789\n".repeat(100_000));
    let mut tail = Tail::find(&c_path(file.path()), 100_000).unwrap().unwrap();
    file.as_file().set_len(100_000).unwrap();
    let outcome = std::iter::repeat_with(|| match tail.line_length() {
        Some(length) => {
            tail.take(length);
            Ok(())
        }
        None => tail.read_on(),
    })
    .find(Result::is_err);
    assert!(outcome.unwrap().is_err());
}

#[test]
fn a_finished_tail_reads_no_further() {
    let file = file_with(b"a");
    let mut tail = Tail::find(&c_path(file.path()), 1).unwrap().unwrap();
    tail.take(1);
    assert_eq!(tail.line_length(), None);
    assert!(tail.read_on().is_err());
}

#[test]
fn whole_files() {
    let file = file_with(b"0123456789");
    let path = c_path(file.path());
    let (opened, size) = open_to_read(&path).unwrap();
    assert_eq!(size, Size::Bytes(10));
    let mut buffer = [0; 10];
    assert!(fill_exactly(&opened, &mut buffer).unwrap());
    assert_eq!(&buffer, b"0123456789");
    let (opened, _) = open_to_read(&path).unwrap();
    assert!(!fill_exactly(&opened, &mut [0; 9]).unwrap());
    assert_eq!(fill(&opened, &mut [0; 9]).unwrap(), 0);
    let (opened, _) = open_to_read(&path).unwrap();
    assert_eq!(fill(&opened, &mut [0; 32]).unwrap(), 10);
    assert_eq!(open_to_read(c"/proc/self/status").unwrap().1, Size::Unknown);
    assert!(open_to_read(c"/").is_err());
    assert!(open_to_read(c"/nonexistent").is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn a_busy_port_is_passed_over() {
    use sky_rs::io_utils::find_free_port;
    use std::net::TcpListener;
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = holder.local_addr().unwrap().port();
    let free = find_free_port(busy).unwrap();
    assert!(free.is_none_or(|free| free > busy));
    assert_eq!(find_free_port(0).unwrap(), Some(0));
    assert_eq!(find_free_port(u16::MAX).unwrap(), None);
}
