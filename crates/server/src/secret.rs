//! Random secrets and their hashes. A token is 256 random bits, so a plain SHA-256 of it is as good in the database as a slow
//! hash would be; passwords are people's and are in [`crate::password`].

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{Rng, RngCore, rngs::OsRng};
use sha2::{Digest, Sha256};

/// A bearer token, a cookie or a ticket: 256 random bits, base64url.
pub(crate) fn token() -> String {
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// An invitation's code: 128 random bits, base64url.
pub(crate) fn invitation_code() -> String {
    let mut bytes = [0; 16];
    OsRng.fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A set-up code that a person can type: four groups of four from an alphabet without look-alikes, 80 bits less a little.
pub(crate) fn setup_code() -> String {
    const ALPHABET: &[u8] = b"23456789abcdefghjkmnpqrstuvwxyz";
    let mut code = String::with_capacity(19);
    for place in 0..16 {
        if place > 0 && place % 4 == 0 {
            code.push('-');
        }
        code.push(char::from(ALPHABET[OsRng.gen_range(0..ALPHABET.len())]));
    }
    code
}

/// Which life of the log it is: short, because every cursor carries it.
pub(crate) fn generation() -> String {
    format!("{:08x}", OsRng.next_u32())
}

/// SHA-256.
pub(crate) fn hash(secret: &[u8]) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}
