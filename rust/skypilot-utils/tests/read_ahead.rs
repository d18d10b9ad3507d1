//! Reading ahead: what the reader has is right, and what it lacks is not waited for.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use sky_rs::read_ahead::{ReadAhead, Room};
use std::io::Write;

const SIZE: usize = 1000;

/// Work through a file of `length` bytes while a second thread reads ahead, or after it did as much as it
/// could by itself; return the pieces that were there in time.
fn work(length: usize, together: bool) -> Vec<usize> {
    let content: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&content).unwrap();
    let mut memory = [[0_u8; SIZE]; 3];
    let starts = memory.each_mut().map(|room| std::ptr::from_mut(&mut room[..]));
    // SAFETY: the memory outlives the reader, and is read below only while the slot is held.
    let ahead = ReadAhead::<3>::new(&file, starts.map(|start| unsafe { Room::new(start) }));
    let mut found = Vec::new();
    std::thread::scope(|scope| {
        if together {
            scope.spawn(|| ahead.read());
        } else {
            ahead.read();
        }
        for (number, expected) in content.chunks_exact(SIZE).enumerate() {
            if let Some((index, _held)) = ahead.piece(number as u64) {
                // SAFETY: the slot is held.
                assert_eq!(unsafe { &*starts[index] }, expected);
                found.push(number);
            }
        }
        ahead.finish();
    });
    found
}

#[test]
fn the_reader_has_whole_pieces_but_not_the_first() {
    assert_eq!(work(2 * SIZE + 7, false), [1]);
    assert_eq!(work(2 * SIZE, false), [1]);
    assert!(work(SIZE + 7, false).is_empty());
    assert!(work(0, false).is_empty());
}

#[test]
fn a_worker_in_a_hurry_gets_right_pieces_or_none() {
    for length in [0, 1, SIZE, 500 * SIZE + 1] {
        assert!(work(length, true).len() <= length / SIZE);
    }
}
