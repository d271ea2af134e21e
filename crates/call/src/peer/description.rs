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

/// A description without addresses of this computer: its candidates are those of relays, and do not say where they are relayed to.
/// (RFC 8828 §5.2: mode 4; the related address is RFC 8839 §5.1's to hide.)
pub(super) fn concealed(sdp: &str) -> String {
    let mut shown = String::with_capacity(sdp.len());
    for line in sdp.split_inclusive('\n') {
        let Some(candidate) = line.trim_end().strip_prefix("a=") else {
            shown.push_str(line);
            continue;
        };
        if !candidate.starts_with("candidate:") {
            shown.push_str(line);
        } else if let Some(candidate) = concealed_candidate(candidate) {
            shown.push_str("a=");
            shown.push_str(&candidate);
            shown.push_str("\r\n");
        }
    }
    shown
}

/// The same for one candidate; none is left of one that is not a relay's. The empty one, which ends them, stays.
pub(super) fn concealed_candidate(candidate: &str) -> Option<String> {
    if candidate.is_empty() {
        return Some(String::new());
    }
    let mut words: Vec<&str> = candidate.split_ascii_whitespace().collect();
    let value = |words: &[&str], name: &str| words.iter().position(|word| *word == name).map(|at| at + 1);
    if value(&words, "typ").and_then(|at| words.get(at)) != Some(&"relay") {
        return None;
    }
    let v4 = words.get(4)?.contains('.');
    for (name, nothing) in [("raddr", if v4 { "0.0.0.0" } else { "::" }), ("rport", "0")] {
        if let Some(word) = value(&words, name).and_then(|at| words.get_mut(at)) {
            *word = nothing;
        }
    }
    Some(words.join(" "))
}

/// The name in a candidate whose address is hidden behind multicast DNS (draft-ietf-mmusic-mdns-ice-candidates): a random UUID, and
/// nothing else is looked up for anybody.
pub(super) fn multicast_name(candidate: &str) -> Option<&str> {
    let name = candidate.split_ascii_whitespace().nth(4)?;
    let uuid = name.strip_suffix(".local")?;
    let fine = uuid.len() == 36 && uuid.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    fine.then_some(name)
}

/// A candidate with the address that its name stands for.
pub(super) fn resolved(candidate: &str, address: std::net::IpAddr) -> String {
    let address = address.to_string();
    let words = candidate.split_ascii_whitespace().enumerate();
    words.map(|(place, word)| if place == 4 { address.as_str() } else { word }).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
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
    const RELAY: &str = "candidate:1 1 udp 5 198.51.100.7 49152 typ relay raddr 192.0.2.9 rport 5000 ufrag x";

    #[test]
    fn a_relays_candidate_does_not_say_where_it_is_relayed_to_and_others_are_not_shown() {
        let shown = RELAY.replace("192.0.2.9", "0.0.0.0").replace("5000", "0");
        assert_eq!(concealed_candidate(RELAY), Some(shown.clone()));
        assert_eq!(
            concealed_candidate(
                "candidate:1 1 udp 5 2001:db8::7 49152 typ relay raddr 2001:db8::9 rport 5000"
            ),
            Some("candidate:1 1 udp 5 2001:db8::7 49152 typ relay raddr :: rport 0".to_owned())
        );
        let host = "candidate:1 1 udp 2 192.0.2.9 5000 typ host";
        let reflexive = "candidate:1 1 udp 2 203.0.113.9 5000 typ srflx raddr 192.0.2.9 rport 5000";
        assert_eq!((concealed_candidate(host), concealed_candidate(reflexive)), (None, None));
        assert_eq!(concealed_candidate(""), Some(String::new()));
        let sdp = format!("{GOOD}a={host}\r\na={reflexive}\r\na={RELAY}\r\na=end-of-candidates\r\n");
        assert_eq!(concealed(&sdp), format!("{GOOD}a={shown}\r\na=end-of-candidates\r\n"));
    }

    #[test]
    fn only_random_names_of_multicast_dns_are_looked_up() {
        let uuid = "0b6b5e57-33c8-4d4a-9c0a-0a0a0a0a0a0a.local";
        let hidden = format!("candidate:1 1 udp 2 {uuid} 5000 typ host");
        assert_eq!(multicast_name(&hidden), Some(uuid));
        let address = "192.0.2.9".parse().unwrap();
        assert_eq!(resolved(&hidden, address), "candidate:1 1 udp 2 192.0.2.9 5000 typ host");
        for other in ["printer.local", "192.0.2.9", "0b6b5e57.local", "a.example"] {
            assert_eq!(multicast_name(&format!("candidate:1 1 udp 2 {other} 5000 typ host")), None);
        }
    }
}
