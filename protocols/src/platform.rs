//! Other platforms, which hand us their vehicles: what a decoder asks the installation about them.

/// How another platform logs in, as it says itself.
pub struct PlatformLogin<'a> {
    /// The number under which we know it.
    pub access_code: u32,
    /// Its user.
    pub user_id: u32,
    /// Its password, without padding.
    pub password: &'a [u8],
    /// Where it wants to be called back: its address as text.
    pub sub_link_host: &'a str,
    /// And the port.
    pub sub_link_port: u16,
}

/// Why another platform is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlatformRefusal {
    /// It comes from elsewhere, or wants to be called back elsewhere.
    Address,
    /// Nobody has this access code.
    AccessCode,
    /// It has another user.
    User,
    /// It has another password.
    Password,
    /// We cannot at the moment.
    Busy,
}

/// The constants of a platform's cipher (JT/T 809): both sides agree on them beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cipher {
    /// M1: what the key is taken modulo of.
    pub m1: u32,
    /// IA1: the factor.
    pub ia1: u32,
    /// IC1: what is added.
    pub ic1: u32,
}

impl Cipher {
    /// Encrypts, or decrypts, `bytes` under a message's key: an exclusive or with a stream.
    pub fn apply(self, key: u32, bytes: &mut [u8]) {
        let modulus = self.m1.max(1);
        let mut key = key.max(1);
        for byte in bytes {
            let remainder = key.checked_rem(modulus).unwrap_or_default();
            key = self.ia1.wrapping_mul(remainder).wrapping_add(self.ic1);
            // Bits 20 to 27.
            let [_, _, _, next] = (key >> 20).to_be_bytes();
            *byte ^= next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encrypted_twice_is_itself() {
        let cipher = Cipher { m1: 10_000_000, ia1: 20_000_000, ic1: 30_000_000 };
        let mut bytes = [1, 2, 3, 4, 5, 6, 7];
        cipher.apply(1, &mut bytes);
        // By the standard's program, written anew in another language.
        assert_eq!(bytes, [0x2e, 0x1e, 0x1f, 0x18, 0x19, 0x1a, 0x1b]);
        cipher.apply(1, &mut bytes);
        assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn zeros_are_ones() {
        let apply = |cipher: Cipher, key| {
            let mut bytes = *b"ABCDEFG";
            cipher.apply(key, &mut bytes);
            bytes
        };
        let (zero, one) = (
            Cipher { m1: 0, ia1: 9, ic1: 0x1234_5678 },
            Cipher { m1: 1, ia1: 9, ic1: 0x1234_5678 },
        );
        assert_eq!(apply(zero, 0), apply(one, 1));
    }
}
