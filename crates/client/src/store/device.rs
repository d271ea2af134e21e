//! What belongs to this computer: preferences, and the keys with which other devices were met.

use super::{Me, Store, id};
use crate::view::{Preferences, Problem};
use serde::{Serialize, de::DeserializeOwned};
use snug_protocol::{CallId, DeviceId};
use sqlx::Row;
use std::collections::HashMap;

impl Store {
    /// The user's preferences; those of an unreadable row are the defaults.
    pub(crate) async fn preferences(&self) -> Result<Preferences, Problem> {
        Ok(self.preference("interface").await?.unwrap_or_default())
    }

    /// Keeps the user's preferences.
    pub(crate) async fn keep_preferences(&self, preferences: &Preferences) -> Result<(), Problem> {
        self.keep_preference("interface", preferences).await
    }

    /// One preference by name.
    pub(crate) async fn preference<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Problem> {
        let value: Option<String> = sqlx::query_scalar("SELECT value FROM preferences WHERE name = ?")
            .bind(name)
            .fetch_optional(&self.read)
            .await?;
        Ok(value.and_then(|json| serde_json::from_str(&json).ok()))
    }

    /// Keeps one preference.
    pub(crate) async fn keep_preference<T: Serialize>(&self, name: &str, value: &T) -> Result<(), Problem> {
        let json = serde_json::to_string(value).map_err(|e| super::damaged(&e.to_string()))?;
        sqlx::query("INSERT OR REPLACE INTO preferences (name, value) VALUES (?, ?)")
            .bind(name)
            .bind(json)
            .execute(&self.write)
            .await?;
        Ok(())
    }

    /// The keys of devices that were met.
    pub(crate) async fn device_keys(&self) -> Result<HashMap<DeviceId, [u8; 32]>, Problem> {
        let rows = sqlx::query("SELECT device, key FROM device_keys").fetch_all(&self.read).await?;
        rows.iter()
            .map(|row| {
                let key: Vec<u8> = row.try_get("key")?;
                Ok((
                    id(row.try_get("device")?)?,
                    key.try_into().map_err(|_| super::damaged("a device's key"))?,
                ))
            })
            .collect()
    }

    /// A device was met: its first key stays.
    pub(crate) async fn keep_device_key(&self, device: DeviceId, key: [u8; 32]) -> Result<(), Problem> {
        sqlx::query("INSERT OR IGNORE INTO device_keys (device, key) VALUES (?, ?)")
            .bind(device.to_string())
            .bind(key.to_vec())
            .execute(&self.write)
            .await?;
        Ok(())
    }

    /// This device was in a call.
    pub(crate) async fn keep_joined_call(&self, call: CallId) -> Result<(), Problem> {
        sqlx::query("INSERT OR IGNORE INTO calls_joined (call) VALUES (?)")
            .bind(call.to_string())
            .execute(&self.write)
            .await?;
        Ok(())
    }

    /// Whether a ring came to its end already, as far as the log is known: given up, or declined by this person.
    pub(crate) async fn ring_is_over(&self, me: Me, call: CallId) -> Result<bool, Problem> {
        let over: i64 = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM events WHERE call = ?
                 AND (kind IN ('call.cancel', 'call.end') OR (kind = 'call.decline' AND sender = ?)))",
        )
        .bind(call.to_string())
        .bind(me.user.to_string())
        .fetch_one(&self.read)
        .await?;
        Ok(over > 0)
    }
}
