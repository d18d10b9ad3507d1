//! A second thread that reads a file ahead of the one that works on it. No Python here.
//!
//! Whoever works on the file never waits and never wakes anybody: a piece that is not there in time it reads
//! itself, and the reader looks by and by whether there is room again. So a reader that gets no processor
//! costs next to nothing, and one that does takes the reading off the worker's hands.

use crate::io_utils::fill_at;
use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// Memory for one piece, which stays where it is while the reader runs.
pub struct Room(*mut [u8]);

// SAFETY: what `Room::new` asks for holds for any thread.
unsafe impl Send for Room {}

impl Room {
    /// Give `bytes` to the reader.
    ///
    /// # Safety
    /// The memory is there as long as the room, and nothing else reads or writes it, but for whoever holds
    /// the `Slot` that `ReadAhead::piece` returned.
    pub unsafe fn new(bytes: *mut [u8]) -> Self {
        Self(bytes)
    }
}

/// Room for a piece, and which one is in it, counted from 0.
pub struct Slot {
    room: Room,
    holds: Option<u64>,
}

/// What the two threads share: piece K is in slot K modulo the number of slots, or nowhere.
pub struct ReadAhead<'f, const SLOTS: usize> {
    file: &'f File,
    slots: [Mutex<Slot>; SLOTS],
    /// The piece that is worked on.
    position: AtomicU64,
    finished: AtomicBool,
}

impl<'f, const SLOTS: usize> ReadAhead<'f, SLOTS> {
    const SHORTEST_NAP: Duration = Duration::from_micros(20);
    const FIRST_NAP: Duration = Duration::from_micros(40);
    const LONGEST_NAP: Duration = Duration::from_micros(400);

    /// Prepare to read `file` in pieces as long as the rooms, which are all alike.
    #[must_use]
    pub fn new(file: &'f File, rooms: [Room; SLOTS]) -> Self {
        Self {
            file,
            slots: rooms.map(|room| Mutex::new(Slot { room, holds: None })),
            position: AtomicU64::new(0),
            finished: AtomicBool::new(false),
        }
    }

    /// The reader's work: whole pieces only, until the file ends, reading fails or `finish` was called.
    pub fn read(&self) {
        let mut next = 1; // the worker reads the first one itself, while this thread starts
        let mut nap = Self::FIRST_NAP;
        let mut napped = false;
        wake_up_on_time();
        while !self.finished.load(Ordering::Acquire) {
            let position = self.position.load(Ordering::Acquire);
            next = next.max(position + 1);
            let free = position + SLOTS as u64 - next;
            if napped {
                // Sleep about as long as the work on one piece takes.
                nap = match free {
                    0 => (nap * 5 / 4).min(Self::LONGEST_NAP),
                    1 => nap,
                    _ => (nap * 3 / 4).max(Self::SHORTEST_NAP),
                };
            }
            napped = free == 0;
            if napped {
                std::thread::sleep(nap);
            } else if self.read_piece(next) {
                next += 1;
            } else {
                return;
            }
        }
    }

    /// Read a piece into its slot, which no piece is in any more that is still to be worked on.
    fn read_piece(&self, number: u64) -> bool {
        let Ok(mut slot) = self.slots[number as usize % SLOTS].lock() else { return false };
        // SAFETY: the slot is locked, so that this memory is ours alone.
        let room = unsafe { &mut *slot.room.0 };
        let whole = fill_at(self.file, room, number * room.len() as u64) == Ok(room.len());
        slot.holds = whole.then_some(number);
        whole
    }

    /// Say that piece `number` comes next; return its slot's index and lock if the reader was fast enough.
    pub fn piece(&self, number: u64) -> Option<(usize, MutexGuard<'_, Slot>)> {
        self.position.store(number, Ordering::Release);
        let index = number as usize % SLOTS;
        let slot = self.slots[index].try_lock().ok()?;
        (slot.holds == Some(number)).then_some((index, slot))
    }

    /// Let the reader end.
    pub fn finish(&self) {
        self.finished.store(true, Ordering::Release);
    }
}

/// Let this thread's naps be as short as it says; usually the kernel adds 50 microseconds.
fn wake_up_on_time() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZero::new(1000));
}
