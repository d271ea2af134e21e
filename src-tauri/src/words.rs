//! The few words that the shell itself says: in the tray and in notifications.
//!
//! Everything else is worded by the interface. These cannot be, because they are also needed while the window is hidden.

use snug_client::view::Preferences;

/// The shell's words in one language.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Words {
    /// Tray: show the window.
    pub(crate) open: &'static str,
    /// Tray: end the program.
    pub(crate) quit: &'static str,
    /// Notification: somebody rings, with video.
    pub(crate) video_call: &'static str,
    /// Notification: somebody rings, without video.
    pub(crate) voice_call: &'static str,
}

const ENGLISH: Words =
    Words { open: "Open Snug", quit: "Quit", video_call: "Incoming video call", voice_call: "Incoming call" };

const CHINESE: Words =
    Words { open: "打开 Snug", quit: "退出", video_call: "视频来电", voice_call: "语音来电" };

/// The words for what the user prefers, or else for the system's language.
pub(crate) fn words(preferences: &Preferences) -> &'static Words {
    let chosen = preferences.language.clone().unwrap_or_else(system_language);
    if chosen.starts_with("zh") { &CHINESE } else { &ENGLISH }
}

/// The language of messages by POSIX's rule: the first of these that is set. Like `zh_CN.UTF-8`.
fn system_language() -> String {
    ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_language_counts_and_english_is_for_all_others() {
        let prefer =
            |language: &str| Preferences { language: Some(language.into()), ..Preferences::default() };
        assert_eq!(words(&prefer("zh-CN")), &CHINESE);
        assert_eq!(words(&prefer("en")), &ENGLISH);
        assert_eq!(words(&prefer("fr")), &ENGLISH);
    }
}
