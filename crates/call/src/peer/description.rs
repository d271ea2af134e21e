//! What a description from the other side must be before webrtc sees it.
//!
//! Not a parser: webrtc has one, and its verdict counts. Here is only what bounds its work and what it would accept though we do not: a
//! description without a DTLS fingerprint (nothing would tie the connection to the signature), or with more sections than a call has.

/// A description of ours has about 4 kB; browsers' have 8.
const MAX_BYTES: usize = 32 * 1024;
/// Audio, video, data, and as many again that somebody may reject.
const MAX_SECTIONS: usize = 6;
/// Lines; each candidate is one.
const MAX_LINES: usize = 600;

/// Whether webrtc may try it.
pub(super) fn acceptable(sdp: &str) -> Result<(), &'static str> {
    if sdp.len() > MAX_BYTES || sdp.lines().count() > MAX_LINES {
        return Err("too large");
    }
    if !sdp.starts_with("v=0") {
        return Err("not a description");
    }
    let lines = || sdp.lines().map(str::trim_end);
    let sections = lines().filter(|line| line.starts_with("m=")).count();
    if sections == 0 || sections > MAX_SECTIONS {
        return Err("an impossible number of sections");
    }
    if !lines().any(|line| line.starts_with("a=fingerprint:")) {
        return Err("no fingerprint");
    }
    if !lines().any(|line| line.starts_with("a=ice-ufrag:")) {
        return Err("no ICE credentials");
    }
    Ok(())
}

/// Whether a candidate's text may be tried.
pub(super) fn acceptable_candidate(candidate: &str) -> bool {
    candidate.len() <= 512
        && candidate.starts_with("candidate:")
        && candidate.bytes().all(|b| (32..127).contains(&b))
}

/// The first ICE user fragment of a description.
pub(super) fn ufrag(sdp: &str) -> Option<String> {
    sdp.lines().find_map(|line| line.trim_end().strip_prefix("a=ice-ufrag:")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 AB\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:abcd\r\n";

    #[test]
    fn a_description_needs_a_fingerprint_credentials_and_few_sections() {
        assert_eq!(acceptable(GOOD), Ok(()));
        assert_eq!(ufrag(GOOD).as_deref(), Some("abcd"));
        assert!(acceptable("").is_err());
        assert!(acceptable(&GOOD.replace("fingerprint", "finger")).is_err());
        assert!(acceptable(&GOOD.replace("ufrag", "frag")).is_err());
        assert!(acceptable(&format!("{GOOD}{}", "m=video 9 RTP 96\r\n".repeat(10))).is_err());
        assert!(acceptable(&format!("{GOOD}{}", "a=x\r\n".repeat(1000))).is_err());
        assert!(acceptable(&format!("{GOOD}{}", "a".repeat(MAX_BYTES))).is_err());
    }

    #[test]
    fn a_candidate_is_a_short_line() {
        assert!(acceptable_candidate("candidate:1 1 udp 2 127.0.0.1 5000 typ host"));
        assert!(!acceptable_candidate("candidate:1\r\na=x"));
        assert!(!acceptable_candidate("x"));
        assert!(!acceptable_candidate(&format!("candidate:{}", "1".repeat(600))));
    }
}
