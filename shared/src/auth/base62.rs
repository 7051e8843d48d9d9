//! Base62 with a fixed width, for byte strings of any length. The published crates stop at 128 bits.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Encodes `bytes` as one big-endian number of `width` digits, padded with `0` on the left.
pub fn encode(bytes: &[u8], width: usize) -> String {
    let mut number = bytes.to_vec();
    let mut digits: Vec<u8> = (0..width).map(|_| digit(divide_by_62(&mut number))).collect();
    digits.reverse();
    digits.into_iter().map(char::from).collect()
}

/// Inverse of [`encode`]. `None` for an unknown digit, or a number that needs more than `N` bytes.
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut number = [0_u8; N];
    for byte in text.bytes() {
        let mut carry = u32::try_from(ALPHABET.iter().position(|digit| *digit == byte)?).ok()?;
        for byte in number.iter_mut().rev() {
            carry += u32::from(*byte) * 62;
            *byte = u8::try_from(carry & 0xff).ok()?;
            carry >>= 8;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(number)
}

/// Divides the number in place by 62 and returns the remainder.
fn divide_by_62(number: &mut [u8]) -> usize {
    let mut remainder = 0_usize;
    for byte in number {
        let value = remainder * 256 + usize::from(*byte);
        *byte = u8::try_from(value / 62).unwrap_or_default();
        remainder = value % 62;
    }
    remainder
}

fn digit(value: usize) -> u8 {
    ALPHABET.get(value).copied().unwrap_or(b'0')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn largest_number_fits_and_the_next_does_not() {
        assert_eq!(encode(&[0xff; 2], 3), "H31");
        assert_eq!(decode::<2>("H31"), Some([0xff; 2]));
        assert_eq!(decode::<2>("H32"), None);
        assert_eq!(decode::<2>("H3-"), None);
    }

    proptest! {
        #[test]
        fn every_byte_string_round_trips(bytes: [u8; 20]) {
            prop_assert_eq!(decode::<20>(&encode(&bytes, 27)), Some(bytes));
        }
    }
}
