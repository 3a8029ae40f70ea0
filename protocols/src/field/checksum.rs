//! Checksums, by the names of the Rocksoft catalogue.

/// All bytes combined by exclusive or (JT/T 808, NMEA 0183).
#[must_use]
pub fn xor(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ byte)
}

/// All bytes added up, modulo 256.
#[must_use]
pub fn sum8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

/// CRC-8/NRSC-5 (FLEX of Navtelecom).
#[must_use]
pub fn crc8_nrsc5(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0xff, |sum, byte| {
        (0..8).fold(sum ^ byte, |sum, _| if sum & 0x80 == 0 { sum << 1 } else { (sum << 1) ^ 0x31 })
    })
}

/// A CRC of 16 bits whose bits travel lowest first, by tables made at compile time: the n-th holds
/// what a byte does to the sum once n more have followed it, so that eight bytes are taken at a time.
struct Reflected([[u16; 256]; 8]);

impl Reflected {
    /// `polynomial` with its bits reversed.
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "evaluated at compile time, where a wrong index is a build error"
    )]
    const fn new(polynomial: u16) -> Self {
        let mut tables = [[0; 256]; 8];
        let mut index = 0;
        while index < 256 {
            let mut value = index as u16;
            let mut bit = 0;
            while bit < 64 {
                if bit % 8 == 0 && bit > 0 {
                    tables[bit / 8 - 1][index] = value;
                }
                value = if value & 1 == 1 { (value >> 1) ^ polynomial } else { value >> 1 };
                bit += 1;
            }
            tables[7][index] = value;
            index += 1;
        }
        Self(tables)
    }

    fn entry(&self, followed_by: usize, byte: u8) -> u16 {
        let table = self.0.get(followed_by);
        table.and_then(|table| table.get(usize::from(byte))).copied().unwrap_or_default()
    }

    fn sum(&self, start: u16, bytes: &[u8]) -> u16 {
        let (eights, rest) = bytes.as_chunks::<8>();
        let sum = eights.iter().fold(start, |sum, [a, b, c, d, e, f, g, h]| {
            let [low, high] = sum.to_le_bytes();
            // Six of them do not wait for the sum before.
            let free = self.entry(5, *c)
                ^ self.entry(4, *d)
                ^ self.entry(3, *e)
                ^ self.entry(2, *f)
                ^ self.entry(1, *g)
                ^ self.entry(0, *h);
            self.entry(7, a ^ low) ^ self.entry(6, b ^ high) ^ free
        });
        rest.iter().fold(sum, |sum, byte| {
            let [low, _] = sum.to_le_bytes();
            (sum >> 8) ^ self.entry(0, low ^ byte)
        })
    }
}

/// The same of 32 bits.
struct LongReflected([[u32; 256]; 8]);

impl LongReflected {
    /// `polynomial` with its bits reversed.
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "evaluated at compile time, where a wrong index is a build error"
    )]
    const fn new(polynomial: u32) -> Self {
        let mut tables = [[0; 256]; 8];
        let mut index = 0;
        while index < 256 {
            let mut value = index as u32;
            let mut bit = 0;
            while bit < 64 {
                if bit % 8 == 0 && bit > 0 {
                    tables[bit / 8 - 1][index] = value;
                }
                value = if value & 1 == 1 { (value >> 1) ^ polynomial } else { value >> 1 };
                bit += 1;
            }
            tables[7][index] = value;
            index += 1;
        }
        Self(tables)
    }

    fn entry(&self, followed_by: usize, byte: u8) -> u32 {
        let table = self.0.get(followed_by);
        table.and_then(|table| table.get(usize::from(byte))).copied().unwrap_or_default()
    }

    fn sum(&self, start: u32, bytes: &[u8]) -> u32 {
        let (eights, rest) = bytes.as_chunks::<8>();
        let sum = eights.iter().fold(start, |sum, [a, b, c, d, e, f, g, h]| {
            let [first, second, third, fourth] = sum.to_le_bytes();
            let free =
                self.entry(3, *e) ^ self.entry(2, *f) ^ self.entry(1, *g) ^ self.entry(0, *h);
            self.entry(7, a ^ first)
                ^ self.entry(6, b ^ second)
                ^ self.entry(5, c ^ third)
                ^ self.entry(4, d ^ fourth)
                ^ free
        });
        rest.iter().fold(sum, |sum, byte| {
            let [low, ..] = sum.to_le_bytes();
            (sum >> 8) ^ self.entry(0, low ^ byte)
        })
    }
}

/// A CRC of 16 bits whose bits travel highest first, by tables as those of [`Reflected`].
struct Forward([[u16; 256]; 8]);

impl Forward {
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "evaluated at compile time, where a wrong index is a build error"
    )]
    const fn new(polynomial: u16) -> Self {
        let reflected = Reflected::new(polynomial.reverse_bits()).0;
        let mut tables = [[0; 256]; 8];
        let mut table = 0;
        while table < 8 {
            let mut index = 0;
            while index < 256 {
                let reversed = (index as u8).reverse_bits() as usize;
                tables[table][index] = reflected[table][reversed].reverse_bits();
                index += 1;
            }
            table += 1;
        }
        Self(tables)
    }

    fn entry(&self, followed_by: usize, byte: u8) -> u16 {
        let table = self.0.get(followed_by);
        table.and_then(|table| table.get(usize::from(byte))).copied().unwrap_or_default()
    }

    fn sum(&self, start: u16, bytes: &[u8]) -> u16 {
        let (eights, rest) = bytes.as_chunks::<8>();
        let sum = eights.iter().fold(start, |sum, [a, b, c, d, e, f, g, h]| {
            let [high, low] = sum.to_be_bytes();
            let free = self.entry(5, *c)
                ^ self.entry(4, *d)
                ^ self.entry(3, *e)
                ^ self.entry(2, *f)
                ^ self.entry(1, *g)
                ^ self.entry(0, *h);
            self.entry(7, a ^ high) ^ self.entry(6, b ^ low) ^ free
        });
        rest.iter().fold(sum, |sum, byte| {
            let [high, _] = sum.to_be_bytes();
            (sum << 8) ^ self.entry(0, high ^ byte)
        })
    }
}

static CCITT: Reflected = Reflected::new(0x8408);
static CCITT_FORWARD: Forward = Forward::new(0x1021);
static IBM: Reflected = Reflected::new(0xa001);
static ETHERNET: LongReflected = LongReflected::new(0xedb8_8320);

/// CRC-16/X-25, ITU-T V.42 (GT06).
#[must_use]
pub fn crc16_x25(bytes: &[u8]) -> u16 {
    !CCITT.sum(0xffff, bytes)
}

/// CRC-16/ARC, also called CRC-16/IBM (Teltonika).
#[must_use]
pub fn crc16_arc(bytes: &[u8]) -> u16 {
    IBM.sum(0, bytes)
}

/// CRC-16/MODBUS (Totem).
#[must_use]
pub fn crc16_modbus(bytes: &[u8]) -> u16 {
    IBM.sum(0xffff, bytes)
}

/// CRC-16/CCITT-FALSE, also called CRC-16/IBM-3740 (Queclink, Meiligao).
#[must_use]
pub fn crc16_ccitt_false(bytes: &[u8]) -> u16 {
    CCITT_FORWARD.sum(0xffff, bytes)
}

/// CRC-16/XMODEM (Eview).
#[must_use]
pub fn crc16_xmodem(bytes: &[u8]) -> u16 {
    CCITT_FORWARD.sum(0, bytes)
}

/// CRC-16/KERMIT (Ruptela).
#[must_use]
pub fn crc16_kermit(bytes: &[u8]) -> u16 {
    crc16_kermit_after(0, bytes)
}

/// The same, of bytes that follow those whose CRC is `before`.
#[must_use]
pub fn crc16_kermit_after(before: u16, bytes: &[u8]) -> u16 {
    CCITT.sum(before, bytes)
}

/// CRC-32/ISO-HDLC, that of zlib and Ethernet (AIS 140).
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    !ETHERNET.sum(u32::MAX, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bytes_at_a_time_give_what_bit_by_bit_gives() {
        let bytes: Vec<u8> = (0..=255).cycle().step_by(7).take(61).collect();
        let bits = |sum: u16, byte: &u8| {
            (0..8).fold(sum ^ (u16::from(*byte) << 8), |sum, _| {
                if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 }
            })
        };
        let long_bits = |sum: u32, byte: &u8| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
                if sum & 1 == 0 { sum >> 1 } else { (sum >> 1) ^ 0xedb8_8320 }
            })
        };
        for length in 0..bytes.len() {
            let bytes = &bytes[..length];
            assert_eq!(crc16_xmodem(bytes), bytes.iter().fold(0, bits));
            assert_eq!(crc16_ccitt_false(bytes), bytes.iter().fold(0xffff, bits));
            assert_eq!(crc32(bytes), !bytes.iter().fold(u32::MAX, long_bits));
        }
    }

    /// The catalogue's check values for the nine digits.
    #[test]
    fn the_catalogue_agrees() {
        assert_eq!(crc16_x25(b"123456789"), 0x906e);
        assert_eq!(crc16_ccitt_false(b"123456789"), 0x29b1);
        assert_eq!(crc16_xmodem(b"123456789"), 0x31c3);
        assert_eq!(crc16_kermit(b"123456789"), 0x2189);
        assert_eq!(crc16_kermit_after(crc16_kermit(b"12345"), b"6789"), 0x2189);
        assert_eq!(crc16_arc(b"123456789"), 0xbb3d);
        assert_eq!(crc16_modbus(b"123456789"), 0x4b37);
        assert_eq!(xor(b"123456789"), 0x31);
        assert_eq!(sum8(b"123456789"), 0xdd);
        assert_eq!(crc8_nrsc5(b"123456789"), 0xf7);
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
