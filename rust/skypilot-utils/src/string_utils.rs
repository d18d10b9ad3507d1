//! Text work: hexadecimal to base 36, short decimal numbers, shortened text. Nothing here knows Python.

use dashu_int::{UBig, Word};

/// 36 to the twelfth, the largest power of 36 below 2 to the 63rd: one division yields twelve digits.
const CHUNK: u64 = 36_u64.pow(CHUNK_DIGITS as u32);
const CHUNK_DIGITS: usize = 12;
/// Numbers of up to this many 64-bit words are divided in place; beyond it dashu's divide and conquer wins.
const SMALL_WORDS: usize = 64;
/// Room for the digits of `SMALL_WORDS` words: 64 bits are at most 12.4 digits of base 36.
const SMALL_DIGITS: usize = SMALL_WORDS * 64 * 2 / 10 + CHUNK_DIGITS;

/// The two digits of every number below 36 * 36.
static DIGIT_PAIRS: [[u8; 2]; 1296] = digit_pairs();

const fn digit_pairs() -> [[u8; 2]; 1296] {
    let digits = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut pairs = [[0; 2]; 1296];
    let mut number = 0;
    while number < pairs.len() {
        pairs[number] = [digits[number / 36], digits[number % 36]];
        number += 1;
    }
    pairs
}

/// Hand the base-36 form of the plain hexadecimal number `hex` to `receive`.
///
/// Only `[0-9a-fA-F]+` counts as plain; for anything else the result is `None`. Any length is exact, and
/// long numbers take less than quadratic time.
pub fn base36_encode<R>(hex: &[u8], receive: impl FnOnce(&[u8]) -> R) -> Option<R> {
    if hex.is_empty() {
        return None;
    }
    let mut digits = [0_u8; SMALL_DIGITS];
    match hex.len().div_ceil(16) {
        1 => {
            let start = write_word(word_from_hex(hex)?, &mut digits);
            Some(receive(&digits[start..]))
        }
        count @ 2..=4 => {
            let mut words = [0; 4];
            words_from_hex(hex, &mut words[..count])?;
            let start = write_words(&mut words[..count], &mut digits);
            Some(receive(&digits[start..]))
        }
        count => {
            let mut words = vec![0; count];
            words_from_hex(hex, &mut words)?;
            if count <= SMALL_WORDS {
                let start = write_words(&mut words, &mut digits);
                return Some(receive(&digits[start..]));
            }
            let text = big(&words).in_radix(36).to_string();
            Some(receive(text.as_bytes()))
        }
    }
}

/// The number of the little-endian 64-bit `words`, whatever dashu's word size on this platform.
fn big(words: &[u64]) -> UBig {
    if Word::BITS == 64 {
        let words: Vec<Word> = words.iter().map(|&word| word as Word).collect();
        UBig::from_words(&words)
    } else {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        UBig::from_le_bytes(&bytes)
    }
}

/// Read up to 16 hexadecimal digits.
fn word_from_hex(hex: &[u8]) -> Option<u64> {
    let mut padded = [b'0'; 16];
    padded[16 - hex.len()..].copy_from_slice(hex);
    let (high, low) = padded.split_at(8);
    let high = eight_hex_digits(u64::from_le_bytes(high.try_into().ok()?))?;
    let low = eight_hex_digits(u64::from_le_bytes(low.try_into().ok()?))?;
    Some(high << 32 | low)
}

/// Read hexadecimal digits into little-endian words, which must be just enough for them.
fn words_from_hex(hex: &[u8], words: &mut [u64]) -> Option<()> {
    for (word, digits) in words.iter_mut().zip(hex.rchunks(16)) {
        *word = word_from_hex(digits)?;
    }
    Some(())
}

/// Read eight hexadecimal digits at once, the first in the lowest byte; `None` unless all eight are digits.
fn eight_hex_digits(text: u64) -> Option<u64> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let letters = text >> 6 & ONES;
    let values = (text & (0x0f * ONES)).wrapping_add(letters * 9);
    // Spell the values again as lower-case digits: what comes out must be what came in.
    let above_nine = values.wrapping_add(6 * ONES) >> 4 & ONES;
    let spelled = values.wrapping_add(0x30 * ONES).wrapping_add(above_nine * 39);
    if values & (0xf0 * ONES) != 0 || spelled != text | letters << 5 {
        return None;
    }
    let mut packed = values.swap_bytes();
    packed = (packed | packed >> 4) & 0x00ff_00ff_00ff_00ff;
    packed = (packed | packed >> 8) & 0x0000_ffff_0000_ffff;
    Some((packed | packed >> 16) & 0xffff_ffff)
}

/// Write `number` at the end of `digits` without leading zeros; return where it starts.
fn write_word(number: u64, digits: &mut [u8]) -> usize {
    let mut start = digits.len();
    let mut rest = number;
    while rest >= 36 {
        start -= 2;
        digits[start..start + 2].copy_from_slice(&DIGIT_PAIRS[(rest % 1296) as usize]);
        rest /= 1296;
    }
    if rest > 0 || start == digits.len() {
        start -= 1;
        digits[start] = DIGIT_PAIRS[rest as usize][1];
    } else if digits[start] == b'0' {
        start += 1;
    }
    start
}

/// Write the number of the little-endian `words` at the end of `digits`; return where it starts.
fn write_words(words: &mut [u64], digits: &mut [u8]) -> usize {
    let mut end = digits.len();
    let mut length = words.len();
    loop {
        while length > 0 && words[length - 1] == 0 {
            length -= 1;
        }
        if length <= 1 {
            return write_word(words[0], &mut digits[..end]);
        }
        let chunk = divide_by_chunk(&mut words[..length]);
        write_chunk(chunk, &mut digits[end - CHUNK_DIGITS..end]);
        end -= CHUNK_DIGITS;
    }
}

/// Write all twelve digits of a number below `CHUNK`.
fn write_chunk(chunk: u64, digits: &mut [u8]) {
    const HALF: u64 = 36_u64.pow(6);
    for (half, place) in [(chunk / HALF, 0), (chunk % HALF, 6)] {
        let pairs = [half / 1_679_616, half / 1296 % 1296, half % 1296];
        for (index, pair) in pairs.into_iter().enumerate() {
            let start = place + index * 2;
            digits[start..start + 2].copy_from_slice(&DIGIT_PAIRS[pair as usize]);
        }
    }
}

/// Divide little-endian `words` by `CHUNK` in place; return the remainder.
///
/// Division by a constant through its reciprocal: Möller and Granlund, "Improved division by invariant
/// integers" (2011), algorithm 4. It needs a divisor with the top bit set, so both sides are doubled.
fn divide_by_chunk(words: &mut [u64]) -> u64 {
    const DIVISOR: u64 = CHUNK << 1;
    const RECIPROCAL: u64 = (u128::MAX / DIVISOR as u128 - (1 << 64)) as u64;
    let top = words.len() - 1;
    let mut remainder = words[top] >> 63;
    for index in (0..=top).rev() {
        let below = if index == 0 { 0 } else { words[index - 1] >> 63 };
        let word = words[index] << 1 | below;
        let estimate =
            u128::from(RECIPROCAL) * u128::from(remainder) + (u128::from(remainder) << 64 | u128::from(word));
        let mut quotient = ((estimate >> 64) as u64).wrapping_add(1);
        let mut rest = word.wrapping_sub(quotient.wrapping_mul(DIVISOR));
        if rest > estimate as u64 {
            quotient = quotient.wrapping_sub(1);
            rest = rest.wrapping_add(DIVISOR);
        }
        if rest >= DIVISOR {
            quotient = quotient.wrapping_add(1);
            rest -= DIVISOR;
        }
        words[index] = quotient;
        remainder = rest;
    }
    remainder >> 1
}

/// The most decimals that `format_fraction` gives: 2^53 * 10^22 still fits 128 bits.
pub const MAX_DECIMALS: usize = 22;

/// Hand `number` with `precision` decimals, ties to even on its exact value, to `receive`.
///
/// `None` when the number is not finite, has 2^53 or more before the point, or `precision` is too large.
pub fn format_fraction<R>(number: f64, precision: usize, receive: impl FnOnce(&[u8]) -> R) -> Option<R> {
    let bits = number.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32;
    if precision > MAX_DECIMALS || exponent >= 1075 {
        return None;
    }
    // The number is mantissa / 2^shift, exactly.
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, shift) = match exponent {
        0 => (fraction, 1074),
        _ => (fraction | 1 << 52, 1075 - exponent as u32),
    };
    let scaled = u128::from(mantissa) * 10_u128.pow(precision as u32);
    let rounded = match shift {
        0 => scaled,
        1..=127 => {
            let (floor, rest) = (scaled >> shift, scaled & ((1 << shift) - 1));
            let half = 1 << (shift - 1);
            floor + u128::from(rest > half || (rest == half && floor & 1 == 1))
        }
        _ => 0, // scaled is below 2^127, so that this is less than half of the last place
    };
    Some(write_decimal(rounded, precision, number.is_sign_negative(), receive))
}

/// Hand the decimal digits of `number` with a point before the last `precision` of them to `receive`.
fn write_decimal<R>(number: u128, precision: usize, negative: bool, receive: impl FnOnce(&[u8]) -> R) -> R {
    let mut text = [0_u8; 48]; // 39 digits of a u128, a point, a sign
    let mut start = text.len();
    let mut put = |byte: u8, start: &mut usize| {
        *start -= 1;
        text[*start] = byte;
    };
    let mut written = 0;
    let mut wide = number;
    while wide > u128::from(u64::MAX) {
        put(b'0' + (wide % 10) as u8, &mut start);
        wide /= 10;
        written += 1;
        if written == precision {
            put(b'.', &mut start);
        }
    }
    let mut rest = wide as u64;
    loop {
        if written > precision && rest == 0 {
            break;
        }
        put(b'0' + (rest % 10) as u8, &mut start);
        rest /= 10;
        written += 1;
        if written == precision {
            put(b'.', &mut start);
        }
    }
    if negative {
        put(b'-', &mut start);
    }
    receive(&text[start..])
}

/// Hand the decimal form of `number` to `receive`.
pub fn format_integer<R>(number: i64, receive: impl FnOnce(&[u8]) -> R) -> R {
    write_decimal(u128::from(number.unsigned_abs()), 0, number < 0, receive)
}

/// What stays of a text that is too long: its first `head` and its last `tail` characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Characters before the dots.
    pub head: usize,
    /// Characters after the dots.
    pub tail: usize,
}

/// Where to cut the middle out of a text, so that it has `max_length` characters with the dots.
#[must_use]
pub fn cut_middle(max_length: i64) -> Cut {
    let kept = usize::try_from(max_length - 3).unwrap_or(0);
    Cut { head: kept.div_ceil(2), tail: kept / 2 }
}

/// Where to cut the end off a text of `length` characters, more than `max_length`.
///
/// `next_space` finds the first space at or after a position. A word counts as reached when the characters
/// that are no spaces add up to `max_length`; what comes before that word stays, though at least `max_length`
/// characters do. A negative `max_length` counts from the end of the first word.
pub fn cut_end(length: usize, max_length: i64, mut next_space: impl FnMut(usize) -> Option<usize>) -> Cut {
    let mut end = next_space(0).unwrap_or(length);
    let Ok(max_length) = usize::try_from(max_length) else {
        let dropped = usize::try_from(max_length.unsigned_abs()).unwrap_or(usize::MAX);
        return Cut { head: end.saturating_sub(dropped), tail: 0 };
    };
    if end > max_length {
        return Cut { head: max_length, tail: 0 };
    }
    let mut start = 0;
    let mut total = end;
    while total < max_length && end < length {
        start = end + 1;
        end = next_space(start).unwrap_or(length);
        total += end - start;
    }
    Cut { head: max_length.max(start.saturating_sub(1)), tail: 0 }
}

/// Append the code points of UTF-8 `text` to `points`; false when it is not valid UTF-8.
///
/// Twice as fast as Python's own decoder where most characters are not ASCII.
pub fn decode_utf8(text: &[u8], points: &mut Vec<u32>) -> bool {
    points.reserve(text.len());
    let mut rest = text;
    loop {
        rest = match *rest {
            [] => return true,
            [a @ 0..=0x7f, ..] => {
                points.push(u32::from(a));
                &rest[1..]
            }
            [a @ 0xc2..=0xdf, b @ 0x80..=0xbf, ..] => {
                points.push(u32::from(a & 0x1f) << 6 | u32::from(b & 0x3f));
                &rest[2..]
            }
            [a @ 0xe0..=0xef, b @ 0x80..=0xbf, c @ 0x80..=0xbf, ..] => {
                let point = u32::from(a & 0x0f) << 12 | u32::from(b & 0x3f) << 6 | u32::from(c & 0x3f);
                if point < 0x800 || (0xd800..0xe000).contains(&point) {
                    return false; // longer than needed, or half of a surrogate pair
                }
                points.push(point);
                &rest[3..]
            }
            [a @ 0xf0..=0xf4, b @ 0x80..=0xbf, c @ 0x80..=0xbf, d @ 0x80..=0xbf, ..] => {
                let high = u32::from(a & 0x07) << 18 | u32::from(b & 0x3f) << 12;
                let point = high | u32::from(c & 0x3f) << 6 | u32::from(d & 0x3f);
                if !(0x10000..0x110000).contains(&point) {
                    return false;
                }
                points.push(point);
                &rest[4..]
            }
            _ => return false,
        };
    }
}
