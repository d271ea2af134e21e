//! Reads the recordings of what was seen.

use anyhow::{Context, Result, ensure};
use std::path::Path;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 12;

/// The encoded frames of an IVF file, in order. A last one that was cut off is left out.
pub(super) fn frames(path: &Path) -> Result<Vec<Vec<u8>>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    // Nothing was seen: the header is written with the first frame.
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    ensure!(bytes.starts_with(b"DKIF") && bytes.len() >= HEADER, "{} is no IVF file", path.display());
    let mut frames = Vec::new();
    let mut rest = &bytes[HEADER..];
    while let Some((header, after)) = rest.split_first_chunk::<FRAME_HEADER>() {
        let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let Some((frame, after)) = after.split_at_checked(length) else { break };
        frames.push(frame.to_vec());
        rest = after;
    }
    Ok(frames)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn whole_frames_are_read_and_a_cut_one_is_not() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut bytes = b"DKIF".to_vec();
        bytes.resize(HEADER, 0);
        for (frame, claimed) in [(&b"one"[..], 3_u32), (b"", 0), (b"cut", 9)] {
            bytes.extend(claimed.to_le_bytes());
            bytes.extend([0; 8]);
            bytes.extend(frame);
        }
        std::fs::write(file.path(), &bytes).unwrap();
        assert_eq!(frames(file.path()).unwrap(), [b"one".to_vec(), Vec::new()]);
        std::fs::write(file.path(), b"something else that is long enough to be a header").unwrap();
        assert!(frames(file.path()).is_err());
        std::fs::write(file.path(), b"").unwrap();
        assert!(frames(file.path()).unwrap().is_empty());
    }
}
