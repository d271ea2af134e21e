//! The protocol's enums as text columns: the same words as on the wire, so that there is one spelling of each.

use serde::{Serialize, de::DeserializeOwned};

/// The word of an enum without fields.
pub(crate) fn write<T: Serialize>(value: &T) -> String {
    let value = serde_json::to_value(value).expect("an enum without fields serialises");
    value.as_str().expect("an enum without fields is a string").to_owned()
}

/// The enum of a word.
pub(crate) fn read<T: DeserializeOwned>(word: &str) -> anyhow::Result<T> {
    Ok(serde_json::from_value(word.into())?)
}

/// Whether a text that people wrote is usable: within its length in characters, not only white space, no control characters.
pub(crate) fn is_name(text: &str, longest: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= longest && !text.chars().any(char::is_control)
}
